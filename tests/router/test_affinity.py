"""Who served a conversation, for how long that is remembered, and what a conversation is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.settings import ProviderSettings, Settings
from router.affinity import MAX_HASHED_CHARS, Affinity, Lifetimes, conversation_key, is_continued, lifetimes
from router.providers.base import Target
from tests.router.balancing import Clock

SYSTEM = {"role": "system", "content": "be brief"}
ASK = {"role": "user", "content": "hello"}
ANSWER = {"role": "assistant", "content": "hi"}
NEXT = {"role": "user", "content": "and then?"}


def at(deployment: str, provider: str = "vllm") -> Target:
    return Target(deployment, provider, "http://a/v1", "x")


def key(*messages: object, conversation_id: str | None = None, caller: str | None = None) -> bytes | None:
    return conversation_key({"messages": list(messages)}, conversation_id=conversation_id, caller=caller)


def test_a_conversation_is_remembered_for_its_lifetime_and_renewed_by_use() -> None:
    """Five minutes after the last answer the provider's cache is gone, and so is the place."""
    clock = Clock()
    memory = Affinity(Lifetimes(300), clock=clock)
    memory.remember(b"k", "m", at("a"))
    clock.now += 299
    assert "a" == memory.deployment(b"k", "m")

    memory.remember(b"k", "m", at("b"))
    clock.now += 299
    assert "b" == memory.deployment(b"k", "m")
    clock.now += 1
    assert memory.deployment(b"k", "m") is None


def test_models_and_conversations_are_apart() -> None:
    """What stands in for a model has a place of its own."""
    memory = Affinity(Lifetimes(300), clock=Clock())
    memory.remember(b"k", "m", at("a"))
    memory.remember(None, "m", at("b"))

    assert memory.deployment(b"k", "n") is None
    assert memory.deployment(b"other", "m") is None
    assert memory.deployment(None, "m") is None
    assert 1 == len(memory)


def test_memory_is_bounded_and_forgets_who_was_quiet_longest() -> None:
    """A flood of conversations costs a fixed amount of memory."""
    memory = Affinity(Lifetimes(300), clock=Clock(), max_conversations=2)
    for name in (b"1", b"2", b"1", b"3"):
        memory.remember(name, "m", at("a"))

    assert [True, False, True] == [memory.deployment(name, "m") is not None for name in (b"1", b"2", b"3")]


def test_a_lifetime_of_zero_remembers_nothing() -> None:
    """Switched off by a reload it forgets what it knew, and can be switched on again."""
    memory = Affinity(Lifetimes(300), clock=Clock())
    memory.remember(b"k", "m", at("a"))
    memory.adopt(Lifetimes(0))
    memory.remember(b"l", "m", at("a"))
    assert (False, 0) == (memory.enabled, len(memory))

    memory.adopt(Lifetimes(10))
    memory.remember(b"k", "m", at("a"))
    assert "a" == memory.deployment(b"k", "m")


def test_a_providers_own_lifetime_stands_before_the_usual_one() -> None:
    """Caches live minutes here and hours there; a provider without one keeps nobody, whoever served before."""
    rows = (
        ProviderSettings("long", affinity_s=3_600),
        ProviderSettings("none", affinity_s=0),
        ProviderSettings("vllm"),
    )
    clock = Clock()
    memory = Affinity(lifetimes(Settings(providers=rows)), clock=clock)
    for name, provider in ((b"1", "long"), (b"2", "none"), (b"3", "vllm"), (b"4", "vllm")):
        memory.remember(name, "m", at("a", provider))
    memory.remember(b"4", "m", at("b", "none"))
    assert ["a", None, "a", None] == [memory.deployment(name, "m") for name in (b"1", b"2", b"3", b"4")]

    clock.now += 301
    assert ["a", None] == [memory.deployment(name, "m") for name in (b"1", b"3")]


def test_one_provider_may_keep_conversations_although_the_others_do_not() -> None:
    """Zero everywhere is off; one lifetime anywhere is on."""
    assert Affinity(Lifetimes(0, {"long": 10}), clock=Clock()).enabled
    assert not Affinity(Lifetimes(0, {"long": 0}), clock=Clock()).enabled


def test_later_turns_have_the_key_of_the_first() -> None:
    """System texts and the first user turn tell a conversation; what comes after them does not."""
    assert key(SYSTEM, ASK) == key(SYSTEM, ASK, ANSWER, NEXT)
    assert key(SYSTEM, ASK) != key(ASK)
    assert key(SYSTEM, ASK) != key(SYSTEM, NEXT)
    assert key(SYSTEM) != key(ASK)


def test_texts_of_parts_tell_a_conversation_too() -> None:
    """Images and other parts count by their place only."""
    parts = {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {}}]}
    other = {"role": "user", "content": [{"type": "text", "text": "bye"}, {"type": "image_url", "image_url": {}}]}

    assert key(parts) != key(other)
    assert key(parts) != key(ASK)


def test_an_id_is_the_conversation_whatever_is_said() -> None:
    """And callers cannot meet in one, also where they choose the same id."""
    assert key(ASK, conversation_id="c") == key(NEXT, conversation_id="c")
    assert key(ASK, conversation_id="c") != key(ASK, conversation_id="d")
    assert key(ASK, conversation_id="c", caller="one") != key(ASK, conversation_id="c", caller="two")
    assert key(ASK, caller="one") != key(ASK, caller="two")
    assert key({"role": "user", "content": "c"}) != key(conversation_id="c")


def test_nothing_to_tell_it_by() -> None:
    """No id and no messages: no conversation."""
    assert key() is None
    assert conversation_key({}, conversation_id=None, caller=None) is None
    assert key({"role": "tool", "content": "x"}, "no object") is None


def test_only_so_much_of_a_text_is_hashed() -> None:
    """A document of a megabyte costs no more than a page; its length still tells it from a page."""
    long = "x" * MAX_HASHED_CHARS
    assert key({"role": "user", "content": f"{long}a"}) == key({"role": "user", "content": f"{long}b"})
    assert key({"role": "user", "content": f"{long}a"}) != key({"role": "user", "content": f"{long}ab"})


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_texts_cannot_run_into_each_other(one: list[str], other: list[str]) -> None:
    """Two prefixes share a key only when they are the same, surrogates and all."""

    def of(texts: list[str]) -> bytes | None:
        return key({"role": "user", "content": [{"type": "text", "text": each} for each in (*texts, "\ud800")]})

    assert (one == other) == (of(one) == of(other))


def test_a_conversation_goes_on_once_somebody_has_answered() -> None:
    """The same first question from many clients is many conversations."""
    assert not is_continued({"messages": [SYSTEM, ASK]})
    assert is_continued({"messages": [SYSTEM, ASK, ANSWER, NEXT]})
    assert not is_continued({"messages": "none"})


def test_the_model_that_served_last_is_remembered_while_its_cache_is_warm() -> None:
    """Another model that serves takes its place; a provider without a cache leaves none."""
    clock = Clock()
    memory = Affinity(Lifetimes(300, {"cold": 0.0}), clock=clock)
    assert memory.model(None) is None
    assert memory.model(b"k") is None
    memory.remember(b"k", "m", at("a"))
    memory.remember(b"k", "n", at("b"))
    assert "n" == memory.model(b"k")

    clock.now += 300
    assert memory.model(b"k") is None
    memory.remember(b"k", "m", at("a"))
    memory.remember(b"k", "o", at("c", "cold"))
    assert memory.model(b"k") is None


def test_the_memory_of_models_is_bounded_and_forgotten_when_switched_off() -> None:
    """Like that of deployments."""
    memory = Affinity(Lifetimes(300), clock=Clock(), max_conversations=2)
    for name in (b"1", b"2", b"3"):
        memory.remember(name, "m", at("a"))
    assert [memory.model(name) for name in (b"1", b"2", b"3")] == [None, "m", "m"]

    memory.adopt(Lifetimes(0))

    assert memory.model(b"3") is None

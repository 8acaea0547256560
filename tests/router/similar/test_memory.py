from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from router.similar.memory import Memory
from router.similar.values import Asked, Neighbour, Rated
from router.similar.vectors import Hashing, direction_of

vector_of = Hashing(b"a secret of tests").vector_of
NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)


def remembered(*texts: str, capacity: int = 100) -> Memory:
    """Return a memory of questions, each under its own text."""
    memory = Memory(capacity)
    for text in texts:
        memory.add(Asked(text, "m", NOW), vector_of(text) or b"")
    return memory


def near(memory: Memory, text: str, **known: Any) -> tuple[Neighbour, ...]:
    """Return the questions most like a text."""
    search = memory.search(vector_of(text) or b"")
    return () if search is None else search.nearest(**{"limit": 5, **known})


def near_rated(memory: Memory, text: str, **known: Any) -> tuple[Neighbour, ...]:
    """Return the rated questions most like a text."""
    search = memory.search(vector_of(text) or b"")
    return () if search is None else search.nearest_rated(**{"limit": 5, "of_each": 5, **known})


def ids_near(memory: Memory, text: str, **known: object) -> list[str]:
    """Return which questions are found, the nearest first."""
    return [each.asked.decision_id for each in near(memory, text, **known)]


def test_the_same_question_is_found_before_a_like_one_and_an_unlike_one_is_not():
    """By their similarity, from 1 downwards."""
    memory = remembered("reset my password", "reset the old password", "bake a cake")
    found = near(memory, "reset my password")

    assert ["reset my password", "reset the old password"] == [each.asked.decision_id for each in found]
    assert 1.0 == round(found[0].similarity, 5)
    assert 0.45 <= found[1].similarity < 1.0


def test_one_question_may_be_left_out_and_fewer_asked_for():
    """So that a question does not find itself."""
    memory = remembered("sort a list", "sort a list now", "sort a list today")

    assert "sort a list" not in ids_near(memory, "sort a list", but="sort a list")
    assert ["sort a list"] == ids_near(memory, "sort a list", limit=1)


def busy(*callers: str | None, rated: Rated | None = None, n: int = 600) -> Memory:
    """Return a memory in which one key asked one question many times, and others once a like one that was rated."""
    memory = Memory(2_000)
    for each in range(n):
        memory.add(Asked(f"loud {each}", "m", NOW, "loud", rated), vector_of("sort a list") or b"")
    for caller in callers:
        like = vector_of("sort a list now") or b""
        memory.add(Asked(f"of {caller}", "m", NOW, caller, Rated(0.5, "user", NOW)), like)
    return memory


def test_a_busy_key_does_not_hide_the_questions_of_one():
    """Looked at alone, they are found behind any number of nearer ones."""
    memory = busy("me", "you", None)

    assert ["of me"] == ids_near(memory, "sort a list", of="me")
    assert [] == ids_near(memory, "sort a list", of="nobody")


def test_a_busy_key_does_not_hide_what_was_said_to_others():
    """However many equal questions of it were rated: first come some of every key, then its next ones."""
    memory = busy("me", "you", None, rated=Rated(1.0, "user", NOW))
    found = near_rated(memory, "sort a list", limit=10, of_each=2, but="of you")

    assert ["loud", "loud", "me", None, *["loud"] * 6] == [each.asked.caller for each in found]


def test_unrated_questions_do_not_hide_a_rated_one():
    """Of any key, the own one too; what is said later counts, and what is taken back does not."""
    memory = busy()
    before = near_rated(memory, "sort a list")
    memory.rate("loud 590", Rated(1.0, "user", NOW))
    after = near_rated(memory, "sort a list")
    memory.rate("loud 590", None)

    assert ([], ["loud 590"]) == (list(before), [each.asked.decision_id for each in after])
    assert () == near_rated(memory, "sort a list")


def test_nothing_is_found_in_an_empty_memory_nor_for_no_vector():
    """Without an error."""
    assert () == near(Memory(10), "hello there")
    assert () == near_rated(Memory(10), "hello there")
    assert [] == ids_near(remembered("hello there"), "???")


def test_the_oldest_gives_way_where_memory_is_full():
    """A known one keeps its place; one that was dropped leaves its place to the next."""
    memory = remembered("alpha one", "beta two", "gamma three", capacity=3)
    memory.add(Asked("alpha one", "other", NOW), vector_of("alpha one") or b"")
    memory.drop(["beta two", "nobody"])
    for text in ("delta four", "epsilon five"):
        memory.add(Asked(text, "m", NOW), vector_of(text) or b"")

    assert {"gamma three", "delta four", "epsilon five"} == set(memory.seen)
    assert [] == ids_near(memory, "alpha one")
    assert [] == ids_near(memory, "beta two")
    assert ["epsilon five"] == ids_near(memory, "epsilon five")
    memory.clear()
    assert 0 == len(memory)
    assert [] == ids_near(memory, "epsilon five")


def test_vectors_of_another_form_and_damaged_ones_are_ignored_and_counted():
    """Each once, however often it is read."""
    memory = Memory(10)
    good = vector_of("hello there") or b""
    for _ in range(2):
        memory.ignore("other")
        assert not memory.add(Asked("short", "m", NOW), good[:-1])
        assert not memory.add(Asked("empty", "m", NOW), bytes(256))

    assert (0, 3) == (len(memory), memory.n_ignored)
    memory.drop(["other"])
    assert 2 == memory.n_ignored


def test_what_is_said_later_joins_its_question():
    """By the decision; of one that is not remembered nothing is kept."""
    memory = remembered("hello there")
    memory.rate("hello there", Rated(0.75, "user", NOW))
    memory.rate("nobody", Rated(0.0, "user", NOW))
    found = near(memory, "hello there")

    assert ["hello there"] == [each.asked.decision_id for each in found]
    assert Rated(0.75, "user", NOW) == found[0].asked.rated
    assert ("m", None) == (memory.model_of("hello there"), memory.model_of("nobody"))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_a_search_of_the_strongest_numbers_finds_what_a_whole_one_finds(seed, long):
    """Among more questions than are looked at in full, for short and for long ones."""
    random = Random(seed)
    words = [f"w{each}" for each in range(60)]
    length = 60 if long else 6
    texts = [" ".join(random.choices(words, k=length)) for _ in range(400)]
    memory = remembered(*texts, capacity=500)
    asked = " ".join(random.choices(words, k=length))
    direction = direction_of(vector_of(asked) or b"")
    whole = sorted({float(direction_of(vector_of(text) or b"") @ direction) for text in texts}, reverse=True)
    found = near(memory, asked, limit=3, at_least=0.05)

    assert np.allclose(whole[0], found[0].similarity, atol=1e-5)

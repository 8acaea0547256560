"""The first tier that answers is believed, and where none does the guess is only a hint."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import classifier
from classifier.cascade import (
    INLINE_ASCII_CHARS,
    INLINE_CHARS,
    Cascade,
    ExampleRules,
    MicroTier,
    is_long,
)
from classifier.foundry.corpus import read_rows
from classifier.micromodel import MicroModel, ServedModel
from classifier.runtime import CheckedSession, Session
from config.intents import IntentCatalogue, shipped_intents
from config.types import Intent


class Says:
    """A tier that answers all texts alike, and remembers what it was asked."""

    def __init__(self, *labels: str, abstained: bool = False, confidence: float = 0.9) -> None:
        self.intent = Intent(labels, confidence, "says", abstained)
        self.asked: list[tuple[str, float]] = []

    def look(self, text: str) -> Intent | None:  # noqa: ARG002  # all texts alike
        """Answer at once."""
        return self.intent

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Answer, and note the time that was left."""
        self.asked.append((text, deadline_s))
        return self.intent


class Steps:
    """A clock that goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


async def test_an_example_of_the_catalogue_is_certain() -> None:
    """A sentence that stands in the catalogue is answered by rule, whatever its case and end."""
    catalogue = shipped_intents()
    cascade = Cascade([ExampleRules(catalogue)])
    found = await cascade.classify(catalogue.intents[0].examples_en[0].upper() + "!", deadline_s=1)

    assert ((catalogue.intents[0].name,), 1.0, "rule", False) == (
        found.labels, found.confidence, found.source, found.abstained,
    )  # fmt: skip


async def test_a_fast_answer_asks_nobody_else() -> None:
    """The slow tier rests where a fast one answered."""
    slow = Says("b")
    found = await Cascade([Says("a")], slow).classify("x", deadline_s=1)

    assert (("a",), []) == (found.labels, slow.asked)


async def test_an_abstention_asks_the_slow_tier_with_the_time_that_is_left() -> None:
    """What the fast tiers used is taken off the deadline."""
    slow = Says("b")
    found = await Cascade([Says("a", abstained=True)], slow, clock=Steps()).classify("x", deadline_s=10)

    assert (("b",), [("x", 7.0)], 6000.0) == (found.labels, slow.asked, found.ms)


@pytest.mark.parametrize(("text", "deadline_s"), [("x", 0.0), ("", 1.0), (" \n", 1.0)])
async def test_no_time_and_no_text_ask_nobody(text: str, deadline_s: float) -> None:
    """A deadline that has passed and a text that says nothing end in an abstention."""
    slow = Says("b")
    found = await Cascade([], slow).classify(text, deadline_s=deadline_s)

    assert ((), True, "none", []) == (found.labels, found.abstained, found.source, slow.asked)


async def test_a_guess_stays_where_nobody_is_sure() -> None:
    """The fast tier's guess is kept as a hint when the slow one abstains too."""
    found = await Cascade([Says("a", abstained=True)], Says(abstained=True)).classify("x", deadline_s=1)

    assert (("a",), True) == (found.labels, found.abstained)


@pytest.mark.parametrize(
    ("fast", "slow", "shown"), [(0.59, 0.0, ("a",)), (0.2, 0.4, ("b",)), (0.4, 0.4, ("b",)), (0.0, 0.0, ("b",))]
)
async def test_of_several_guesses_the_surest_is_shown(fast: float, slow: float, shown: tuple[str, ...]) -> None:
    """A head that knows nothing of a text does not push a founded guess aside; of equals the later read more."""
    tiers = Says("a", abstained=True, confidence=fast), Says("b", abstained=True, confidence=slow)
    found = await Cascade([tiers[0]], tiers[1]).classify("x", deadline_s=1)

    assert (shown, max(fast, slow), True) == (found.labels, found.confidence, found.abstained)


@pytest.mark.parametrize("text", ["", "x" * 1_000_000, "😀", "a好б", "שלום", "\0", "\ud800"])
async def test_no_text_raises(text: str) -> None:
    """Anything that is a string gets an answer or an abstention."""
    found = await Cascade([ExampleRules(shipped_intents())]).classify(text, deadline_s=1)

    assert found.abstained


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """One thread for long texts."""
    with ThreadPoolExecutor(1, thread_name_prefix="long") as pool:
        yield pool


class Where:
    """A tier that abstains, and tells in which thread it was asked; it waits for its gate."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def look(self, text: str) -> Intent | None:
        """Abstain with a guess."""
        self.gate.wait(5)
        self.threads.append(threading.current_thread().name)
        return Intent((text[:1],), 0.5, "where", abstained=True)


class Fails:
    """A session whose runs fail as ONNX Runtime's do."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.failing = True

    def run(self, names: object, inputs: object) -> object:
        """Fail, or do what the real one does."""
        if self.failing:
            raise RuntimeError("bad allocation")
        return self.session.run(names, inputs)


async def test_each_tier_has_its_own_word_in_the_trace() -> None:
    """Who was asked, in order, each with labels, confidence, whether he abstained, and his time."""
    fast, slow = Says("a", abstained=True), Says("b")
    asked = await Cascade([fast], slow, clock=Steps()).ask("x", deadline_s=10)
    unasked = await Cascade([Says("a"), Says("never")], slow).ask("x", deadline_s=10)

    assert [("a",), ("b",)] == [each.labels for each in asked.tiers]
    assert [(True, 1000.0), (False, 1000.0)] == [(each.abstained, each.ms) for each in asked.tiers]
    assert ("b",) == asked.intent.labels
    assert [("a",)] == [each.labels for each in unasked.tiers]


async def test_long_text_is_read_off_the_event_loop(thread: ThreadPoolExecutor) -> None:
    """What takes longer than half a millisecond holds up nobody else; short texts are not worth the way."""
    tier = Where()
    cascade = Cascade([tier], executor=thread)
    for text in ("短" * INLINE_CHARS, "短" * (INLINE_CHARS + 1), "x" * INLINE_ASCII_CHARS, "x" * 1_000_000):
        await cascade.ask(text, deadline_s=5)

    assert [False, True, False, True] == [name.startswith("long") for name in tier.threads]
    assert is_long("é" * INLINE_ASCII_CHARS)


async def test_a_long_text_that_waits_too_long_is_an_abstention(thread: ThreadPoolExecutor) -> None:
    """The deadline holds while the thread is busy, and who gave up is not read afterwards."""
    tier = Where()
    cascade = Cascade([tier], executor=thread)
    tier.gate.clear()
    asked = await asyncio.gather(*(cascade.ask("x" * 9_999, deadline_s=0.05) for _ in range(3)))
    tier.gate.set()
    thread.shutdown(wait=True)

    assert [(True, ())] * 3 == [(each.intent.abstained, each.tiers) for each in asked]
    assert 1 == len(tier.threads)


def test_a_model_that_fails_abstains_and_says_why() -> None:
    """A failing runtime is no failing request; the next text that can be read clears the complaint."""
    model = MicroModel.load(Path(classifier.__file__).parent / "artefacts" / "intent")
    session = Fails(model._session)  # the wire to the runtime is what fails
    model._session = CheckedSession(session, (RuntimeError,), "model.onnx")
    tier = MicroTier(ServedModel(model))
    found = tier.look("I want my money back")
    problem = tier.problem
    session.failing = False
    tier.look("I want my money back")

    assert found == Intent((), 0.0, "micro", abstained=True)
    assert problem == "model.onnx: the model failed on a text; forge it anew or put back the version before."
    assert tier.problem is None


def test_what_a_model_never_learned_it_cannot_exclude() -> None:
    """With an added intent in the catalogue the micro-model's `none` is a guess: it may well be the new one."""
    shipped = shipped_intents()
    model = MicroModel.load(Path(classifier.__file__).parent / "artefacts" / "intent")
    added = IntentCatalogue((replace(shipped.intents[0], name="table_booking"), *shipped.intents))
    text = "讲个笑话吧"
    surely = replace(model.preproc, abstain_below=0.0)
    model.preproc = surely
    alone = MicroTier(ServedModel(model), catalogue=shipped.names).look(text)
    beside = MicroTier(ServedModel(model), catalogue=added.names).look(text)

    assert (("none",), False) == (alone.labels, alone.abstained)
    assert (("none",), True) == (beside.labels, beside.abstained)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("支付成功后发送通知", {"payment", "notification"}),
        ("Send a notification once the payment succeeds", {"payment", "notification"}),
        ("发货了告诉我一声", {"order_management", "notification"}),
        ("let me know when it ships!", {"order_management", "notification"}),
        ("到货提醒怎么没收到", {"inventory", "notification"}),
        ("I never got the back-in-stock alert.", {"inventory", "notification"}),
        ("登录验证码半天不来", {"user_auth"}),
        ("退款还要等几天？", {"payment"}),
    ],
)
def test_an_example_of_several_intents_asks_for_all_of_them(text: str, names: set[str]) -> None:
    """What the rule says is taken as certain, so a sentence stands under every intent that it has."""
    found = ExampleRules(shipped_intents()).look(text)

    assert found is not None
    assert names == set(found.labels)


def test_examples_agree_with_the_corpus_word_for_word() -> None:
    """No sentence of the catalogue is labelled otherwise in the rows that the model learns from or is tried on."""
    rules = ExampleRules(shipped_intents())
    home = Path(classifier.__file__).parent / "foundry" / "blueprints" / "intent"
    rows = read_rows([*sorted((home / "corpus").glob("*.jsonl")), home / "test.jsonl"])
    known = [(row, found) for row in rows if (found := rules.look(row.text)) is not None]

    assert [] == [row.text for row, found in known if set(row.labels) != set(found.labels)]

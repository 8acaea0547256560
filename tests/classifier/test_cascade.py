"""The first tier that answers is believed, and where none does the guess is only a hint."""

import pytest

from classifier.cascade import Cascade, ExampleRules
from config.intents import shipped_intents
from config.types import Intent


class Says:
    """A tier that answers all texts alike, and remembers what it was asked."""

    def __init__(self, *labels: str, abstained: bool = False) -> None:
        self.intent = Intent(labels, 0.9, "says", abstained)
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

    assert (("b",), [("x", 7.0)], 4000.0) == (found.labels, slow.asked, found.ms)


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


@pytest.mark.parametrize("text", ["", "x" * 1_000_000, "😀", "a好б", "שלום", "\0", "\ud800"])
async def test_no_text_raises(text: str) -> None:
    """Anything that is a string gets an answer or an abstention."""
    found = await Cascade([ExampleRules(shipped_intents())]).classify(text, deadline_s=1)

    assert found.abstained

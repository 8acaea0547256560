"""Where nothing was learned, the catalogue speaks: near its weights, and by prices as the dial says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.choosing.choose import Terms, standing
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience, starting_cost
from router.choosing.values import Offer, Question

QUESTION = Question("Why is the sky blue?", n_tokens=500)
COLD = StartingExperience()


def cold(offers: list[Offer], dial: float = 0.5, question: Question = QUESTION) -> tuple[float, ...]:
    return standing(question, offers, COLD, terms=Terms(Taste(dial))).probabilities


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.2, 5), st.floats(0.05, 60) | st.none()), min_size=1, max_size=6))
def test_a_cold_start_draws_near_the_configured_weights(models: list[tuple[float, float | None]]) -> None:
    """Whatever the prices are, the neutral dial meets the shares that are above the floor."""
    offers = [Offer(str(i), weight=w, input_usd=p, output_usd=p) for i, (w, p) in enumerate(models)]
    total = math.fsum(weight for weight, _ in models)

    found = cold(offers)

    assert found == pytest.approx([max(0.02, weight / total) for weight, _ in models], abs=0.03)


def test_the_dial_moves_a_cold_start_between_cheap_and_dear() -> None:
    """Cheap models gain towards 0, dear ones towards 1."""
    offers = [Offer("cheap", input_usd=0.1, output_usd=0.5), Offer("dear", input_usd=5, output_usd=25)]

    shares = [cold(offers, dial)[1] for dial in (0.0, 0.25, 0.5, 0.75, 1.0)]

    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.02)
    assert shares[2] == pytest.approx(0.5, abs=0.01)
    assert shares[4] > 0.7


def test_the_named_domain_gets_a_little_more() -> None:
    """Code goes a little more to who is described as good at code, and the reason says so."""
    offers = [Offer("general"), Offer("coder", domains=("code",))]

    expected = COLD.expect(Question("def f():", has_code=True), offers)

    assert cold(offers, question=Question("def f():", has_code=True))[1] == pytest.approx(0.55, abs=0.02)
    assert expected[1].reasons == ("nothing learned yet: its weight and price", "its domain: code")


def test_chinese_is_a_domain() -> None:
    """A model named for Chinese suits a Chinese question."""
    found = COLD.expect(Question("天空为什么是蓝的？", language="zh"), [Offer("a", domains=("chinese",)), Offer("b")])

    assert found[0].quality > found[1].quality


def test_a_cost_is_known_only_where_both_prices_are() -> None:
    """Longer answers are expected of harder questions."""
    priced = Offer("a", input_usd=2.0, output_usd=10.0)

    assert starting_cost(Question("", n_tokens=1_000, complexity=1), priced) == pytest.approx(0.0035)
    assert starting_cost(Question("", n_tokens=1_000, complexity=6), priced) == pytest.approx(0.0065)
    assert starting_cost(QUESTION, Offer("a", input_usd=2.0)) is None


def test_nothing_offered_is_nothing_expected() -> None:
    """An empty row is answered by an empty row."""
    assert COLD.expect(QUESTION, []) == ()


def test_absurd_weights_neither_overflow_nor_divide_by_zero() -> None:
    """The largest float, the smallest and zero side by side."""
    found = cold([Offer("a", weight=1.7e308), Offer("b", weight=1.7e308), Offer("c", weight=0.0)])

    assert found == pytest.approx((0.49, 0.49, 0.02), abs=0.01)

from __future__ import annotations

from dataclasses import replace

import pytest

from router.choosing.choose import Terms, standing, version_of
from router.choosing.drawing import thompson, with_floor
from router.choosing.values import Expected, Offer, Question

OFFERS = (Offer("a"), Offer("b"))


class _Known:
    version = "known"

    def expect(self, question, offers):
        del question
        return tuple(Expected(each.model, 0.6 + 0.05 * at, 0.1) for at, each in enumerate(offers))


@pytest.mark.parametrize("spread", [1.0, 0.25])
def test_a_part_of_the_deviation_is_drawn_with(spread):
    """Less spread draws the better model more often; how sure the choice is stays what it was."""
    found = standing(Question("x"), OFFERS, _Known(), terms=Terms(spread=spread))
    scores = list(found.scores)

    assert with_floor(thompson(scores, [spread * 0.1] * 2)) == pytest.approx(found.probabilities)
    assert thompson(scores, [0.1] * 2) == pytest.approx(found.p_best)


def test_another_spread_is_another_policy():
    """Decisions that were drawn otherwise bear another version."""
    terms = Terms()

    assert version_of(terms, "e") != version_of(replace(terms, spread=0.5), "e")

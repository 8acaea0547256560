from __future__ import annotations

from math import fsum, nan

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.choosing.choose import Terms, choose, settle, standing, version_of
from router.choosing.newcomers import SETTLED_AT, holding, share_of
from router.choosing.rerun import rerun_of
from router.choosing.stored import candidates_json, question_json
from router.choosing.values import Expected, Offer, Question

QUESTION = Question("", language="en", domain="code")
OFFERS = (Offer("old"), Offer("other"), Offer("new"))
FLOOR = 0.02
outcomes = st.none() | st.floats(0, 3 * SETTLED_AT)
several = st.integers(2, 6).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.floats(0.02, 1), min_size=n, max_size=n) for _ in range(2)),
        *(st.lists(outcomes, min_size=n, max_size=n) for _ in range(2)),
    )
)


class Known:
    """Expects the new model to be by far the best."""

    version = "known"

    def __init__(self, n=0.0, quality=0.9):
        self.n, self.quality = n, quality

    def expect(self, question, offers):
        del question
        return tuple(
            Expected(each.model, self.quality, 0.05, newcomer=self.n)
            if each.model == "new"
            else Expected(each.model, 0.5 + 0.05 * (each.model == "old"), 0.05)
            for each in offers
        )


def drawn(n=0.0, offers=OFFERS, **terms):
    stood = standing(QUESTION, offers, Known(n), terms=Terms(**terms))
    return {each.model: p for each, p in zip(stood.expected, stood.probabilities, strict=True)}


def test_a_new_model_gets_a_bounded_share_however_good_it_is_expected_to_be():
    """What is above the ceiling goes to the others in equal parts."""
    without = drawn(newcomer_share=1.0)
    found = drawn()

    assert without["new"] > 0.9
    assert 0.2 == pytest.approx(found["new"])
    spare = (without["new"] - 0.2) / 2
    assert (without["old"] + spare, without["other"] + spare) == pytest.approx((found["old"], found["other"]))
    assert 1.0 == pytest.approx(sum(found.values()))


@pytest.mark.parametrize(("n", "ceiling"), [(0, 0.2), (50, 0.6), (99, 0.992)])
def test_the_ceiling_rises_with_what_was_said(n, ceiling):
    """In even steps, until there is none."""
    found = holding([None, None, n], share=0.2, floor=FLOOR)

    assert found is not None
    assert (None, None, pytest.approx(ceiling)) == found.ceilings


@pytest.mark.parametrize(
    ("counted", "share"),
    [([None, None], 0.2), ([None, SETTLED_AT], 0.2), ([0.0, 0.0], 0.2), ([0.0], 0.2), ([None, 0.0], 1.0)],
)
def test_nobody_is_held_where_nobody_is_new_or_all_are(counted, share):
    """And with a share of 1."""
    assert holding(counted, share=share, floor=FLOOR) is None


def test_several_new_models_share():
    """Two get a tenth each; one that is half known leaves more."""
    two, half = (holding([None, 0.0, n], share=0.2, floor=FLOOR) for n in (0.0, 50.0))

    assert two is not None
    assert half is not None
    assert (None, 0.1, 0.1) == pytest.approx(two.ceilings)
    assert (None, 0.2 / 1.5, 0.2 / 1.5 + (1 - 0.2 / 1.5) / 2) == pytest.approx(half.ceilings)


@pytest.mark.parametrize(("share", "n"), [(0.0, 3), (0.2, 12)])
def test_no_ceiling_is_below_the_floor(share, n):
    """So that the log can say something of each new model."""
    found = holding([None] + [0.0] * (n - 1), share=share, floor=FLOOR)

    assert found is not None
    assert [FLOOR] * (n - 1) == pytest.approx(found.ceilings[1:])


@given(several)
@example(([0.5, 0.5], [0.1, 0.9], [None, 0.0], [None, 0.0]))
def test_ceilings_bring_no_two_draws_farther_apart(found):
    """In total variation, whoever is new."""
    one, other, counted, _ = found
    held = holding(counted, share=0.2, floor=FLOOR)
    if held is None:
        return
    p, q = (np.array(each) / sum(each) for each in (one, other))

    assert _apart(held.applied(p), held.applied(q)) <= _apart(p, q) + 1e-9
    assert 1.0 == pytest.approx(fsum(held.applied(p)))
    assert min(held.applied(p)) >= min(FLOOR, *p) - 1e-12


@given(several)
@example(([0.02, 1.0], [0.5, 0.5], [1.1 * SETTLED_AT, 0.0], [None, None]))
def test_no_model_has_more_than_the_ceiling_that_is_told(found):
    """Also where no settled model stands beside the new ones."""
    one, _, counted, _ = found
    held = holding(counted, share=0.2, floor=FLOOR)
    if held is None:
        return
    after = held.applied([each / sum(one) for each in one])

    assert all(c is None or p <= c + 1e-9 for p, c in zip(after, held.ceilings, strict=True))


def test_beside_half_settled_models_the_reason_tells_a_higher_ceiling():
    """One that has a tenth of its taking part takes a tenth of what is above: 92 % are left, and that is told."""
    found = holding([0.0, 1.1 * SETTLED_AT], share=0.2, floor=FLOOR)
    assert found is not None
    told, none = found.ceilings

    assert none is None
    assert 0.92 == pytest.approx(told)
    assert 0.92 == pytest.approx(found.applied([1.0, 0.0])[0])


@given(several)
def test_outcomes_move_a_draw_by_no_more_than_they_weigh(found):
    """What comes in about some new models, at whatever point: the sum of it over what settles a model is the bound."""
    one, _, before, after = found
    before = [None if b is None or a is None else b for b, a in zip(before, after, strict=True)]
    after = [None if b is None else a for b, a in zip(before, after, strict=True)]
    p = np.array(one) / sum(one)
    was, now = (_applied(p, each) for each in (before, after))
    bound = sum(
        abs(min(2 * SETTLED_AT, b) - min(2 * SETTLED_AT, a)) / SETTLED_AT
        for b, a in zip(before, after, strict=True)
        if b is not None and a is not None
    )

    assert _apart(was, now) <= bound + 1e-9


@given(st.lists(outcomes, min_size=2, max_size=6), st.floats(0.05, 0.9))
def test_the_share_can_be_told_from_the_ceilings(counted, share):
    """A decision is run again under the share of then."""
    held = holding(counted, share=share, floor=0.0)
    if held is None or min(n for n in counted if n is not None) > 0.9 * SETTLED_AT or sum(held.takers) < 0.01:
        return

    assert share == pytest.approx(share_of([*zip(counted, held.ceilings, strict=True)]), abs=1e-6)


def test_without_a_ceiling_no_share_is_told():
    """Nor where its model is hardly new any more."""
    assert share_of([]) is None
    assert share_of([(None, None), (SETTLED_AT, 1.0)]) is None
    assert share_of([(SETTLED_AT + 0.5, None), (0.0, 0.996)]) is None


def test_without_exploring_a_new_model_is_not_taken():
    """The best of the others is, unless the conversation is the new one's already, or it is the only one."""
    stood = standing(QUESTION, OFFERS, Known(12), terms=Terms())

    assert "old" == settle(stood, version="v", seed=1, explores=False).ranked[0].model
    assert "new" == settle(stood, version="v", seed=1, explores=False, own="new").ranked[0].model
    assert "new" == settle(stood, version="v", seed=1, explores=False, stay="new").ranked[0].model
    assert "new" == choose(QUESTION, OFFERS[2:], Known(), seed=1, explores=False).ranked[0].model
    assert "new" == choose(QUESTION, OFFERS, Known(SETTLED_AT), seed=1, explores=False).ranked[0].model


def test_the_reason_tells_the_ceiling():
    """A person reads why the best one is not chosen."""
    found = choose(QUESTION, OFFERS, Known(12), seed=1)
    (new,) = (each.expected for each in found.ranked if each.model == "new")

    assert ("new: at most 30 % now, no ceiling from 100 outcomes on, 12 so far",) == new.reasons


def test_a_share_is_part_of_the_policy():
    """Decisions that were drawn otherwise bear another version."""
    assert version_of(Terms(), "e") != version_of(Terms(newcomer_share=0.5), "e")


def test_outcomes_that_are_no_number_are_not_believed():
    """The weights speak, as for any damaged policy."""
    assert standing(QUESTION, OFFERS, Known(nan), terms=Terms()).problem is not None


@pytest.mark.parametrize("explores", [True, False])
@pytest.mark.parametrize("n", [0.0, 30.0])
def test_a_stored_choice_is_run_again_with_its_ceilings(n, explores):
    """Under the share of then, whatever the settings say now and the model has learned since."""
    terms = Terms(newcomer_share=0.3)
    choice = choose(QUESTION, OFFERS, Known(n), seed=4, terms=terms, explores=explores)
    row = {
        "features": {"question": question_json(QUESTION), "candidates": candidates_json(choice), "dial": 0.5},
        "eligible": [each.model for each in OFFERS],
        "seed": choice.seed,
    }
    offers = {each.model: each for each in OFFERS}
    rerun = rerun_of(row, offers=offers, experience=Known(99.0), terms=Terms(newcomer_share=1.0))
    then = drawn(n, newcomer_share=0.3)

    assert rerun is not None
    assert then == pytest.approx(rerun.probabilities(), abs=1e-4)
    assert (max(then, key=then.__getitem__) if explores else "old") == rerun.favourite()


def test_a_seed_draws_the_same_again():
    """Replay: the same seed, the same choice, with the ceiling in it."""
    choices = [choose(QUESTION, OFFERS, Known(n), seed=9) for n in (5.0, 5.0)]

    assert choices[0] == choices[1]
    assert choices[0] != choose(QUESTION, OFFERS, Known(6.0), seed=9)


def _applied(p, counted):
    held = holding(counted, share=0.2, floor=FLOOR)
    return np.array(p if held is None else held.applied(p))


def _apart(p, q):
    return float(np.abs(np.array(p) - np.array(q)).sum() / 2)


def test_where_the_chosen_one_fails_a_new_model_is_tried_last():
    """However high its score: what a failing model leaves is not for one with a ceiling, but in its own conversation."""
    stood = standing(QUESTION, OFFERS, Known(12), terms=Terms())
    order = [each.model for each in settle(stood, version="v", seed=1, explores=False).ranked]
    own = settle(stood, version="v", seed=1, explores=False, stay="old", own="new").ranked

    assert "new" == order[-1]
    assert ["old", "new"] == [each.model for each in own[:2]]
    assert max(own, key=lambda each: each.score).model == "new"

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from router.learning.cap import BUDGET
from router.learning.learner import Learner
from router.learning.preferences import DAY_S
from router.learning.speakers import MAX_BUDGETS, MAX_SPEAKERS, Budgets, Speaker
from router.learning.state import State, state_from, state_json, without_caller
from tests.router.learning.doubles import CODE, NOW, TALK, told


def others(learner, *, seconds):
    """Have as many other keys speak as are kept apart."""
    for number in range(MAX_SPEAKERS + 2):
        learner.learn([at(told("good", 0.5, TALK, speaker=f"k{number}"), seconds)])


def at(lesson, seconds):
    return replace(lesson, said=NOW + timedelta(seconds=seconds))


def loud(seconds):
    return [at(told("bad", float(n % 2), CODE, speaker="loud"), seconds) for n in range(60)]


def again(learner):
    """Return a learner as it is after a restart."""
    return state_from(json.loads(json.dumps(state_json(State(learner)))), name="v").learner


@pytest.mark.parametrize("restarts", [False, True])
def test_a_key_that_others_pushed_out_comes_back_with_what_was_left_to_it(restarts):
    """130 keys in turn: round by round, all that the one of them teaches stays within the bound of a day."""
    learner, used = Learner(), 0.0
    for number in range(4):
        learner.learn(loud(number))
        used += learner.speakers["loud"].used
        others(learner, seconds=number)
        learner = again(learner) if restarts else learner

    assert "loud" not in learner.speakers
    assert 0.0 < used <= BUDGET * (1 + 4 / DAY_S) + 1e-9


def test_after_a_day_it_may_teach_as_much_as_one_that_never_spoke():
    """And nothing is known of it any more."""
    budgets = Budgets()
    budgets.keep("a", Speaker(used=BUDGET, allowed=BUDGET, at=5.0), now=5.0)
    budgets.keep("b", Speaker(used=0.01, allowed=BUDGET, at=5.0 + DAY_S), now=5.0 + DAY_S)

    assert [("b", pytest.approx(BUDGET - 0.01), 5.0 + DAY_S)] == list(budgets)
    assert (BUDGET, 7.0) == ((back := budgets.back("a", at=7.0)).allowed, back.at)
    later = budgets.back("b", at=9.0 + DAY_S)
    later.grow(5.0 + 1.5 * DAY_S)
    assert pytest.approx(BUDGET) == later.allowed


def test_what_is_known_of_keys_is_bounded():
    """The one longest away is forgotten first."""
    budgets = Budgets()
    for number in range(MAX_BUDGETS + 1):
        budgets.keep(str(number), Speaker(at=0.0), now=0.0)

    assert MAX_BUDGETS == len(budgets)
    assert "1" == next(iter(budgets))[0]


def test_a_forgotten_caller_is_in_no_budget():
    """Neither in the learner nor in a version; one that was written before there were budgets is read too."""
    learner = Learner()
    learner.learn(loud(0))
    others(learner, seconds=0)
    kept = state_json(State(learner))
    learner.forget_caller("loud")
    before = {name: each for name, each in kept.items() if name != "budgets"}

    assert "loud" in kept["budgets"]
    assert "loud" not in without_caller(kept, "loud")["budgets"]
    assert "loud" not in [each[0] for each in learner.budgets]
    assert 0 == len(state_from(json.loads(json.dumps(before)), name="v").learner.budgets)
    assert "budgets" not in without_caller(before, "loud")

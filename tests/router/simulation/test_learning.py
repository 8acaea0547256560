from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.choosing.starting import StartingExperience
from router.policy.data import Silent
from router.simulation.learning import Learning
from router.simulation.players import Learned, lesson_of
from router.simulation.run import AGREEMENT, FAVOURITE, QUALITY, RIGHT, play
from router.simulation.scenario import Drift, read_scenario
from router.simulation.simulate import learning_runs, simulated, terms_of, warm_runs
from router.simulation.warmth import CHECKPOINTS, Warmth
from router.simulation.world import day_of, offers_of
from tests.router.simulation.small import written


class _Counting(Silent):
    def __init__(self):
        self.n = 0

    def advance(self):
        self.n += 1


@pytest.fixture
def scenario(tmp_path):
    """Two models, each good at one of two domains."""
    return read_scenario(written(tmp_path))


def test_ratings_move_questions_to_the_model_that_is_good_at_them(scenario):
    """After some days the favourite is the expert's, and learning beats the best single model."""
    told = _Counting()
    found = simulated(replace(scenario, days=5), seeds=2, days=5, progress=told)
    learned, start = (np.mean([run.measures for run in runs], 0) for runs in (found.learned, found.start))

    assert learned[-1, FAVOURITE] > 0.95
    assert learned[-1, AGREEMENT] > start[-1, AGREEMENT] + 0.2
    assert learned[-1, RIGHT] > np.mean([run.measures[-1, RIGHT] for run in found.static])
    assert all(goal.is_reached for goal in found.goals if "over the start" in goal.name)
    assert 20 == told.n


def test_runs_can_be_played_again(scenario):
    """The same scenario, seeds and days give the same figures."""
    one, again = (
        learning_runs(scenario, seeds=1, days=2, terms=terms_of(scenario), told=_Counting()) for _ in range(2)
    )

    assert (one[0].measures == again[0].measures).all()


def test_experience_follows_a_model_that_got_worse(scenario):
    """Where the truth turns round, later ratings turn the favourite round too."""
    drifts = (Drift(3, "a", -4.0, "code"), Drift(3, "b", 4.0, "code"))
    scenario = replace(scenario, drifts=drifts, requests_per_day=300)
    run = play(scenario, Learning(offers_of(scenario), terms=terms_of(scenario)), seed=0, days=8)

    assert run.measures[2, FAVOURITE] < 0.7
    assert run.measures[7, QUALITY] > run.measures[2, QUALITY] + 0.1


def test_key_that_rates_alone_moves_little(scenario):
    """One key's ratings count less than as many without keys."""
    offers, terms = offers_of(scenario), terms_of(scenario)
    question = replace(day_of(scenario, 1, seed=0).questions[0], domain="code")
    drawn = []
    for caller in (None, "one"):
        player = Learning(offers, terms=terms)
        asked = replace(question, caller=caller)
        player.learn([lesson_of(f"d{at}", asked, "a", 1, 0.5) for at in range(40)], hour=1)
        drawn.append(np.mean([player.choose(question, seed=seed).place for seed in range(300)]))

    assert drawn[0] > 0.85
    assert drawn[1] < 0.65


def test_another_prior_can_be_begun_from(scenario):
    """A fitted policy may stand in the place of the catalogue."""

    class Sure(StartingExperience):
        def expect(self, question, offers):
            first, second = super().expect(question, offers)
            return first, replace(second, quality=0.9, deviation=0.01)

    terms, offers = terms_of(scenario), offers_of(scenario)
    question = day_of(scenario, 1, seed=0).questions[0]

    assert 1 == Learning(offers, terms=terms, prior=Sure()).choose(question, seed=0).favourite
    assert 0.5 == pytest.approx(Learned(offers, StartingExperience(), terms=terms).choose(question, seed=0).probability)


def test_labelled_questions_win_from_the_start(scenario):
    """Two hundred questions answered by all models leave little to learn; a cold start has it before it."""
    (warm,) = warm_runs(scenario, seeds=1, n_labelled=200, told=_Counting())
    (cold,) = warm_runs(scenario, seeds=1, n_labelled=0, told=_Counting())

    assert 0 == warm.lasting_from
    assert warm.gains[0] > cold.gains[0] + 0.1
    assert cold.gains[-1] > 0.1


@pytest.mark.parametrize(
    ("gains", "lasting"),
    [((1, -1, 1, 1, 1, 1, 1), 100), ((1,) * 7, 0), ((1,) * 6 + (-1,), None), ((-1,) * 6 + (1,), 1000)],
)
def test_win_lasts_if_no_later_checkpoint_loses(gains, lasting):
    """A win that is lost again was none."""
    assert len(CHECKPOINTS) == len(gains)
    assert lasting == Warmth(np.array(gains, np.float64)).lasting_from

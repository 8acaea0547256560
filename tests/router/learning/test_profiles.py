from dataclasses import replace
from datetime import timedelta

import pytest

from router.learning import profiles
from router.learning.profiles import Profiles, wilson
from tests.router.learning.doubles import CODE, NOW, TALK, told


@pytest.mark.parametrize(
    ("n_successes", "n", "interval"),
    [(0, 0, (0.0, 1.0)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (5, 10, (0.2366, 0.7634))],
)
def test_wilson_holds_for_few(n_successes, n, interval):
    """Values of Wilson's formula; never below 0 or above 1."""
    assert pytest.approx(interval, abs=1e-4) == wilson(n_successes, n)


def test_profiles_tell_models_apart_by_domain_and_language():
    """Signs are counted apart from what people said."""
    found = Profiles()
    for each in (told("m", 1.0), told("m", 0.5), told("m", 0.75, TALK), told("m", 0.0, source="implicit")):
        found.count(each)
    chat, code = found.rows()

    assert ("m", "chat", "zh", 1, 0, 1.0) == tuple(
        chat[name] for name in ("model", "domain", "language", "n", "n_implicit", "success_rate")
    )
    assert (2, 1, 0.5, 0.75) == tuple(code[name] for name in ("n", "n_implicit", "success_rate", "mean_reward"))


def test_a_cell_without_opinions_claims_nothing():
    """Signs alone are no success rate."""
    found = Profiles()
    found.count(told("m", 0.0, source="implicit"))
    (row,) = found.rows()

    assert (None, None, 0.0, 1.0) == (row["success_rate"], row["mean_reward"], row["low"], row["high"])
    assert [] == found.curve()


def test_the_curve_compares_with_the_static_policy():
    """By importance weights: a static policy that always draws what succeeds would have earned all."""
    found = Profiles()
    for odds, reward in ((2.0, 1.0), (2.0, 1.0), (0.0, 0.0), (0.0, 0.0)):
        found.count(told("m", reward, odds=odds))
    found.count(told("m", 1.0))  # named by the client: it says nothing of what would have been drawn
    (day,) = found.curve()

    assert ("2026-11-21", 5, 0.6) == (day["day"], day["n"], day["success_rate"])
    assert (1.0, 2.0) == (day["static"]["success_rate"], day["static"]["n_effective"])


def test_a_few_that_all_agree_are_not_certain():
    """One failure says little of what the static policy would have earned, and its interval says so."""
    found = Profiles()
    found.count(told("m", 0.0, odds=1.0))
    static = found.curve()[0]["static"]

    assert (0.0, 0.0, 0.7935) == tuple(static[name] for name in ("success_rate", "low", "high"))


def test_where_the_static_policy_would_have_drawn_nothing_of_it_nothing_is_said():
    """No estimate without support."""
    found = Profiles()
    found.count(told("m", 1.0, odds=0.0))

    assert found.curve()[0]["static"] is None


def test_days_and_cells_are_bounded():
    """The oldest day goes, and what is new beyond the bound of cells is not kept apart."""
    found = Profiles()
    for day in range(profiles.MAX_DAYS + 2):
        found.count(told("m", 1.0, said=NOW + timedelta(days=day)))
    for number in range(profiles.MAX_CELLS + 2):
        found.count(told(f"m{number}", 1.0, replace(CODE)))

    assert (profiles.MAX_DAYS, profiles.MAX_CELLS) == (len(found.days), len(found.cells))
    assert NOW.date().isoformat() not in found.days


def test_a_model_can_be_forgotten():
    """Its cells go, days stay."""
    found = Profiles()
    found.count(told("m", 1.0))
    copied = found.copy()
    copied.forget("m")

    assert ([], 1, 1) == (copied.rows(), len(copied.curve()), len(found.rows()))

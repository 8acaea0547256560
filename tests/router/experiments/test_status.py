"""How a trial stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from config.experiment_settings import TrialSettings
from config.types import Decision
from router.anytime import Drawn as Unit
from router.experiments.drawing import arm_of
from router.experiments.status import SETTLED, standing_of, status_of
from tests.router.offpolicy.books import NOW, booked, rated, record_of
from tests.router.offpolicy.worlds import decided

TRIAL = TrialSettings("dial", dial_a=0.2, dial_b=0.8, least=20, most=2000)
LATER = NOW + SETTLED


def units(n, *, gain, seed=0, base=0.5):
    """Return n conversations, half of them in b, whose ratings are better there by `gain`."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    values = rng.random(n) < base + gain * treated
    return [Unit(float(value), bool(is_b), 0.5) for value, is_b in zip(values, treated, strict=True)]


def record(name, conversation, *, trial=TRIAL, **changes):
    """Return a booked decision of a trial."""
    drawn = arm_of(conversation.encode(), trial)
    row = decided(name, chosen="large", probabilities=(0.6, 0.4), reward=None, cost=changes.pop("cost", 0.01))
    base = record_of(row, **changes)
    features = {**base.decision.features, "trial": drawn.as_json()}
    return replace(base, decision=replace(base.decision, arm=drawn.label, features=features))


@pytest.mark.parametrize(
    ("gain", "goal", "state", "winner"),
    [
        (0.4, "quality", "won", "b"),
        (-0.4, "quality", "won", "a"),
        (0.4, "cost", "won", "a"),
        (0.0, "quality", "undecided", None),
    ],
)
def test_it_stops_with_a_winner_or_without(gain, goal, state, winner):
    """Higher ratings win, lower costs win; without a difference it ends after the most."""
    found = standing_of(units(2000, gain=gain), replace(TRIAL, goal=goal))

    assert (state, winner) == (found.state, found.winner)
    assert (found.stopped_after is not None) == (state == "won")


def test_what_comes_after_the_stop_changes_nothing():
    """The first moment beside 0 settles it, with the numbers of that moment."""
    first = units(1000, gain=0.4)
    turned = [*first, *units(900, gain=-0.45, seed=1)]
    one, two = standing_of(first, TRIAL), standing_of(turned, TRIAL)

    assert ("b", one.stopped_after, one.effect) == (two.winner, two.stopped_after, two.effect)


def test_looking_every_time_is_wrong_at_most_so_often():
    """300 trials without a difference, each looked at after every conversation: about 5 % may stop, not 30."""
    wrong = sum(standing_of(units(600, gain=0.0, seed=seed), TRIAL).state == "won" for seed in range(300))

    assert wrong <= 300 * 0.05


def test_nothing_is_decided_on_few():
    """Whatever the numbers say."""
    few = [Unit(float(at % 2), bool(at % 2), 0.5) for at in range(2 * TRIAL.least - 1)]

    assert ("running", None) == (standing_of(few, TRIAL).state, standing_of(few, TRIAL).effect)
    assert "no_data" == standing_of([], TRIAL).state
    assert standing_of([*few, Unit(1.0, treated=True, p_treated=0.5)], TRIAL).effect is not None


async def test_conversations_are_read_from_the_books(database):
    """Turns of one count together; one that goes on, another trial and damaged rows do not count."""
    records = [record(f"{at}-{turn}", f"c{at}") for at in range(80) for turn in range(2)]
    records += [record("open", "open", ts=NOW + timedelta(minutes=1))]
    records += [record("other", "c1", trial=TrialSettings("other")), record("why", "c1", status="analyzed")]
    damaged = record("damaged", "d")
    records += [replace(damaged, decision=replace(damaged.decision, features={}))]
    records += [replace(damaged, id="none", decision=Decision("auto", ("m",), (1.0,), ("m",), (), "w"))]
    arms = {f"c{at}": arm_of(f"c{at}".encode(), TRIAL).arm for at in range(80)}
    said = [rated(f"{at}-0", 1.0 if arms[f"c{at}"] == "b" else 0.0) for at in range(80)]
    said += [rated("1-1", None, source="asked_again", kind="implicit")]
    await booked(database, records, said)
    told = await status_of(database, TRIAL, now=LATER)

    assert 80 == told["arms"]["a"]["conversations"] + told["arms"]["b"]["conversations"]
    assert 160 == told["arms"]["a"]["requests"] + told["arms"]["b"]["requests"]
    assert (0.0, 1.0) == (told["arms"]["a"]["quality"], told["arms"]["b"]["quality"])
    assert ("won", "b") == (told["state"], told["winner"])
    assert told["en"].startswith("Stop: arm b is rated higher; b less a is +")
    assert told["zh"].startswith("可以停止：b 组评分更高")
    assert (0.8, "as_set", 1.0) == tuple(told["arms"]["b"][key] for key in ("dial", "policy", "completed"))


async def test_costs_decide_where_they_are_the_goal(database):
    """Lower wins, whatever the ratings."""
    cheap = replace(TRIAL, goal="cost")
    rng = np.random.default_rng(2)
    records = [
        record(f"{at}", f"c{at}", cost=rng.uniform(0.9, 1.1) * (0.01 if arm_of(f"c{at}".encode(), TRIAL).arm == "b" else 0.1))
        for at in range(300)
    ]  # fmt: skip
    await booked(database, records)
    told = await status_of(database, cheap, now=LATER)

    assert ("won", "b") == (told["state"], told["winner"])
    assert "arm b costs less" in told["en"]
    assert "更便宜" in told["zh"]


async def test_the_arm_is_that_of_the_first_turn(database):
    """A share that is changed on the way moves no conversation that is counted."""
    other = replace(TRIAL, share_b=0.99 if arm_of(b"c", TRIAL).arm == "a" else 0.01)
    await booked(database, [record("1", "c"), record("2", "c", trial=other)])
    told = await status_of(database, TRIAL, now=LATER)

    assert 1 == told["arms"]["a"]["requests"] + told["arms"]["b"]["requests"]


@pytest.mark.parametrize(("n", "said"), [(0, "No conversation"), (10, "Not enough data yet"), (120, "Go on")])
async def test_before_the_end_it_is_said_what_is_missing(database, n, said):
    """In both languages."""
    records = [record(f"{at}", f"c{at}") for at in range(n)]
    await booked(database, records, [rated(f"{at}", float(at % 3 == 0)) for at in range(n)])
    told = await status_of(database, TRIAL, now=LATER)

    assert told["en"].startswith(said)
    assert told["zh"]


async def test_without_a_winner_it_ends(database):
    """After the most conversations, and it says so."""
    trial = replace(TRIAL, most=100)
    records = [record(f"{at}", f"c{at}") for at in range(120)]
    await booked(database, records, [rated(f"{at}", float(at % 3 == 0)) for at in range(120)])
    told = await status_of(database, trial, now=LATER)

    assert ("undecided", None) == (told["state"], told["winner"])
    assert told["en"].startswith("Stop: no winner after 120 conversations")
    assert "仍无胜者" in told["zh"]

"""The five estimators, against truths that are counted out."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.choosing.values import Question
from router.offpolicy.estimators import MOST_WEIGHT, difference, evidence_of, five
from router.offpolicy.logged import log_of
from tests.router.offpolicy.worlds import COSTS, MODELS, World, always, decided, table_of

PAIR = MODELS[:2]
ASKED = (Question("", language="zh"), Question("", language="en"), Question("", language="zh", domain="code"))
CHANCES = {("large", 0): 0.9, ("large", 1): 0.5, ("large", 2): 0.7}
CHANCES |= {("middle", 0): 0.2, ("middle", 1): 0.6, ("middle", 2): 0.1}
LOGGED = ((0.8, 0.2), (0.3, 0.7), (0.5, 0.5))
WANTED = np.array([[0.1, 0.9], [1.0, 0.0], [0.4, 0.6]])


def every_log():
    """Yield each log that three questions can lead to, with its probability."""
    for chosen in product((0, 1), repeat=3):
        for rewards in product((0.0, 1.0), repeat=3):
            likely, rows = 1.0, []
            for at, (arm, reward) in enumerate(zip(chosen, rewards, strict=True)):
                chance = CHANCES[PAIR[arm], at]
                likely *= LOGGED[at][arm] * (chance if reward else 1 - chance)
                rows.append(
                    decided(
                        str(at), chosen=PAIR[arm], probabilities=LOGGED[at], eligible=PAIR, reward=reward,
                        question=ASKED[at],
                    )
                )  # fmt: skip
            yield likely, log_of(rows)


def test_over_all_logs_there_could_be_the_mean_is_the_truth():
    """Counted out: 64 logs of three questions, each with its probability; no bias whatever the reward model says."""
    truth = np.mean([sum(WANTED[at, arm] * CHANCES[PAIR[arm], at] for arm in (0, 1)) for at in range(3)])
    ips = robust = total = 0.0
    for likely, log in every_log():
        found = five(evidence_of(log, log.rewards, spread=1.0), WANTED)
        ips += likely * found.ips.value
        robust += likely * found.doubly_robust.value
        total += likely

    assert 1 == pytest.approx(total)
    assert truth == pytest.approx(ips, abs=1e-12)
    assert truth == pytest.approx(robust, abs=1e-12)


def test_doubly_robust_is_right_where_the_probabilities_were_logged_wrong():
    """The reward model is right here, so that false weights are of no matter; to the others they are."""
    world = World()
    rows = [replace(each, probabilities=(1 / 3, 1 / 3, 1 / 3)) for each in world.rows(6000, 5)]
    log = log_of(rows)
    found = five(evidence_of(log, log.rewards, spread=1.0), table_of(log, always("small")))
    truth = world.truth(always("small"))

    assert abs(found.doubly_robust.value - truth) < 0.03
    assert abs(found.ips.value - truth) > 0.2
    assert abs(found.snips.value - truth) > 0.05


def test_naive_is_biased_where_the_log_chose_well():
    """It mistakes the questions for the model; the others do not."""
    world = World()
    log = world.log(8000, 1)
    found = five(evidence_of(log, log.rewards, spread=1.0), table_of(log, always("small")))
    truth = world.truth(always("small"))

    assert found.naive.low > truth
    for name in ("ips", "snips", "direct", "doubly_robust"):
        each = found.by_name()[name]
        assert each.low < truth < each.high, name


def test_costs_are_estimated_like_quality():
    """In USD, without bounds."""
    world = World()
    log = world.log(4000, 2)
    found = five(evidence_of(log, log.costs_usd), table_of(log, always("large")))
    truth = world.truth(always("large"), of=lambda model, *_: COSTS[model] * (0.5 + 459.5 / 900))

    assert found.doubly_robust.low < truth < found.doubly_robust.high
    assert found.doubly_robust.error < 0.1 * truth


def test_what_nobody_rated_counts_in_who_was_asked():
    """Ratings are sparse, and `small` is rated thrice as often: the estimate is of all, and right."""
    world, kept = World(), np.random.default_rng(9)
    rows = [
        each if kept.random() < (0.6 if each.chosen == "small" else 0.2) else replace(each, reward=None)
        for each in world.rows(12_000, 3)
    ]
    log = log_of(rows)
    found = five(evidence_of(log, log.rewards, spread=1.0), table_of(log, lambda *_: {"small": 0.5, "large": 0.5}))
    truth = world.truth(lambda *_: {"small": 0.5, "large": 0.5})

    assert 12_000 == found.n > 2 * found.n_known
    for name in ("ips", "snips", "doubly_robust"):
        each = found.by_name()[name]
        assert each.low < truth < each.high, name


def test_after_a_failover_the_reward_is_the_served_models():
    """`large` fails half of the time and `small`, which pleases nobody, answers: `large` is not blamed for it."""
    rng = np.random.default_rng(4)
    rows = []
    for at in range(4000):
        chosen = MODELS[int(rng.integers(3))]
        fell = chosen == "large" and rng.random() < 0.5
        reward = float(chosen == "large" and not fell)
        rows.append(
            decided(
                str(at), chosen=chosen, served="small" if fell else chosen, reward=reward, probabilities=(1 / 3,) * 3
            )
        )
    log = log_of(rows)
    evidence = evidence_of(log, log.rewards, spread=1.0)
    large, small = (five(evidence, table_of(log, always(name))) for name in ("large", "small"))

    assert 1 == pytest.approx(large.doubly_robust.value, abs=0.01)
    assert 1 == pytest.approx(large.snips.value)
    assert 0 == pytest.approx(small.doubly_robust.value, abs=0.01)


def test_turns_of_one_conversation_are_no_new_evidence():
    """Each decision ten times over: the same estimate, the same effective size, no narrower interval."""
    rows = World().rows(400, 7)
    many = [replace(each, id=f"{each.id}/{turn}") for each in rows for turn in range(10)]
    few, much = (log_of(each) for each in (rows, many))
    one, ten = (
        five(evidence_of(each, each.rewards, spread=1.0), table_of(each, always("middle"))) for each in (few, much)
    )

    assert one.ess == pytest.approx(ten.ess)
    assert one.snips.value == pytest.approx(ten.snips.value)
    assert one.snips.error == pytest.approx(ten.snips.error)
    assert one.ips.error == pytest.approx(ten.ips.error)


def test_weights_are_clipped_and_counted():
    """A choice that was logged with 1 in 1,000 counts for 50, not for 1,000."""
    rows = [
        decided(str(at), chosen="large", probabilities=(0.001, 0.499, 0.5), reward=1.0) if at == 0
        else decided(str(at), chosen="middle", probabilities=(0.001, 0.499, 0.5), reward=1.0)
        for at in range(100)
    ]  # fmt: skip
    log = log_of(rows)
    found = five(evidence_of(log, log.rewards, spread=1.0), table_of(log, always("large")))

    assert (1, MOST_WEIGHT / 100) == (found.n_clipped, found.ips.value)


def test_all_alike_is_not_certain():
    """Thirty answers that all pleased leave room for one that does not: the interval has a width."""
    rows = [decided(str(at), chosen=MODELS[at % 2], probabilities=(0.5, 0.5), reward=1.0) for at in range(60)]
    log = log_of(rows)
    found = five(evidence_of(log, log.rewards, spread=1.0), table_of(log, always("large"))).doubly_robust

    assert (1.0, 0.1) == (pytest.approx(found.value), pytest.approx(found.error))


def test_difference_from_itself_is_nothing():
    """And it is known to be nothing; from another one it is the gap, with an interval that holds it."""
    world = World()
    log = world.log(5000, 8)
    evidence = evidence_of(log, log.rewards, spread=1.0)
    same = difference(evidence, log.probabilities, log.probabilities)
    gap = difference(evidence, table_of(log, always("large")), log.probabilities)
    truth = world.truth(always("large")) - world.truth(world.logger)

    assert (0, 0, 0) == (same.value, same.low, same.high)
    assert gap.low < truth < gap.high


def test_a_slice_is_estimated_from_its_own_rows():
    """Of the Chinese questions alone."""
    world = World()
    log = world.log(6000, 6)
    chinese = np.array([each.language == "zh" for each in log.questions])
    found = five(evidence_of(log, log.rewards, spread=1.0).part(chinese), table_of(log, always("middle"))[chinese])

    assert int(chinese.sum()) == found.n
    assert found.doubly_robust.low < 0.85 < found.doubly_robust.high
    assert found.direct.low < 0.85 < found.direct.high


@st.composite
def logs(draw):
    """Draw a small log with any probabilities and rewards, some of them unknown, and a target."""
    n = draw(st.integers(2, 12))
    rows, wanted = [], []
    for at in range(n):
        p = np.array(draw(st.lists(st.integers(1, 20), min_size=3, max_size=3)), float)
        t = np.array(draw(st.lists(st.integers(0, 5), min_size=3, max_size=3)), float) + 1e-6
        reward = 1.0 if at == 0 else draw(st.none() | st.floats(0, 1))
        rows.append(
            decided(
                str(at), chosen=draw(st.sampled_from(MODELS)), probabilities=tuple(p / p.sum()), reward=reward,
                conversation=str(draw(st.integers(0, n))), question=Question("", language=draw(st.sampled_from("ab"))),
            )
        )  # fmt: skip
        wanted.append(t / t.sum())
    return log_of(rows), np.array(wanted)


@settings(max_examples=25, deadline=None)
@given(logs())
def test_estimates_are_numbers_and_inside_their_intervals(drawn):
    """Whatever was logged; and the effective size is never more than the conversations."""
    log, wanted = drawn
    found = five(evidence_of(log, log.rewards, spread=1.0), wanted)

    for name, each in found.by_name().items():
        assert np.isfinite(each.value), name
        assert each.low <= each.value <= each.high, name
    assert 0 <= found.snips.value <= 1 + 1e-9
    assert -1e-9 <= found.direct.value <= 1 + 1e-9
    assert 0 < found.ess <= len(set(log.conversations.tolist())) + 1e-9


@settings(max_examples=25, deadline=None)
@given(logs())
def test_the_policy_that_logged_earned_what_was_seen(drawn):
    """Evaluating it weighs every rated decision alike within its model."""
    log, _ = drawn
    log = log_of(
        decided(str(at), chosen=log.models[arm], probabilities=tuple(log.probabilities[at]), reward=at % 3 / 2)
        for at, arm in enumerate(log.chosen.tolist())
    )
    found = five(evidence_of(log, log.rewards, spread=1.0), log.probabilities)

    assert log.rewards.mean() == pytest.approx(found.ips.value)
    assert log.rewards.mean() == pytest.approx(found.snips.value)
    assert len(log) == pytest.approx(found.ess)

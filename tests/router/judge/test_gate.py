"""When a judge is asked, and when a request waits for it: never by the luck of the draw, and never too many."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.drawing import worth_of_knowing
from router.choosing.scoring import Taste
from router.choosing.values import Choice, Ranked
from router.judge.gate import BURST, Gate, Patience, Stakes, Toll, stakes_of, why_not
from tests.router.judge.cases import chosen

WORTH_IT = Stakes(0.4, gain=0.2)


@pytest.mark.parametrize(
    ("choice", "gate", "reason"),
    [
        (chosen(0.6, 0.5, deviation=0.3), Gate(), None),
        (chosen(0.6, 0.5), Gate("never"), "off"),
        (chosen(0.6), Gate(), "one_candidate"),
        (chosen(0.6), Gate("always"), "one_candidate"),
        (chosen(0.6, 0.5, explores=False), Gate("always"), None),
        (chosen(0.9, 0.3), Gate(), "sure"),
        (chosen(0.9, 0.3), Gate("always"), None),
        (chosen(0.5, 0.5), Gate(), None),
        (chosen(0.5, 0.5, deviation=0.01), Gate(), "low_stakes"),
        (chosen(0.9, 0.3), Gate(unsure_below=1.0), "low_stakes"),
        (chosen(float("nan"), 0.5), Gate(), "no_expectations"),
        (chosen(float("nan"), 0.5), Gate("always"), None),
        (Choice((Ranked("a", 0.5, 0.5), Ranked("b", 0.5, 0.5)), "w", seed=1), Gate(), "no_expectations"),
    ],
)
def test_judge_is_asked_where_it_is_worth_it(choice, gate, reason):
    """Only a drawn choice among several, of an unsure policy, where to know the best one is worth something."""
    assert reason == why_not(choice, gate, stakes_of(choice, trust=0.8))


def test_model_that_stays_is_left_alone():
    """A tool loop and a conversation that goes on keep their model; nobody is asked."""
    assert "stays" == why_not(chosen(0.6, 0.5, deviation=0.3), Gate("always"), None, stays=True)


def test_luck_of_the_draw_does_not_decide_who_is_asked():
    """Whichever model was drawn, the same question has the same at stake."""
    found = {stakes_of(chosen(0.7, 0.45, 0.2, seed=n), trust=0.8) for n in range(200)}

    assert 1 == len({(round(each.gain, 12), each.p_best) for each in found})


def test_nothing_is_to_gain_from_a_judge_that_is_not_trusted():
    """What its word may bring is a part of what knowing everything would."""
    stakes = [stakes_of(chosen(0.5, 0.5), trust=trust) for trust in (0.0, 0.5, 1.0)]

    assert [0.0, 0.5, 1.0] == pytest.approx([each.gain / stakes[2].gain for each in stakes])


def test_nothing_is_reckoned_where_the_policy_is_sure():
    """Most requests of a gateway that has learned: they are not to pay for what nobody asks."""
    found = stakes_of(chosen(0.9, 0.3), trust=1.0, gate=Gate())

    assert 0.0 == found.gain
    assert "sure" == why_not(chosen(0.9, 0.3), Gate(), found)
    assert stakes_of(chosen(0.5, 0.5), trust=1.0, gate=Gate()).gain > 0


def test_wait_and_price_weigh_what_they_weigh_among_the_models():
    """Five seconds are half of the weight of waiting; the judge's price counts against the dearest candidate's."""
    choice = chosen(0.5, 0.5, cost=0.001)
    found = stakes_of(choice, trust=1.0, taste=Taste(0.5, 0.05), toll=Toll(5_000, 0.001))
    free = stakes_of(choice, trust=1.0, taste=Taste(1.0, 0.0), toll=Toll(5_000, 0.001))

    assert (0.025, pytest.approx(0.5 * 0.15)) == (found.wait, found.fee)
    assert (0.0, 0.0) == (free.wait, free.fee)


@pytest.mark.parametrize(("usd", "fee"), [(0.0, 0.0), (0.5, 0.15)])
def test_judge_that_costs_is_the_dearest_where_no_price_is_known(usd, fee):
    """Among models without prices one that costs is like the dearest of them."""
    found = stakes_of(chosen(0.5, 0.5), trust=1.0, toll=Toll(0.0, usd))

    assert pytest.approx(fee) == found.fee


def test_dear_judge_is_not_asked_at_all():
    """Its price is spent whether a request waits or not."""
    choice = chosen(0.5, 0.5, cost=0.001, deviation=0.3)
    cheap, dear = (stakes_of(choice, trust=0.8, toll=Toll(0.0, usd)) for usd in (0.0001, 0.01))

    assert None is why_not(choice, Gate(), cheap)
    assert "low_stakes" == why_not(choice, Gate(), dear)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5)), min_size=1, max_size=30))
def test_knowing_is_worth_something_and_never_more_than_the_best_could_win(models):
    """The worth of knowing is finite, not below 0, and bounded by what the deviations allow."""
    means, deviations = zip(*models, strict=True)
    found = worth_of_knowing(means, deviations)

    assert 0.0 <= found <= 4.0 * max(*deviations, 1e-6) + 1e-9


def test_worth_of_knowing_two_equals_is_what_the_textbook_says():
    """For two alike it is the deviation over the square root of pi."""
    assert pytest.approx(0.12 / 3.141592653589793**0.5, rel=5e-3) == worth_of_knowing([0.6, 0.6], [0.12, 0.12])


def test_worth_of_knowing_is_what_is_won_by_knowing():
    """Against drawing the true scores many times."""
    rng = Random(1)
    means, deviations = (0.6, 0.5, 0.55), (0.05, 0.2, 0.1)
    won = [max(rng.gauss(mean, wide) for mean, wide in zip(means, deviations, strict=True)) for _ in range(40_000)]

    assert pytest.approx(sum(won) / len(won) - 0.6, abs=3e-3) == worth_of_knowing(means, deviations)


@given(
    share=st.floats(0, 1),
    min_gain=st.sampled_from((0.0, 0.01, 0.1)),
    asked=st.lists(st.one_of(st.none(), st.floats(-0.1, 0.5)), max_size=300),
)
def test_never_more_than_the_share_and_a_burst_wait(share, min_gain, asked):
    """Of any requests in a row, whatever they have to gain, at most the share of them and five more wait."""
    patience, waited = Patience(share), [0]
    for gain in asked:
        patience.came()
        waits = gain is not None and patience.why_not(Stakes(0.4, gain), min_gain=min_gain) is None
        waited.append(waited[-1] + waits)
    excess = [n - share * at for at, n in enumerate(waited)]
    largest = max(max(excess[at:]) - low for at, low in enumerate(excess))  # over every stretch of the row

    assert largest <= BURST + 1e-6
    assert waited[-1] == 0 or share > 0


def test_all_may_wait_where_the_settings_let_all():
    """With a share of 1 every request that is worth it waits, and with 0 none."""
    for share, expected in ((1.0, 300), (0.0, 0)):
        patience, n = Patience(share), 0
        for _ in range(300):
            patience.came()
            n += patience.why_not(Stakes(0.4, gain=0.011), min_gain=0.01) is None

        assert expected == n


def test_wait_must_be_worth_itself():
    """A gain that the wait eats up is no reason to wait, however many may."""
    assert "not_worth_the_wait" == Patience(1.0).why_not(Stakes(0.4, gain=0.02, wait=0.015), min_gain=0.01)


def test_what_is_left_is_kept_for_those_with_more_at_stake():
    """After a row of requests that waited, one with little to gain does not, and one with much does."""
    patience = Patience(0.1)
    for _ in range(3):
        patience.came()
        assert patience.why_not(WORTH_IT, min_gain=0.01) is None

    assert "share_spent" == patience.why_not(Stakes(0.4, gain=0.015), min_gain=0.01)
    assert patience.why_not(WORTH_IT, min_gain=0.01) is None

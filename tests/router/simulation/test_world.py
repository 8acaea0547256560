from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.simulation.scenario import Drift, Feedback, fixed_scenario
from router.simulation.world import day_of, offers_of

SCENARIO = replace(fixed_scenario(), requests_per_day=20_000, played_per_day=2000)


def _mean(day, domain, language, model):
    rows = [at for at, each in enumerate(day.questions) if (each.domain, each.language) == (domain, language)]
    return day.quality[rows, [each.name for each in SCENARIO.models].index(model)].mean()


def test_same_seed_gives_the_same_day():
    """Two policies see the very same questions, answers and readers."""
    first, again, other = (day_of(SCENARIO, 1, seed=seed) for seed in (7, 7, 8))

    assert first.questions == again.questions
    assert (first.told == again.told).all()
    assert first.questions != other.questions


def test_days_of_a_run_differ():
    """Nobody is asked the same on two days."""
    assert day_of(SCENARIO, 1, seed=0).questions != day_of(SCENARIO, 2, seed=0).questions


def test_truth_is_that_of_the_scenario():
    """Who has the skill is right more often."""
    day = day_of(SCENARIO, 1, seed=0)

    assert _mean(day, "code", "en", "cursor") > _mean(day, "code", "en", "dove-small") + 0.3
    assert _mean(day, "business", "zh", "bamboo") > _mean(day, "business", "en", "bamboo") + 0.2


def test_quality_falls_off_a_cliff_beyond_the_limit():
    """What no linear policy can say: complexity does not matter, and then it does."""
    day = day_of(replace(SCENARIO, n_topics=0, topic_spread=0.0), 1, seed=0)
    at = {1: [], 3: [], 8: []}
    for row, each in enumerate(day.questions):
        if (each.domain, each.language) == ("advice", "en") and each.complexity in at:
            at[each.complexity].append(day.quality[row, 3])

    assert np.mean(at[1]) == pytest.approx(np.mean(at[3]))
    assert np.mean(at[3]) - 0.3 > np.mean(at[8] or [0.0])


def test_ratings_are_sparse_and_a_fifth_says_the_opposite():
    """Feedback is as the scenario says."""
    day = day_of(SCENARIO, 1, seed=0)

    assert 1000 == pytest.approx(day.rates.sum(), abs=120)
    assert 2000 == (~day.rates).sum()
    assert 0.20 == pytest.approx((day.told != day.stars).mean() / (day.stars != 3).mean(), abs=0.03)
    assert 0 == day_of(replace(SCENARIO, feedback=Feedback(share=0.0)), 1, seed=0).rates.sum()


def test_right_answers_are_liked():
    """Stars follow what is right, with the noise of people."""
    day = day_of(SCENARIO, 1, seed=0)

    assert day.stars[day.right].mean() > 4
    assert day.stars[~day.right].mean() < 2.2
    assert {1, 2, 3, 4, 5} == set(np.unique(day.stars).tolist())


@pytest.mark.parametrize(("domain", "elsewhere"), [("", True), ("business", False)])
def test_drift_changes_a_model_from_its_day_on(domain, elsewhere):
    """A model that got worse is worse from that morning on, in one domain or in all."""
    scenario = replace(SCENARIO, drifts=(Drift(2, "cursor", -3.0, domain),))
    for number, changed in ((1, False), (2, True)):
        calm, drifting = day_of(SCENARIO, number, seed=0), day_of(scenario, number, seed=0)

        assert changed == (_mean(drifting, "business", "en", "cursor") < _mean(calm, "business", "en", "cursor"))
        assert (changed and elsewhere) == (
            _mean(drifting, "code", "en", "cursor") < _mean(calm, "code", "en", "cursor")
        )


def test_costs_follow_length_and_price():
    """What is asked and what is answered is paid for at the catalogue's prices."""
    day = day_of(SCENARIO, 1, seed=0)
    tokens, atlas = day.questions[0].n_tokens, SCENARIO.models[0]

    assert (tokens * atlas.input_usd + 400 * atlas.output_usd) / 1e6 == pytest.approx(day.cost_usd[0, 0])


def test_catalogue_tells_no_truth():
    """Offers hold what an operator wrote, not what is true."""
    assert ["atlas-large", "bamboo", "cursor", "dove-small", "euler"] == [each.model for each in offers_of(SCENARIO)]
    assert ("business", "knowledge", "math") == offers_of(SCENARIO)[0].domains


def test_texts_are_of_the_language_and_the_domain():
    """A Chinese question about code holds Chinese words about code."""
    day = day_of(SCENARIO, 1, seed=0)
    zh = next(each for each in day.questions if (each.domain, each.language) == ("code", "zh"))

    assert set(zh.text.split()) <= {"函数", "编译", "线程", "报错"}


def test_domain_is_told_of_a_share_and_all_else_stays():
    """The gateway is not told every domain; questions, truth and readers are the same as if it were."""
    known, partly = (day_of(replace(SCENARIO, domain_known=share), 1, seed=0) for share in (1.0, 0.19))
    told = [each for each in partly.questions if each.domain]

    assert 0.19 == pytest.approx(len(told) / len(partly.questions), abs=0.02)
    assert [replace(each, domain="") for each in known.questions] == [
        replace(each, domain="") for each in partly.questions
    ]
    assert (known.foreseen == partly.foreseen).all()
    assert (known.told == partly.told).all()
    assert all(one.domain in {"", other.domain} for one, other in zip(partly.questions, known.questions, strict=True))


def test_some_domains_are_told_wrongly():
    """Of those that are told a share is another one's; the truth is the same."""
    known, mistaken = (day_of(replace(SCENARIO, domain_wrong=share), 1, seed=0) for share in (0.0, 0.1))
    wrong = [one.domain != other.domain for one, other in zip(known.questions, mistaken.questions, strict=True)]

    assert 0.1 == pytest.approx(sum(wrong) / len(wrong), abs=0.02)
    assert (known.foreseen == mistaken.foreseen).all()
    assert {each.domain for each in mistaken.questions} <= {each.name for each in SCENARIO.domains}

"""The report: estimates by slice, refusals, and the sentence at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.offpolicy.candidates import FixedTable, Wanted
from router.offpolicy.estimators import evidence_of
from router.offpolicy.logged import log_of
from router.offpolicy.report import report_of
from router.offpolicy.support import LEAST_KNOWN, refusals, too_few
from tests.router.offpolicy.worlds import MODELS, World, always, decided, table_of

EVERYTHING = FixedTable("t", {"*": {"large": 1.0}})
BEST = {"zh/chat": {"middle": 1}, "zh/code": {"middle": 1}, "en/chat": {"small": 1}, "en/code": {"large": 1}}


@pytest.fixture(scope="module")
def log():
    """A log that can tell of every model."""
    return World(floor=0.1).log(4000, 3)


def told(log, table, name="t"):
    """Return the report on a table."""
    return report_of(log, FixedTable(name, table).wanted(log), name=name)


def test_a_better_candidate_is_called_better(log):
    """In both languages, with the interval; every estimator is there, for quality and cost."""
    report = told(log, BEST)
    quality = report["quality"][0]

    assert ("better", True) == (report["verdict"]["finding"], report["verdict"]["better"])
    assert report["verdict"]["en"].startswith("The candidate is better than the current policy: quality +0.")
    assert report["verdict"]["zh"].startswith("候选策略优于当前策略：质量 +0.")
    assert ["naive", "ips", "snips", "direct", "doubly_robust"] == list(quality["estimates"])
    assert quality["difference"]["low"] > 0
    assert quality["current"]["low"] < quality["current"]["value"] < quality["estimates"]["doubly_robust"]["value"]
    assert report["cost_usd"][0]["estimates"]["doubly_robust"]["value"] > 0
    assert "It costs less" in report["verdict"]["en"]
    assert "它更便宜" in report["verdict"]["zh"]


def test_slices_are_told_apart(log):
    """Languages, domains and pairs; each with its own numbers."""
    found = {(each["kind"], each["name"]): each for each in told(log, BEST)["quality"]}
    truth = {"zh": 0.85, "en": 0.75}

    assert ("all", "") == next(iter(found))
    assert {"zh", "en", "chat", "code", "zh/chat", "zh/code", "en/chat", "en/code"} == {key[1] for key in found} - {""}
    assert 4000 == sum(each["n"] for (kind, _), each in found.items() if kind == "language")
    for name, value in truth.items():
        each = found["language", name]["estimates"]["doubly_robust"]
        assert each["low"] < value < each["high"]


@pytest.mark.parametrize(
    ("table", "finding", "english", "chinese"),
    [
        ({"*": {"small": 1}}, "worse", "is worse than", "不如当前策略"),
        (World(floor=0.1).logger("zh", "chat"), "worse", "is worse than", "不如当前策略"),
    ],
)
def test_a_worse_candidate_is_called_worse(log, table, finding, english, chinese):
    """Its upper bound lies below."""
    report = told(log, table if "*" in table else {"*": table})

    assert finding == report["verdict"]["finding"]
    assert english in report["verdict"]["en"]
    assert chinese in report["verdict"]["zh"]


def test_the_same_policy_makes_no_difference(log):
    """And costs the same."""
    report = report_of(log, Wanted(log.probabilities), name="same")

    assert "not_known" == report["verdict"]["finding"]
    assert "No difference can be told" in report["verdict"]["en"]
    assert "看不出与当前策略的差别" in report["verdict"]["zh"]
    assert "Its cost is not known to differ" in report["verdict"]["en"]


def test_a_dearer_candidate_is_said_to_cost_more(log):
    """Beside its quality."""
    report = told(log, {"*": {"large": 1}})

    assert "It costs more" in report["verdict"]["en"]
    assert "它更贵" in report["verdict"]["zh"]


def test_nothing_is_called_better_on_few_decisions():
    """Although the lower bound is above 0: 200 decisions are needed, and it is said how many there are."""
    rows = [
        decided(str(at), chosen=MODELS[at % 3], probabilities=(1 / 3,) * 3, reward=float(at % 3 == 0))
        for at in range(300)
    ]
    report = told(log_of(rows), {"*": {"large": 1}})

    assert report["quality"][0]["difference"]["low"] > 0
    assert "too_few" == report["verdict"]["finding"]
    assert "worth 100 decisions, 200 are needed" in report["verdict"]["en"]
    assert "只相当于 100 个决策，至少需要 200 个" in report["verdict"]["zh"]


def test_a_model_that_was_never_tried_in_a_language_is_refused_there():
    """The sentence names model and language; where it was tried the numbers stand."""
    rows = []
    for each in World().rows(3000, 5):
        if each.question.language == "zh":
            chosen = each.chosen if each.chosen != "middle" else "small"
            rows.append(replace(each, probabilities=(0.5, 0.0, 0.5), chosen=chosen, served=chosen))
        else:
            rows.append(replace(each, probabilities=(0.4, 0.2, 0.4)))
    report = told(log_of(rows), {"*": {"middle": 1}})
    found = {each["name"]: each for each in report["quality"]}

    assert "This log says nothing about model middle in zh" in found["zh"]["refused"][0]["en"]
    assert "在 zh 中对模型 middle 一无所知" in found["zh"]["refused"][0]["zh"]
    assert found["zh"]["estimates"] is None
    assert found[""]["estimates"] is None
    assert found["en"]["estimates"]["doubly_robust"]["value"] == pytest.approx(0.45, abs=0.2)
    assert "refused" == report["verdict"]["finding"]
    assert "cannot be told" in report["verdict"]["en"]
    assert "无法判断" in report["verdict"]["zh"]


def test_a_model_that_the_log_does_not_know_is_refused(log):
    """Everywhere, for quality and cost."""
    report = told(log, {"*": {"brand-new": 1, "large": 1}})

    assert all(each["estimates"] is None for part in ("quality", "cost_usd") for each in report[part])
    assert "nothing about model brand-new: it could never be chosen" in report["verdict"]["en"]
    assert "brand-new 一无所知：它从未可能被选中" in report["verdict"]["zh"]


def test_a_log_without_ratings_still_tells_of_cost():
    """Quality is refused with a sentence, cost is estimated."""
    log = World(floor=0.1).log(2000, 4, rated=0.0)
    report = told(log, {"*": {"small": 1}})

    assert "no_data" == report["quality"][0]["refused"][0]["why"]
    assert "Nothing can be told of the rating: of 0 answers it is known" in report["verdict"]["en"]
    assert "对评分一无所知：只有 0 个回答有评分" in report["verdict"]["zh"]
    assert report["cost_usd"][0]["estimates"]["snips"]["value"] == pytest.approx(0.001, rel=0.2)


def test_support_wants_outcomes_of_every_model_that_matters():
    """Four ratings of a model that takes half of the choices are too few; a hundredth of them does not matter."""
    rows = [decided(str(at), chosen="large", probabilities=(0.9, 0.05, 0.05), reward=1.0) for at in range(100)]
    rows += [decided(f"m{at}", chosen="middle", probabilities=(0.9, 0.05, 0.05), reward=1.0) for at in range(4)]
    log = log_of(rows)
    evidence = evidence_of(log, log.rewards, spread=1.0)
    half = refusals(evidence, table_of(log, lambda *_: {"large": 0.5, "middle": 0.5}))
    little = refusals(evidence, table_of(log, lambda *_: {"large": 0.985, "middle": 0.015}))

    assert [("no_outcomes", "middle", LEAST_KNOWN - 1)] == [(each.why, each.model, each.n) for each in half]
    assert "4 of its answers have a known rating, 5 are needed" in half[0].english
    assert "只有 4 个回答有评分" in half[0].chinese
    assert () == little


def test_a_deterministic_log_supports_only_itself(log):
    """Where the log gave a model no probability, no weight can make up for it."""
    certain = log_of(
        decided(str(at), chosen="large", probabilities=(0.7, 0.3, 0.0), reward=1.0, question=each)
        for at, each in enumerate(log.questions[:200])
    )
    found = refusals(
        evidence_of(certain, certain.rewards, spread=1.0),
        table_of(certain, always("small")),
        where="en",
    )

    assert ["never_possible"] == [each.why for each in found]
    assert "takes it for 100% of the decisions" in found[0].english
    assert "100%" in found[0].chinese


def test_too_few_is_said_with_numbers():
    """In both languages."""
    (found,) = too_few(3.2, where="zh")

    assert "Too few decisions in zh" in found.english
    assert "在 zh 中与候选策略一致的决策太少：只相当于 3 个" in found.chinese
    assert {"why": "too_few", "n": 3.2} == {key: found.as_json()[key] for key in ("why", "n")}
    assert () == too_few(20.0)


def test_a_model_that_was_possible_and_never_drawn_is_refused():
    """Nothing is divided by nothing on the way."""
    rows = [decided(str(at), chosen="large", probabilities=(0.9, 0.05, 0.05), reward=1.0) for at in range(50)]
    report = told(log_of(rows), {"*": {"middle": 1}})
    quality = report["quality"][0]

    assert (None, 0.0) == (quality["estimates"], quality["ess"])
    assert ["no_outcomes"] == [each["why"] for each in quality["refused"]]
    assert 1.0 == pytest.approx(quality["current"]["value"])

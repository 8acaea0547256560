"""Candidates: fixed tables, fitted folders, learned versions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import CorpusError
from router.choosing.choose import Terms
from router.choosing.scoring import Taste
from router.choosing.starting import StartingExperience
from router.choosing.values import Offer, Question
from router.offpolicy.candidates import FittedPolicy, FixedTable, read_table
from router.offpolicy.learned import LearnedPolicy
from router.offpolicy.logged import log_of
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.rows import Prompt
from tests.router.offpolicy.worlds import decided


def log_with(*kinds, probabilities=(0.6, 0.3, 0.1), eligible=("large", "middle", "small")):
    """Return a log of questions given as (language, domain)."""
    return log_of(
        decided(
            str(at), chosen=eligible[0], probabilities=probabilities, eligible=eligible, reward=1.0,
            question=Question("", language=language, domain=domain),
        )
        for at, (language, domain) in enumerate(kinds)
    )  # fmt: skip


def test_the_nearest_kind_speaks():
    """`zh/code` before `zh` before `*/code` before `*`."""
    table = FixedTable(
        "t", {"zh/code": {"large": 1}, "zh": {"middle": 2}, "*/code": {"small": 1}, "*": {"large": 1, "small": 3}}
    )
    found = table.wanted(log_with(("zh", "code"), ("zh", "law"), ("en", "code"), ("", "")))

    assert [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.25, 0, 0.75]] == found.target.tolist()
    assert (0, ()) == (found.n_undecided, found.unknown)


def test_without_a_wish_it_does_as_was_logged():
    """No kind fits, or nothing it wants was eligible; it is counted."""
    silent = FixedTable("t", {"zh": {"large": 1}}).wanted(log_with(("en", "")))
    both = log_of(
        [
            decided("1", chosen="large", probabilities=(0.6, 0.4), eligible=("large", "middle"), reward=1.0),
            decided("2", chosen="small", probabilities=(0.6, 0.4), eligible=("small", "middle"), reward=1.0),
        ]
    )
    away = FixedTable("t", {"*": {"large": 1}}).wanted(both)

    assert (1, [0.6, 0.3, 0.1]) == (silent.n_undecided, pytest.approx(silent.target[0].tolist()))
    assert (1, [[1, 0, 0], [0, 0.4, 0.6]]) == (away.n_undecided, away.target.tolist())


def test_models_that_never_could_be_chosen_are_named():
    """A share of 0 is no wish."""
    found = FixedTable("t", {"*": {"new": 0.5, "old": 0, "large": 1}}).wanted(log_with(("", "")))

    assert ("new",) == found.unknown


def test_an_empty_log_has_an_empty_answer():
    """Of no rows."""
    found = FixedTable("t", {"*": {"new": 0.5}}).wanted(log_of([]))

    assert ((0, 0), ("new",)) == (found.target.shape, found.unknown)


def test_a_file_holds_one_table_or_several(tmp_path):
    """A flat one is for every question; a byte order mark is no trouble."""
    flat, deep = tmp_path / "flat.json", tmp_path / "deep.json"
    flat.write_text('\ufeff{"probabilities": {"large": 1, "small": 0.5}}', "utf-8")
    deep.write_text('{"probabilities": {"zh": {"large": 1}, "*": {"small": 1}}}')

    assert FixedTable("flat.json", {"*": {"large": 1, "small": 0.5}}) == read_table(flat)
    assert {"zh": {"large": 1}, "*": {"small": 1}} == read_table(deep).shares


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "1", "{}", '{"probabilities": {}}', '{"probabilities": []}', '{"probabilities": {"a": -1}}',
        '{"probabilities": {"a": NaN}}', '{"probabilities": {"a": Infinity}}', '{"probabilities": {"a": true}}',
        '{"probabilities": {"a": "1"}}', '{"probabilities": {"a": 0}}', '{"probabilities": {"zh": {}, "*": {"a": 1}}}',
        '{"probabilities": {"zh": 1, "*": {"a": 1}}}', "[" * 100_000, "\udcff",
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_sentence_with_its_name(tmp_path, text):
    """Nothing of it is guessed."""
    path = tmp_path / "wrong.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(CorpusError, match=r"wrong\.json: "):
        read_table(path)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    """Whatever its bytes."""
    path = tmp_path_factory.mktemp("any") / "x.json"
    path.write_bytes(content)
    with pytest.raises(CorpusError):
        read_table(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    """Ten megabytes are more than any table."""
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 10_000_001)

    with pytest.raises(CorpusError, match="larger"):
        read_table(path)


@pytest.fixture(scope="module")
def fitted():
    """A policy of two models: `large` is better, and ten times as dear."""
    rows = [
        Prompt(f"question {at}", quality={"large": 1.0, "small": float(at % 2)}, cost={"large": 0.1, "small": 0.01})
        for at in range(40)
    ]
    return fit_policy(data_of(rows, {}), seed=0)


def test_a_fitted_policy_takes_the_best_eligible_one(fitted):
    """Above a floor for the others; the dearest model's price may outweigh it; without a text it has no wish."""
    log = log_with(("", ""), ("", ""), probabilities=(0.5, 0.5), eligible=("large", "small"))
    prompts = {"0": Prompt("question")}
    good = FittedPolicy("p", fitted, prompts).wanted(log)
    cheap = FittedPolicy("p", fitted, prompts, cost_weight=5.0).wanted(log)

    assert [[0.98, 0.02], [0.5, 0.5]] == good.target.round(6).tolist()
    assert [0.02, 0.98] == cheap.target[0].round(6).tolist()
    assert 1 == good.n_undecided


def test_a_fitted_policy_knows_nothing_of_other_models(fitted):
    """Where none of its models was eligible, it has no wish."""
    log = log_with(("", ""), probabilities=(0.5, 0.5), eligible=("other", "another"))

    assert 1 == FittedPolicy("p", fitted, {"0": Prompt("question")}).wanted(log).n_undecided


def test_a_learned_version_draws_as_the_gateway_would():
    """Among the offers that were eligible, at the dial that was logged; unknown models get nothing."""
    offers = (Offer("large", input_usd=10.0, output_usd=10.0), Offer("middle", input_usd=0.1, output_usd=0.1))
    log = log_with(("zh", ""), ("zh", ""))
    policy = LearnedPolicy("v", StartingExperience(), offers, Terms(Taste(1.0)), {"1": 0.0})
    found = policy.wanted(log).target

    assert [1.0, 1.0] == pytest.approx(found.sum(1).tolist())
    assert [0.0, 0.0] == found[:, 2].tolist()
    assert found[0, 0] > 0.5 > found[1, 0] >= 0.02


def test_a_learned_version_without_its_models_has_no_wish():
    """Nothing of its offers was eligible."""
    log = log_with(("zh", ""))
    found = LearnedPolicy("v", StartingExperience(), (Offer("other"),)).wanted(log)

    assert (1, True) == (found.n_undecided, bool(np.allclose(found.target, log.probabilities)))


def test_shares_are_bound_by_what_was_eligible():
    """A model that the request could not use gets nothing of the share."""
    log = log_of(
        [
            decided("1", chosen="large", probabilities=(0.6, 0.4), eligible=("large", "middle"), reward=1.0),
            replace(decided("2", chosen="small", probabilities=(0.1, 0.9), reward=1.0), eligible=("large", "small")),
        ]
    )
    found = FixedTable("t", {"*": {"large": 1, "small": 1}}).wanted(log)

    assert [[1, 0, 0], [0.5, 0, 0.5]] == found.target.tolist()

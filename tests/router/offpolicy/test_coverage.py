"""Intervals hold the truth about as often as they say; the long version is `python -m tests.bench.offpolicy`."""

from __future__ import annotations

import numpy as np
import pytest

from router.offpolicy.estimators import difference, evidence_of, five
from tests.bench.offpolicy import invented, log_from, main, measured
from tests.router.policy.policy_rows import labelled, written

RUNS = 40


@pytest.fixture(scope="module")
def world():
    """A world whose reward model has the wrong form."""
    return invented(0)


@pytest.mark.parametrize(("rated", "wrong", "n"), [(1.0, 0.0, 500), (0.25, 0.2, 2000)])
def test_intervals_cover_at_about_the_nominal_rate(world, rated, wrong, n):
    """95 % of them, within what 120 intervals can tell; the naive ones do not."""
    found = measured(world, n, RUNS, rated=rated, wrong=wrong)["targets"]
    covered = {name: np.mean([by[name][:, 1] for by in found.values()]) for name in ("naive", "snips", "doubly_robust")}

    assert 0.9 <= covered["doubly_robust"] <= 1
    assert 0.9 <= covered["snips"] <= 1
    assert covered["naive"] < 0.8


def test_the_difference_covers_too(world):
    """Of a candidate from the policy that made the log."""
    target = world.targets["a better router"]
    truth = float(((target - world.logger) * world.quality).sum(1).mean())
    hits = 0
    for seed in range(RUNS):
        log, asked = log_from(world, 500, seed, rated=1.0, wrong=0.0)
        found = difference(evidence_of(log, log.rewards, spread=1.0), target[asked], log.probabilities)
        hits += found.low <= truth <= found.high

    assert hits >= 0.9 * RUNS


def test_more_decisions_make_narrower_intervals(world):
    """By the root of their number."""
    sizes = [500, 8000]
    errors = []
    for n in sizes:
        log, asked = log_from(world, n, 1, rated=1.0, wrong=0.0)
        told = five(evidence_of(log, log.rewards, spread=1.0), world.targets["equal weights"][asked])
        errors.append(told.doubly_robust.error)

    assert 4 == pytest.approx(errors[0] / errors[1], rel=0.3)


@pytest.mark.slow
def test_the_long_version_writes_its_page(tmp_path):
    """With worlds, seeds, sizes and goals."""
    written(tmp_path / "x.train.jsonl", labelled(1700))
    words = ["--report", str(tmp_path / "page.md"), "--runs", "2", "--replicas", "1", "--sizes", "20000", "300"]
    main([str(tmp_path), *words])
    page = (tmp_path / "page.md").read_text("utf-8")

    assert "## An invented world, sparse and wrong ratings" in page
    assert "## x: 20,000 decisions" in page
    assert 1 == page.count("**Goal at 20,000 decisions")

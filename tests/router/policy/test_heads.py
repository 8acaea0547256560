from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from router.policy.heads import Problem, fit_heads, link, unlink
from router.policy.sparse import sparse


def _problem(*, graded):
    draw = np.random.default_rng(1)
    table = draw.normal(size=(200, 12)).astype(np.float32)
    rewards = (table[:, :2] + draw.normal(size=(200, 2)) > 0).astype(np.float32)
    rows = sparse([dict(enumerate(map(float, row))) for row in table])
    known = np.ones_like(rewards)
    known[::3, 1] = 0
    return table, Problem(
        np.arange(12),
        12,
        np.ones(12, np.float32),
        rows,
        rows.turned(12),
        rewards,
        known,
        np.zeros_like(rewards),
        np.array([graded, graded]),
    )


def test_logistic_heads_are_those_of_a_reference():
    """Newton's method ends where scikit-learn's solver ends, on the rows that are known."""
    table, problem = _problem(graded=False)
    seen = problem.known[:, 1] == 1
    wanted = LogisticRegression(C=0.7, fit_intercept=False, tol=1e-8).fit(table[seen], problem.rewards[seen, 1])

    assert pytest.approx(wanted.coef_[0], abs=0.01) == fit_heads(problem, 0.7)[:, 1]


def test_ridge_heads_are_those_of_a_reference():
    """Graded rewards are fitted by squares."""
    table, problem = _problem(graded=True)
    wanted = Ridge(alpha=1 / 0.7, fit_intercept=False).fit(table, problem.rewards[:, 0])

    assert pytest.approx(wanted.coef_, abs=0.01) == fit_heads(problem, 0.7)[:, 0]


def test_a_column_changes_nothing_in_the_others():
    """A new model is a new column: the heads that were there stay as they were."""
    _, problem = _problem(graded=False)
    alone = Problem(
        problem.active,
        problem.width,
        problem.scale,
        problem.rows,
        problem.turned,
        problem.rewards[:, :1],
        problem.known[:, :1],
        problem.offsets[:, :1],
        problem.graded[:1],
    )

    assert pytest.approx(fit_heads(alone, 1.0)[:, 0], abs=0.01) == fit_heads(problem, 1.0)[:, 0]


def test_a_model_without_rows_has_an_empty_head():
    """Nothing is learned from nothing."""
    _, problem = _problem(graded=False)
    problem.known[:, 0] = 0

    assert not fit_heads(problem, 1.0)[:, 0].any()


def test_link_and_unlink_are_each_other_s_way_back():
    """Means survive the way over scores, for both links."""
    means, graded = np.array([[0.2, 0.7]], np.float32), np.array([False, True])

    assert pytest.approx(means) == link(unlink(means, graded), graded)


def test_heads_are_for_rows_that_were_not_scaled():
    """A slot that weighs twice as much may count twice as much, and the head says so to a row as it comes."""
    table, problem = _problem(graded=True)
    scale = np.where(np.arange(12) == 3, 2.0, 1.0).astype(np.float32)
    rows = sparse([dict(enumerate(map(float, row))) for row in table * scale])
    scaled = replace(problem, scale=scale, rows=rows, turned=rows.turned(12))
    wanted = Ridge(alpha=1 / 0.7, fit_intercept=False).fit(table * scale, problem.rewards[:, 0]).coef_ * scale
    first = fit_heads(scaled, 0.7)

    assert pytest.approx(wanted, abs=0.01) == first[:, 0]
    assert pytest.approx(first, abs=0.01) == fit_heads(scaled, 0.7, start=first)

from __future__ import annotations

import numpy as np
import pytest

from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.parts import Recipe
from router.policy.rows import Prompt, read_labelled
from router.policy.validation import value
from tests.router.policy.policy_rows import PRICES, SUBJECTS, TRUTH, labelled, written


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six hundred labelled prompts as arrays."""
    return data_of(read_labelled(written(tmp_path_factory.mktemp("rows") / "rows.jsonl", labelled(600))), {})


@pytest.fixture(scope="module")
def policy(data):
    """The policy fitted to them."""
    return fit_policy(data, seed=3)


def _asked(policy, subject, *, intent=None):
    quality, _ = policy.predict([Prompt(" ".join(SUBJECTS[subject]), intent=intent)])
    return dict(zip(policy.models, quality[0].tolist(), strict=True))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_words_alone_tell_which_model_is_best(policy, subject):
    """In English and Chinese the model that earns most on a subject is expected to."""
    found = _asked(policy, subject)

    assert max(TRUTH[subject], key=TRUTH[subject].__getitem__) == max(found, key=found.__getitem__)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_expected_quality_is_near_the_truth(policy, subject):
    """Expectations are probabilities, not mere scores."""
    assert pytest.approx(TRUTH[subject], abs=0.15) == _asked(policy, subject, intent=subject)


def test_cost_is_a_line_in_the_length(policy):
    """Price times length is found again."""
    _, cost = policy.predict([Prompt("x" * 1000)])

    assert pytest.approx([PRICES[model] * 1001 for model in policy.models], rel=1e-3) == cost[0].tolist()


def test_no_prompt_is_no_answer(policy):
    """An empty batch is no error."""
    quality, cost = policy.predict([])

    assert [(0, 3), (0, 3)] == [quality.shape, cost.shape]


def test_same_seed_same_policy(data, policy, tmp_path):
    """Fitting again gives the same bytes."""
    assert policy.save(tmp_path / "a")["version"] == fit_policy(data, seed=3).save(tmp_path / "b")["version"]


def test_recipe_tells_what_was_tried(policy):
    """The manifest holds data, seed and the validated value of each recipe."""
    recipe = policy.manifest["recipe"]

    assert 600 == recipe["n_rows"]
    assert 3 == recipe["seed"]
    assert max(each["value"] for each in recipe["validated"]) > 0


def test_a_new_model_starts_at_what_is_believed_of_it():
    """A model that nobody asked yet is expected to earn what the prior table says, intent by intent."""
    prompts = [Prompt(row["prompt"], intent=row["task"], quality=row["quality"]) for row in labelled(120)]
    fitted = fit_policy(data_of(prompts, {"law": {"fresh": 0.8}, "*": {"fresh": 0.4}}))
    found = [_asked(fitted, subject, intent=subject)["fresh"] for subject in ("law", "sums")]

    assert [0.8, 0.4] == pytest.approx(found, abs=0.11)


def test_few_rows_move_a_head_little():
    """With ten prompts nothing is validated, and the heads stay near the general mean."""
    prompts = [Prompt(row["prompt"], quality=row["quality"]) for row in labelled(10)]
    fitted = fit_policy(data_of(prompts, {}))

    assert [] == fitted.manifest["recipe"]["validated"]
    assert pytest.approx(fitted.base, abs=0.1) == fitted.predict(prompts)[0][0]


def test_graded_rewards_are_fitted_by_squares(tmp_path):
    """Rewards between 0 and 1 make a head a ridge, and its expectations follow them."""
    data = data_of(read_labelled(written(tmp_path / "g.jsonl", labelled(300, graded=True))), {})
    fitted = fit_policy(data)

    assert data.graded.all()
    assert 0.8 * 0.9 + 0.1 == pytest.approx(_asked(fitted, "sums", intent="sums")["small"], abs=0.1)


def test_rows_with_gaps_are_learned_from():
    """A reward, a cost or an intent may be missing in some rows."""
    prompts = [
        Prompt(
            row["prompt"],
            intent=row["task"] if at % 3 else None,
            quality={model: q for model, q in row["quality"].items() if at % 7 or model != "small"},
            cost={} if at % 2 else row["cost"],
        )
        for at, row in enumerate(labelled(300))
    ]
    quality, cost = fit_policy(data_of(prompts, {})).predict(prompts[:5])

    assert np.isfinite(quality).all()
    assert np.isfinite(cost).all()


def test_unknown_prices_stay_unknown_and_quality_is_still_validated():
    """Without any cost the recipe is chosen by the gain in quality."""
    prompts = [Prompt(row["prompt"], quality=row["quality"]) for row in labelled(120)]
    fitted = fit_policy(data_of(prompts, {}))

    assert np.isnan(fitted.predict(prompts[:1])[1]).all()
    assert fitted.manifest["recipe"]["validated"]


def test_value_of_two_priced_models_counts_what_is_recovered():
    """With two models the order of the prompts counts beside the area."""
    quality, cost = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 9.0]] * 3)

    assert value(quality, cost, quality, cost) > value(-quality, cost, quality, cost)


def test_usual_recipe_is_in_the_middle():
    """What is taken without validation is no extreme."""
    assert (0.3, (0.5, 0.5)) == (Recipe().strength, Recipe().table_share)

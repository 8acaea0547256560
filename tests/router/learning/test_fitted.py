from dataclasses import replace

import pytest

from router.choosing.values import Offer
from router.learning.fitted import FittedExperience
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.rows import Prompt
from tests.router.learning.doubles import CODE, OFFERS, Fixed


@pytest.fixture(scope="module")
def policy():
    """A policy that saw `good` succeed and `bad` fail."""
    return fit_policy(
        data_of(
            [
                Prompt(f"write a function number {n} for case {n % 7}", quality={"good": 0.9, "bad": float(n % 4 == 0)})
                for n in range(60)
            ],
            {},
        ),
        seed=0,
    )


def test_a_fitted_policy_is_what_is_expected_before_outcomes(policy):
    """Of the models that it knows; of others, what is said otherwise."""
    experience = FittedExperience(policy, Fixed())
    question = replace(CODE, text="write a function number 3")
    good, bad, new = experience.expect(question, (*OFFERS, Offer("new")))

    assert good.quality > bad.quality + 0.3
    assert (0.6, 0.12) == (new.quality, good.deviation)
    assert experience.version.startswith("fixed+fitted-")


def test_where_it_knows_nobody_it_is_not_asked(policy):
    """It costs nothing then."""
    (new,) = FittedExperience(policy, Fixed()).expect(CODE, (Offer("new"),))

    assert 0.6 == new.quality

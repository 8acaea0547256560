from __future__ import annotations

import numpy as np
import pytest

from config.errors import CorpusError
from router.policy.priors import MAX_INTENTS, Table, build_table, drawn_to_price, intents_of, read_believed


def _table(labels, quality, believed, models=("a",)):
    names = intents_of(labels, believed)
    return build_table(labels, names, np.array(quality), believed=believed, models=models)


def test_few_rows_stay_near_the_model_s_mean():
    """A line is the mean of its rows and of twenty pseudo rows."""
    found = _table(["x"] * 5 + ["y"] * 15, [[1.0]] * 5 + [[0.0]] * 15, {})

    assert ("x", "y") == found.intents
    assert [(5 + 20 * 0.25) / 25, 20 * 0.25 / 35] == pytest.approx(found.quality[:, 0])


def test_believed_lines_are_pseudo_rows():
    """What is believed counts as twenty rows where there are labels, and as it stands where there are none."""
    found = _table(["x"] * 20, [[1.0]] * 20, {"x": {"a": 0.5}, "z": {"a": 0.3}, "*": {"a": 0.6}})

    assert [0.75, 0.3] == pytest.approx(found.quality[:, 0])


def test_elsewhere_every_measured_intent_counts_once():
    """A large intent does not decide alone what is expected of a new one."""
    found = _table(["x"] * 1000 + ["y"] * 1000, [[1.0]] * 1000 + [[0.0]] * 1000, {"z": {"a": 1.0}})

    assert [0.5] == pytest.approx(found.elsewhere, abs=0.01)


def test_model_without_rows_or_beliefs_is_even():
    """Nothing known is one half, not zero."""
    assert [0.5] == _table(["x"], [[np.nan]], {}).elsewhere.tolist()


def test_number_of_lines_is_bounded():
    """A file whose labels are all different makes no table as large as itself."""
    assert MAX_INTENTS == len(intents_of([f"t{at}" for at in range(1000)], {}))


@pytest.mark.parametrize(("share", "wanted"), [(0.0, [0.5, 0.9, 0.6]), (1.0, [0.6167, 0.6667, 0.7167])])
def test_elsewhere_is_drawn_to_the_price(share, wanted):
    """Wholly drawn, dearer models are expected to be better."""
    table = Table((), np.zeros((0, 3)), np.array([0.5, 0.9, 0.6]))

    assert wanted == pytest.approx(drawn_to_price(table, np.array([1.0, 10.0, 100.0]), share).elsewhere, abs=1e-3)


@pytest.mark.parametrize("cost", [[1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 1.0, 2.0]])
def test_no_price_no_line(cost):
    """Two prices, equal ones or unknown ones change nothing."""
    table = Table((), np.zeros((0, len(cost))), np.linspace(0.2, 0.8, len(cost)))

    assert drawn_to_price(table, np.array(cost), 1.0) is table


def test_dearer_and_worse_makes_no_falling_line():
    """Where dearer models were worse, the line is level."""
    table = Table((), np.zeros((0, 3)), np.array([0.9, 0.6, 0.3]))

    assert [0.6] * 3 == pytest.approx(drawn_to_price(table, np.array([1.0, 10.0, 100.0]), 1.0).elsewhere)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON in UTF-8"),
        ("[]", "is no object of intent"),
        ('{"x": 1}', "'x' is no object of model"),
        ('{"x": {"a": 2}}', "'x', 'a': 2 is no number from 0 to 1"),
        ('{"x": {"a": NaN}}', "is no number from 0 to 1"),
    ],
)
def test_wrong_prior_is_refused(tmp_path, text, said):
    """Each way in which a prior table can be wrong has its sentence."""
    path = tmp_path / "prior.json"
    path.write_text(text)
    with pytest.raises(CorpusError) as caught:
        read_believed(path)

    assert said in str(caught.value)

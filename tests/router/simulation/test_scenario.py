from __future__ import annotations

import pytest

from config.errors import CorpusError
from router.simulation.scenario import fixed_scenario, read_scenario

SMALL = """
name = "small"
days = 2
requests_per_day = 50
played_per_day = 50
callers = 5
[[domains]]
name = "code"
share = 0.5
[[domains]]
name = "law"
share = 0.5
[[models]]
name = "a"
base = 0.5
skill = { code = 2.0, law = -2.0 }
[[models]]
name = "b"
base = 0.5
skill = { code = -2.0, law = 2.0 }
"""


def _written(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    return path


def test_fixed_scenario_is_the_one_the_reports_tell_of():
    """Ten days, one rating in twenty, one in five of them wrong."""
    found = fixed_scenario()

    assert (10, 0.05, 0.20) == (found.days, found.feedback.share, found.feedback.wrong)
    assert 5 == len(found.models)


def test_scenario_is_read_from_a_file(tmp_path):
    """What a file leaves out has its default."""
    found = read_scenario(_written(tmp_path, SMALL))

    assert ("small", 2, ()) == (found.name, found.days, found.drifts)
    assert {"code": 2.0, "law": -2.0} == found.models[0].skill


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('name = "b"', 'name = "a"', "two models"),
        ("share = 0.5", "share = 0.4", "not 1 together"),
        ('[[domains]]\nname = "law"', '[[domains]]\nname = "code"', "twice"),
        ("code = 2.0", "cods = 2.0", "cods"),
        ("days = 2", "days = 0", "needs a day and"),
        ("played_per_day = 50", "played_per_day = 51", "no more than come"),
        ("days = 2", "days = 1000000", "more than 1,000,000"),
        ("days = 2", 'days = 2\n[[drifts]]\nday = 1\nmodel = "z"\nadds = 1.0', "drift"),
        ("days = 2", "days = 2\ntopic_spread = -1.0", "topics"),
        ("days = 2", "days = 2\n[feedback]\nwrong = 1.5", "between 0 and 1"),
        ("days = 2", 'days = "two"', "Expected `int`"),
        ("days = 2", "days = ", "Invalid value"),
    ],
)
def test_wrong_scenario_is_refused_with_its_file_and_reason(tmp_path, before, after, complaint):
    """A sentence names the file and what is wrong."""
    path = _written(tmp_path, SMALL.replace(before, after))

    with pytest.raises(CorpusError, match=complaint) as refused:
        read_scenario(path)
    assert str(path) == refused.value.file


def test_bytes_that_are_no_text_are_refused(tmp_path):
    """A scenario is UTF-8."""
    path = tmp_path / "s.toml"
    path.write_bytes(b"name = '\xff'")

    with pytest.raises(CorpusError, match="UTF-8"):
        read_scenario(path)

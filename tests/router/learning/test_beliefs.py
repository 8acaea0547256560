import json
from dataclasses import replace

import pytest

from config.errors import CorpusError
from router.choosing.values import Offer
from router.learning.beliefs import BelievedExperience, read_beliefs
from tests.router.learning.doubles import CODE, OFFERS, TALK, Fixed

TABLE = """
[[rows]]
model = "good"
quality = 0.5
[[rows]]
model = "good"
domain = "code"
quality = 0.7
[[rows]]
model = "good"
domain = "code"
language = "zh"
quality = 0.8
[[rows]]
model = "good"
intent = "refund"
quality = 0.9
"""


def written(tmp_path, text, name="table.toml"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("question", "quality"),
    [
        (replace(TALK, domain="other"), 0.5),
        (CODE, 0.7),
        (replace(CODE, language="zh"), 0.8),
        (replace(CODE, language="zh", intents=("refund",)), 0.9),
    ],
)
def test_the_narrowest_line_speaks(tmp_path, question, quality):
    """The intent's, else the domain's in this language, else the domain's, else the model's."""
    experience = BelievedExperience(read_beliefs(written(tmp_path, TABLE)), Fixed())
    good, bad = experience.expect(question, OFFERS)

    assert (quality, 0.6) == (good.quality, bad.quality)
    assert 0.12 == good.deviation


def test_an_exported_profile_is_such_a_table(tmp_path):
    """What was learned in one place can be where another begins; a cell without opinions says nothing."""
    rows = [
        {"model": "good", "domain": "code", "language": "en", "n": 9, "mean_reward": 0.83, "low": 0.5, "high": 0.9},
        {"model": "bad", "domain": "code", "language": "en", "n": 0, "mean_reward": None},
    ]
    beliefs = read_beliefs(written(tmp_path, json.dumps({"rows": rows}), "profile.json"))

    assert 0.83 == beliefs.of("good", CODE)
    assert beliefs.of("bad", CODE) is None


def test_another_table_is_another_version(tmp_path):
    """What stands in the books says which table was in force."""
    one = BelievedExperience(read_beliefs(written(tmp_path, TABLE)), Fixed())
    other = BelievedExperience(read_beliefs(written(tmp_path, TABLE.replace("0.9", "0.95"))), Fixed())

    assert one.version != other.version
    assert one.version.startswith("fixed+table-")
    assert () == one.expect(CODE, ())
    assert 0.6 == one.expect(CODE, (Offer("new"),))[0].quality


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.toml", "rows = 3", "holds no list"),
        ("t.toml", "rows = [3]", "row 1 of 'rows' is no object"),
        ("t.toml", "[[rows]]\nquality = 1", "names no model"),
        ("t.toml", "[[rows]]\nmodel = 3\nquality = 1", "'model' in row 1"),
        ("t.toml", '[[rows]]\nmodel = "m"\nquality = 1.5', "no number from 0 to 1"),
        ("t.toml", '[[rows]]\nmodel = "m"\nquality = nan', "no number from 0 to 1"),
        ("t.json", '{"rows": [{"model": "m", "quality": true}]}', "no number from 0 to 1"),
        ("t.toml", "[[rows", "is no TOML"),
        ("t.json", "[" * 100_000, "is no JSON"),
        ("t.json", "[]", "holds no list"),
        ("t.json", " " * 5_000_001, "larger than"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(tmp_path, name, text, said):
    """Nothing is believed by halves."""
    with pytest.raises(CorpusError, match=said):
        read_beliefs(written(tmp_path, text, name))


def test_a_missing_table_is_named(tmp_path):
    """The message says which file."""
    with pytest.raises(CorpusError, match=r"nowhere\.toml: cannot be read"):
        read_beliefs(tmp_path / "nowhere.toml")

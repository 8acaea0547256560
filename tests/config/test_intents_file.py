"""Adding to a file of intents: whole or not at all, and nothing that stood there is lost."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SettingsError
from config.intents import IntentSettings, load_intents, shipped_intents
from config.intents_file import add_intent, shared_examples, toml_row

ROW = IntentSettings(
    "table_booking",
    "订座",
    "Table booking",
    "预订、更改和取消餐位。",
    'Booking, changing "and" cancelling tables.',
    "tables",
    ("Tables.md",),
    ("今晚七点四个人，靠窗",),
    ("a table for four\tat seven",),
)
KEYS = ("name", "zh", "en", "service", "description_zh", "description_en", "examples_zh", "examples_en", "documents")


def test_first_row_makes_the_file_and_the_next_keeps_it(tmp_path: Path):
    """What was written before stays, comments and odd spacing included, even without a line break at its end."""
    path = tmp_path / "intents.toml"
    add_intent(path, ROW)
    path.write_text(path.read_text() + "  # my own remark", encoding="utf-8")
    catalogue = add_intent(path, replace(ROW, name="wine", examples_zh=(), documents=(), service=""))

    assert (*shipped_intents().names[:-1], "table_booking", "wine", "none") == catalogue.names
    assert "  # my own remark\n" in path.read_text()
    assert ROW == load_intents(path).get("table_booking")
    assert ["intents.toml"] == [each.name for each in tmp_path.iterdir()]


@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.lists(st.text('a"\\\n\x00\x7f订’', min_size=1))
)
def test_any_text_survives_the_file(text: str, examples: list[str]):
    """What is written is what is read, whatever stands in it."""
    row = replace(ROW, zh=text, description_en=text, examples_en=tuple(examples))
    read = tomllib.loads(toml_row(row))["intent"][0]

    assert {key: getattr(row, key) for key in KEYS} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in ({"examples_en": []} | read).items()
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (replace(ROW, name="payment"), "there is an intent 'payment' already"),
        (replace(ROW, name="Table Booking"), "lower-case letters"),
        (replace(ROW, name=""), "needs 'name'"),
        (replace(ROW, zh=" "), "must not be empty"),
        (replace(ROW, examples_en=(" ",)), "has an empty entry"),
        (replace(ROW, en="\ud800"), "no text"),
    ],
)
def test_what_is_wrong_leaves_the_file_as_it_was(tmp_path: Path, row: IntentSettings, message: str):
    """The error names the file that was meant, not a draft of it, and no draft is left."""
    path = tmp_path / "intents.toml"
    path.write_text("# mine\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        add_intent(path, row)

    assert message in str(caught.value)
    assert ".new" not in str(caught.value)
    assert ("# mine\n", ["intents.toml"]) == (path.read_text(), [each.name for each in tmp_path.iterdir()])


def test_a_wrong_file_is_not_added_to(tmp_path: Path):
    """Who has a mistake in the file is told of it first."""
    path = tmp_path / "intents.toml"
    path.write_text("[[intent]\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="no TOML"):
        add_intent(path, ROW)

    assert "[[intent]\n" == path.read_text()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    """Nothing is made on the way to it."""
    with pytest.raises(SettingsError, match="cannot be written: No such file"):
        add_intent(tmp_path / "gone" / "intents.toml", ROW)


def test_a_file_that_is_a_folder_is_said(tmp_path: Path):
    """A folder has no rows."""
    with pytest.raises(SettingsError, match="cannot be read"):
        add_intent(tmp_path, ROW)


def test_examples_of_several_intents_are_named(tmp_path: Path):
    """A sentence that others list asks for all of them; whoever adds it should know."""
    example = shipped_intents().intents[0].examples_en[0]
    catalogue = add_intent(tmp_path / "i.toml", replace(ROW, examples_en=(example, "a table for two")))

    assert {example: (shipped_intents().intents[0].name,)} == shared_examples(catalogue, "table_booking")
    assert {} == shared_examples(catalogue, "nobody")

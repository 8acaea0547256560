from pathlib import Path

import pytest

from config.errors import SettingsError
from config.intents import NONE, load_intents, shipped_intents

SIX = ("order_management", "user_auth", "payment", "inventory", "notification", "none")

NEW_ROW = """
[[intent]]
name = "table_booking"
zh = " 订座 "
en = "Table booking"
description_zh = "预订餐位。"
description_en = "Booking a table."
examples_en = [" a table for two "]
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "intents.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _refusal(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_intents(_file(folder, text))
    return caught.value


def test_shipped_catalogue_has_the_six_intents_in_order():
    """The order of rows is the order of labels."""
    assert shipped_intents().names == SIX
    assert load_intents(None) == shipped_intents()


def test_each_shipped_intent_speaks_both_languages_alike():
    """Six examples and more in each language, all of them different."""
    for intent in shipped_intents().intents:
        for language in ("zh", "en"):
            assert len(set(intent.examples(language))) >= 6, (intent.name, language)
            assert intent.title(language), intent.name
            assert intent.description(language), intent.name
    assert shipped_intents().intents[0].title("zh") == "订单管理"
    assert shipped_intents().intents[0].title("en") == "Order management"
    assert shipped_intents().intents[0].description("zh") != shipped_intents().intents[0].description("en")


def test_each_shipped_intent_but_none_has_a_service_and_a_document():
    """Whatever asks for something says who does it and where that is described."""
    for intent in shipped_intents().intents:
        asks = intent.name != NONE

        assert bool(intent.service) == asks, intent.name
        assert bool(intent.documents) == asks, intent.name


def test_row_of_ones_own_replaces_only_what_it_says(tmp_path: Path):
    """A shipped name keeps its place and every field that the row leaves out."""
    catalogue = load_intents(_file(tmp_path, '[[intent]]\nname = "payment"\nservice = "billing"\n'))

    payment = catalogue.get("payment")
    assert catalogue.names == SIX
    assert payment is not None
    assert payment.service == "billing"
    assert payment.documents == ("Server_Payment.md",)


def test_new_intent_stands_before_none(tmp_path: Path):
    """A new row is added, trimmed, and `none` stays the last label."""
    catalogue = load_intents(_file(tmp_path, NEW_ROW))

    booking = catalogue.get("table_booking")
    assert catalogue.names == (*SIX[:-1], "table_booking", "none")
    assert booking is not None
    assert (booking.zh, booking.service, booking.documents) == ("订座", "", ())
    assert booking.examples("en") == ("a table for two",)
    assert catalogue.get("nothing_such") is None


def test_empty_file_changes_nothing(tmp_path: Path):
    """A file without rows is the shipped catalogue."""
    assert load_intents(_file(tmp_path, "")) == shipped_intents()


def test_unknown_key_names_file_line_and_the_nearest_name(tmp_path: Path):
    """A misspelt key is no silent default."""
    error = _refusal(tmp_path, '[[intent]]\nname = "payment"\nsevice = "billing"\n')

    assert (error.file, error.line) == (str(tmp_path / "intents.toml"), 3)
    assert "did you mean 'service'?" in str(error)


def test_every_problem_is_listed(tmp_path: Path):
    """One start tells all mistakes, each with its line."""
    error = _refusal(tmp_path, NEW_ROW.replace('"Table booking"', '""') + '[[intent]]\nname = "Payment!"\n')

    assert "'intent[2]' needs 'zh'" in str(error)
    twice = _refusal(tmp_path, NEW_ROW.replace('"Table booking"', '" "') + NEW_ROW.replace("a table", " "))
    assert "'en' of the intent 'table_booking' must not be empty" in str(twice)
    assert "there are two intents named 'table_booking'" in str(twice)


@pytest.mark.parametrize("name", ["", "Payment", "支付", "1st", "a b", "x" * 65, "a\u0000"])
def test_name_that_no_label_may_have(tmp_path: Path, name: str):
    """Names travel in headers, files and metrics: plain identifiers only."""
    written = name.replace("\x00", "\\u0000")
    error = _refusal(tmp_path, NEW_ROW.replace("table_booking", written))

    assert "must be lower-case letters" in str(error)


def test_empty_example_is_refused(tmp_path: Path):
    """An example that says nothing would teach that nothing asks for it."""
    error = _refusal(tmp_path, NEW_ROW.replace(" a table for two ", "  "))

    assert "'examples_en' of the intent 'table_booking' has an empty entry" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intent = 3\n", "must be an array of tables"),
        ("intent = [3]\n", "must be a table"),
        ("[[intent]\n", "is no TOML"),
        ('[[intents]]\nname = "x"\n', "did you mean 'intent'?"),
    ],
)
def test_file_of_another_shape(tmp_path: Path, text: str, words: str):
    """What is no catalogue is refused in words."""
    assert words in str(_refusal(tmp_path, text))


def test_missing_file_is_named(tmp_path: Path):
    """A path that leads nowhere is a mistake, not an empty catalogue."""
    with pytest.raises(SettingsError) as caught:
        load_intents(tmp_path / "nowhere.toml")

    assert caught.value.file == str(tmp_path / "nowhere.toml")

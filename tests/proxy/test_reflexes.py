"""Yes and no, as the reflex reads them, and the settings it takes."""

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.loader import load_settings
from proxy.reflexes import said


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("Yes.", True),
        ("  OK!", True),
        ("是的。", True),
        ("No!", False),
        ("don’t", False),
        ("不，取消", False),
        ("", None),
        ("yes but not that one", None),
        ("是不是", None),
    ],
)
def test_only_a_plain_yes_is_a_yes(text: str, means: bool | None) -> None:
    """A sentence that holds the word besides others means nothing."""
    assert means is said(text)


@pytest.mark.parametrize(
    "line",
    [
        'on_risk = "maybe"',
        'delete = "pin:nobody"',
        'rules = [{text = " ", action = "delete"}]',
        'rules = [{text = "x", action = "eat"}]',
    ],
)
def test_a_wrong_response_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    """The message names file and line."""
    file = tmp_path / "thalamus.toml"
    file.write_text(f"[reflex]\n{line}\n", encoding="utf-8")

    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})

    assert f"{file}:2:" in str(caught.value)

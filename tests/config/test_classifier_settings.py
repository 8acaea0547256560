"""The settings of understanding: where its files are, what is off when nothing is said, and what cannot be."""

from pathlib import Path

import pytest

from config.classifier_settings import ClassifierSettings, IntentModelSettings
from config.errors import SettingsError
from config.intents import load_intents
from config.loader import load_settings

ROW = """
[[intent]]
name = "table_booking"
zh = "订座"
en = "Table booking"
description_zh = "预订餐位。"
description_en = "Booking a table."
"""


def _settings(folder: Path, text: str) -> ClassifierSettings:
    (folder / "thalamus.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "thalamus.toml", {}).classifier


def test_own_intents_are_found_beside_the_settings_that_name_them(tmp_path: Path):
    """`classifier.intents_file` is relative to the settings file, like every path in it."""
    (tmp_path / "intents.toml").write_text(ROW, encoding="utf-8")

    settings = _settings(tmp_path, '[classifier]\nintents_file = "intents.toml"\n')

    assert tmp_path / "intents.toml" == settings.intents_file
    assert "table_booking" in load_intents(settings.intents_file).names
    assert load_settings(None, {}).classifier.intents_file is None


def test_model_paths_are_relative_to_the_settings_file(tmp_path: Path):
    """The artefact always; the base only where it begins with a dot, for it may be a name."""
    near = _settings(tmp_path, '[classifier.model]\nartefact = "head"\nbase = "./Qwen3-0.6B"\n')
    named = _settings(tmp_path, '[classifier.model]\nbase = "Qwen/Qwen3-0.6B"\n')

    assert (tmp_path / "head", str(tmp_path / "Qwen3-0.6B")) == (near.model.artefact, near.model.base)
    assert (None, "Qwen/Qwen3-0.6B") == (named.model.artefact, named.model.base)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (IntentModelSettings(), "off"),
        (IntentModelSettings(backend="onnx"), "off"),
        (IntentModelSettings(base="b"), "auto"),
        (IntentModelSettings(base="b", backend="ollama"), "ollama"),
        (IntentModelSettings(artefact=Path("a"), backend="off"), "off"),
        (IntentModelSettings(artefact=Path("a"), deadline_ms=0), "off"),
    ],
)
def test_model_is_off_until_somebody_names_one(settings: IntentModelSettings, kind: str):
    """No artefact and no base, no time, or the word `off`: it is never asked."""
    assert kind == settings.kind


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[classifier]\nintents_file = "gone.toml"\n', "must be a file; there is none at"),
        ('[classifier.model]\nbackend = "onnx"\nbase = "x"\n', "needs 'classifier.model.artefact'"),
        ('[classifier.model]\nbackend = "ollama"\nartefact = "x"\n', "Ollama serves no trained head"),
        ('[classifier.model]\ndevice = "gpu"\n', "must be 'auto', 'cpu', 'cuda'"),
        ('[classifier.model]\nbackend = "torch"\n', "must be one of"),
        ("[classifier.model]\nthreads = 0\n", "at least 1"),
        ('[classifier.model]\nollama_url = "nowhere"\n', "http://"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, message: str):
    """The message names the setting and what would do."""
    with pytest.raises(SettingsError, match=r"classifier|Ollama") as caught:
        _settings(tmp_path, text)

    assert message in str(caught.value)

"""The report on the shipped intent model."""

import json
from pathlib import Path

import pytest

from classifier.artefact import CARD
from classifier.intent_report import ARTEFACT, PAGE, main, report
from config.errors import ArtefactError

HERE = Path(__file__).parents[2]


def _figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value}


def _card(value: float, *, en: float) -> dict[str, object]:
    keys = ("micro_f1", "exact", "recall", "coverage", "selective_accuracy")
    figures = dict.fromkeys(keys, _figure(value))
    languages = {"en": {**figures, "micro_f1": _figure(en)}, "zh": figures}
    return {"version": "v", "metrics": {**figures, "languages": languages}, "seeds": {"values": [1]}}


def test_the_page_has_the_figures_of_the_shipped_card() -> None:
    """Who forges the model anew writes the page anew: `python -m classifier.intent_report`."""
    card = json.loads((ARTEFACT / CARD).read_text(encoding="utf-8"))

    assert report(card) == (HERE / PAGE).read_text(encoding="utf-8")


def test_a_model_that_reaches_its_goals_is_said_to() -> None:
    """Nothing is missed, and no sentence from before stays."""
    assert "It reaches its goals." in report(_card(0.995, en=0.995))
    assert "It reaches its goals." in report(_card(0.995, en=0.97))  # from the whole, not from each other


@pytest.mark.parametrize(
    ("value", "en", "says"),
    [
        (0.9, 0.9, "micro-F1 0.92; recall 0.92; 80 % coverage"),
        (0.7, 0.7, "micro-F1 0.92; exact 0.80; recall 0.92; 80 % coverage"),
        (0.995, 0.96, "It misses of its goals: each language within 3 points of micro-F1 of the whole. "),
        (0.995, 0.96, "within 3 points of micro-F1 of the whole; they are en -3.5, zh +0.0."),
    ],
)
def test_every_goal_that_is_missed_is_named(value: float, en: float, says: str) -> None:
    """Each by itself."""
    assert says in report(_card(value, en=en))


def test_the_page_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    """From any folder; without a card one sentence says so."""
    main(["--out", str(tmp_path / "page.md")])

    assert (tmp_path / "page.md").read_text(encoding="utf-8").startswith("# The shipped intent model\n")
    with pytest.raises(ArtefactError, match="cannot be read"):
        main(["--artefact", str(tmp_path), "--out", str(tmp_path / "other.md")])

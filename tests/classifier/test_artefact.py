from __future__ import annotations

import pytest

from classifier import preproc
from classifier.artefact import CARD, GOLDEN, golden_cases, open_folder, read_json_object
from config.errors import ArtefactError


def test_the_parts_of_a_folder_are_opened_together(forged_single) -> None:
    """What is opened is what the card was written of."""
    opened = open_folder(forged_single.folder, preproc.decode)

    assert forged_single.card["version"] == opened.version
    assert ("inventory", "none", "payment") == opened.preproc.columns
    assert list(opened.preproc.labels) == opened.card["labels"]


@pytest.mark.parametrize("text", ["[" * 100_000, "{\x00}", ""], ids=["deep", "NUL", "empty"])
def test_what_is_no_json_is_named(artefact, text) -> None:
    """Also what would only exhaust the one who reads it."""
    (artefact / CARD).write_text(text, "utf-8")

    with pytest.raises(ArtefactError, match=r"card\.json: is no JSON; forge it anew"):
        open_folder(artefact, preproc.decode)
    with pytest.raises(ArtefactError, match="is no JSON"):
        read_json_object(artefact / CARD)


@pytest.mark.parametrize("text", ["{}", '{"cases": []}', '{"cases": {"text": "a"}}'])
def test_without_golden_vectors_nothing_is_proved(artefact, text) -> None:
    """An artefact whose proof is gone is refused like one that fails it."""
    (artefact / GOLDEN).write_text(text, "utf-8")

    with pytest.raises(ArtefactError, match="holds no golden vectors"):
        golden_cases(artefact / GOLDEN)

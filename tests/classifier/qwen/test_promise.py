"""What a trained head's abstention comes to, in words: never answering is said plainly, with why and with the mend."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from classifier.calibration import NEVER, fit_selective
from classifier.qwen.artefact import Base, Manifest
from classifier.qwen.promise import promise_of, rows_to_show

LABELS = ("none", "payment")


def sealed(confidence, right, *, target=0.97):
    """The manifest of a head whose validation guesses were these."""
    operating = fit_selective(np.array(confidence), np.array(right, np.bool_), accuracy=target)
    return Manifest(
        "head", "adapter", LABELS, Base("base", "00"), 0, 64, abstain_below=operating.threshold,
        metrics={"operating_point": {"target": target, **asdict(operating)}},
    )  # fmt: skip


def test_a_head_that_can_never_answer_is_told_with_the_reason_and_the_mend() -> None:
    """Its surest guess was wrong, so no threshold keeps the aim."""
    found = promise_of(sealed([0.9, 0.8, 0.7], [0, 1, 1]))

    assert found.answers_never
    assert found.warning == (
        "It will abstain on every request: on the 3 held-out rows no threshold left answers of which 97 % were right. "
        "Train it on more rows or for more --epochs, or aim lower with --accuracy; held-out rows (--val) are few, too: "
        "97 % shows on 99 or more."
    )


def test_enough_rows_are_not_asked_for_more() -> None:
    """Where rows abound it is the accuracy that is too low."""
    found = promise_of(sealed([0.9] + [0.5] * 200, [0] * 201))

    assert found.answers_never
    assert "on the 201 held-out rows" in found.warning
    assert "--val" not in found.warning


def test_an_aim_that_too_few_rows_cannot_show_is_told() -> None:
    """Ten right of ten are no proof of 97 %."""
    found = promise_of(sealed(np.linspace(0.5, 0.9, 10), [1] * 10))

    assert not found.answers_never
    assert "On the 10 held-out rows it answers 100.0 %, of which 100.0 % were right." == found.kept
    assert found.warning == (
        "These answers show no more than 74.1 % with 95 % certainty, and the aim is 97 %: "
        "give 99 or more held-out rows with --val, or aim lower with --accuracy."
    )


def test_an_aim_that_is_nearly_shown_is_not_told_the_rows_it_has() -> None:
    """Four wrong of two hundred are 98 %, and may be chance."""
    found = promise_of(sealed(np.linspace(0.5, 0.9, 200), [1] * 196 + [0] * 4))

    assert "give more held-out rows with --val, train it further, or aim lower" in found.warning


def test_an_aim_that_is_shown_is_no_warning() -> None:
    """Enough rows, nearly all right."""
    found = promise_of(sealed(np.linspace(0.5, 0.9, 400), [1] * 400))

    assert (False, "") == (found.answers_never, found.warning)
    assert "On the 400 held-out rows it answers 100.0 %, of which 100.0 % were right." == found.kept


def test_what_was_not_measured_is_not_told() -> None:
    """A baseline promises nothing, and an artefact from before says only whether it can answer."""
    old = Manifest("head", "onnx", LABELS, Base("base", "00"), 0, 64, abstain_below=NEVER)
    fine = Manifest("head", "onnx", LABELS, Base("base", "00"), 0, 64, abstain_below=0.5)

    assert promise_of(old).answers_never
    assert "abstains on every request" in promise_of(old).warning
    assert ("", "") == (promise_of(fine).kept, promise_of(fine).warning)


@pytest.mark.parametrize(("target", "rows"), [(0.97, 99), (0.5, 5), (0.99, 299), (1.0, None)])
def test_rows_that_an_aim_needs(target, rows) -> None:
    """So many, all right; no number of rows shows certainty."""
    assert rows == rows_to_show(target)


def test_certainty_is_never_shown() -> None:
    """Who aims at 100 % is told to aim lower, not to bring rows."""
    found = promise_of(sealed(np.linspace(0.5, 0.9, 10), [1] * 10, target=1.0))

    assert "no number of rows shows 100 %: aim lower with --accuracy." in found.warning

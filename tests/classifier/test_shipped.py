"""The one table of all shipped micro-models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier.calibration import Interval
from classifier.foundry.blueprint import shipped_artefacts
from classifier.foundry.evaluate import plain_share, share_at
from classifier.foundry.shipped import Shipped, main, measured
from classifier.foundry.shipped_page import PAGE, misses, page

HERE = Path(__file__).parents[2]
GOOD = Shipped(
    name="good",
    version="v",
    n=1000,
    measure="accuracy",
    main=Interval(0.97, 0.96, 0.98),
    target=0.99,
    coverage=Interval(0.85, 0.83, 0.87),
    accuracy=Interval(0.995, 0.985, 0.999),
    at_99=0.8,
    plain_99=0.9,
    surest=Interval(0.995, 0.985, 0.999),
    ece=0.01,
    gzipped_kib=100.0,
    p50_ms=0.1,
)


@pytest.mark.parametrize("name", ["confirmation", "ner_core_entity"])
def test_the_page_has_what_the_shipped_models_do(name: str) -> None:
    """Who forges one anew writes the page anew: `python -m classifier.foundry.shipped`."""
    (row,) = [line for line in page([measured(name)]).splitlines() if line.startswith(f"| `{name}` ")]

    assert row in (HERE / PAGE).read_text("utf-8").splitlines()


def test_every_shipped_model_stands_in_the_page() -> None:
    """With its version, and the goal that all of them miss is said to be missed."""
    text = (HERE / PAGE).read_text("utf-8")

    assert all(f"| `{each.parent.name}` (" in text for each in shipped_artefacts().glob("*/card.json"))
    assert "at 80 % coverage or more is missed by all 8.**" in text


def test_each_goal_that_is_missed_is_named() -> None:
    """Selective accuracy needs all three of share, accuracy and its lower bound."""
    assert [] == misses(GOOD)
    assert ["80 % coverage at 99 %"] == misses(replace(GOOD, accuracy=Interval(0.995, 0.979, 1.0)))
    assert ["80 % coverage at 99 %"] == misses(replace(GOOD, coverage=Interval(0.79, 0.7, 0.9)))
    assert ["80 % coverage at 99 %"] == misses(replace(GOOD, accuracy=Interval(0.989, 0.98, 1.0)))
    assert ["300 KiB", "p50 0.3 ms"] == misses(replace(GOOD, gzipped_kib=301.0, p50_ms=0.4))
    assert "is reached by good, and missed by 1.**" in page([GOOD, replace(GOOD, coverage=Interval(0.1, 0.0, 0.2))])
    assert "| none |" in page([replace(GOOD, target=None)])


def test_a_share_is_that_of_the_surest_rows() -> None:
    """Rows of equal confidence go together, and no row gives no share."""
    confidence, right = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, True])

    assert 0.25 == plain_share(confidence, right, accuracy=0.99)
    assert 1.0 == plain_share(confidence, right, accuracy=0.75)
    assert 0.0 == plain_share(confidence, ~right, accuracy=0.99)
    assert 0.0 == plain_share(np.zeros(0), np.zeros(0, bool), accuracy=0.99)
    many = np.linspace(1, 0, 200), np.arange(200) < 170
    assert (0.85, 0.0) == tuple(share_at(*many, accuracy=0.99, bound=bound) for bound in (0.8, 0.95))


def test_the_page_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    """Of the artefacts that are there."""
    folder = tmp_path / "artefacts" / "confirmation"
    folder.parent.mkdir()
    folder.symlink_to(shipped_artefacts() / "confirmation")

    assert 0 == main(["--out", str(tmp_path / "page.md"), "--artefacts", str(folder.parent)])
    assert (tmp_path / "page.md").read_text("utf-8").startswith("# The shipped micro-models\n")

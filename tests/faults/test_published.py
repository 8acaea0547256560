"""`docs/faults.md` and its twin are what the tests saw; each case's own test says whether that is still so."""

from __future__ import annotations

import pytest

from tests.faults.cells import cells_of
from tests.faults.leaving import cells_with_another_behind
from tests.faults.publish import PAGES, render
from tests.faults.returning import RETURNING
from tests.faults.rows import ROWS
from tests.faults.seen import published
from tests.faults.skipped import CLIENT_FAULTS, FAULTS
from tests.faults.words import Language


@pytest.mark.parametrize("language", PAGES)
def test_the_page_is_what_the_tests_saw(language: Language) -> None:
    """A page that was edited by hand, or not made anew, is found."""
    assert render(published(), language) == PAGES[language].read_text(encoding="utf-8")


def test_every_cell_was_seen_and_no_other() -> None:
    """Each cell of an upstream's fault stands in the page, and none that no test knows."""
    cells = {cell.id for cell in (*cells_of(FAULTS), *cells_with_another_behind(CLIENT_FAULTS), *RETURNING)}

    assert cells == {
        name for name, seen in published().items() if seen.row in {*range(1, 25), 34} and "-at-" not in name
    }


def test_all_34_faults_are_there() -> None:
    """Numbers run without a gap, and at least 120 cases stand behind them."""
    assert list(range(1, 35)) == [row.number for row in ROWS]
    assert len(published()) >= 120

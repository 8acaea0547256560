"""The page on the foundry shows a blueprint that ships, as it ships."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from classifier.foundry.blueprint import find_blueprint, shipped_blueprints
from classifier.foundry.corpus import read_rows

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("foundry.md", "zh/foundry.md")


def _block(page: str, language: str) -> str:
    """Return the first fenced block of the page in that language."""
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_the_blueprint_that_ships(page: str) -> None:
    """Whoever copies the example gets the model whose figures the card states."""
    shipped = (shipped_blueprints() / "sentiment" / "blueprint.toml").read_text(encoding="utf-8")

    assert tomllib.loads(shipped) == tomllib.loads(_block(page, "toml"))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_a_row_of_the_corpus(page: str) -> None:
    """The row that is shown can be looked up."""
    shown = json.loads(_block(page, "json"))
    rows = read_rows(find_blueprint(shipped_blueprints(), "sentiment").corpus_files)

    assert (shown["text"], tuple(shown["labels"])) in {(row.text, row.labels) for row in rows}

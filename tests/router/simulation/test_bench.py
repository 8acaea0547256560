from __future__ import annotations

import json

import pytest

from classifier.foundry.blueprint import shipped_artefacts, shipped_blueprints
from classifier.micromodel import MicroModel
from classifier.readings import LIKELY
from router.simulation.bench import DOMAIN_KNOWN, DOMAIN_WRONG, main
from tests.router.simulation.small import written


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a small scenario."""
    place = tmp_path_factory.mktemp("bench")
    main(["--scenario", str(written(place)), "--seeds", "1", "--report", str(place / "page.md")])
    return (place / "page.md").read_text("utf-8")


def test_page_tells_how_it_was_made_and_what_was_missed(page):
    """The page names the run, each goal and whether it was reached."""
    assert '`ARGS="--seeds 1 --days 2"`, the scenario\n"small"' in page
    assert "2 simulated days of 100 requests, 30% of them rated" in page
    assert "| satisfied (4 or 5 stars), change | 0.20 |" in page
    assert "missed" in page or "reached" in page


def test_page_compares_ways_of_drawing_keys_and_labelled_starts(page):
    """Each part has its table."""
    parts = [line for line in page.splitlines() if line.startswith("## ")]

    assert 5 == len(parts)
    assert "| Thompson sampling |" in page
    assert "With 300 keys and 1 seeds" in page
    assert "## With the domain guessed: of 95.1%, wrongly of 8.4% of these" in page
    assert "| 1000 |" in page


def test_shares_of_known_and_wrong_domains_are_those_of_the_shipped_model():
    """What the page says of the shipped domain model is what it does on its test rows, by the rule of the features."""
    rows = [json.loads(line) for line in (shipped_blueprints() / "domain/test.jsonl").read_text("utf-8").splitlines()]
    model = MicroModel.load(shipped_artefacts() / "domain")
    said = [(model.predict(row["text"]), row["labels"]) for row in rows]
    right = [list(each.labels) == labels for each, labels in said if each.confidence >= LIKELY]

    assert DOMAIN_KNOWN == pytest.approx(len(right) / len(rows), abs=0.001)
    assert DOMAIN_WRONG == pytest.approx(1 - sum(right) / len(right), abs=0.001)


def test_page_goes_to_stdout_without_a_file(tmp_path, capsys):
    """Days can be given; the progress is told beside the page."""
    main(["--scenario", str(written(tmp_path)), "--seeds", "1", "--days", "1"])
    told = capsys.readouterr()

    assert told.out.startswith("# What learning from ratings is worth")
    assert "simulating: 2 of 2" in told.err

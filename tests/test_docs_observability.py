"""docs/observability.md against the product: every metric, log key and attribute stands in it, and none that is not there."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Generator
from pathlib import Path

import pytest
import structlog

from config.settings import LoggingSettings
from proxy.cli.logs import set_up_logging
from proxy.telemetry.genai import SpanFact, spans_of
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user
from tests.proxy.test_telemetry import record

DOCS = Path(__file__).parent.parent / "docs"
PAGES = (DOCS / "observability.md", DOCS / "zh" / "observability.md")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
FAMILY = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
LOGGED_ALWAYS = {"event", "level", "logger", "timestamp"}


def rows(page: Path, beginning: str) -> list[str]:
    """The first cells of a table's rows that begin so."""
    return [each for each in ROW.findall(page.read_text(encoding="utf-8")) if re.match(beginning, each)]


def rows_below(page: Path, first: str) -> list[str]:
    """The first cells of the table that begins with this row."""
    table = page.read_text(encoding="utf-8").partition(f"\n| `{first}` |")[2].partition("\n\n")[0]
    return [first, *ROW.findall("\n".join(table.splitlines()[1:]))]


@pytest.fixture
def logging_as_before() -> Generator[None]:
    """Give logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.usefixtures("logging_as_before")
async def test_metrics_and_log_keys_are_those_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a running gateway exports and logs is what people read about, in both languages and in one order."""
    set_up_logging(LoggingSettings(format="json"))
    async with (
        scripted_upstream(Script((Reply(text="hello"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        await gateway.http.post(
            "/v1/chat/completions",
            json={"model": "m", "messages": user("hi")},
            headers={"x-request-id": "mine-1"},
        )
        await gateway.house.writer.flush(5)
        await gateway.house.vitals.measure(gateway.house.database)
        scrape = (await gateway.http.get("/metrics")).text
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"event":"request"' in line]

    documented = [rows(page, "(thalamus|process)_") for page in PAGES]
    assert {name for name, _ in FAMILY.findall(scrape)} == set(documented[0])
    assert documented[0] == documented[1]
    for name, kind in FAMILY.findall(scrape):
        assert f"`{name}` | {kind} |" in PAGES[0].read_text(encoding="utf-8")
    (line,) = logged
    for page in PAGES:
        assert set(line) - LOGGED_ALWAYS == set(rows_below(page, "decision_id"))


def attributes(fact: SpanFact) -> set[str]:
    """Every attribute of a span and of those below it, numbers of stages apart."""
    own = {name for name in fact.attributes if not name.startswith("thalamus.stage.")}
    return own.union(*(attributes(each) for each in fact.children))


def test_attributes_of_spans_are_those_of_the_page() -> None:
    """A name that is sent is explained, and one that is explained is sent."""
    sent = attributes(spans_of(record())) | attributes(spans_of(record(status="refused")))

    for page in PAGES:
        assert sent == set(rows(page, r"(gen_ai|thalamus|http|error)\."))

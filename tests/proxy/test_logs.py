"""What a serving process writes to stderr."""

import io
import json
import logging
import sys
from collections.abc import Generator

import pytest
import structlog

from config.settings import LoggingSettings
from proxy.cli.logs import set_up_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Generator[None]:
    """Give logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_an_event_is_one_json_object_where_no_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of ours and a line of a library have the same keys; control characters cannot forge a line."""
    set_up_logging(LoggingSettings())

    structlog.stdlib.get_logger("thalamus.test").info("request", status="a\nb\x1b[2J", n=1)
    logging.getLogger("library").warning("careful")

    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert ("request", "info", "thalamus.test", 1) == (ours["event"], ours["level"], ours["logger"], ours["n"])
    assert "a\\x0ab\\x1b[2J" == ours["status"]
    assert {"event", "level", "logger", "timestamp"} == set(theirs)


def test_a_level_that_is_off_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The level holds for our own events too, and may change while the process runs."""
    set_up_logging(LoggingSettings(level="WARNING"))
    log = structlog.stdlib.get_logger("thalamus.test")

    log.info("quiet")
    logging.getLogger().setLevel("INFO")
    log.info("told")

    assert ["told"] == [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


def test_the_form_for_people_is_kept_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    """`console` writes no JSON, terminal or not."""
    set_up_logging(LoggingSettings(format="console"))

    structlog.stdlib.get_logger("thalamus.test").warning("told", n=1)

    written = capsys.readouterr().err
    assert "told" in written
    assert not written.startswith("{")


def test_a_closed_stream_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging to a pipe whose reader has gone raises nothing."""
    set_up_logging(LoggingSettings())
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)

    structlog.stdlib.get_logger("thalamus.test").info("request")

    assert closed.closed

"""What a serving process writes to stderr."""

import io
import json
import logging
import sys
from collections.abc import Generator

import pytest
import structlog

from config.log_events import EventTap
from config.settings import LoggingSettings
from proxy.cli.logs import events_on_stderr, set_up_logging


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


CORPUS = [
    "a\r\nb", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "back\x08\x08", "bell\x07", "nul\x00", "next\x85line",
    "\u2028line\u2029", "\u202eevil\u2066", "\ufeffbom", "\x7fdel", '","level":"critical","x":"', "\\u000a\\n", "\t",
    "2026-01-01 00:00:00 [critical ] forged\n2026-01-01 00:00:00 [critical ] forged",
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_no_value_forges_a_line_or_drives_a_terminal(capsys: pytest.CaptureFixture[str], form: str, text: str) -> None:
    """What clients and upstreams send is written out: in fields, in messages of libraries, in exceptions."""
    set_up_logging(LoggingSettings(format=form))  # pyright: ignore[reportArgumentType]
    log = structlog.stdlib.get_logger("thalamus.test")

    log.info("request", model=text, reason=text)
    for name in ("uvicorn.error", "aiohttp.client", "litestar", "asyncio"):
        logging.getLogger(name).warning("Invalid request: %s", text)
    try:
        raise ValueError(text)  # noqa: TRY301  # the trace is the case
    except ValueError:
        log.exception("request_failed")

    written = capsys.readouterr().err
    lines = written.splitlines()
    starts = [line for line in lines if not line.startswith("    ")]
    assert all(each.isprintable() for each in lines)
    if form == "json":
        assert 6 == len(lines)
        assert ["info", *["warning"] * 4, "error"] == [json.loads(line)["level"] for line in lines]
    else:
        assert ["[info", *["[warning"] * 4, "[error"] == [line.split()[1] for line in starts]


def test_libraries_and_warnings_speak_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Servers, clients and Python's own warnings: one JSON object each with the same keys; chatter stays out."""
    set_up_logging(LoggingSettings(format="json"))
    names = ("uvicorn.error", "aiohttp.server", "aiohttp.access", "litestar", "alembic.runtime", "py.warnings")

    for name in names:
        logging.getLogger(name).error("careful")
    logging.getLogger("uvicorn.error").info("Application startup complete.")

    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert list(names) == [each["logger"] for each in told]
    assert {("event", "level", "logger", "timestamp")} == {tuple(sorted(each)) for each in told}


def test_a_secret_in_a_library_s_message_is_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Their words are not ours, and may quote a header."""
    set_up_logging(LoggingSettings(format="json"))

    logging.getLogger("aiohttp.client").warning("sent Authorization: Bearer %s", "sk-canary-0123456789abcdef")

    assert "canary" not in capsys.readouterr().err


def test_chinese_text_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what drives a terminal is written out; an ideographic space does not."""
    set_up_logging(LoggingSettings(format="json"))

    structlog.stdlib.get_logger("thalamus.test").info("loaded", title="快速　上手，第一步")

    assert "快速　上手，第一步" == json.loads(capsys.readouterr().err)["title"]


def test_command_that_thinks_keeps_its_output_to_itself(capsys):
    """Events of a command that does not serve go to stderr, and afterwards where they went before."""
    before = structlog.get_config()
    with events_on_stderr():
        structlog.stdlib.get_logger("thalamus.test").warning("background_work_waits", reason="away")
    said = capsys.readouterr()

    assert "" == said.out
    assert "background_work_waits" in said.err
    assert before == structlog.get_config()


class Heard:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def state(self) -> dict[str, object]:
        return {"status": "ok"}

    def submit(self, _book: object, record: dict[str, object]) -> None:
        self.rows.append(record)


def test_a_tap_hears_ours_and_theirs_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """What the logs page keeps is what stands on stderr: redacted, of one shape, and nothing below the level."""
    tap, heard = EventTap(), Heard()
    set_up_logging(LoggingSettings(format="json"), tap=tap)
    log = structlog.stdlib.get_logger("thalamus.test")

    log.debug("quiet")
    log.warning("told", reason="key sk-ant-0123456789abcdef refused", n=1)
    logging.getLogger("library").error("Bearer abcdef0123456789 sent")
    try:
        int("password: hunter2hunter2")
    except ValueError:
        log.exception("broke")
    tap.hand_over(heard)  # pyright: ignore[reportArgumentType]  # what it uses of a writer

    assert [("told", "WARNING"), ("Bearer [redacted] sent", "ERROR"), ("broke", "ERROR")] == [
        (row["event"], row["level"]) for row in heard.rows
    ]
    written = str(heard.rows)
    assert "sk-ant-0123456789abcdef" not in written
    assert "hunter2hunter2" not in written
    assert "ValueError" in written
    assert 3 == len(capsys.readouterr().err.splitlines())

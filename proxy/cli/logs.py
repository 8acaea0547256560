"""Sets up logging for a process that serves: one line for people, or one JSON object, per event, on stderr."""

from __future__ import annotations

import logging
import sys
import textwrap
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog

from config.columns import json_text
from config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Generator

    from structlog.typing import EventDict, Processor, WrappedLogger

    from config.log_events import EventTap
    from config.settings import LoggingSettings

NOISY = frozenset({"aiosqlite", "alembic", "asyncio", "bm25s", "faiss", "httpcore", "httpx", "uvicorn"})
"""Libraries that tell at INFO what nobody asked; their warnings stay."""
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
"""Methods whose level may be off; all others tell of errors."""
FREE_TEXTS = frozenset({"exception", "error", "reason", "detail", "message"})
"""Fields that may quote an upstream or a settings file."""
SPACES = "\u00a0\u3000"
"""Spaces that people write and `str.isprintable` does not know as such: no-break and ideographic."""


def set_up_logging(settings: LoggingSettings, *, tap: EventTap | None = None) -> None:
    """Send every log event of the process to stderr in the wanted form; a process that serves calls it once.

    `tap` hears them too, without secrets. Our own events go straight to stderr: by way of `logging` the one line of a
    request cost a tenth of its CPU.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _safe,
        *([_heard(tap)] if tap is not None else []),
    ]
    rendering = _rendering(settings)
    structlog.configure(
        processors=[_told, *shared, *rendering],
        logger_factory=StderrLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_told_by_others, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    handler.addFilter(_worth_telling)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    logging.captureWarnings(capture=True)


@contextmanager
def events_on_stderr() -> Generator[None]:
    """Keep our own events off stdout while a command thinks that does not serve: its result stands there alone."""
    before = structlog.get_config()
    changed: dict[str, Any] = {**before, "logger_factory": StderrLogger}
    structlog.configure(**changed)
    try:
        yield
    finally:
        structlog.configure(**before)


class StderrLogger:
    """Writes finished lines to stderr."""

    def __init__(self, name: str = "thalamus") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write one line in one piece, so that threads do not mix theirs."""
        with suppress(OSError, ValueError):  # a closed pipe or stream must not fail a request
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


def _rendering(settings: LoggingSettings) -> list[Processor]:
    is_terminal = sys.stderr.isatty()
    if settings.format == "json" or (settings.format == "auto" and not is_terminal):
        return [structlog.processors.JSONRenderer(serializer=_to_json)]
    return [_indented, structlog.dev.ConsoleRenderer(colors=is_terminal)]


def _heard(tap: EventTap) -> Processor:
    def hear(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        tap.hear(event)
        return event

    return hear


def _to_json(event: EventDict, **_: object) -> str:
    return json_text(event)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Judge at the end, since some libraries set the level of their logger when they are imported."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in NOISY


def _told(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop what is below the level of the process, which stands in `logging` and may change."""
    if not logging.getLogger().isEnabledFor(LEVELS.get(method, logging.ERROR)):
        raise structlog.DropEvent
    return event


def _safe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of free texts, and escape control characters: no value can forge a line or drive a terminal."""
    for name, value in event.items():
        if isinstance(value, str):
            text = redact(value) if name in FREE_TEXTS else value
            kept = f"{SPACES}\n" if name == "exception" else SPACES
            event[name] = text if text.isprintable() else _written_out(text, kept)
    return event


def _written_out(text: str, kept: str) -> str:
    """Write out what a terminal or a reader of lines might obey, marks that turn the reading direction included."""
    return "".join(each if each.isprintable() or each in kept else _code(ord(each)) for each in text)


def _code(point: int) -> str:
    return f"\\x{point:02x}" if point <= 0xFF else f"\\u{point:04x}"  # noqa: PLR2004  # as Python writes it


def _told_by_others(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of the messages of libraries: unlike ours they are no fixed words."""
    event["event"] = redact(str(event["event"]))
    return event


def _indented(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Set a stack trace off, so that no line of a message in it looks like an event."""
    trace = event.get("exception")
    if isinstance(trace, str):
        event["exception"] = textwrap.indent(trace, "    ", lambda _: True)
    return event

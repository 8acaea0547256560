"""Sets up logging for a process that serves: one line for people, or one JSON object, per event, on stderr."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from config.redact import redact

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

    from config.settings import LoggingSettings

NOISY = frozenset({"aiosqlite", "alembic", "asyncio", "bm25s", "httpcore", "httpx", "uvicorn"})
"""Libraries that tell at INFO what nobody asked; their warnings stay."""
FREE_TEXTS = frozenset({"exception", "error", "reason", "detail", "message"})
"""Fields that may quote an upstream or a settings file."""
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def set_up_logging(settings: LoggingSettings) -> None:
    """Send every log event of the process to stderr in the wanted form; calling it again changes the form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _safe,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_worth_telling)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)


def _worth_telling(record: logging.LogRecord) -> bool:
    """Judge at the end, since some libraries set the level of their logger when they are imported."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in NOISY


def _safe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of free texts, and escape control characters: no value can forge a line or drive a terminal."""
    for name, value in event.items():
        if isinstance(value, str):
            text = redact(value) if name in FREE_TEXTS else value
            event[name] = text if name == "exception" or text.isprintable() else text.translate(CONTROLS)
    return event

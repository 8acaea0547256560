"""What pages may see and do in the running gateway, as Protocols; `proxy/desk` keeps their promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from admin.desk.decisions import DecisionsDesk
    from admin.desk.documents import DocumentsDesk
    from admin.desk.foundry import FoundryDesk
    from admin.desk.jobs import JobsDesk
    from admin.desk.judge import JudgeDesk
    from admin.desk.keys import KeysDesk
    from admin.desk.learning import LearningDesk
    from admin.desk.logs import LogsDesk
    from admin.desk.models import ModelsDesk
    from admin.desk.playground import PlaygroundDesk
    from admin.desk.rules import RulesDesk
    from admin.desk.settings import SettingsDesk
    from admin.desk.system import SystemDesk
    from admin.desk.traffic import TrafficDesk
    from config.database import Database

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that pages are given. A page whose part is `None` is not shown."""

    database: Database
    """Where `admin/queries` reads."""
    csrf_secret: str = field(repr=False)
    """Signs the tokens of forms; the same after a restart."""
    is_https: Callable[[], bool]
    """Whether cookies may be told to travel over TLS only."""
    max_body_bytes: int = 10_000_000
    """Largest form, with the files that it uploads."""
    decisions: DecisionsDesk | None = None
    traffic: TrafficDesk | None = None
    models: ModelsDesk | None = None
    rules: RulesDesk | None = None
    judge: JudgeDesk | None = None
    documents: DocumentsDesk | None = None
    foundry: FoundryDesk | None = None
    playground: PlaygroundDesk | None = None
    learning: LearningDesk | None = None
    jobs: JobsDesk | None = None
    keys: KeysDesk | None = None
    logs: LogsDesk | None = None
    settings: SettingsDesk | None = None
    system: SystemDesk | None = None

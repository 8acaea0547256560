"""What a page and an action are: a name, an address, a function. How they are served is `site.py`'s.

A page's function returns plain data (JSON values only). The template shows it, and the `.json` twin is it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime

    from litestar.datastructures import FormMultiDict

    from admin.desk import Desk

    Data = Mapping[str, object]
    """JSON values under names."""

__all__ = ["Action", "Done", "Group", "Language", "Page", "Refused", "Role", "Stream", "Streamed", "User", "Visit"]

Language = Literal["en", "zh"]
Role = Literal["viewer", "admin"]
Group = Literal["watch", "understand", "improve", "operate"]
"""Parts of the navigation, in their order."""


@dataclass(frozen=True, slots=True)
class User:
    """Who is logged in."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request, as a page's or an action's function sees it."""

    desk: Desk
    user: User
    language: Language
    now: datetime
    """UTC."""
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """What follows the question mark; of a name given twice, the last."""
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameters within the path, such as `id`."""

    @property
    def actor(self) -> str:
        """Return whom the audit log names."""
        return f"dashboard:{self.user.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that answers one question. Its texts are `<name>.title` and `<name>.question`."""

    name: str
    path: str
    """Below `/dashboard`, with Litestar's parameters: `/decisions/{id:str}`. The twin has `.json` after it."""
    read: Callable[[Visit], Awaitable[Data]]
    """Returns what the page shows. Raises `Refused` where the question makes no sense; `StorageError`."""
    group: Group | None = None
    """Where the navigation has it; `None`: it is reached from another page."""
    role: Role = "viewer"
    is_shown: Callable[[Desk], bool] = lambda _desk: True

    @property
    def template(self) -> str:
        """Return its template's name."""
        return f"pages/{self.name}.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action did: where to go next, and what is said there."""

    to: str
    """A path below `/dashboard`, with query."""
    message: str
    """Key of a text, such as `models.weights_saved`."""
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    once: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is shown on the next page and never again, such as a new key; under `notice.once`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A change, asked for by a form: `POST` only, with a token, audited by who makes it."""

    path: str
    act: Callable[[Visit, FormMultiDict], Awaitable[Done]]
    """Does all of it or nothing. Raises `Refused`, `StorageError`."""
    role: Role = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """An answer that is sent as it is made, so that it may be longer than memory, or without an end."""

    chunks: AsyncIterator[bytes]
    """What goes wrong in it cuts the answer short: the browser says that it is not whole."""
    media_type: str
    filename: str | None = None
    """ASCII; what the browser saves it as. `None`: it is not a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Something that is fetched and is no page: an export, or events as they happen."""

    path: str
    open: Callable[[Visit], Awaitable[Streamed]]
    """Raises `Refused` before anything is sent, `StorageError`."""
    role: Role = "viewer"
    is_shown: Callable[[Desk], bool] = lambda _desk: True


class Refused(Exception):  # noqa: N818  # it says what happened to the visit, as the page does
    """A visit that cannot be answered; the page says why and what to do. `key` names a text, `values` fill it."""

    def __init__(self, key: str, *, status: int = 400, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.status = status
        self.values = values

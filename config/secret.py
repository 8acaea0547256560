"""A text that must not be shown: what prints it prints `***`."""

from __future__ import annotations

import hmac
from typing import final


@final
class Secret:
    """A key, password or token; only `reveal()` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself; hand it to the wire, never to a log, an error or a page."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, so that timing tells nothing about the text."""
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse pickling and copying by pickle: a secret leaves the process only on purpose."""
        raise TypeError("a Secret cannot be pickled")

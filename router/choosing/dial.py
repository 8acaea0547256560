"""The dial between cost and quality as clients give it: a number from 0 to 1, or a name for one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.choosing.scoring import NEUTRAL_DIAL

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMED_DIALS: Final[Mapping[str, float]] = {"cheap": 0.1, "balanced": NEUTRAL_DIAL, "best": 1.0}
_PREFIX: Final = "auto:"


def dial_of_name(name: str) -> float | None:
    """Return the dial of a model name such as `auto:cheap`, `auto:best` or `auto:0.3`; `None` for any other name."""
    if not name.startswith(_PREFIX):
        return None
    word = name.removeprefix(_PREFIX)
    return NAMED_DIALS[word] if word in NAMED_DIALS else _between(word)


def parse_dial(value: object, *, param: str) -> float | None:
    """Read what a client sent: a number, digits, or one of the names. Raises `InvalidRequestError` that names it."""
    if value is None:
        return None
    if isinstance(value, str):
        found = NAMED_DIALS.get(value.strip(), _between(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if 0 <= value <= 1 else None
    else:
        found = None
    if found is None:
        names = ", ".join(f"'{name}'" for name in NAMED_DIALS)
        raise InvalidRequestError(f"'{param}' must be a number from 0 (cheap) to 1 (best), or {names}.", param=param)
    return found


def _between(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and 0.0 <= found <= 1.0 else None

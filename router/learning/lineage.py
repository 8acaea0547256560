"""Which version was in force before another one, by who grew out of whom. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.learning.versions import Version


def back_to(version_id: str | None) -> str:
    """Return why there is a version that a rollback made of another one."""
    return f"rolled back to {version_id}"


def before(versions: Iterable[Version], active: str) -> str | None:
    """Return the version that was in force before what the active one holds, `None` where there is none.

    A version that a rollback made holds what another one held: what was before that one is asked for, so that a second
    rollback goes farther back than the first. Versions that were never in force, having learned in shadow, are no step.
    """
    known = {each.id: each for each in versions}
    held = known.get(active)
    while held is not None and held.recipe.get("why") == back_to(held.parent_id):
        held = _parent(held, known)
    found = None if held is None else _parent(held, known)
    while found is not None and found.activated is None:
        found = _parent(found, known)
    return None if found is None else found.id


def _parent(version: Version, known: dict[str, Version]) -> Version | None:
    return None if version.parent_id is None else known.get(version.parent_id)

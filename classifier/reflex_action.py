"""What a reflex can find: the six actions that are hard to take back, and the shape in which a rule names one."""

from __future__ import annotations

from typing import Final, Literal

Action = Literal["delete", "modify", "overwrite", "transfer", "revoke", "shutdown"]
ACTIONS: Final[tuple[Action, ...]] = ("delete", "modify", "overwrite", "transfer", "revoke", "shutdown")
Found = tuple[Action, str, str]
"""The action, the words that order it, and the name of the rule."""

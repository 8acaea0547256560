"""What happens to a request that orders something hard to take back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RiskAction = Literal["delete", "modify", "overwrite", "transfer", "revoke", "shutdown"]
RISK_ACTIONS: tuple[RiskAction, ...] = ("delete", "modify", "overwrite", "transfer", "revoke", "shutdown")
PLAIN_RESPONSES = frozenset({"tag", "confirm", "block"})
PIN = "pin:"
"""Before the name of the model that such requests go to."""


@dataclass(frozen=True, slots=True)
class ReflexRuleSettings:
    """A text of your own that always stands for an action, such as the name of a system nobody may touch."""

    text: str
    """The text itself, found anywhere in the turn; case, width, invisible characters and the number of spaces or line
    breaks between its words make no difference. Of a turn above 64,000 characters the first and the last 32,000 are
    read."""
    action: RiskAction
    """What it stands for."""


@dataclass(frozen=True, slots=True)
class ReflexSettings:
    """What happens when the last user turn orders something hard to take back: see `docs/reflex.md`."""

    on_risk: str = "tag"
    """`tag` notes it in the decision, `confirm` asks the user before anything is relayed, `block` refuses with 403,
    `pin:<model>` sends requests for `auto` to that model."""
    delete: str | None = None
    """The same for orders to delete alone; `None` does what `on_risk` says."""
    modify: str | None = None
    """The same for orders to change."""
    overwrite: str | None = None
    """The same for orders to overwrite."""
    transfer: str | None = None
    """The same for orders to pay, send money or hand over."""
    revoke: str | None = None
    """The same for orders to take rights away."""
    shutdown: str | None = None
    """The same for orders to stop or switch off."""
    rules: tuple[ReflexRuleSettings, ...] = ()
    """Texts of your own."""

    def response_to(self, action: RiskAction) -> str:
        """Return `tag`, `confirm`, `block` or `pin:<model>`."""
        own: dict[RiskAction, str | None] = {
            "delete": self.delete,
            "modify": self.modify,
            "overwrite": self.overwrite,
            "transfer": self.transfer,
            "revoke": self.revoke,
            "shutdown": self.shutdown,
        }
        return own[action] or self.on_risk

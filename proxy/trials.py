"""Draws the arm of a conversation in the trial that runs, and says what that changes of its choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.affinity import conversation_key
from router.experiments.drawing import arm_of

if TYPE_CHECKING:
    from proxy.exchange import Exchange
    from proxy.house import House


def enrol(house: House, exchange: Exchange) -> None:
    """Draw the arm of this conversation, once `auto` is to choose for it.

    Left out is who sets a dial of their own: by the request, by the name they ask for, or by their key.
    """
    trials = house.settings.experiment.trial
    parsed = exchange.known()
    own = (parsed.dial, house.catalog.dial(parsed.model), exchange.key_dial)
    if not trials or any(each is not None for each in own):
        return
    key = conversation_key(parsed.request.body, conversation_id=parsed.conversation_id, caller=exchange.key_prefix)
    exchange.trial = arm_of(key or exchange.id.encode(), trials[-1])


def policy_of(house: House, exchange: Exchange) -> Literal["learned", "weights"]:
    """Return how is chosen: as the arm says, else as the settings say."""
    drawn = exchange.trial
    return house.settings.routing.policy if drawn is None or drawn.policy == "as_set" else drawn.policy

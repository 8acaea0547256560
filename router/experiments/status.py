"""How a trial stands: both arms, their difference with an interval that holds however often one looks, and who won.

The unit is the conversation, and it counts once nobody has asked in it for an hour: then its value stays as it is. The
difference is a confidence sequence (`router/anytime.py`), so the trial may stop at the first moment at which the
interval is beside 0, and the chance that it ever stops wrongly is 5 %.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from sqlalchemy import select

from router.anytime import Drawn as Unit
from router.anytime import Effect, effects_over_time
from router.experiments.drawing import Drawn, drawn_from
from router.experiments.telling import told_of
from router.learning.rewards import IMPLICIT, verdict_of
from router.offpolicy.reading import UNSENT, words_of
from router.tables import decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from config.database import Database
    from config.experiment_settings import TrialSettings
    from config.types import Json
    from router.learning.rewards import Word

SETTLED: Final = timedelta(hours=1)
"""Without a request, after which a conversation counts."""
BATCH: Final = 500
State = Literal["no_data", "running", "won", "undecided"]


@dataclass(slots=True)
class Conversation:
    """What came of one conversation."""

    drawn: Drawn
    last: datetime
    ratings: list[float] = field(default_factory=list[float])
    costs: list[float] = field(default_factory=list[float])
    n_requests: int = 0
    n_completed: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial at one moment."""

    state: State
    winner: Literal["a", "b"] | None
    effect: Effect | None
    """Arm `b` less arm `a`; `None` before anything is decided."""
    n_a: int
    n_b: int
    stopped_after: int | None = None
    """Conversations after which the interval was beside 0 for the first time."""


async def status_of(database: Database, trial: TrialSettings, *, now: datetime) -> Json:
    """Return how a trial stands, as JSON with its sentences. Raises `StorageError`."""
    conversations = await _conversations(database, trial.name, now=now)
    units = units_of(conversations, goal=trial.goal)
    standing = standing_of(units, trial)
    return {
        "name": trial.name,
        "goal": trial.goal,
        "state": standing.state,
        "winner": standing.winner,
        "stopped_after": standing.stopped_after,
        "difference": None
        if standing.effect is None
        else {"value": standing.effect.value, "low": standing.effect.low, "high": standing.effect.high},
        "arms": {arm: _arm(conversations, arm, trial, standing) for arm in ("a", "b")},
        **told_of(standing, trial),
    }


def standing_of(units: Sequence[Unit], trial: TrialSettings) -> Standing:
    """Return how units, in the order in which they came, stand.

    Nothing is decided before `least` of them in each arm. The first moment at which the interval is beside 0 settles
    it: what comes later cannot take it back, and cannot make up for it either. After `most` it ends without a winner.
    """
    n_b = sum(each.treated for each in units)
    n_a = len(units) - n_b
    if not units:
        return Standing("no_data", None, None, 0, 0)
    if min(n_a, n_b) < trial.least:
        return Standing("running", None, None, n_a, n_b)
    effects, widths = effects_over_time(units)
    enough = _first_with(units, trial.least)
    beside = np.flatnonzero(np.abs(effects[enough:]) > widths[enough:])
    at = int(beside[0]) + enough if len(beside) else len(units) - 1
    effect = Effect(float(effects[at]), float(effects[at] - widths[at]), float(effects[at] + widths[at]))
    if len(beside) and at < trial.most:
        is_b = (effect.value > 0) == (trial.goal == "quality")
        return Standing("won", "b" if is_b else "a", effect, n_a, n_b, at + 1)
    return Standing("undecided" if len(units) >= trial.most else "running", None, effect, n_a, n_b)


def units_of(conversations: Iterable[Conversation], *, goal: str) -> list[Unit]:
    """Return the conversations that have a value, in order: mean rating, or mean USD a request."""
    found: list[Unit] = []
    for each in conversations:
        values = each.ratings if goal == "quality" else each.costs
        if values:
            found.append(Unit(sum(values) / len(values), each.drawn.arm == "b", each.drawn.p_b))
    return found


async def _conversations(database: Database, name: str, *, now: datetime) -> list[Conversation]:
    """Return the settled conversations of a trial, by their last request."""
    query = (
        select(
            decision.c.id, decision.c.ts, decision.c.status, decision.c.served_model, decision.c.cost_usd,
            decision.c.features,
        )
        .where(decision.c.arm.in_((f"{name}/a", f"{name}/b")), decision.c.status.not_in(UNSENT))
        .order_by(decision.c.ts, decision.c.id)
    )  # fmt: skip
    found: OrderedDict[str, Conversation] = OrderedDict()
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
        for first in range(0, len(rows), BATCH):
            part = rows[first : first + BATCH]
            said = await words_of(connection, [row["id"] for row in part])
            for row in part:
                _add(found, row, said.get(row["id"], []))
    settled = [each for each in found.values() if each.last <= now - SETTLED]
    return sorted(settled, key=lambda each: each.last)


def _add(found: OrderedDict[str, Conversation], row: Mapping[Any, Any], words: Sequence[Word]) -> None:
    drawn = drawn_from(row["features"])
    if drawn is None:
        return
    each = found.setdefault(drawn.unit, Conversation(drawn, row["ts"]))
    if each.drawn.arm != drawn.arm:  # the shares were changed meanwhile: it stays where it was first
        return
    each.last = row["ts"]
    each.n_requests += 1
    each.n_completed += row["status"] == "completed"
    if row["cost_usd"] is not None:
        each.costs.append(row["cost_usd"])
    verdict = verdict_of(words, served=row["served_model"]) if row["served_model"] else None
    if verdict is not None and verdict.source != IMPLICIT:
        each.ratings.append(verdict.reward)


def _first_with(units: Sequence[Unit], least: int) -> int:
    """Return the position at which both arms have so many units for the first time."""
    treated = np.cumsum([each.treated for each in units])
    others = np.arange(1, len(units) + 1) - treated
    return int(np.argmax((treated >= least) & (others >= least)))


def _arm(conversations: Sequence[Conversation], arm: str, trial: TrialSettings, standing: Standing) -> Json:
    mine = [each for each in conversations if each.drawn.arm == arm]
    ratings = [sum(each.ratings) / len(each.ratings) for each in mine if each.ratings]
    costs = [sum(each.costs) / len(each.costs) for each in mine if each.costs]
    n_requests = sum(each.n_requests for each in mine)
    policy, dial = (trial.policy_b, trial.dial_b) if arm == "b" else (trial.policy_a, trial.dial_a)
    return {
        "policy": policy,
        "dial": dial,
        "conversations": len(mine),
        "counted": standing.n_b if arm == "b" else standing.n_a,
        "requests": n_requests,
        "completed": sum(each.n_completed for each in mine) / n_requests if n_requests else None,
        "rated": len(ratings),
        "quality": sum(ratings) / len(ratings) if ratings else None,
        "cost_usd": sum(costs) / len(costs) if costs else None,
    }

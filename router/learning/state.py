"""What was learned as JSON, whole: a version can be read back and learned on from. No pickle, nothing that runs."""

from __future__ import annotations

import base64
import json
import zlib
from collections import OrderedDict
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from config.errors import ArtefactError
from router.learning.cap import Subject
from router.learning.encoding import ENCODING
from router.learning.heads import sums_from
from router.learning.learner import Learner, Remembered
from router.learning.preferences import preferences_from
from router.learning.profiles import profiles_from
from router.learning.speakers import Budgets, Speaker

if TYPE_CHECKING:
    from config.types import Json
    from router.learning.heads import Sums

FORM: Final = "learner-1"
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
MEND: Final = "roll back to another version with `thalamus policy rollback`"
MAX_KEPT: Final = 2_000
"""Decisions whose lesson a version remembers; a running learner remembers more."""
_MAX_BYTES: Final = 16_000_000


@dataclass(frozen=True, slots=True)
class State:
    """A learner, and how far in the books it has read."""

    learner: Learner
    cursor: datetime = EVER
    """What was said until then is learned."""
    floor: datetime = EVER
    """What was said until then is never looked at again: somebody rolled back what it had taught."""


def state_json(state: State) -> Json:
    """Return a state as JSON."""
    learner = state.learner
    with learner.lock:
        known = list(learner.remembered.items())
        dropped, kept = known[:-MAX_KEPT], known[-MAX_KEPT:]
        return {
            "form": FORM,
            "encoding": ENCODING,
            "cursor": state.cursor.isoformat(),
            "floor": state.floor.isoformat(),
            "n_lessons": learner.n_lessons,
            "data": learner.data,
            "settled": None if learner.settled is None else sorted(learner.settled),
            "models": _sums_json(learner.totals),
            "speakers": {
                name: {
                    "share": each.share,
                    "used": each.used,
                    "allowed": each.allowed,
                    "at": each.at,
                    "since": each.since,
                    "subjects": [list(astuple(subject)) for subject in each.subjects],
                    "models": _sums_json(each.sums),
                }
                for name, each in learner.speakers.items()
            },
            "budgets": {name: [left, at] for name, left, at in learner.budgets},
            "preferences": learner.preferences.as_json(),
            "profiles": learner.profiles.as_json(),
            "remembered": _packed({name: list(astuple(each)) for name, each in kept}),
            "known_since": max((each.said for _, each in dropped), default=learner.known_since),
        }


def state_from(told: Json, *, name: str) -> State:
    """Return the state of `state_json`. Raises `ArtefactError` where it is not what was written.

    `name` is the version's, for the message. What was learned on another encoding cannot be read either.
    """
    if told.get("form") != FORM or told.get("encoding") != ENCODING:
        raise ArtefactError("was learned by another version of Thalamus", file=name, mend=MEND)
    try:
        learner = _learner(cast("Any", told))
        cursor, floor = (datetime.fromisoformat(str(told[key])).astimezone(UTC) for key in ("cursor", "floor"))
    except (KeyError, TypeError, AttributeError, ValueError, zlib.error) as error:
        raise ArtefactError(f"is damaged ({type(error).__name__})", file=name, mend=MEND) from error
    return State(learner, cursor, floor)


def without_caller(told: Json, caller: str) -> Json:
    """Return a state's JSON without a caller's taste and words; what counts of them in the sums names nobody."""
    cleaned = dict(told)
    for part in ("speakers", "preferences", *(("budgets",) * ("budgets" in told))):
        cleaned[part] = {name: each for name, each in cast("Json", told.get(part) or {}).items() if name != caller}
    if isinstance(told.get("remembered"), str):
        kept = {name: each for name, each in _unpacked(str(told["remembered"])).items() if caller not in each}
        cleaned["remembered"] = _packed(kept)
    return cleaned


def _learner(told: Any) -> Learner:
    learner = Learner()
    learner.totals = {str(model): sums_from(each) for model, each in told["models"].items()}
    for name, each in told["speakers"].items():
        sums = {str(model): sums_from(own) for model, own in each["models"].items()}
        subjects = {_subject(*subject): None for subject in each["subjects"]}
        numbers = (float(each.get(part, 0.0)) for part in ("share", "used", "allowed", "at", "since"))
        learner.speakers[str(name)] = Speaker(sums, subjects, *numbers)
    budgets: dict[str, tuple[float, float]] = told.get("budgets") or {}  # versions of before did not keep them
    learner.budgets = Budgets((str(name), float(left), float(at)) for name, (left, at) in budgets.items())
    learner.preferences = preferences_from(told["preferences"])
    learner.profiles = profiles_from(told["profiles"])
    learner.remembered = OrderedDict(
        (str(name), Remembered(*each)) for name, each in _unpacked(told["remembered"]).items()
    )
    learner.n_lessons, learner.data = int(told["n_lessons"]), str(told["data"])
    learner.known_since = float(told["known_since"])
    settled = told.get("settled")  # versions of before new models had a ceiling do not tell
    learner.settled = None if settled is None else frozenset(map(str, settled))
    return learner


def _subject(domain: str, intents: list[str], *rest: Any) -> Subject:
    return Subject(str(domain), tuple(map(str, intents)), *rest)


def _sums_json(sums: dict[str, Sums]) -> Json:
    return {model: each.as_json() for model, each in sums.items()}


def _packed(value: Json) -> str:
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def _unpacked(text: str) -> dict[str, Any]:
    packed = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), _MAX_BYTES)
    return cast("dict[str, Any]", json.loads(packed))

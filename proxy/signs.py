"""Implicit outcomes: what a proxy can truly see of how an answer was received. docs/learning.md defines each.

Of a conversation nothing is kept but digests, in memory and for an hour: no text of anybody.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from config.types import OutcomeRecord
from router.affinity import conversation_key, is_continued
from router.learning.rewards import (
    ABANDONED,
    ASKED_AGAIN,
    DISSATISFIED,
    FAILED,
    IMPLICIT,
    SIGNS,
    TRUNCATED,
    WENT_ON,
)
from router.providers.json_values import as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config.types import DecisionRecord, Json
    from proxy.exchange import Exchange
    from proxy.house import House

MAX_TALKS: Final = 10_000
LIFETIME_S: Final = 3_600.0
"""A turn that comes later says nothing of the answer before."""
MAX_WORDS: Final = 200
MAX_READ: Final = 2_000
"""Characters of a question that are compared."""
ALIKE: Final = 0.8
"""Share of common words from which on two questions are the same."""
_ANSWER_CHARS: Final = 200
"""Of an answer's beginning, by which a client's history is known to hold it."""
_OURS: Final = frozenset({"shutting_down"})
"""Ends that say nothing of the model."""
_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class Heard(Protocol):
    """What of a finished request tells how the answer before was received."""

    @property
    def body(self) -> Json:
        """OpenAI Chat Completions."""
        ...

    @property
    def question(self) -> str:
        """The last user turn."""
        ...

    @property
    def conversation_id(self) -> str | None:
        """As the client named it."""
        ...

    @property
    def dissatisfied(self) -> bool | None:
        """What the sentiment model says of the turn, `None` where it abstained."""
        ...

    @property
    def answer(self) -> str:
        """What was answered, as far as it is kept."""
        ...


def notice(house: House, exchange: Exchange, record: DecisionRecord) -> None:
    """Write down what a finished request says, where the settings want it; after its answer, and it never waits."""
    parsed = exchange.parsed
    if parsed is None or exchange.door.embeds or not house.settings.learning.signs:
        return
    answered = [attempt for attempt in exchange.log.attempts if attempt.committed]
    dissatisfied = exchange.learned.get("dissatisfied")
    finished = _Finished(
        parsed.request.body,
        parsed.last_user_text,
        parsed.conversation_id,
        dissatisfied if isinstance(dissatisfied, bool) else None,
        "".join(answered[-1].texts[:_ANSWER_CHARS]) if answered else "",
    )
    for outcome in house.signs.of(record, finished, now=datetime.now(UTC)):
        house.ledger.record_outcome(outcome)


@dataclass(frozen=True, slots=True)
class _Finished:
    body: Json
    question: str
    conversation_id: str | None
    dissatisfied: bool | None
    answer: str


@dataclass(frozen=True, slots=True)
class _Turn:
    decision_id: str
    words: frozenset[int]
    answer: bytes | None
    before: bytes | None
    """Digest of the answer that the question followed."""
    at: float


class Signs:
    """Remembers the last turn of each conversation, and says what the next one means for it. `clock`: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._talks: OrderedDict[bytes, _Turn] = OrderedDict()

    def __len__(self) -> int:
        """Return how many conversations are remembered."""
        return len(self._talks)

    def of(self, record: DecisionRecord, heard: Heard, *, now: datetime) -> Iterator[OutcomeRecord]:
        """Yield what a finished request says: of its own answer, and of the one before in its conversation."""
        if record.decision is None:
            return
        own = _own_sign(record, heard.body)
        if own is not None:
            yield _outcome(record.id, own, now)
        messages = as_objects(heard.body.get("messages"))
        if not messages or not record.served_model:
            return
        key = conversation_key(heard.body, conversation_id=heard.conversation_id, caller=record.key_prefix)
        if key is None:
            return
        before = _last_answer(messages)
        turn = _Turn(record.id, _words(heard.question), _digest(heard.answer), before, self._clock())
        previous = self._talks.get(key)
        is_question = messages[-1].get("role") == "user"
        if previous is not None and is_question and turn.at - previous.at <= LIFETIME_S:
            sign = _sign_of(previous, turn, heard)
            if sign is not None:
                yield _outcome(previous.decision_id, sign, now)
        self._talks[key] = turn
        self._talks.move_to_end(key)
        while len(self._talks) > MAX_TALKS:
            self._talks.popitem(last=False)


def _own_sign(record: DecisionRecord, body: Json) -> str | None:
    """Return what the end of a request says of its own answer."""
    answered = [each for each in record.attempts if each.committed]
    if not answered or record.error_code in _OURS:
        return None
    if record.status == "aborted_by_client":
        return ABANDONED
    if record.status == "failed_upstream":
        return FAILED
    if answered[-1].finish_reason == "length" and all(body.get(name) is None for name in _LIMITS):
        return TRUNCATED
    return None


def _sign_of(previous: _Turn, turn: _Turn, heard: Heard) -> str | None:
    """Return what a turn says of the answer before it, `None` where it may belong to another conversation."""
    is_named = heard.conversation_id is not None
    follows = turn.before is not None and turn.before == previous.answer
    is_sent_again = turn.before == previous.before and (is_named or is_continued(heard.body))
    is_same = _alike(previous.words, turn.words)
    if is_same and (is_named or follows or is_sent_again):
        return ASKED_AGAIN
    if not (is_named or follows):
        return None
    return DISSATISFIED if heard.dissatisfied else WENT_ON


def _outcome(decision_id: str, sign: str, ts: datetime) -> OutcomeRecord:
    return OutcomeRecord(decision_id, sign, IMPLICIT, ts, score=SIGNS[sign].score)


def _last_answer(messages: list[Json]) -> bytes | None:
    """Return the digest of the last answer in a client's history, `None` where there is none."""
    for message in reversed(messages):
        if message.get("role") == "assistant":
            content = message.get("content")
            if isinstance(content, str):
                return _digest(content)
            return _digest("".join(as_text(part.get("text")) or "" for part in as_objects(content)))
    return None


def _digest(text: str) -> bytes | None:
    beginning = text.strip()[:_ANSWER_CHARS].strip()
    return hashlib.blake2b(beginning.encode("utf-8", "surrogatepass"), digest_size=12).digest() if beginning else None


def _words(text: str) -> frozenset[int]:
    """Return numbers for the words of a question, of Chinese for its pairs of characters; order and marks aside."""
    plain = unicodedata.normalize("NFKC", text[:MAX_READ]).casefold()
    kept = "".join(each if each.isalnum() else " " for each in plain).split()
    found: set[int] = set()
    for word in kept[:MAX_WORDS]:
        pieces = [word] if word.isascii() else [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        found.update(zlib.crc32(each.encode("utf-8", "surrogatepass")) for each in pieces)
    return frozenset(found)


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    if not one or not other:
        return False
    return len(one & other) / len(one | other) >= ALIKE

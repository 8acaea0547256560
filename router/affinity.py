"""Which deployment served a conversation last, for as long as its provider may have the prompt in its cache."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from router.providers.json_values import as_objects, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from config.settings import Settings
    from config.types import Json
    from router.providers.base import Target

MAX_CONVERSATIONS: Final = 20_000
"""Conversations remembered, about 5 MB; beyond it the one that was quiet longest is forgotten."""
MAX_HASHED_CHARS: Final = 8_192
"""Of each text that makes the prefix; what differs only later shares a key, and so at most a deployment."""
PREFIX_ROLES: Final = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long conversations stay, seconds; 0 is not at all. `by_provider` stands before `usual_s`."""

    usual_s: float
    by_provider: Mapping[str, float] = field(default_factory=dict[str, float])

    def of(self, provider: str) -> float:
        """Return how long conversations stay with a deployment of this provider."""
        return self.by_provider.get(provider, self.usual_s)

    @property
    def any(self) -> bool:
        """Whether anything stays anywhere."""
        return self.usual_s > 0 or any(lifetime_s > 0 for lifetime_s in self.by_provider.values())


def lifetimes(settings: Settings) -> Lifetimes:
    """Return what the settings say."""
    own = {row.name: row.affinity_s for row in settings.providers if row.affinity_s is not None}
    return Lifetimes(settings.balancing.affinity_s, own)


class Affinity:
    """A bounded memory of conversations. `clock` gives monotonic seconds."""

    def __init__(
        self, lifetimes: Lifetimes, *, clock: Callable[[], float], max_conversations: int = MAX_CONVERSATIONS
    ) -> None:
        self._lifetimes = lifetimes
        self._clock = clock
        self._max = max_conversations
        self._served: OrderedDict[tuple[bytes, str], tuple[str, float]] = OrderedDict()
        """By conversation and model: the deployment, and when it is forgotten."""
        self._last: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        """By conversation: the model, and when it is forgotten."""

    def __len__(self) -> int:
        """Return how many conversations are remembered, those that are over included."""
        return len(self._served)

    @property
    def enabled(self) -> bool:
        """Whether anything is remembered."""
        return self._lifetimes.any

    def adopt(self, lifetimes: Lifetimes) -> None:
        """Take other lifetimes after a reload; they hold from each conversation's next answer on."""
        self._lifetimes = lifetimes
        if not self.enabled:
            self._served.clear()
            self._last.clear()

    def deployment(self, conversation: bytes | None, model: str) -> str | None:
        """Return who served this conversation with this model last, `None` where that is unknown or too long ago."""
        if conversation is None:
            return None
        found = self._served.get((conversation, model))
        return found[0] if found is not None and self._clock() < found[1] else None

    def model(self, conversation: bytes | None) -> str | None:
        """Return which model served this conversation last, `None` where that is unknown or its cache is cold."""
        found = self._last.get(conversation) if conversation is not None else None
        return found[0] if found is not None and self._clock() < found[1] else None

    def remember(self, conversation: bytes | None, model: str, target: Target) -> None:
        """Note who serves this conversation; its lifetime begins anew."""
        if conversation is None:
            return
        lifetime_s = self._lifetimes.of(target.provider)
        if lifetime_s <= 0:
            self._served.pop((conversation, model), None)
            self._last.pop(conversation, None)
            return
        until = self._clock() + lifetime_s
        self._served[conversation, model] = (target.deployment, until)
        self._served.move_to_end((conversation, model))
        self._last[conversation] = (model, until)
        self._last.move_to_end(conversation)
        for memory in (self._served, self._last):
            if len(memory) > self._max:
                memory.popitem(last=False)


def conversation_key(body: Json, *, conversation_id: str | None, caller: str | None) -> bytes | None:
    """Return what tells this conversation from others: its id, else its system texts and first user turn, hashed.

    `body` is OpenAI Chat Completions. Conversations of different callers (by the shown part of their key) are never
    the same. `None` where the body has neither an id nor messages.
    """
    parts = [conversation_id] if conversation_id is not None else list(_prefix(body))
    if not parts:
        return None
    digest = hashlib.blake2b(digest_size=16, person=b"id" if conversation_id is not None else b"prefix")
    for part in (caller or "", *parts):
        cut = part[:MAX_HASHED_CHARS].encode("utf-8", "surrogatepass")
        digest.update(b"%d,%d:" % (len(part), len(cut)))
        digest.update(cut)
    return digest.digest()


def is_continued(body: Json) -> bool:
    """Return whether somebody has answered in this conversation already.

    Only then a hashed prefix tells a conversation: first turns that are alike (the same question of many clients, a
    load test) are different conversations, and shall not all go to one deployment.
    """
    return any(each.get("role") == "assistant" for each in as_objects(body.get("messages")))


def _prefix(body: Json) -> Iterator[str]:
    """Yield role and text of everything up to the first user turn."""
    for message in as_objects(body.get("messages")):
        role = message.get("role")
        if role != "user" and role not in PREFIX_ROLES:
            continue
        yield str(role)
        yield from _texts(message.get("content"))
        if role == "user":
            return


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for part in as_objects(content):
        yield as_text(part.get("text")) or ""

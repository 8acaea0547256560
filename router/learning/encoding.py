"""Makes a question a short vector of length 1, so that a few hundred outcomes are enough to learn from.

Its text is not read: what a text says is in its domain and intents, and the books keep no text to learn from.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.choosing.values import Question

    Vector = NDArray[np.float64]

ENCODING: Final = "question-1"
"""Changes with every change of what a slot means; what was learned on another one is not used."""
DOMAINS: Final = ("code", "math", "writing", "translation", "analysis", "knowledge", "business", "advice", "chat")
"""Those of the shipped classifier have a slot each; others share three by their hash."""
N_OTHER_DOMAINS: Final = 3
N_INTENT_SLOTS: Final = 12
MAX_INTENTS: Final = 3
PRIOR_ROWS: Final = 20.0
"""Outcomes that weigh as much as the prior where all questions are alike: a prior counts as 20 pseudo rows."""
HALF_KNOWN: Final = 150.0
"""Outcomes at which one single mark of a question, such as its language, is trusted by half."""

_MAIN: Final = math.sqrt(PRIOR_ROWS / 50)
"""Of the slots that say most: everything, the domain, the intent. Alone, each would be shrunk by n / (n + 50)."""
_MARK: Final = math.sqrt(PRIOR_ROWS / HALF_KNOWN)
"""Of all other slots. Alone, each would be shrunk by n / (n + 150)."""
_LANGUAGE, _DOMAIN, _INTENT, _FLAG, _SIZE, _CROSS = 1, 4, 16, 28, 32, 34
N_SLOTS: Final = 40


def encoded(question: Question) -> Vector:
    """Return the vector of a question, `(40,)`, finite and of length 1, whatever the question holds."""
    slots = np.zeros(N_SLOTS)
    slots[0] = _MAIN
    language = {"zh": 0, "en": 1}.get(question.language, 2)
    slots[_LANGUAGE + language] = _MARK
    if question.domain:
        slots[_DOMAIN + _domain_slot(question.domain)] = _MAIN
    for intent in question.intents[:MAX_INTENTS]:
        for slot in _intent_slots(intent):
            slots[_INTENT + slot] += _MAIN / math.sqrt(2 * min(MAX_INTENTS, len(question.intents)))
    hardness = min(10, max(1, question.complexity)) / 5.5 - 1.0
    length = min(1.0, math.log1p(max(0, question.n_tokens)) / 6.0 - 1.0)
    flags = (question.has_code, question.has_tools, question.has_images, question.wants_json)
    slots[_FLAG : _FLAG + 4] = [_MARK * flag for flag in flags]
    slots[_SIZE : _SIZE + 2] = _MARK * hardness, _MARK * length
    is_chinese = question.language == "zh"
    slots[_CROSS:] = [
        _MARK * is_chinese * question.has_code,
        _MARK * is_chinese * hardness,
        _MARK * question.has_code * hardness,
        _MARK * question.has_tools * length,
        _MARK * (question.task_state not in {"", "new"}),
        _MARK * (len(question.intents) > 1),
    ]
    return slots / np.linalg.norm(slots)


def topic_of(question: Question) -> str:
    """Return what a question is about, as far as it is known: its first intent, else its domain, else nothing."""
    return question.intents[0] if question.intents else question.domain


def _domain_slot(domain: str) -> int:
    if domain in DOMAINS:
        return DOMAINS.index(domain)
    return len(DOMAINS) + zlib.crc32(domain.encode("utf-8", "surrogatepass")) % N_OTHER_DOMAINS


def _intent_slots(intent: str) -> tuple[int, int]:
    """Return two different slots, so that two intents rarely share both."""
    digest = zlib.crc32(intent.encode("utf-8", "surrogatepass"))
    first = digest % N_INTENT_SLOTS
    return first, (first + 1 + (digest >> 8) % (N_INTENT_SLOTS - 1)) % N_INTENT_SLOTS

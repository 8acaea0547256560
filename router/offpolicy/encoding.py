"""A question as a few numbers, from what the books keep of it: no text is needed, and none is read."""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, Final
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.choosing.values import Question

    Array = NDArray[np.float64]

N_HASHED: Final = 32
"""Slots that names share: language, domain, intents, task state, and pairs of them."""
N_PLAIN: Final = 8
WIDTH: Final = N_PLAIN + N_HASHED
HARDEST: Final = 10
MANY_TOKENS: Final = 4_000.0
MOST_TOKENS: Final = 1_000_000


def encoded(questions: Sequence[Question]) -> Array:
    """Return the numbers of questions, (n, 40); each is about 0 to 1, hashed ones of either sign."""
    found = np.zeros((len(questions), WIDTH))
    for at, each in enumerate(questions):
        n_tokens = min(max(each.n_tokens, 0), MOST_TOKENS)
        found[at, :N_PLAIN] = (
            min(max(each.complexity, 0), HARDEST) / HARDEST,
            log1p(n_tokens) / log1p(MANY_TOKENS),
            min(n_tokens / MANY_TOKENS, 4.0),
            each.has_code,
            each.has_tools,
            each.has_images,
            each.wants_json,
            each.language == "zh",
        )
        for name, weight in _names(each):
            code = crc32(name.encode("utf-8", "surrogatepass"))
            found[at, N_PLAIN + code % N_HASHED] += weight if code & 0x8000_0000 else -weight
    return found


def _names(question: Question) -> list[tuple[str, float]]:
    """Return what is said of a question by name, with what each name counts."""
    names = [
        (f"domain {question.domain}", 1.0),
        (f"language {question.language}", 1.0),
        (f"domain {question.domain} language {question.language}", 1.0),
        (f"state {question.task_state}", 0.5),
    ]
    share = 1.0 / max(len(question.intents), 1)
    return [*names, *((f"intent {each}", share) for each in question.intents)]

"""What a router may know of a request without asking anyone: pure, and microseconds for ordinary turns.

Complexity is a rule of thumb, not a learned figure: 1 for a greeting, 10 for a long list of conditions around code.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from classifier.conversation import spoken

if TYPE_CHECKING:
    from classifier.conversation import State, TaskState
    from config.types import Json, Language

MAX_READ: Final = 2_000
"""Characters read of the beginning, and as many of the end."""
EASIEST, HARDEST = 1, 10

_CODE: Final = re.compile(
    r"```|\b(?:def|class|function|import|return|const|SELECT|INSERT|public|void|fn|func)\b[^\n.?!。]{0,60}[({=;:*]|"
    r"[;{}]\s*$|=>|Traceback \(most recent|\w\([^()\n]{0,80}\)\s*[;{]|</?[a-z][a-z0-9]{0,9}(?:\s[^<>]{0,80})?>",
    re.MULTILINE,
)
_QUESTIONS: Final = re.compile(r"[?？]+")
_LISTED: Final = re.compile(r"^\s{0,8}(?:[-*•]|\d{1,2}[.)、])\s", re.MULTILINE)
_CONDITIONS: Final = re.compile(
    r"\b(?:must|should|ensure|without|unless|except|only|at least|at most|exactly|instead of|while keeping|then|"
    r"compare|prove|derive|design|optimi[sz]e|refactor|architecture|step by step|trade-?offs?)\b|"
    r"必须|要求|确保|不要|不能|除非|至少|至多|最多|恰好|只能|然后|并且|同时|对比|比较|证明|推导|设计|优化|重构|架构|权衡|逐步",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of one request."""

    language: Language
    domain: str | None
    """Of the micro-model; `None` where none is loaded or it is unsure."""
    complexity: int
    """1 to 10."""
    length: int
    """Characters of the turn; of a bare yes, of the request and the plan that it goes on with."""
    has_code: bool
    has_tools: bool
    has_images: bool
    task_state: TaskState
    n_turns: int

    def as_json(self) -> Json:
        """Return them by name, for the decision and the trace."""
        return asdict(self)


def features_of(
    state: State, *, has_tools: bool = False, has_images: bool = False, domain: str | None = None
) -> Features:
    """Return the features of a conversation's state. Never raises."""
    whole = state.whole
    read = _edges(whole)
    has_code = _CODE.search(read) is not None
    language = state.language if read is state.text else spoken(read)
    return Features(
        language=state.language,
        domain=domain,
        complexity=_complexity(read, len(whole), language, has_code=has_code),
        length=len(whole),
        has_code=has_code,
        has_tools=has_tools,
        has_images=has_images,
        task_state=state.task_state,
        n_turns=state.n_turns,
    )


def complexity_of(text: str) -> int:
    """Return how hard a request looks, 1 to 10: by length, code, questions, listed points and conditions."""
    read = _edges(text)
    return _complexity(read, len(text), spoken(read), has_code=_CODE.search(read) is not None)


def _complexity(read: str, n_chars: int, language: Language, *, has_code: bool) -> int:
    weight = 2 if language == "zh" else 1  # a Chinese character says about as much as two letters and more
    by_length = max(0.0, math.log2(max(1, n_chars * weight) / 40)) * 0.75
    points = (
        EASIEST
        + min(by_length, 4.0)
        + (1.5 if has_code else 0.0)
        + min(2.0, 0.5 * max(0, len(_QUESTIONS.findall(read)) - 1))
        + min(2.0, 0.4 * len(_LISTED.findall(read)))
        + min(3.0, 0.6 * len(_CONDITIONS.findall(read)))
    )
    return min(HARDEST, max(EASIEST, round(points)))


def _edges(text: str) -> str:
    return text if len(text) <= 2 * MAX_READ else f"{text[:MAX_READ]}\n{text[-MAX_READ:]}"

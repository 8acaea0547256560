"""The truth of the demo: what is asked, how likely each model's answer is good, and what is said of it.

The gateway sees none of this: it learns it from the opinions, which come by the public door and are not always right.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOISE: Final = 0.04
"""Share of opinions that say the opposite of what is true."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question."""

    name: str
    questions: tuple[str, ...]
    p_good: Mapping[str, float]
    """By model: how likely its answer is good."""
    intent: str = "none"
    """What people mean by it, of the shipped catalogue."""
    often: float = 1.0
    """Its share, relative to the others."""


def _p(claude: float, gpt: float, deepseek: float, local: float) -> Mapping[str, float]:
    return {"claude": claude, "gpt": gpt, "deepseek": deepseek, "local": local}


SHOP: Final = _p(0.92, 0.80, 0.05, 0.10)
"""Questions that the documents answer."""
KINDS: Final = (
    Kind(
        "code",
        (
            "Write a Python function that reads a large file line by line.",
            "写一个 Go 函数，把两个有序数组合并成一个。",
            "Why does this SQL query not use the index on created_at?",
            "这段 JavaScript 为什么报 undefined is not a function？",
            "Refactor this Python loop into a generator and add types.",
            "用 Rust 实现一个线程安全的计数器。",
        ),
        _p(0.97, 0.55, 0.10, 0.03),
        often=3,
    ),
    Kind(
        "translation",
        (
            "Translate 'the parcel arrives tomorrow morning' into Chinese.",
            "把“请在周五之前回复”翻译成英文。",
            "Translate this sentence into formal Chinese: see you at the meeting.",
            "把这句话翻译成英文：会议改到下午三点。",
        ),
        _p(0.95, 0.70, 0.15, 0.10),
        often=2,
    ),
    Kind(
        "order",
        (
            "Can I still change the address of order ord_70831?",
            "订单 ord_70831 现在是什么状态？",
            "Within how many days can I return a parcel?",
            "怎么取消一个已经付款的订单？",
        ),
        SHOP,
        intent="order_management",
        often=2,
    ),
    Kind(
        "payment",
        (
            "How long does a refund to my card take?",
            "退款多久能到账？",
            "Which payment methods can I use for an invoice?",
            "怎么申请发票？",
        ),
        SHOP,
        intent="payment",
        often=2,
    ),
    Kind(
        "login",
        (
            "I forgot my password, will a reset sign out my other phone?",
            "短信验证码多长时间有效？",
            "How long is an account locked after too many wrong passwords?",
            "一个账号最多能在几台设备上登录？",
        ),
        SHOP,
        intent="user_auth",
    ),
    Kind(
        "mathematics",
        (
            "What is the probability that three dice add up to ten?",
            "一个水池两根水管，分别三小时和六小时注满，同时开要多久？",
            "Prove that the square root of 7 is irrational.",
            "求 x² - 5x + 6 = 0 的解。",
        ),
        _p(0.97, 0.45, 0.05, 0.03),
        often=2,
    ),
    Kind(
        "chat",
        (
            "Suggest a friendly name for our office plant.",
            "给团队写一句轻松的周五问候。",
            "Can you say that more politely: send me the file now?",
            "推荐一个适合下雨天做的事情。",
        ),
        _p(0.92, 0.60, 0.15, 0.40),
        often=2,
    ),
    Kind(
        "contract",
        (
            "Which clauses should a rental contract have about the deposit?",
            "租房合同里关于押金要写哪些条款？",
        ),
        _p(0.95, 0.80, 0.10, 0.05),
        often=0.5,
    ),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
PRAISE: Final = ("right at once", "exactly what I needed", "一次就对了", "说得很清楚")
BLAME: Final = ("that is wrong", "misses the point", "答非所问", "不对，少了一半")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and what its client will make of the answer; all drawn beforehand."""

    n: int
    kind: Kind
    text: str
    speaks: bool
    """Whether the client says what it thinks."""
    _seed: str

    def is_good(self, model: str) -> bool:
        """Return whether this model's answer would be good."""
        return Random(f"{self._seed} truth {model}").random() < self.kind.p_good[model]

    def opinion(self, model: str) -> dict[str, Any] | None:
        """Return what is said of this model's answer, as `POST /v1/feedback` takes it; `None` where nothing is said."""
        if not self.speaks:
            return None
        rng = Random(f"{self._seed} words")
        good = self.is_good(model) != (rng.random() < NOISE)
        said: dict[str, Any] = (
            {"thumbs": "up" if good else "down"}
            if rng.random() < 0.25
            else {"rating": rng.choice((5, 5, 4) if good else (1, 1, 2))}
        )
        if rng.random() < 0.15:
            said["comments"] = rng.choice(PRAISE if good else BLAME)
        if rng.random() < 0.3:
            said["corrected_intent"] = self.kind.intent
        return said


def asked(n: int, seed: int, *, share: float) -> Asked:
    """Return the `n`-th question of a demo; `share` of the answers, 0 to 1, are spoken about."""
    rng = Random(f"{seed} question {n}")
    kind = rng.choices(KINDS, [each.often for each in KINDS])[0]
    return Asked(n, kind, rng.choice(kind.questions), rng.random() < share, f"{seed} {n}")

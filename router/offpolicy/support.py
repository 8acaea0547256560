"""Whether a log can speak of a policy at all: what it never tried, nothing can be told of, and it is said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from config.types import Json
    from router.offpolicy.estimators import Array, Evidence

MOST_UNTRIED: Final = 0.01
"""Share of a policy's choices that may have been impossible in the log, before its estimate is refused."""
LEAST_SHARE: Final = 0.02
"""Of a policy's choices, that a model must have for its lack of outcomes to matter."""
LEAST_KNOWN: Final = 5
"""Outcomes of a model's own answers, below which nothing is told of it."""
LEAST_ESS: Final = 20.0
"""Effective sample size below which no figure is shown."""

Kind = Literal["rating", "cost"]
"""What an outcome is."""
Why = Literal["unknown_model", "never_possible", "no_outcomes", "no_data", "too_few"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a figure is not given."""

    why: Why
    model: str = ""
    where: str = ""
    """The slice, such as `zh` or `code`; empty for the whole log."""
    share: float = 0.0
    """Of the policy's choices there that are this model, and cannot be told of."""
    n: float = 0.0
    """Outcomes, or the effective size, that there are."""
    of: Kind = "rating"

    def as_json(self) -> Json:
        """Return it with its sentence in both languages."""
        told: Json = {"why": self.why, "model": self.model or None, "where": self.where or None}
        return told | {"share": round(self.share, 4), "n": round(self.n, 1), "en": self.english, "zh": self.chinese}

    @property
    def english(self) -> str:
        """The sentence."""
        where = f" in {self.where}" if self.where else ""
        match self.why:
            case "unknown_model":
                return f"This log says nothing about model {self.model}{where}: it could never be chosen."
            case "never_possible":
                return (
                    f"This log says nothing about model {self.model}{where}: the candidate takes it for "
                    f"{self.share:.0%} of the decisions where the log gave it no probability."
                )
            case "no_outcomes":
                return (
                    f"This log says nothing about model {self.model}{where}: {self.n:.0f} of its answers have a "
                    f"known {self.of}, {LEAST_KNOWN} are needed."
                )
            case "no_data":
                return f"Nothing can be told of the {self.of}{where}: of {self.n:.0f} answers it is known."
            case "too_few":
                return (
                    f"Too few decisions{where} went as the candidate would have them: they are worth {self.n:.0f}, "
                    f"{LEAST_ESS:.0f} are needed."
                )

    @property
    def chinese(self) -> str:
        """The sentence in Chinese."""
        where = f"在 {self.where} 中" if self.where else ""
        match self.why:
            case "unknown_model":
                return f"这份日志{where}对模型 {self.model} 一无所知：它从未可能被选中。"
            case "never_possible":
                return (
                    f"这份日志{where}对模型 {self.model} 一无所知：候选策略在 {self.share:.0%} 的决策中选它，"
                    "而日志当时没有给它任何概率。"
                )
            case "no_outcomes":
                return (
                    f"这份日志{where}对模型 {self.model} 一无所知：它只有 {self.n:.0f} 个回答有{self._kind}，"
                    f"至少需要 {LEAST_KNOWN} 个。"
                )
            case "no_data":
                return f"{where}对{self._kind}一无所知：只有 {self.n:.0f} 个回答有{self._kind}。"
            case "too_few":
                return f"{where}与候选策略一致的决策太少：只相当于 {self.n:.0f} 个，至少需要 {LEAST_ESS:.0f} 个。"

    @property
    def _kind(self) -> str:
        return {"rating": "评分", "cost": "费用"}[self.of]


def refusals(evidence: Evidence, target: Array, *, where: str = "", of: Kind = "rating") -> tuple[Refusal, ...]:
    """Return why nothing is told of a policy (n, k); nothing where it can be. Models by falling share."""
    log = evidence.log
    found: list[Refusal] = []
    n = max(len(log), 1)
    own = np.bincount(log.chosen[evidence.own], minlength=len(log.models))
    impossible = np.where(log.probabilities > 0, 0.0, target).sum(0) / n
    shares = target.sum(0) / n
    for arm in sorted(range(len(log.models)), key=lambda each: -float(shares[each])):
        model = log.models[arm]
        if impossible[arm] > 0 and impossible.sum() > MOST_UNTRIED:
            found.append(Refusal("never_possible", model, where, share=float(impossible[arm]), n=float(own[arm])))
        elif shares[arm] >= LEAST_SHARE and own[arm] < LEAST_KNOWN:
            found.append(Refusal("no_outcomes", model, where, share=float(shares[arm]), n=float(own[arm]), of=of))
    return tuple(found)


def too_few(ess: float, *, where: str = "") -> tuple[Refusal, ...]:
    """Return the refusal for an effective size that no interval can be trusted at."""
    return () if ess >= LEAST_ESS else (Refusal("too_few", where=where, n=ess),)

"""Who may answer: what a request needs, held against what the catalogue says of each model, each exclusion with why.

What is told of a model can be wrong (a window is an estimate, a capability may just not be configured). So where
nobody fits, those with the fewest misfits are left, and it is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from config.model_settings import Capability
    from router.choosing.values import Question
    from router.snapshot import Deployment, Model

KEY: Final = "key: it may not use this model"
"""Why a model is excluded that the caller's key is not allowed; unlike other reasons it is never relaxed."""

RESTING: Final = "its deployments are resting after failures"


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who is left, in the catalogue's order, and why the others are not."""

    models: tuple[Model, ...]
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Reasons by model; first those that the key may not use, each in the catalogue's order."""
    relaxed: str | None = None
    """What nobody had, where those that fit best are left; `None` where all that are left fit."""


def eligible_among(
    models: Sequence[Model],
    question: Question,
    *,
    weights: Mapping[str, float],
    is_healthy: Callable[[Deployment], bool] = lambda _: True,
    barred: Iterable[str] = (),
) -> Eligible:
    """Return which of the live `models` may answer: at least one, where there is any.

    `barred` are further models, which the caller's key may not use: they are told of and never left. A model of weight
    0 stands behind (it is discovered while a configured one is live, or drained).
    """
    found = {
        model.name: misfits_of(model, question, weight=weights[model.name], is_healthy=is_healthy) for model in models
    }
    fewest = min(map(len, found.values()), default=0)
    left = tuple(model for model in models if len(found[model.name]) == fewest)
    excluded = dict.fromkeys(barred, (KEY,)) | {
        name: misfits for name, misfits in found.items() if len(misfits) > fewest
    }
    lacking = dict.fromkeys(reason for model in left for reason in found[model.name])
    return Eligible(left, excluded, relaxed="; ".join(lacking) or None)


def misfits_of(
    model: Model, question: Question, *, weight: float, is_healthy: Callable[[Deployment], bool]
) -> tuple[str, ...]:
    """Return why a live model should not answer this question, in words; nothing where it fits."""
    running = [each for each in model.deployments if each.live and each.weight > 0]
    found: list[str] = []
    windows = [each.target.context_window for each in running]
    if windows and all(window is not None and window < question.n_tokens for window in windows):
        largest = max(window for window in windows if window is not None)
        found.append(f"its window of {largest} tokens is too small")
    found += [f"it has no {word}" for capability, word in _needs(question) if capability not in model.capabilities]
    if running and not any(is_healthy(each) for each in running):
        found.append(RESTING)
    if weight <= 0:
        found.append("it stands behind the configured models")
    return tuple(found)


def _needs(question: Question) -> tuple[tuple[Capability, str], ...]:
    needs: list[tuple[Capability, str]] = []
    if question.has_tools:
        needs.append(("tools", "tools"))
    if question.has_images:
        needs.append(("vision", "vision"))
    if question.wants_json:
        needs.append(("json_schema", "JSON by schema"))
    return tuple(needs)

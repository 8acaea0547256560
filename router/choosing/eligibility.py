"""Who may answer: what a request needs, held against what the catalogue says of each model, each exclusion with why.

What is told of a model can be wrong (a window is an estimate, a capability may just not be configured). So where
nobody fits, those with the fewest misfits are left, and it is said; what no request may override stays closed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from config.model_settings import Capability
    from router.choosing.values import Question
    from router.snapshot import Deployment, Model

MAX_NAMED: Final = 10
"""Models that an error names."""


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who is left, in the catalogue's order, and why the others are not."""

    models: tuple[Model, ...]
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Reasons by model, in the catalogue's order."""
    barred: frozenset[str] = frozenset()
    """Those of `excluded` that must not be tried at all, not even as a last resort."""
    relaxed: str | None = None
    """What nobody had, where those that fit best are left; `None` where all that are left fit."""


def eligible_among(
    models: Sequence[Model],
    question: Question,
    *,
    weights: Mapping[str, float],
    is_healthy: Callable[[Deployment], bool] = lambda _: True,
    allowed: Collection[str] | None = None,
) -> Eligible:
    """Return which of the live `models` may answer.

    A model of weight 0 stands behind (it is discovered while a configured one is live, or drained). `allowed` names
    the models that a caller may use, `None` all of them.
    """
    excluded: dict[str, tuple[str, ...]] = {}
    barred: set[str] = set()
    for model in models:
        if allowed is not None and model.name not in allowed:
            barred.add(model.name)
            excluded[model.name] = ("not among the models asked for",)
            continue
        misfits = misfits_of(model, question, weight=weights[model.name], is_healthy=is_healthy)
        if misfits:
            excluded[model.name] = misfits
    fitting = tuple(each for each in models if each.name not in excluded)
    open_to_all = [each for each in models if each.name not in barred]
    if fitting or not open_to_all:
        return Eligible(fitting, excluded, frozenset(barred))
    fewest = min(len(excluded[each.name]) for each in open_to_all)
    left = tuple(each for each in open_to_all if len(excluded[each.name]) == fewest)
    lacking = dict.fromkeys(reason for each in left for reason in excluded[each.name])
    still_out = {name: reasons for name, reasons in excluded.items() if name not in {each.name for each in left}}
    return Eligible(left, still_out, frozenset(barred), relaxed="; ".join(lacking))


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
        found.append("its deployments are resting after failures")
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


def nobody_left(eligible: Eligible) -> UnavailableError:
    """Return the error for a request that no model may answer; it names who was excluded, and why."""
    told = "; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in list(eligible.excluded.items())[:MAX_NAMED])
    return UnavailableError(f"No model may answer this request ({told}).", code="no_eligible_model")

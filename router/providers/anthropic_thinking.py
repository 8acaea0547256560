"""Reasoning effort as Anthropic's thinking: adaptive with an effort, or a token budget below `max_tokens`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from router.providers.chat_params import read_effort, read_max_tokens
from router.providers.json_values import as_object

if TYPE_CHECKING:
    from config.types import Json
    from router.providers.anthropic_models import ClaudeTraits
    from router.providers.base import Target

_DEFAULT_MAX_TOKENS: Final = 4096
_MIN_BUDGET: Final = 1024
_BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
_NEAREST: Final = {"minimal": "low", "xhigh": "high", "max": "high"}


@dataclass(frozen=True, slots=True)
class Thinking:
    """What goes into the request; `fields` holds `thinking` and `output_config` where they are needed."""

    max_tokens: int
    fields: Json
    on: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Limit:
    max_tokens: int | None
    """The client's, or `None` where it set none."""
    warnings: tuple[str, ...]


def plan_thinking(body: Json, target: Target, traits: ClaudeTraits, *, obstacle: str | None) -> Thinking:
    """Return `max_tokens` and the thinking fields; `obstacle` says why this request may not think.

    A limit that neither the client nor the deployment gave is named, since an answer may be cut by it.
    """
    given = _limit(body, target)
    plan = _plan(body, target, traits, obstacle, given)
    if given.max_tokens is not None or target.max_output_tokens is not None:
        return plan
    filled = f"max_tokens filled in with {plan.max_tokens}: the deployment tells no max_output_tokens"
    return replace(plan, warnings=(*plan.warnings, filled))


def _plan(body: Json, target: Target, traits: ClaudeTraits, obstacle: str | None, given: _Limit) -> Thinking:
    limit, warnings = given.max_tokens, given.warnings
    effort = read_effort(body)
    explicit = as_object(body.get("thinking"))
    wanted = effort not in (None, "none") or (explicit is not None and explicit.get("type") != "disabled")
    if obstacle and not traits.always_thinks:
        fields = _with_config(body, {"thinking": {"type": "disabled"}} if traits.thinks_unasked else {})
        noted = (*warnings, f"reasoning dropped: {obstacle}") if wanted else warnings
        return Thinking(limit or _default_limit(target), fields, on=False, warnings=noted)
    if explicit is not None:
        on = explicit.get("type") != "disabled"
        if effort is not None:
            warnings = (*warnings, "reasoning_effort dropped: thinking stands beside it")
        return Thinking(limit or _default_limit(target), _with_config(body, {"thinking": explicit}), on, warnings)
    if traits.adaptive:
        return _adaptive(body, target, traits, effort, limit, warnings)
    if not wanted:
        return Thinking(limit or _default_limit(target), _with_config(body, {}), on=False, warnings=warnings)
    return _budgeted(body, target, effort or "medium", limit, warnings)


def _limit(body: Json, target: Target) -> _Limit:
    limit, most = read_max_tokens(body), target.max_output_tokens
    if limit is None or most is None or limit <= most:
        return _Limit(limit, ())
    return _Limit(most, (f"max_tokens lowered to {most}: the model gives no more",))


def _default_limit(target: Target) -> int:
    return target.max_output_tokens or _DEFAULT_MAX_TOKENS


def _adaptive(
    body: Json, target: Target, traits: ClaudeTraits, effort: str | None, limit: int | None, warnings: tuple[str, ...]
) -> Thinking:
    max_tokens = limit or _default_limit(target)
    if limit is None and target.max_output_tokens is None and (traits.thinks_unasked or effort not in (None, "none")):
        max_tokens += _BUDGETS.get(effort or "medium", _MIN_BUDGET)
    if effort is None:
        return Thinking(max_tokens, _with_config(body, {}), traits.thinks_unasked, warnings)
    if effort == "none" and not traits.always_thinks:
        off: Json = {"thinking": {"type": "disabled"}} if traits.thinks_unasked else {}
        return Thinking(max_tokens, _with_config(body, off), on=False, warnings=warnings)
    if effort == "none":
        warnings = (*warnings, "reasoning_effort raised to low: the model always thinks")
    level = effort if effort in traits.efforts else _NEAREST.get(effort, "low" if effort == "none" else "medium")
    if level != effort != "none":
        warnings = (*warnings, f"reasoning_effort set to {level}: the model has no {effort}")
    fields: Json = {"thinking": {"type": "adaptive"}, "output_config": {"effort": level}}
    return Thinking(max_tokens, _with_config(body, fields), on=True, warnings=warnings)


def _budgeted(body: Json, target: Target, effort: str, limit: int | None, warnings: tuple[str, ...]) -> Thinking:
    budget = _BUDGETS.get(effort, _BUDGETS["medium"])
    max_tokens = limit or target.max_output_tokens or budget + _DEFAULT_MAX_TOKENS
    if max_tokens <= _MIN_BUDGET:
        noted = (*warnings, f"reasoning_effort dropped: thinking needs more than {_MIN_BUDGET} max_tokens")
        return Thinking(max_tokens, _with_config(body, {}), on=False, warnings=noted)
    # Half of a limit that the client set stays for the answer.
    room = max_tokens - _MIN_BUDGET if limit is None else max_tokens // 2
    budget = min(budget, max(_MIN_BUDGET, room))
    fields: Json = {"thinking": {"type": "enabled", "budget_tokens": budget}}
    return Thinking(max_tokens, _with_config(body, fields), on=True, warnings=warnings)


def _with_config(body: Json, fields: Json) -> Json:
    config = {**(as_object(fields.get("output_config")) or {}), **(as_object(body.get("output_config")) or {})}
    return {**fields, "output_config": config} if config else fields

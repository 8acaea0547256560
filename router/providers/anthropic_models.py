"""What a Claude model takes, told from its name: Anthropic refuses parameters by model generation.

Names look like `claude-opus-4-6`, `anthropic/claude-sonnet-4.5` or `claude-sonnet-4-20250514`. An unknown name counts
as an early model, whose rules all look-alikes keep. The quirks `adaptive_thinking`, `budget_thinking` and
`always_thinking` of a deployment overrule the name. Rules: platform.claude.com/docs, migration guides 4.6 to 5.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.providers.base import Target

_NAME = re.compile(r"(opus|sonnet|haiku|fable|mythos)(?:-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d))?")
_LARGE = frozenset({"opus", "fable", "mythos"})


@dataclass(frozen=True, slots=True)
class ClaudeTraits:
    """Rules of one model."""

    adaptive: bool = False
    """Thinks by `effort`; otherwise by a token budget."""
    thinks_unasked: bool = False
    always_thinks: bool = False
    """Thinking cannot be switched off, so no tool call can be forced."""
    has_samplers: bool = True
    """Takes `temperature`, `top_p` and `top_k`."""
    one_sampler: bool = False
    """Takes `temperature` or `top_p`, not both."""
    continues_assistant: bool = True
    """Takes a conversation that ends with an assistant's turn."""
    efforts: frozenset[str] = frozenset({"low", "medium", "high"})


def traits_of(target: Target) -> ClaudeTraits:
    """Return the rules of the deployment's model."""
    match = _NAME.search(target.upstream_model.lower())
    family = match[1] if match else ""
    version = _version(match)
    always = family in ("fable", "mythos") or version >= (5, 5) or "always_thinking" in target.quirks
    adaptive = (always or version >= (4, 6) or "adaptive_thinking" in target.quirks) and (
        "budget_thinking" not in target.quirks
    )
    modern = always or version >= (4, 7)
    efforts = {"low", "medium", "high"}
    efforts |= {"xhigh"} if modern else set()
    efforts |= {"max"} if family in _LARGE or version >= (5, 0) else set()
    return ClaudeTraits(
        adaptive=adaptive,
        thinks_unasked=always or version >= (5, 0),
        always_thinks=always,
        has_samplers=not modern,
        one_sampler=version >= (4, 1),
        continues_assistant=not (always or version >= (4, 6)),
        efforts=frozenset(efforts),
    )


def _version(match: re.Match[str] | None) -> tuple[int, int]:
    return (int(match[2] or 0), int(match[3] or 0)) if match else (0, 0)

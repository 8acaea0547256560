"""Routing rules: a keyword or an RE2 pattern in the last user turn names the model. First match wins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

from config.errors import InvalidRequestError
from config.patterns import Pattern, PatternError, compile_literal, compile_regex

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RULES = 64
MAX_PATTERN_CHARS = 1_000
MAX_TEXT_CHARS = 64 * 1024

RuleKind = Literal["keyword", "regex"]


@dataclass(frozen=True, slots=True)
class Rule:
    """If `pattern` is found in the last user turn, `model` is tried first.

    `kind="regex"` is RE2 syntax (linear time: no look-around, no back-references), matched without regard to case;
    `keyword` is the text itself, likewise. `None` means: RE2 if it compiles, else the text itself.
    """

    pattern: str
    model: str
    kind: RuleKind | None = None
    name: str | None = None


def first_match(rules: Iterable[Rule], text: str) -> Rule | None:
    """Return the first rule whose pattern occurs in the first 64 Ki characters of `text`."""
    head = text[:MAX_TEXT_CHARS]
    return next((rule for rule in rules if compile_pattern(rule.pattern, rule.kind).search(head)), None)


def parse_rules(value: object, *, param: str = "routing_rules") -> tuple[Rule, ...]:
    """Read a request's `routing_rules`: `[{"pattern", "model", "kind"?}]`.

    Raises `InvalidRequestError` that names the field which is wrong.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise InvalidRequestError(f"'{param}' must be a list of objects with 'pattern' and 'model'.", param=param)
    items = cast("list[object]", value)
    if len(items) > MAX_RULES:
        raise InvalidRequestError(f"'{param}' holds {len(items)} rules; at most {MAX_RULES} are read.", param=param)
    return tuple(_parse_rule(item, f"{param}[{position}]") for position, item in enumerate(items))


def _parse_rule(item: object, where: str) -> Rule:
    if not isinstance(item, dict):
        raise InvalidRequestError(f"'{where}' must be an object with 'pattern' and 'model'.", param=where)
    fields = cast("dict[str, object]", item)
    pattern, model, kind = fields.get("pattern"), fields.get("model"), fields.get("kind")
    if not isinstance(pattern, str) or not pattern.strip():
        raise InvalidRequestError(f"'{where}.pattern' must be a string that is not empty.", param=f"{where}.pattern")
    if len(pattern) > MAX_PATTERN_CHARS:
        raise InvalidRequestError(
            f"'{where}.pattern' is longer than {MAX_PATTERN_CHARS} characters.", param=f"{where}.pattern"
        )
    if not isinstance(model, str) or not model:
        raise InvalidRequestError(f"'{where}.model' must name a model.", param=f"{where}.model")
    if kind not in (None, "keyword", "regex"):
        raise InvalidRequestError(f"'{where}.kind' must be 'keyword' or 'regex'.", param=f"{where}.kind")
    try:
        compile_pattern(pattern, kind)
    except PatternError as error:
        raise InvalidRequestError(
            f"'{where}.pattern' is not RE2 syntax (look-around and back-references are not supported): {error}",
            param=f"{where}.pattern",
        ) from error
    return Rule(pattern, model, kind)


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, kind: RuleKind | None = None) -> Pattern:
    """Compile once. Raises `PatternError` for a bad `regex`; with `kind=None` such a pattern is taken literally."""
    if kind == "keyword":
        return compile_literal(pattern, ignore_case=True)
    try:
        return compile_regex(pattern, ignore_case=True)
    except PatternError:
        if kind == "regex":
            raise
        return compile_literal(pattern, ignore_case=True)

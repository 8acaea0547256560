"""Says in the visitor's language why a decision was made: the books keep reasons in the router's English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from admin.i18n import Texts

__all__ = ["reason_in"]

_NAME: Final = r"(?:'(?P<name>.*?)'|\"(?P<other>.*?)\")"
_SCORE: Final = r"score (?P<score>-?[\d.]+) \((?P<parts>.*)\)"
_AWAY: Final = r"(?P<away>, which is not live)?"
_KNOWN: Final = {
    key: re.compile(pattern, re.DOTALL)
    for key, pattern in {
        "named": rf"the client named {_NAME}",
        "rule": rf"rule (?P<rule>.*) names {_NAME}{_AWAY}",
        "default": rf"{_NAME} is the default model{_AWAY}",
        "router_off": "the router is switched off: the first live model",
        "code": rf"the shipped rule gives code to {_NAME}",
        "embeds": "the first live model that embeds",
        "by_weight": "drawn by weight",
        "by_weight_here": "drawn by weight for this conversation",
        "only_one": rf"{_NAME} is the only one that may answer",
        "drawn": rf"{_NAME}: drawn with probability (?P<probability>[\d.]+); {_SCORE}",
        "tool_loop": rf"{_NAME}: it serves this tool loop; {_SCORE}",
        "highest": rf"{_NAME}: the highest score, without exploring; {_SCORE}",
        "unsure": r"not sure enough: (?P<share>\d+) % by weight",
        "runner_up": rf"runner-up {_NAME}: {_SCORE}",
        "judged": rf"the judge named {_NAME}: its probability went from (?P<before>[\d.]+) to (?P<after>[\d.]+)",
        "ratings": r"(?P<n>[\d.]+) ratings in (?P<where>.*): (?P<mean>[\d.]+)",
        "taste": r"this key's own taste: (?P<taste>[+-][\d.]+)",
        "nothing_learned": "nothing learned yet: its weight and price",
        "its_domain": "its domain: (?P<domain>.*)",
        "its_description": "its description: (?P<description>.*)",
        "newcomer": (
            r"new: at most (?P<share>\d+) % (?:now, no ceiling from|until) (?P<until>\d+) outcomes(?: on)?, "
            r"(?P<n>\d+) so far"
        ),
        "starting_values": "as the starting values say",
        "fitted": "by a policy fitted to labelled prompts",
        "not_allowed": "key: it may not use this model",
        "resting": "its deployments are resting after failures",
        "small_window": r"its window of (?P<n>\d+) tokens is too small",
        "behind": "it stands behind the configured models",
        "no_tools": "it has no tools",
        "no_vision": "it has no vision",
        "no_json_schema": "it has no JSON by schema",
        "nobody_fits": r"nobody fits: (?P<reason>.*)",
        "before_judge": r"before the judge: (?P<reason>.*)",
    }.items()
}
_PART: Final = re.compile(r"(\w+) ([+-][\d.]+)")


def reason_in(reason: str, texts: Texts) -> str:
    """Return a reason in the visitor's language; one that is not known here stays as it is."""
    for key, pattern in _KNOWN.items():
        found = pattern.fullmatch(reason)
        if found is not None:
            return _said(key, found.groupdict(), texts)
    return reason


def _said(key: str, found: dict[str, str | None], texts: Texts) -> str:
    values = {name: value or "" for name, value in found.items()}
    values["name"] = values.get("name") or values.pop("other", "")
    if "reason" in values:
        several = values["reason"].split("; ") if key == "nobody_fits" else [values["reason"]]
        values["reason"] = "; ".join(reason_in(each, texts) for each in several)
    if values.get("parts"):
        values["parts"] = _PART.sub(
            lambda part: f"{texts.maybe(f'reasons.part_{part[1]}', part[1])} {part[2]}", values["parts"]
        )
    said = texts(f"reasons.{key}", **values)
    return said + texts("reasons.away") if values.get("away") else said

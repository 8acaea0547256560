"""Says the phrases of what was seen in English and Chinese; a phrase that nobody knows is an error."""

from __future__ import annotations

import re
from typing import Final, Literal

Language = Literal["en", "zh"]
_PLACE: Final[dict[Language, int]] = {"en": 0, "zh": 1}

PHRASES: Final[dict[str, tuple[str, str]]] = {
    "the next one's answer": ("the next one's answer", "下一个候选的回答"),
    "its text": ("its text", "它的文本"),
    "no text": ("no text", "无文本"),
    "no finish": ("no finish", "无结束标记"),
    "retry-after": ("`retry-after`", "`retry-after`"),
    "completed": ("`completed`", "`completed`"),
    "failed_upstream": ("`failed_upstream`", "`failed_upstream`"),
    "aborted_by_client": ("`aborted_by_client`", "`aborted_by_client`"),
    "refused": ("`refused`", "`refused`"),
    "streamed": ("streamed", "流式"),
    "plain": ("plain", "非流式"),
    "openai": ("OpenAI", "OpenAI"),
    "anthropic": ("Anthropic", "Anthropic"),
    "ollama": ("Ollama", "Ollama"),
    "first": ("first", "最先"),
    "last": ("last", "最后"),
    "any": ("any", "任意"),
    "all": ("all", "全部"),
}
_WHO: Final[dict[str, tuple[str, str]]] = {
    "faulty": ("faulty", "故障者"),
    "sound": ("next", "下一个"),
    "before": ("before it", "前一个"),
}
_SOURCES: Final[dict[str, tuple[str, str]]] = {
    "upstream": ("tokens as reported", "用量取自上游"),
    "estimated": ("tokens estimated", "用量为估算"),
}
_OUTCOMES: Final[dict[str, tuple[str, str]]] = {"ok": ("answers", "作答"), "left": ("left alone", "被放弃")}


def say(phrase: str, language: Language) -> str:
    """Return a phrase in this language. Raises `KeyError` for one that nobody knows."""
    n = _PLACE[language]
    if phrase in PHRASES:
        return PHRASES[phrase][n]
    if re.fullmatch(r"\d{3}", phrase):
        return f"`{phrase}`"
    if found := re.fullmatch(r"error (\w+)", phrase):
        return f"{('error', '错误')[n]} `{found[1]}`"
    if found := re.fullmatch(r"finish (\w+)", phrase):
        return f"{('finish', '结束标记')[n]} `{found[1]}`"
    if found := re.fullmatch(r"(\w+) usage (\w+)", phrase):
        return f"{_WHO[found[1]][n]}: {_SOURCES[found[2]][n]}"
    if found := re.fullmatch(r"(faulty|sound|before): (\w+) ?(\d*)", phrase):
        outcome = _OUTCOMES[found[2]][n] if found[2] in _OUTCOMES else f"`{found[2]}`"
        return f"{_WHO[found[1]][n]}: {outcome} {found[3]}".strip()
    raise KeyError(phrase)


def say_all(phrases: tuple[str, ...], language: Language, between: str) -> str:
    """Return phrases in a row; a dash where there are none."""
    return between.join(say(phrase, language) for phrase in phrases) or "–"

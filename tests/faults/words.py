"""Says the phrases of what was seen in English and Chinese; a phrase that nobody knows is an error."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    "gone": ("gone; the upstream is closed within a second", "已离开；上游在一秒内关闭"),
    "not reading": ("not reading; cut at the write deadline", "不读取；到写入期限即断开"),
    "all answered": ("all are answered", "全部得到回答"),
    "one by the probe": ("one of ten by the probe", "十个中恰有一个由探测作答"),
    "alone": ("alone", "唯一"),
    "there once after the restart": ("there once after the restart", "重启后恰有一条"),
    "written later": ("written later, none lost", "稍后写入，一条不丢"),
    "written anew": ("written into the new file", "写入新文件"),
    "nothing admitted": ("nothing: nobody was let in", "无：未放行"),
    "closed": ("the connection is closed", "连接被关闭"),
    "nothing booked": ("nothing: it is no request", "无：不构成请求"),
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
    if phrase in PHRASES:
        return PHRASES[phrase][_PLACE[language]]
    for pattern, told in _PATTERNS:
        found = re.fullmatch(pattern, phrase)
        if found:
            return told(found, _PLACE[language])
    raise KeyError(phrase)


def _attempt(found: re.Match[str], n: int) -> str:
    outcome = _OUTCOMES[found[2]][n] if found[2] in _OUTCOMES else f"`{found[2]}`"
    return f"{_WHO[found[1]][n]}: {outcome} {found[3]}".strip()


_PATTERNS: Final[tuple[tuple[str, Callable[[re.Match[str], int], str]], ...]] = (
    (r"\d{3}", lambda found, _: f"`{found[0]}`"),
    (r"at (/\S+)", lambda found, _: f"`{found[1]}`"),
    (r"error (\w+)", lambda found, n: f"{('error', '错误')[n]} `{found[1]}`"),
    (r"finish (\w+)", lambda found, n: f"{('finish', '结束标记')[n]} `{found[1]}`"),
    (r"(\w+) usage (\w+)", lambda found, n: f"{_WHO[found[1]][n]}: {_SOURCES[found[2]][n]}"),
    (r"(faulty|sound|before): (\w+) ?(\d*)", _attempt),
)


def say_all(phrases: tuple[str, ...], language: Language, between: str) -> str:
    """Return phrases in a row; a dash where there are none."""
    return between.join(say(phrase, language) for phrase in phrases) or "–"

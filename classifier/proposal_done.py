"""Says whether an assistant's turn reports that a request is done, so that thanks for it do not order it again."""

from __future__ import annotations

import re
from typing import Final

MAX_READ: Final = 1_200
"""Characters read of the end of a turn."""
MAX_REQUEST_CHARS: Final = 400

_MORE_HELP: Final = re.compile(
    r"\b(?:anything|something) else\b|\bany (?:other|more|further) (?:questions?|requests?|help)\b|\blet me know if\b"
    r"(?! (?:(?:that|this|it)(?:'s| is| looks| sounds| works)|i (?:should|can|may)|you (?:agree|approve|want me)))"
    r"|\bcan i help\b|\bhappy to help\b|"
    r"还有(?:什么|别的|其[他它])|还需要(?:别的|什么|其[他它]|我(?:做|帮))|别的需要|有问题(?:请|再|随时)",
    re.IGNORECASE,
)
_LEAVE: Final = re.compile(
    r"\b(?:shall|should|may|can) i\b(?! (?:help|do|assist)\b)|\b(?:proceed|confirm|approve|go ahead|is that ok)\b|"
    r"(?:可以|好|行|同意|确认|继续|执行)(?:吗|么)|请(?:您|你)?确认|是否",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[.!?](?=\s|$)|[。！？；;\n，,]")
_ALONE: Final = re.compile(
    r"(?:(?:ok|okay|great|good news)[:, ]{1,2})?"
    r"(?:(?:it|that|this|everything)(?:'s| is| has been) |i(?:'m| am) |all |now )?"
    r"(?:done|finished|completed?|successful|took care of it)(?: (?:now|successfully))?\W*$|"
    r"\W*(?:都|全部|好的|操作|任务|请求|现在)*已经?(?:全部|都|为您|帮您|替您|给您|顺利|成功)*"
    r"(?:完成|办好|办妥|处理好?|执行|搞定|做好)(?:完毕|完|了|好)*\W*$|\W*(?:都|全部)?(?:搞定|完成|办好|做好|处理好)了\W*$",
    re.IGNORECASE,
)
_COMPLETE: Final = re.compile(r"\b(?:done|completed?|finished|successful|successfully|went through)\b", re.IGNORECASE)
_PAST: Final = re.compile(r"\b(?:have|has|had|been|was|were|just|i)\b|'ve\b", re.IGNORECASE)
_NOT_YET: Final = re.compile(
    r"\b(?:not|never|yet|before|until|once|after|when|if|will|would|can|could|cannot)\b|n't\b|'ll\b|"
    r"没有?|未|尚|之后|以后|如果|将|会",
    re.IGNORECASE,
)
_DONE_ZH: Final = re.compile(
    r"已经?(?:经|全部|都|为您|帮您|替您|给您|把|将|被|顺利|成功)*(?P<verb>.{1,6})|完成|成功|完毕"
)
_VERBS_ZH: Final = frozenset("删清转付撤停关改退取重覆移汇发卸格终注销购订买")
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?", re.IGNORECASE)
_NO_VERB_WORDS: Final = (
    "please can could would will you i we the to like want need kindly just now go ahead and hey hello hi ok okay "
    "yes then so i'd it us me let let's"
)
_NO_VERB: Final = frozenset(_NO_VERB_WORDS.split())
_IRREGULAR: Final = {"send": "sent", "pay": "paid", "buy": "bought", "put": "put", "shut": "shut", "give": "gave"}
_MIN_STEM_CHARS: Final = 3
_MAX_STEM_CHARS: Final = 5


def only_more_help(words: str) -> bool:
    """Return whether the end of a turn asks whether there is more to do, and asks no leave for anything."""
    tail = _tail(words)
    return _MORE_HELP.search(tail) is not None and _LEAVE.search(tail) is None


def reports_done(words: str, request: str) -> bool:
    """Return whether a turn says that what was requested has happened: `The transfer is done`, `已转账给李雷`.

    Reads `MAX_READ` characters at the end of the turn and `MAX_REQUEST_CHARS` at the beginning of the request.
    """
    request = request[:MAX_REQUEST_CHARS]
    stems = _stems(request)
    acts = _VERBS_ZH.intersection(request)
    asks_leave = _LEAVE.search(_tail(words)) is not None
    return any(
        (not asks_leave and _ALONE.match(clause) is not None) or _is_done(clause, stems, acts)
        for each in _CLAUSE.split(_tail(words))
        if (clause := each.strip()) and _NOT_YET.search(clause) is None
    )


def _is_done(clause: str, stems: tuple[str, ...], acts: frozenset[str]) -> bool:
    if (found := _DONE_ZH.search(clause)) is not None:
        return not acts.isdisjoint(found["verb"] or clause)
    said = [word for word in _WORD.findall(clause.casefold()) if word.startswith(stems)]
    past = _PAST.search(clause) is not None and any(word.endswith(("ed", "t", "id", "ne", "ve")) for word in said)
    return bool(said) and (past or _COMPLETE.search(clause) is not None)


def _stems(request: str) -> tuple[str, ...]:
    """Return how the first word of a request that may be its verb begins, and its participle; empty without one."""
    verb = next((each for each in _WORD.findall(request.casefold()) if each not in _NO_VERB), "")
    if verb in _IRREGULAR:
        return (verb, _IRREGULAR[verb])
    n_chars = max(_MIN_STEM_CHARS, min(_MAX_STEM_CHARS, len(verb) - 1))
    return (verb[:n_chars],) if len(verb) >= _MIN_STEM_CHARS else ()


def _tail(words: str) -> str:
    return words[-MAX_READ:].replace("’", "'")

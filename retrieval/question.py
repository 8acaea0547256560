"""A question, read once: its terms weighed by how rare they are, and what kind of answer its words ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.segment import language_of
from retrieval.terms import HAN_MARK, has_particle, normalize, terms, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Language

SINGLE_WEIGHT = 0.25
"""What a single Han character counts beside a pair in the share of the question that is met."""
BRIDGE_WEIGHT = 0.25
"""What an unknown Han pair between two known ones counts."""
PAIR_CHARS = 2
NEAR_DECAY = 0.85
"""A term loses this factor of its weight with every letter between it and the question word."""
MAX_QUESTION_CHARS = 400
"""Only the end of a longer text is read as the question: in chat the question comes last."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of answer: the words that ask for it, and the marks a sentence that holds one may have."""

    name: str
    asked: re.Pattern[str]
    held: re.Pattern[str]


def _kind(name: str, asked: str, held: str) -> Kind:
    return Kind(name, re.compile(asked), re.compile(held))


KINDS = (
    _kind(
        "number",
        r"多少|几[个名位次种年岁座条人部集所家项]|how (?:many|much|long|old|far|large|tall|high)|number of|percent",
        r"\d|[一二三四五六七八九十百千万亿两半]+[个名位次种年岁座条人部集所家项余多米公千万亿元]|hundred|thousand|million",
    ),
    _kind(
        "time",
        r"何时|什么时候|什么时间|时间|哪一?[年月日天]|几[年月日]|年代|何年"
        r"|when\b|what (?:year|date|day|time|month)|which year",
        r"\d{3,4}|\d+[年月日]|[一二三四五六七八九十〇]+[年月日]|世纪|年间|时期|january|february|march|april|june|july"
        r"|august|september|october|november|december|monday|century|years?\b",
    ),
    _kind(
        "person",
        r"谁|何人|哪一?[位人名]|什么人|who\b|whom\b|whose\b",
        r"·|先生|教授|博士|总统|皇帝|国王"
        r"|[王李张刘陈杨赵黄周吴徐孙胡朱林郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏蒋蔡][一-龥]{1,2}",
    ),
    _kind(
        "place",
        r"哪里|哪儿|何处|何地|哪一?[个座]?[国省市县区城州洲岛]|什么地方|地点|位于"
        r"|where\b|which (?:city|country|state|place)",
        r"[省市县区镇村国州洲岛路街港湾山河江湖]|位于| in | at | near ",
    ),
    _kind(
        "reason",
        r"为什么|为何|原因|因何|何以|怎么会|why\b|reason|cause",
        r"因为|由于|因此|因而|所以|故|为了|以免|导致|使得"
        r"|because|since |due to|so that|in order to|as a result|therefore",
    ),
    _kind(
        "definition",
        r"是什么|什么是|指的是|是指|何谓|定义|what (?:is|are|was|were) (?:the |a |an )?[\w' -]+\?*$",
        r"是[^，。]{2,}|指|称为|即| is | are | was | were | means | refers ",
    ),
    _kind(
        "list",
        r"哪些|哪几|有哪|哪[两三四五]|包括|分别|what (?:\w+ )?(?:are|were)\b|which \w+s\b|list\b",
        r"、|以及|和|包括|分为|分别|, .*(?:and|,)|:|：",
    ),
    _kind(
        "name",
        r"叫什么|称为|称作|名称|名字|又名|别名|哪一?[部本家所个种支]|what (?:\w+ )?name|called",
        r"《|“|「|\"|称|名为|叫|又名|called|named|known as",
    ),
    _kind(
        "manner",
        r"如何|怎[样么]|方式|方法|how (?:do|did|does|can|is|was|were|are|to|should|has|have)\b",
        r"通过|以[^，。]{1,8}方式|利用|使用|经由|先|再| by | with | using | through |`|set |run ",
    ),
)
_ASKING = re.compile(r"什么|哪|谁|多少|几|何|怎|吗|\b(?:what|which|who|whom|whose|where|when|why|how)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, read once: its terms with what they tell, and what kind of answer it wants."""

    text: str
    plain: str
    """The text as `terms.normalize` makes it."""
    language: Language
    words: tuple[str, ...]
    """All its terms in order, function words included."""
    asks: bool
    """Whether it holds a question word or mark; a bare `hello` does not."""
    total: float
    """What all terms tell together: the sum of their idf, single Han characters at `SINGLE_WEIGHT`."""
    weights: dict[str, float]
    """Term -> share of what the question tells; they sum to 1."""
    near: dict[str, float]
    """Term -> the same, where terms beside the question word count most."""
    kinds: tuple[bool, ...]


def read_question(text: str, *, idf: Callable[[str], float], knows: Callable[[str], bool]) -> Question:
    """Return the question with its terms weighed by `idf`; `knows` says which terms the documents have."""
    text = text[-MAX_QUESTION_CHARS:]
    plain = normalize(text)
    found = told(text)
    words = tuple(terms(text))
    bridges = _bridges(words, knows)
    raw = {term: idf(term) * _kind_weight(term, bridges) for term in found}
    asking = _ASKING.search(plain)
    middle = asking.start() if asking else len(plain)
    near = {
        term: weight * NEAR_DECAY ** _distance(plain, term.removeprefix(HAN_MARK), middle)
        for term, weight in raw.items()
    }
    return Question(
        text=text,
        plain=plain,
        language=language_of(text),
        words=words,
        asks=asking is not None or "?" in plain,
        total=sum(raw.values()),
        weights=_shares(raw),
        near=_shares(near),
        kinds=tuple(bool(kind.asked.search(plain)) for kind in KINDS),
    )


def _kind_weight(term: str, bridges: frozenset[str]) -> float:
    """Return what a term counts by its kind: a word or Han pair 1."""
    if term.startswith(HAN_MARK):
        return SINGLE_WEIGHT
    return BRIDGE_WEIGHT if term in bridges else 1.0


def _bridges(words: tuple[str, ...], knows: Callable[[str], bool]) -> frozenset[str]:
    """Return the unknown Han pairs that most likely lie across a word's end.

    They hold a particle (塔是, 造的), or stand between two known pairs (停止|服务 makes 止服).
    """
    pairs = [word for word in words if len(word) == PAIR_CHARS and not word.isascii() and word[0] != HAN_MARK]
    around = zip(["", *pairs], pairs, [*pairs[1:], ""], strict=False)
    return frozenset(
        pair
        for before, pair, after in around
        if not knows(pair)
        and (has_particle(pair) or (before[-1:] == pair[0] and after[:1] == pair[1] and knows(before) and knows(after)))
    )


def _distance(plain: str, term: str, middle: int) -> float:
    """Return how many letters lie between the question word and the nearest occurrence of the term."""
    at = plain.find(term)
    nearest = float(len(plain))
    while at >= 0:
        nearest = min(nearest, abs(at - middle))
        at = plain.find(term, at + 1)
    return nearest


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Return the weights scaled to sum to 1."""
    total = sum(weights.values())
    return {term: weight / total for term, weight in weights.items()} if total else {}

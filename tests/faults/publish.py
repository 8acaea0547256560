"""Writes `docs/faults.md` and its Chinese twin from what the tests saw: `python -m tests.faults.publish FOLDER`."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tests.faults.cells import MODES, PLACES
from tests.faults.dialects import DIALECTS
from tests.faults.rows import GROUPS, ROWS, Row
from tests.faults.seen import ANY, SEEN_FILE, Seen, published
from tests.faults.skipped import CLIENT_FAULTS, FAULTS, skipped
from tests.faults.words import Language, say, say_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final[dict[Language, Path]] = {"en": DOCS / "faults.md", "zh": DOCS / "zh" / "faults.md"}
_INTRO: Final[dict[Language, str]] = {
    "en": """# What happens when things fail

This page is made by the tests that prove it (`make faults`), and a test fails where it is not what they saw. {n_cases} \
cases run over real sockets against a running gateway: {n_rows} faults, streamed and plain, against upstreams that speak \
OpenAI's, Anthropic's and Ollama's dialect, as the first and as the last candidate of a request.

An answer is *committed* with its first word, thought or tool call. Before that, a failure is not seen by the client: \
the next candidate answers. After it the stream ends with an error inside, never with an invented finish, and what was \
said by then is booked.

Where the fault comes *first*, a sound candidate stands behind it. Where it comes *last*, another candidate has failed \
before it, so the request fails too: with a real HTTP status, `x-should-retry: false` and every attempt in the error.
""",
    "zh": """# 出错时会发生什么

本页由证明它的测试生成（`make faults`），若与测试所见不符，测试就会失败。共 {n_cases} 个用例，通过真实套接字访问运行中的网关：\
{n_rows} 种故障，流式与非流式，上游分别使用 OpenAI、Anthropic 与 Ollama 方言，故障者处于候选链的最先或最后。

回答从第一个字、第一段思考或第一次工具调用起即为*已提交*。在此之前，客户端看不到失败：由下一个候选作答。在此之后，流以内部错误结束，\
绝不编造结束标记，已说出的部分照常记账。

故障者*最先*时，其后有一个健康的候选。故障者*最后*时，它之前已有一个候选失败，因此请求也会失败：返回真实的 HTTP 状态、\
`x-should-retry: false`，错误中列出每次尝试。
""",
}
_HEADS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("Case", "Asked", "Upstream speaks", "Comes", "The client saw", "Attempts", "Booked"),
    "zh": ("情形", "请求方式", "上游方言", "位置", "客户端所见", "尝试", "记账"),
}
_OVERVIEW: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("#", "Fault", "Before commit", "After commit", "Cases"),
    "zh": ("#", "故障", "提交之前", "提交之后", "用例数"),
}
_LABELS: Final[dict[Language, tuple[str, str, str, str]]] = {
    "en": ("All faults", "Made by", "Before commit", "After"),
    "zh": ("所有故障", "制造方式", "提交之前", "之后"),
}
Place = tuple[str, str, str]
"""Mode, dialect and place of a cell."""


def render(seen: Mapping[str, Seen], language: Language) -> str:
    """Return the page."""
    n = 0 if language == "en" else 1
    cases = list(seen.values())
    parts = [_INTRO[language].format(n_cases=len(cases), n_rows=len(ROWS)), f"## {_LABELS[language][0]}\n"]
    parts.append(_overview(cases, language))
    for group, rows in groupby(ROWS_BY_GROUP, key=lambda row: row.group):
        parts.append(f"## {GROUPS[group][n]}\n")
        parts.extend(_section(row, [each for each in cases if each.row == row.number], language) for row in rows)
    return "\n".join(parts)


ROWS_BY_GROUP: Final = sorted(ROWS, key=lambda row: (list(GROUPS).index(row.group), row.number))


def _overview(cases: list[Seen], language: Language) -> str:
    n = 0 if language == "en" else 1
    lines = [
        (str(row.number), row.name[n], row.before[n], row.after[n], str(sum(each.row == row.number for each in cases)))
        for row in ROWS
    ]
    return _table(_OVERVIEW[language], lines)


def _section(row: Row, cases: list[Seen], language: Language) -> str:
    n = 0 if language == "en" else 1
    _, made, before, after = _LABELS[language]
    colon, stop = (": ", ". ") if language == "en" else ("：", "。")
    promise = f"{made}{colon}{row.made[n]}{stop}{before}{colon}{row.before[n]}{stop}{after}{colon}{row.after[n]}{stop}"
    lines: list[tuple[str, ...]] = []
    in_order = (fault.name for fault in (*FAULTS, *CLIENT_FAULTS) if fault.row == row.number)
    names = dict.fromkeys([*in_order, *(each.case for each in cases)])
    for name in names:
        told: dict[tuple[str, str, str], list[Place]] = {}
        for each in (each for each in cases if each.case == name):
            words = (
                say_all(each.client, language, ", " if language == "en" else "，"),
                say_all(each.attempts, language, " → "),
                say_all(each.booked, language, "; " if language == "en" else "；"),
            )
            told.setdefault(words, []).append((each.mode, each.dialect, each.place))
        for case, place, reason in skipped(row.number):
            if case == name:
                told.setdefault((reason[n], "–", "–"), []).append(place)
        for words, places in told.items():
            lines.extend((name[n], *where, *words) for where in _merged(places, language))
    if not lines:
        lines = [(row.name[n], *(say(ANY, language),) * 3, row.before[n], "–", "–")]
    return f"### {row.number}. {row.name[n]}\n\n{promise.strip()}\n\n{_table(_HEADS[language], lines)}"


def _merged(places: Iterable[Place], language: Language) -> list[tuple[str, str, str]]:
    """Put cells together that differ in one thing only: dialects first, then modes, then places."""
    boxes = [(frozenset({mode}), frozenset({dialect}), frozenset({place})) for mode, dialect, place in places]
    for axis in (1, 0, 2):
        joined: dict[tuple[frozenset[str], ...], frozenset[str]] = {}
        for box in boxes:
            rest = box[:axis] + box[axis + 1 :]
            joined[rest] = joined.get(rest, frozenset()) | box[axis]
        boxes = [(*rest[:axis], values, *rest[axis:]) for rest, values in joined.items()]
    return [
        (_names(modes, MODES, language), _names(dialects, DIALECTS, language), _names(where, PLACES, language))
        for modes, dialects, where in boxes
    ]


def _names(values: frozenset[str], order: tuple[str, ...], language: Language) -> str:
    if values == set(order):
        return say("all", language) if len(order) > 2 else (" / ").join(say(each, language) for each in order)
    return " / ".join(
        say(each, language)
        for each in sorted(values, key=lambda each: (order.index(each) if each in order else 9, each))
    )


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rows = [heads, tuple("---" for _ in heads), *lines]
    assert all(cell for row in rows for cell in row), "no cell is empty"
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def gather(folder: Path) -> dict[str, Seen]:
    """Return what the tests wrote into a folder, by the name of the case."""
    return {path.stem: msgspec.json.decode(path.read_bytes(), type=Seen) for path in sorted(folder.glob("*.json"))}


def main(folder: Path) -> None:
    """Keep what the tests saw, and write both pages."""
    lines = (
        f"  {msgspec.json.encode(name).decode()}: {msgspec.json.encode(seen).decode()}"
        for name, seen in gather(folder).items()
    )
    SEEN_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    for language, page in PAGES.items():
        page.write_text(render(published(), language), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

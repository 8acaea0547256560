"""`thalamus policy evaluate`: what another policy would have earned and cost on the traffic that was recorded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from config.database import open_database
from proxy.cli.languages import Told, ToldIn, usual_language
from proxy.cli.moments import moment_of
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.policy_candidates import candidate_of, of_a_file
from proxy.cli.printing import CommandError, print_json, print_table, say
from router.liveness import Prober
from router.offpolicy.reading import read_books
from router.offpolicy.report import report_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from config.database import Database
    from config.types import Json
    from router.offpolicy.candidates import Candidate, Wanted
    from router.offpolicy.reading import Books

ESTIMATORS = ("naive", "ips", "snips", "direct", "doubly_robust")
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "naive": "naive: matching rows", "ips": "IPS", "snips": "SNIPS", "direct": "direct",
        "doubly_robust": "doubly robust", "current": "current policy", "estimator": "estimator",
        "quality": "quality", "cost_usd": "USD a request", "interval": "95 %", "slice": "where", "n": "decisions",
        "rated": "rated", "ess": "worth", "all": "everything", "gap": "quality against current",
    },
    "zh": {
        "naive": "朴素：匹配的行", "ips": "IPS", "snips": "SNIPS", "direct": "直接法",
        "doubly_robust": "双重稳健", "current": "当前策略", "estimator": "估计方法",
        "quality": "质量", "cost_usd": "每请求 USD", "interval": "95 %", "slice": "范围", "n": "决策数",
        "rated": "有评分", "ess": "等效数", "all": "全部", "gap": "与当前策略的质量差",
    },
}  # fmt: skip
ASIDE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "no_probabilities": "without logged probabilities (none are assumed)",
        "broken": "with probabilities that are none",
        "impossible": "whose choice had probability 0",
        "one_model": "with a single eligible model",
        "no_draw": "settled without a draw (rules, pins, tool loops, later turns of conversations)",
        "duplicate": "twice in the log",
    },
    "zh": {
        "no_probabilities": "没有记录概率（不作任何假设）",
        "broken": "概率无效",
        "impossible": "所选模型的概率为 0",
        "one_model": "只有一个可选模型",
        "no_draw": "未经抽取即已确定（规则、固定、工具循环）",
        "duplicate": "在日志中重复",
    },
}


def evaluate(
    *,
    candidate: Annotated[
        str,
        typer.Option(
            "--candidate",
            metavar="FILE|NAME",
            help="A version of `thalamus policy list`, `weights`, a folder of `thalamus policy fit`, or a JSON file "
            "with fixed probabilities.",
        ),
    ],
    since: Annotated[str, typer.Option("--since", help="How far back: 7d, 36h, 2w, or a date.")] = "7d",
    until: Annotated[str | None, typer.Option("--until", help="Up to when; now without it.")] = None,
    signs: Annotated[
        bool, typer.Option("--signs", help="Let inferred outcomes stand where nobody rated an answer.")
    ] = False,
    cost_weight: Annotated[
        float, typer.Option("--cost-weight", min=0, max=10, help="Of a fitted folder: what cost weighs in quality.")
    ] = 0.0,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Estimate from logged probabilities what a candidate would have earned and cost, and whether it is better.

    Five estimators side by side, each with a 95 % interval; where the log cannot tell, it says so.
    """
    now = datetime.now(UTC)
    begun = moment_of(since, now=now)
    ended = moment_of(until, now=now, option="--until") if until else now
    if begun >= ended:
        raise typer.BadParameter("--since must lie before --until.", param_hint="--since")
    settings, held = read_settings(config), of_a_file(candidate)

    async def read(database: Database) -> Books:
        canonical = Prober(settings).catalog().canonical
        return await read_books(database, since=begun, until=ended, with_signs=signs, canonical=canonical)

    async def find(database: Database, books: Books) -> Candidate:
        return await candidate_of(candidate, held, database, settings=settings, books=books, cost_weight=cost_weight)

    books, asked, wanted = asyncio.run(_asked(settings.database_url, read, find, since=begun))
    report = _head(begun, ended, books, asked) | report_of(books.log, wanted, name=asked.name)
    if as_json:
        print_json(report)
    else:
        _print(cast("Any", report), language or usual_language())


VERBS = (("evaluate", "thalamus policy evaluate --candidate weights --since 7d", evaluate),)


async def _asked(
    url: str,
    read: Callable[[Database], Awaitable[Books]],
    find: Callable[[Database, Books], Awaitable[Candidate]],
    *,
    since: datetime,
) -> tuple[Books, Candidate, Wanted]:
    database = open_database(url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        books = await read(database)
        _refuse_empty(books, since)
        asked = await find(database, books)
        return books, asked, await asyncio.to_thread(asked.wanted, books.log)
    finally:
        await database.aclose()


def _refuse_empty(books: Books, since: datetime) -> None:
    if not books.n_read:
        raise CommandError(
            f"there is no decision of `auto` since {since:%Y-%m-%d %H:%M} UTC; look further back with --since."
        )
    if not len(books.log):
        told = "; ".join(f"{n} {ASIDE['en'][why]}" for why, n in books.log.set_aside.items())
        raise CommandError(
            f"none of {books.n_read} decisions can tell of another policy: {told}. Only a log whose choices were drawn "
            "with known probabilities can."
        )


def _head(since: datetime, until: datetime, books: Books, asked: Candidate) -> Json:
    versions = dict(sorted(books.versions.items(), key=lambda each: -each[1]))
    told: Json = {"since": since.isoformat(), "until": until.isoformat(), "read": books.n_read, "current": versions}
    made = getattr(asked, "made", None)
    if isinstance(made, datetime) and made > since:
        english = (
            f"the version was made on {made:%Y-%m-%d %H:%M} UTC and may have learned from decisions that it is judged "
            f"on, which flatters it; --since {made:%Y-%m-%dT%H:%M} judges it on later ones."
        )
        chinese = (
            f"该版本建于 {made:%Y-%m-%d %H:%M} UTC，可能正是从用来评它的决策里学来的，结果会偏好；"
            f"--since {made:%Y-%m-%dT%H:%M} 可在之后的决策上评它。"
        )
        told["warnings"] = [{"en": english, "zh": chinese}]
    return told


def _print(report: Mapping[str, Any], language: Told) -> None:
    words = WORDS[language]
    quality, cost = report["quality"], report["cost_usd"]
    rated = quality[0]["n_known"]
    say(
        f"{report['candidate']}: {report['decisions']} decisions in {report['conversations']} conversations, {rated} "
        f"rated; worth {quality[0]['ess']:.0f} of the candidate's."
        if language == "en"
        else f"{report['candidate']}：{report['conversations']} 个对话中的 {report['decisions']} 个决策，"
        f"{rated} 个有评分；相当于候选策略的 {quality[0]['ess']:.0f} 个。"
    )
    for why, n in report["set_aside"].items():
        say(f"  {n} set aside: {ASIDE['en'][why]}" if language == "en" else f"  搁置 {n} 个：{ASIDE['zh'][why]}")
    if report["undecided"]:
        say(
            f"  {report['undecided']} where the candidate has no wish: taken to do as was logged"
            if language == "en"
            else f"  {report['undecided']} 个决策候选策略没有意愿：视同日志中的做法"
        )
    names = ("estimator", "quality", "interval", "cost_usd", "interval")
    print_table([words[each] for each in names], _estimates(quality[0], cost[0], words))
    if len(quality) > 1:
        names = ("slice", "n", "rated", "ess", "quality", "interval", "gap", "cost_usd")
        print_table([words[each] for each in names], _slices(quality, cost, words))
    for sentence in dict.fromkeys(why[language] for part in (*quality, *cost) for why in part["refused"]):
        say(sentence)
    for warning in report.get("warnings", ()):
        say(f"Note: {warning['en']}" if language == "en" else f"提示：{warning['zh']}")
    say(report["verdict"][language])


def _estimates(
    quality: Mapping[str, Any], cost: Mapping[str, Any], words: Mapping[str, str]
) -> Iterable[tuple[str, ...]]:
    for name in ESTIMATORS:
        parts = (None if each["estimates"] is None else each["estimates"][name] for each in (quality, cost))
        yield (
            words[name],
            *(cell for part, form in zip(parts, (".3f", ".3g"), strict=True) for cell in _cells(part, form)),
        )
    yield (words["current"], *_cells(quality["current"], ".3f"), *_cells(cost["current"], ".3g"))


def _slices(
    quality: Iterable[Mapping[str, Any]], cost: Iterable[Mapping[str, Any]], words: Mapping[str, str]
) -> Iterable[tuple[str, ...]]:
    for good, paid in zip(quality, cost, strict=True):
        best = [None if each["estimates"] is None else each["estimates"]["doubly_robust"] for each in (good, paid)]
        gap = "".join(f"{good['difference'][key]:+.3f} " for key in ("value",)) if good["difference"] else ""
        yield (
            good["name"] or words["all"],
            str(good["n"]),
            str(good["n_known"]),
            f"{good['ess']:.0f}",
            *_cells(best[0], ".3f"),
            gap + (_cells(good["difference"], "+.3f")[1] if gap else "–"),
            _cells(best[1], ".3g")[0],
        )


def _cells(estimate: Mapping[str, float] | None, form: str) -> tuple[str, str]:
    if estimate is None:
        return "–", "–"
    return format(estimate["value"], form), f"{estimate['low']:{form}} … {estimate['high']:{form}}"

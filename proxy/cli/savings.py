"""`thalamus savings`: what requests saved by sending passages, and how sure that is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from config.database import open_database
from proxy.cli.languages import Told, ToldIn, usual_language
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import print_json, print_table, say
from router.savings_experiment import MIN_CONVERSATIONS
from router.savings_report import MIN_REQUESTS, savings_report

if TYPE_CHECKING:
    from config.settings import Settings
    from config.types import Json

MAX_DAYS = 3650
_WORDS: Final[dict[Told, dict[str, str]]] = {
    "en": {
        "n": "{n} requests were answered with passages in {days} days; tokens are estimated.",
        "spent": "Sent {sent:,}, and {charged:,} charged for what may have been missed and for asking.",
        "judge": "The judge cost {usd:.4f} USD.",
        "judge_unpriced": "The price of its answers to {n} requests is unknown.",
        "against": "against",
        "requests": "requests",
        "tokens": "tokens",
        "saved": "saved",
        "share": "share",
        "all": "all documents",
        "intent": "whole documents of the intent",
        "dense": "vectors alone, at equal coverage",
        "beyond": "In {n} of these the vectors do not reach that coverage: they count with what they sent until then.",
        "too_few": "not enough data yet: {n} of {least} requests",
        "too_few_each": "not enough data yet: {least} in each arm",
        "experiment": "Experiment: {} conversations with passages, {} without. What passages change, by request:",
        "measure": "measure",
        "with": "n with",
        "without": "n without",
        "difference": "difference",
        "interval": "95 % interval, which holds however often you look",
        "between": "{low:+g} to {high:+g}",
        "cost_usd": "cost, USD",
        "latency_ms": "time, ms",
        "rating": "rating, 0 to 1",
    },
    "zh": {
        "n": "{days} 天里有 {n} 个请求带着段落得到回答；token 数是估算的。",
        "spent": "发送了 {sent:,}，另为可能的缺失和询问计入 {charged:,}。",
        "judge": "评判模型花费 {usd:.4f} 美元。",
        "judge_unpriced": "它对 {n} 个请求的回答价格未知。",
        "against": "相比",
        "requests": "请求",
        "tokens": "token",
        "saved": "节省",
        "share": "比例",
        "all": "全部文档",
        "intent": "该意图的整篇文档",
        "dense": "只用向量、同等覆盖",
        "beyond": "其中 {n} 个请求向量达不到同等覆盖：按到此为止所发的 token 计入。",
        "too_few": "数据还不够：{n} 个请求，需要 {least} 个",
        "too_few_each": "数据还不够：每组需要 {least} 个对话",
        "experiment": "实验：{} 个对话有段落，{} 个没有。段落使每个请求改变：",
        "measure": "指标",
        "with": "有段落的 n",
        "without": "没有的 n",
        "difference": "差",
        "interval": "95 % 区间，无论看多少次都成立",
        "between": "{low:+g} 到 {high:+g}",
        "cost_usd": "费用（美元）",
        "latency_ms": "时间（毫秒）",
        "rating": "评分（0 到 1）",
    },
}


def savings(
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=MAX_DAYS, help="How many days back.")] = 30,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what sending passages saved against sending documents, every cost charged, and the held-out comparison."""
    report = asyncio.run(_report(read_settings(config), datetime.now(UTC) - timedelta(days=days)))
    if as_json:
        print_json(report)
        return
    _print(report, days, language or usual_language())


def _print(report: Json, days: int, language: Told) -> None:
    """Print it in words."""
    requests, experiment = cast("Any", report["requests"]), cast("Any", report["experiment"])
    words = _WORDS[language]
    say(words["n"].format(n=requests["n"], days=days))
    say(words["spent"].format(sent=requests["sent_tokens"], charged=requests["charged_tokens"]))
    if requests["judge_usd"]:
        say(words["judge"].format(usd=requests["judge_usd"]))
    if requests["judge_unpriced"]:
        say(words["judge_unpriced"].format(n=requests["judge_unpriced"]))
    print_table(
        tuple(words[name] for name in ("against", "requests", "tokens", "saved", "share")),
        [
            _row(words["all"], requests["against_all_documents"], words),
            _row(words["intent"], requests["against_intent_documents"], words),
            _row(words["dense"], requests["against_dense_at_equal_coverage"], words),
        ],
    )
    if n_beyond := requests["against_dense_at_equal_coverage"]["n_not_reached"]:
        say(words["beyond"].format(n=n_beyond))
    say("")
    arms = experiment["conversations_with_passages"], experiment["conversations_held_out"]
    say(words["experiment"].format(*arms))
    if any(arms):
        rows = [_compared(words[name], told, words) for name, told in experiment["measures"].items()]
        print_table(tuple(words[name] for name in ("measure", "with", "without", "difference", "interval")), rows)


def _row(name: str, told: dict[str, Any], words: dict[str, str]) -> tuple[str, ...]:
    too_few = words["too_few"].format(n=told["n"], least=MIN_REQUESTS)
    share = too_few if told["percent"] is None else f"{told['percent']} %"
    return name, str(told["n"]), f"{told['tokens']:,}", f"{told['saved']:,}", share


def _compared(name: str, told: dict[str, Any], words: dict[str, str]) -> tuple[str, ...]:
    """Return one measure's line: conversations in each arm, and what passages change."""
    arms = str(told["n_with_passages"]), str(told["n_held_out"])
    if "difference" not in told:
        return name, *arms, words["too_few_each"].format(least=MIN_CONVERSATIONS), ""
    return name, *arms, f"{told['difference']:+g}", words["between"].format(**told)


async def _report(settings: Settings, since: datetime) -> Json:
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        return await savings_report(database, since=since)
    finally:
        await database.aclose()

"""Whether a candidate is better than the policy that made the log, as one plain sentence, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from config.types import Json

LEAST_ESS: Final = 200.0
"""Effective sample size below which nothing is called better."""

Finding = Literal["better", "worse", "not_known", "too_few", "refused"]


def verdict_of(quality: Json, cost: Json) -> Json:
    """Return the finding on quality with its sentences, cost told beside it, from the parts of a report."""
    finding = finding_of(quality)
    english, chinese = _quality(quality, finding)
    cheaper = _cost(cost)
    return {
        "finding": finding,
        "better": finding == "better",
        "en": " ".join(each for each in (english, cheaper[0]) if each),
        "zh": "".join(each for each in (chinese, cheaper[1]) if each),
    }


def finding_of(quality: Json) -> Finding:
    """Return what the difference in quality says: better only if its lower bound is above 0, on enough decisions."""
    gap = cast("Any", quality["difference"])
    if gap is None:
        return "refused"
    if cast("float", quality["ess"]) < LEAST_ESS:
        return "too_few"
    if gap["low"] > 0:
        return "better"
    return "worse" if gap["high"] < 0 else "not_known"


def _quality(told: Json, finding: Finding) -> tuple[str, str]:
    if finding == "refused":
        why = cast("list[Any]", told["refused"])
        return (
            f"Whether the candidate is better cannot be told. {why[0]['en']}",
            f"无法判断候选策略是否更好。{why[0]['zh']}",
        )
    gap = cast("Any", told["difference"])
    ess = cast("float", told["ess"])
    numbers = f"{gap['value']:+.3f} ({gap['low']:+.3f} … {gap['high']:+.3f})"
    match finding:
        case "better":
            return (
                f"The candidate is better than the current policy: quality {numbers}, 95 % interval.",
                f"候选策略优于当前策略：质量 {numbers}，95 % 区间。",
            )
        case "worse":
            return (
                f"The candidate is worse than the current policy: quality {numbers}, 95 % interval.",
                f"候选策略不如当前策略：质量 {numbers}，95 % 区间。",
            )
        case "too_few":
            return (
                f"Not enough data to call it, {numbers}: worth {ess:.0f} decisions, {LEAST_ESS:.0f} are needed.",
                f"数据不足，不能下结论：质量 {numbers}；日志只相当于 {ess:.0f} 个决策，至少需要 {LEAST_ESS:.0f} 个。",
            )
        case _:
            return (
                f"No difference can be told from the current policy: quality {numbers}, 95 % interval.",
                f"看不出与当前策略的差别：质量 {numbers}，95 % 区间。",
            )


def _cost(told: Json) -> tuple[str, str]:
    gap = cast("Any", told["difference"])
    if gap is None:
        return "", ""
    numbers = f"{gap['value']:+.2g} USD ({gap['low']:+.2g} … {gap['high']:+.2g})"
    if gap["high"] < 0:
        return f"It costs less: {numbers} a request.", f"它更便宜：每个请求 {numbers}。"
    if gap["low"] > 0:
        return f"It costs more: {numbers} a request.", f"它更贵：每个请求 {numbers}。"
    return f"Its cost is not known to differ: {numbers} a request.", f"成本看不出差别：每个请求 {numbers}。"

"""How a trial stands, as one plain sentence in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.experiment_settings import TrialSettings
    from config.types import Json
    from router.experiments.status import Standing


def told_of(standing: Standing, trial: TrialSettings) -> Json:
    """Return `en` and `zh`."""
    needed = trial.least
    if standing.state == "no_data":
        return {
            "en": "No conversation of this experiment is over yet.",
            "zh": "本实验还没有结束的对话。",
        }
    if standing.effect is None:
        counts = f"{standing.n_a} / {standing.n_b}"
        return {
            "en": f"Not enough data yet: {counts} conversations count in a / b, {needed} are needed in each.",
            "zh": f"数据还不够：a / b 中计入的对话为 {counts}，每组至少需要 {needed} 个。",
        }
    effect = standing.effect
    form, unit, unit_zh = ("+.3f", "", "") if trial.goal == "quality" else ("+.2g", " USD a request", " 美元/请求")
    numbers = f"{effect.value:{form}} ({effect.low:{form}} … {effect.high:{form}})"
    if standing.state == "won":
        better = "is rated higher" if trial.goal == "quality" else "costs less"
        better_zh = "评分更高" if trial.goal == "quality" else "更便宜"
        n = standing.stopped_after
        return {
            "en": f"Stop: arm {standing.winner} {better}; b less a is {numbers}{unit}, after {n} conversations. "
            "The interval holds however often you look.",
            "zh": f"可以停止：{standing.winner} 组{better_zh}；b 减 a 为 {numbers}{unit_zh}，共 {n} 个对话。"
            "无论查看多少次，该区间都成立。",
        }
    if standing.state == "undecided":
        return {
            "en": f"Stop: no winner after {standing.n_a + standing.n_b} conversations; b less a is {numbers}{unit}.",
            "zh": f"可以停止：{standing.n_a + standing.n_b} 个对话后仍无胜者；b 减 a 为 {numbers}{unit_zh}。",
        }
    return {
        "en": f"Go on: b less a is {numbers}{unit} so far, and 0 is still inside.",
        "zh": f"继续：目前 b 减 a 为 {numbers}{unit_zh}，区间仍包含 0。",
    }

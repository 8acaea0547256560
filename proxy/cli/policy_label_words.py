"""The sentences of `thalamus policy label` and `policy learn`, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.cli.languages import Told

WORDS: Final[Mapping[Told, Mapping[str, str]]] = {
    "en": {
        "asks": "{n} answers of {models}",
        "graded_by": ", and {n} prompts graded by {judge}",
        "costs": ": about {usd:.2g} USD",
        "unknown_costs": ", and what {names} costs, which nobody knows",
        "assumed": " (taking {n} tokens an answer).",
        "go_on": "Go on?",
        "own_judge": "The judge {judge} grades answers of its own too; names are hidden, but a style is not.",
        "prompt": "\n── Prompt {at} of {n} ──\n{text}",
        "answer": "\n── Answer {at} of {n} ──\n{text}",
        "stars": "1 to 5 (5 is best), {skip} to skip this prompt, {quit} to end:",
        "no_stars": "'{said}' is none of these.",
        "labelled": "{n} of {prompts} prompts are labelled in {file}; {answers} answers were asked for and {usd} USD "
        "spent now.",
        "model": "model",
        "quality": "quality",
        "best": "best on",
        "unknown": "unknown",
        "next_learn": "Next: thalamus policy learn {file}",
        "next_fit": "   or: thalamus policy fit --train {file} --out my-policy",
        "known": "All of it is learned already, in version {version}; nothing was changed.",
        "in_force": "Version {version} learned {lessons} grades of {learned_prompts} prompts and is in force. A "
        "running server takes it up within seconds; `thalamus policy rollback` takes it back.",
        "in_shadow": "Version {version} learned {lessons} grades of {learned_prompts} prompts in shadow; `thalamus "
        "policy promote {version}` puts it in force.",
    },
    "zh": {
        "asks": "{models} 共 {n} 个回答",
        "graded_by": "，由 {judge} 给 {n} 条提示打分",
        "costs": "：大约 {usd:.2g} USD",
        "unknown_costs": "，外加 {names} 的费用，价格未知",
        "assumed": "（按每个回答 {n} 个词元估计）。",
        "go_on": "继续吗？",
        "own_judge": "裁判 {judge} 也会给自己的回答打分；名称是隐藏的，文风却藏不住。",
        "prompt": "\n── 提示 {at}，共 {n} 条 ──\n{text}",
        "answer": "\n── 回答 {at}，共 {n} 个 ──\n{text}",
        "stars": "1 到 5 分（5 分最好），{skip} 跳过这条提示，{quit} 结束：",
        "no_stars": "“{said}”不在其中。",
        "labelled": "{file} 里已标注 {n} 条，共 {prompts} 条提示；这次要了 {answers} 个回答，花费 {usd} USD。",
        "model": "模型",
        "quality": "质量",
        "best": "最好的条数",
        "unknown": "未知",
        "next_learn": "下一步：thalamus policy learn {file}",
        "next_fit": "  或者：thalamus policy fit --train {file} --out my-policy",
        "known": "这些都已经学过，在版本 {version} 里；什么都没有改变。",
        "in_force": "版本 {version} 学了 {learned_prompts} 条提示的 {lessons} 个分数，已经生效。运行中的服务器几秒之内"
        "换上它；`thalamus policy rollback` 可以收回。",
        "in_shadow": "版本 {version} 在影子里学了 {learned_prompts} 条提示的 {lessons} 个分数；"
        "`thalamus policy promote {version}` 让它生效。",
    },
}


def sentence(language: Told, name: str, **values: object) -> str:
    """Return a sentence with its values."""
    return WORDS[language][name].format_map(values)

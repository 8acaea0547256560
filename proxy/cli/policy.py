"""`thalamus policy`: fit what the learned policy expects of each model, and ask it."""

from __future__ import annotations

from itertools import islice
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.bars import Bars
from proxy.cli.options import AsJson
from proxy.cli.printing import print_json, say
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.model import load_policy
from router.policy.priors import read_believed
from router.policy.rows import read_labelled, read_prompts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.policy.model import Policy
    from router.policy.rows import Prompt

BATCH = 256
_QUALITY_DIGITS = 6
_COST_DIGITS = 12


def fit(
    *,
    train: Annotated[Path, typer.Option("--train", metavar="FILE", help="Labelled prompts: JSON Lines.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder that the policy is written into.")],
    prior: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of intent: {model: quality}; `*` is any other intent.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds; the same seed gives the same policy.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fit quality and cost of each model to prompts whose rewards are known.

    A row is `{"prompt", "quality": {model: 0 to 1}, "cost": {model: USD}}`, with an `intent` or a `task` where known.
    """
    believed = read_believed(prior) if prior else {}
    prompts = read_labelled(train)
    with Bars() as bars:
        policy = fit_policy(data_of(prompts, believed, bars), seed=seed, progress=bars)
    manifest = policy.save(out)
    if as_json:
        print_json({"folder": str(out), **manifest})
        return
    say(f"Wrote {out}, version {manifest['version']}: {len(policy.models)} models, {len(prompts)} prompts.")


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a fitted policy.")],
    *,
    file: Annotated[Path, typer.Option("--input", metavar="FILE", help="Prompts: JSON Lines.")],
    as_json: AsJson = False,
) -> None:
    """Say what each model is expected to earn and to cost on prompts, a line each, in the order of the file."""
    policy = load_policy(folder)
    prompts = read_prompts(file)
    while batch := list(islice(prompts, BATCH)):
        _print_expected(policy, batch, as_json=as_json)


VERBS = (
    ("fit", "thalamus policy fit --train labelled.jsonl --out my-policy", fit),
    ("predict", "thalamus policy predict my-policy --input prompts.jsonl --json", predict),
)


def _print_expected(policy: Policy, prompts: Sequence[Prompt], *, as_json: bool) -> None:
    quality, cost = policy.predict(prompts)
    for prompt, earned, paid in zip(prompts, quality.tolist(), cost.tolist(), strict=True):
        if as_json:
            told = {"id": prompt.id} if prompt.id is not None else {}
            print_json({**told, **_expected(policy.models, earned, paid)})
            continue
        best = max(range(len(earned)), key=earned.__getitem__)
        price = "unknown" if isnan(paid[best]) else f"{paid[best]:.3g} USD"
        say(f"{policy.models[best]}  quality {earned[best]:.3f}, cost {price}")


def _expected(models: Sequence[str], earned: Sequence[float], paid: Sequence[float]) -> dict[str, object]:
    return {
        "quality": {model: round(each, _QUALITY_DIGITS) for model, each in zip(models, earned, strict=True)},
        "cost": {
            model: None if isnan(each) else round(each, _COST_DIGITS) for model, each in zip(models, paid, strict=True)
        },
    }

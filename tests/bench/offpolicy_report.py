"""The page of `tests/bench/offpolicy.py`."""

from __future__ import annotations

from math import sqrt

import numpy as np

LABELS = {
    "naive": "naive: mean of matching rows", "ips": "IPS", "snips": "SNIPS", "direct": "direct", "doubly_robust": "doubly robust",
}  # fmt: skip
HEAD = """# Are off-policy estimates right?

What `thalamus policy evaluate` tells ([how it works](../off-policy.md)), tried on logs whose truth is known. Made by

```sh
OPENBLAS_NUM_THREADS=1 python -m tests.bench.offpolicy --report docs/reports/off-policy.md FOLDER
```

Run number i, from 0, has seed 1,000 + i; smaller seeds were looked at while the estimators were built. *Error* is the root of the mean squared difference from the truth, over runs and targets; *coverage* is the share of 95 % intervals that hold the truth, with its own 95 % interval (Wilson; runs of one seed share a log, so it is a little too narrow); *half width* is that of the intervals, on average.

"""
INVENTED = """## {title}

{n:,} decisions, {runs} runs, {k} targets. Three models, two languages, four domains; quality bends with complexity and length, the reward model is straight; the log is drawn by softmax over what a router learned from 600 noisy labels, with a floor of 0.02 a model; two turns share each draw.{more}

"""
SPARSE = " {rated:.0%} of the decisions are rated, the first model's thrice as often as the last one's, and {wrong:.0%} of the ratings are the wrong way round; the truth is what such ratings would say of everything."
FROM_LABELS = """## {world}: {n:,} decisions

{runs} runs, {k} targets. Prompts are drawn from those that no policy learned from; the log takes what a router of 300 labels prefers, and with probability 0.1 any model; what is known of a prompt is {slots} hashed features and that router's expectation.

"""
GOAL = "**Goal at 20,000 decisions: error at most 0.012 and coverage at least 0.90; aim 0.008 and 0.93 to 0.97.** Doubly robust: {error:.4f} ({met}), {coverage:.3f} ({covered}).\n\n"


def page_of(found: list[dict]) -> str:
    """Return the page as Markdown."""
    return HEAD + "".join(_part(each) for each in found)


def _part(found: dict) -> str:
    k = len(found["targets"])
    if found["world"] == "invented":
        more = SPARSE.format(**found) if found["rated"] < 1 else ""
        title = "An invented world, sparse and wrong ratings" if more else "An invented world, every answer rated"
        head = INVENTED.format(title=title, k=k, more=more, **found)
    else:
        head = FROM_LABELS.format(k=k, slots=64, **found)
    lines = ["| estimator | error | mean bias | coverage | half width |", "|---|---|---|---|---|"]
    for name, label in LABELS.items():
        rows = np.concatenate([by[name] for by in found["targets"].values()])
        low, high = _wilson(rows[:, 1])
        lines.append(
            f"| {label} | {sqrt((rows[:, 0] ** 2).mean()):.4f} | {_worst(found, name)} | "
            f"{rows[:, 1].mean():.3f} ({low:.3f} to {high:.3f}) | {rows[:, 2].mean():.4f} |"
        )
    lines += ["", "| target, doubly robust | error | bias | coverage |", "|---|---|---|---|"]
    for target, by in found["targets"].items():
        rows = by["doubly_robust"]
        lines.append(
            f"| {target} | {sqrt((rows[:, 0] ** 2).mean()):.4f} | {rows[:, 0].mean():+.4f} | {rows[:, 1].mean():.3f} |"
        )
    return head + "\n".join(lines) + "\n\n" + _goal(found)


def _goal(found: dict) -> str:
    if found["world"] == "invented" or found["n"] != 20_000:  # where the goal was set
        return ""
    rows = np.concatenate([by["doubly_robust"] for by in found["targets"].values()])
    error, coverage = sqrt((rows[:, 0] ** 2).mean()), float(rows[:, 1].mean())
    met = "aim met" if error <= 0.008 else "met, the aim missed" if error <= 0.012 else "missed"
    inside = 0.93 <= coverage <= 0.97
    covered = "aim met" if inside else "met, the aim missed" if coverage >= 0.90 else "missed"
    return GOAL.format(error=error, met=met, coverage=coverage, covered=covered)


def _worst(found: dict, name: str) -> str:
    """Return the range of the targets' biases."""
    biases = [float(by[name][:, 0].mean()) for by in found["targets"].values()]
    return f"{min(biases):+.4f} … {max(biases):+.4f}"


def _wilson(hits: np.ndarray) -> tuple[float, float]:
    n, p, z = len(hits), float(hits.mean()), 1.96
    middle, half = (p + z * z / (2 * n)), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

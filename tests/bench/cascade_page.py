"""The figures of `cascade.py` as a page."""

from __future__ import annotations

import os
import platform
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.bench.cascade import Asked
    from tests.bench.cascade_stages import Worked

GOAL_MS = 0.5
"""What reading may add to a request where the micro-model answers."""
OFF, AGAIN, LOOKED, READ = "off", "off, again", "intent", "intent and features"
SHORT = 120
"""Characters that hardly a prompt of the size `short` has more of."""
_SHARES = (0.5, 0.95, 0.99)
_SUMS = ("p50 ms", "p95 ms", "p99 ms", "n")
_HEAD = """# What reading a request adds to it

Written by `make bench-cascade` on {day} ({python}); do not edit by hand. Gateways in processes of their own before the
scripted upstream, over loopback, with the shipped micro-models; {n} different prompts that the micro-model answers
(frozen test rows; longer ones are several rows of one intent), the others repeated. Each is asked of a gateway that
reads nothing (`classifier.enabled = false`), of one that reads only the intent (`features = false`) and of one with
the defaults, in turning order. **Added** is the paired difference with the first. The row *nothing* is the first
gateway asked twice: so much of a difference is the machine, and a p95 or p99 below it says nothing.

**By the traces** is what the stages `classify` and `policy` took, less what they took where nothing is read: all that a
request waits for. `classify` reads the conversation, computes the features by rule and asks the cascade; `policy`
waits for domain and complexity, and only where there is more than one model to choose from. The other models are read
while the upstream thinks, and no request waits for them.

**Of the processor** is what both stages take of the processor's time, of all threads, called in one process, less what
they take where nothing is read: what other work on the machine lengthens least.

{cores} cores, shared; load {load} the run. Where the load is above the number of cores, times by the clock are those
of a machine that has no room, and the processor's own times are longer too, for others empty its caches.
"""


def page(
    found: Mapping[int, Sequence[Asked]], staged: Mapping[int, Sequence[Worked]], *, load: tuple[float, float]
) -> str:
    """Return the page; both are by the number of models to choose among, `load` is that of a minute before and after."""
    micro = {models: [each for each in asked if each.source == "micro"] for models, asked in found.items()}
    parts = [
        _HEAD.format(
            day=time.strftime("%Y-%m-%d"),
            python=f"Python {platform.python_version()}",
            n=len({each.prompt.text for each in next(iter(micro.values()))}),
            load=f"{load[0]:.1f} before and {load[1]:.1f} after",
            cores=os.cpu_count(),
        ),
        f"## Goal: at most {GOAL_MS} ms where the micro-model answers\n{_verdicts(micro, staged)}",
    ]
    parts += [_of(models, asked, micro[models], staged[models]) for models, asked in found.items()]
    return "\n".join(parts)


def quantiles(values: Iterable[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99."""
    p50, p95, p99 = np.quantile(list(values), _SHARES)
    return float(p50), float(p95), float(p99)


def waited(each: Asked, name: str = READ) -> float:
    """Return milliseconds that a request waited to be read, by the traces."""
    return each.staged(name, "classify") + each.staged(name, "policy")


def _verdicts(micro: Mapping[int, Sequence[Asked]], staged: Mapping[int, Sequence[Worked]]) -> str:
    lines: list[str] = []
    for models, asked in micro.items():
        ways = {
            "by the traces": [waited(each) for each in asked],
            "by the traces, short prompts": [waited(each) for each in asked if each.prompt.size == "short"],
            "by the client's clock": [each.added(READ) for each in asked],
            "of the processor": [each.both for each in staged[models]],
            f"of the processor, up to {SHORT} characters": [e.both for e in staged[models] if len(e.text) <= SHORT],
        }
        for how, values in ways.items():
            told = [
                f"{name} {ms:.2f} ms, **{'reached' if ms <= GOAL_MS else 'missed'}**"
                for name, ms in zip(("p50", "p95", "p99"), quantiles(values), strict=True)
            ]
            lines.append(f"- {_choice(models)}, {how}: {'; '.join(told)} (n = {len(values)}).")
    return "\n".join(lines) + "\n"


def _choice(models: int) -> str:
    return "one model, nothing to choose" if models == 1 else f"{models} models to choose from"


def _of(models: int, asked: Sequence[Asked], micro: Sequence[Asked], staged: Sequence[Worked]) -> str:
    added = [_row(name, [each.added(key) for each in micro]) for name, key in (
        ("nothing: asked twice of the same gateway", AGAIN), ("the intent", LOOKED), ("all, as shipped", READ)
    )]  # fmt: skip
    sizes = sorted(
        {(each.prompt.lang, each.prompt.size) for each in micro}, key=lambda each: (each[1] != "short", each)
    )
    traced = [_row("all", map(waited, micro))]
    traced += [
        _row(f"{lang}, {size}, {_chars(group)} characters", map(waited, group))
        for lang, size in sizes
        if (group := [each for each in micro if (each.prompt.lang, each.prompt.size) == (lang, size)])
    ]
    traced += [
        _row(f"stage `{stage}`", (each.staged(READ, stage) for each in micro)) for stage in ("classify", "policy")
    ]
    return "\n".join([
        f"## {_choice(models).capitalize()}",
        f"### Added, by the client's clock\n{_table('read', added)}",
        f"### By the traces, where the micro-model answers\n{_table('prompts', traced)}",
        f"### Of the processor, where the micro-model answers\n{_table('prompts', _processor(staged))}",
        f"### By the tier that answers\n{_table('', _tiers(asked))}",
    ])  # fmt: skip


def _processor(staged: Sequence[Worked]) -> list[str]:
    groups = {
        "all": list(staged),
        f"up to {SHORT} characters": [each for each in staged if len(each.text) <= SHORT],
        f"longer than {SHORT}": [each for each in staged if len(each.text) > SHORT],
    }
    rows: list[str] = []
    for name, group in groups.items():
        if group:
            rows.append(_row(f"{name}: both", (each.both for each in group)))
            rows.append(_row(f"{name}: `classify`", (each.classify for each in group)))
            rows.append(_row(f"{name}: `policy`", (each.policy for each in group)))
    return rows


def _tiers(asked: Sequence[Asked]) -> list[str]:
    """Return the rows of who answered: what the tiers took by themselves, and what the request waited."""
    rows = [
        _row("`reflex`, the stage of orders hard to take back", (each.answers[READ].stages["reflex"] for each in asked))
    ]
    names: dict[str, str] = {
        "rule": "an example of the catalogue, word for word",
        "micro": "micro-model",
        "nobody": "micro-model abstains, no head there",
    }
    for source, name in names.items():
        group = [each for each in asked if each.source == source]
        if group:
            rows.append(_row(f"{name}: tiers alone", (sum(each.tiers_ms.values()) for each in group)))
            rows.append(_row(f"{name}: `classify` and `policy`", map(waited, group)))
            rows.append(_row(f"{name}: added, client's clock", (each.added(READ) for each in group)))
    return rows


def _chars(group: Sequence[Asked]) -> str:
    lengths = sorted(len(each.prompt.text) for each in group)
    return f"{lengths[0]} to {lengths[-1]}"


def _row(name: str, values: Iterable[float]) -> str:
    kept = list(values)
    return f"| {name} | {' | '.join(f'{each:.3f}' for each in quantiles(kept))} | {len(kept)} |"


def _table(first: str, rows: Sequence[str]) -> str:
    return "\n".join([f"| {first} | {' | '.join(_SUMS)} |", "|---|---|---|---|---|", *rows]) + "\n"

"""The labelled rows: what each model's answer to a prompt earned and cost, in the form that policies are fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from config.errors import CorpusError
from router.labels.lines import append_line, read_lines, replace_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from config.types import Json
    from router.labels.answering import Answer
    from router.labels.prompts import Wanted


@dataclass(frozen=True, slots=True)
class Standing:
    """What one model earned on the rows that all were graded on."""

    model: str
    n: int
    mean: float
    """Mean quality, 0 to 1."""
    n_best: int
    """Prompts on which nobody was better."""
    cost_usd: float | None
    """Sum; `None` where a price is unknown."""


class LabelBook:
    """Labelled rows in a file that is appended to; a prompt that is labelled anew replaces what it had before."""

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises `CorpusError` where the file holds something else."""
        self.path = path
        self._rows: dict[str, Json] = {}
        self._has_old = False
        for row in read_lines(path):
            name = row.get("id")
            if not isinstance(name, str) or not isinstance(row.get("prompt"), str) or not _qualities(row):
                raise CorpusError("holds a line that no earlier run wrote; name another file", file=str(path))
            self._has_old |= name in self._rows
            self._rows[name] = row

    def has(self, wanted: Wanted, models: Sequence[str]) -> bool:
        """Return whether the prompt was graded for all these models."""
        row = self._rows.get(wanted.id)
        return row is not None and _qualities(row).keys() >= set(models)

    def put(
        self, wanted: Wanted, quality: Mapping[str, float], answers: Mapping[str, Answer], *, graded_by: str
    ) -> None:
        """Add a row. Raises `OSError`."""
        row: Json = {"id": wanted.id, "prompt": wanted.text}
        if wanted.intent is not None:
            row["intent"] = wanted.intent
        row |= {
            "quality": {model: round(grade, 6) for model, grade in quality.items()},
            "cost": {model: answers[model].cost_usd for model in quality},
            "graded_by": graded_by,
        }
        self._has_old |= wanted.id in self._rows
        self._rows[wanted.id] = row
        append_line(self.path, row)

    def tidy(self) -> None:
        """Leave the last row of each prompt only, where one was labelled anew. Raises `OSError`."""
        if self._has_old:
            replace_lines(self.path, self._rows.values())
            self._has_old = False

    def standings(self, prompts: Sequence[Wanted], models: Sequence[str]) -> list[Standing]:
        """Return what each model earned on those of the prompts that are labelled for all, the best first."""
        rows = [self._rows[each.id] for each in prompts if self.has(each, models)]
        best = [max(_qualities(row)[model] for model in models) for row in rows]
        found: list[Standing] = []
        for model in models:
            earned = [_qualities(row)[model] for row in rows]
            costs = [cast("Mapping[str, float | None]", row["cost"]).get(model) for row in rows]
            known = [each for each in costs if each is not None]
            found.append(
                Standing(
                    model,
                    len(rows),
                    sum(earned) / len(rows) if rows else 0.0,
                    sum(each >= most for each, most in zip(earned, best, strict=True)),
                    sum(known) if len(known) == len(costs) else None,
                )
            )
        return sorted(found, key=lambda each: -each.mean)


def _qualities(row: Json) -> dict[str, float]:
    found = row.get("quality")
    return cast("dict[str, float]", found) if isinstance(found, dict) else {}

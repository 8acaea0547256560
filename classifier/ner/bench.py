"""Measures the method on marked data that does not belong to the product, and writes a report of it.

Run as `python -m classifier.ner.bench --data DIR`. The files hold rows `{"text", "entities"}`; of each, a tenth by
the hash of its text is tested on, a tenth validates, the rest is learnt from.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from classifier.foundry.corpus import data_hash
from classifier.ner.forging import share_of, told
from classifier.ner.gazetteer import Gazetteer
from classifier.ner.measures import forms, scored
from classifier.ner.spans import read_span_rows
from classifier.ner.training import Recipe, found_by, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.ner.spans import SpanRow
    from config.types import Json

SETS = (("zh", "zh_crosswoz.jsonl", 0.90), ("en", "en_snips.jsonl", 0.88))
"""Language, file and the F1 to reach."""
PARTS = 10
SEEDS = (1, 2, 3, 4, 5)
RECIPE = Recipe(max_rows=9000)
ABOUT = (
    "Written by `python -m classifier.ner.bench --data DIR --report docs/reports/ner.md`. An entity counts where both "
    "ends and the type are right. Of each file a tenth, by the hash of the text, is tested on, a tenth stops the "
    "training, the rest is learnt from. Intervals: 95 %, bootstrap over the rows of the test part, first seed. Seen: "
    "form and type of the entity stand in the training part. The product ships neither these files nor models trained "
    "on them; with rows of its own kind the method does what is shown, with others it may not."
)


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts of one file."""

    learnt: tuple[SpanRow, ...]
    validation: tuple[SpanRow, ...]
    test: tuple[SpanRow, ...]


class Lines:
    """Tells progress on standard error, a dot an epoch."""

    def begin(self, what: str, total: int) -> None:
        """Begin a step of `total` parts."""
        sys.stderr.write(f"\n{what}, at most {total}: ")

    def advance(self) -> None:
        """Say that a part is done."""
        sys.stderr.write(".")
        sys.stderr.flush()


def split(rows: Sequence[SpanRow]) -> Split:
    """Return the parts of rows; the same row is always in the same part."""
    part = [share_of(row.text, PARTS) for row in rows]
    pairs = list(zip(rows, part, strict=True))
    return Split(
        tuple(row for row, at in pairs if at > 1),
        tuple(row for row, at in pairs if at == 1),
        tuple(row for row, at in pairs if at == 0),
    )


def measured(parts: Sequence[tuple[str, Split]], recipe: Recipe) -> Json:
    """Return the figures of one model over the learnt rows of all parts, told for each part apart."""
    learnt = [row for _, part in parts for row in part.learnt]
    validation = [row for _, part in parts for row in part.validation]
    types = sorted({span.type for row in learnt for span in row.spans})
    began = time.perf_counter()
    run = train(learnt, validation, types, recipe, Lines())
    taken = time.perf_counter() - began
    figures: Json = {
        lang: told(scored(part.test, found_by(run, part.test), forms(part.learnt))) for lang, part in parts
    }
    return {"figures": figures, "seconds": round(taken), "epochs": run.epochs, "terms": len(run.vocabulary)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the report; the exit status tells whether every goal was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--report", type=Path, default=None, help="Markdown to write; a .json lies beside it.")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--together", action="store_true", help="Train one model over all sets too.")
    chosen = parser.parse_args(arguments)
    recipe = replace(RECIPE, epochs=chosen.epochs)
    result = bench(chosen.data, recipe, SEEDS[: chosen.seeds], together=chosen.together)
    text = written(result)
    sys.stdout.write(text)
    if chosen.report:
        chosen.report.write_text(text, "utf-8")
        as_json = json.dumps(result, ensure_ascii=False, indent=1)
        chosen.report.with_suffix(".json").write_text(as_json + "\n", "utf-8")
    return 0 if all(_f1(each["apart"], each["lang"]) >= each["goal"] for each in _sets(result)) else 1


def bench(data: Path, recipe: Recipe, seeds: Sequence[int], *, together: bool) -> Json:
    """Return every figure: each set alone with all seeds, all in one model where asked, and the gazetteer."""
    parts = {lang: split([replace(row, lang=lang) for row in read_span_rows([data / file])]) for lang, file, _ in SETS}
    joint = measured(tuple(parts.items()), replace(recipe, seed=seeds[0])) if together else None
    sets: list[Json] = []
    for lang, file, goal in SETS:
        part = parts[lang]
        runs = [measured([(lang, part)], replace(recipe, seed=seed)) for seed in seeds]
        gazetteer = Gazetteer(part.learnt)
        baseline = scored(part.test, [gazetteer.entities(row.text) for row in part.test], forms(part.learnt))
        sets.append(
            {
                "lang": lang,
                "file": file,
                "sha256": data_hash([data / file]),
                "goal": goal,
                "rows": {name: len(rows) for name, rows in _named(part)},
                "apart": runs[0],
                "seeds": [_f1(run, lang) for run in runs],
                "together": joint and {**joint, "figures": {lang: _figures(joint, lang)}},
                "gazetteer": told(baseline),
            }
        )
    return {"recipe": asdict(recipe), "sets": sets}


def written(result: Json) -> str:
    """Return the report in Markdown."""
    lines = [
        "# Named entities on public data",
        "",
        ABOUT,
        "",
        f"This run: `--seeds {len(_sets(result)[0]['seeds'])} --epochs {cast('Json', result['recipe'])['epochs']}`.",
        "",
        "| set | goal | F1 | seeds | seen: F1 | unseen: F1, recall | gazetteer: F1, unseen | both sets in one model |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in _sets(result):
        own, base = _figures(each["apart"], each["lang"]), cast("dict[str, Any]", each["gazetteer"])
        joint = each["together"]
        both = _shown(_figures(joint, each["lang"])["micro_f1"]) if joint else "not measured"
        seeds = ", ".join(f"{f1:.3f}" for f1 in each["seeds"])
        lines.append(
            f"| {each['file']} ({each['lang']}), {own['rows']} rows, {own['entities']} entities | {each['goal']:.2f} "
            f"| {_shown(own['micro_f1'])} | {seeds} | {own['seen']['f1']:.3f} of {own['seen']['n']} "
            f"| {own['unseen']['f1']:.3f}, {_shown(own['unseen']['recall'])} of {own['unseen']['n']} "
            f"| {base['micro_f1']['value']:.3f}, {base['unseen']['f1']:.3f} | {both} |"
        )
    for each in _sets(result):
        types = _figures(each["apart"], each["lang"])["types"]
        lines += ["", f"## {each['file']}, by type", "", "| type | F1 | entities |", "|---|---|---|"]
        ranked = sorted(types.items(), key=lambda pair: -pair[1]["n"])
        lines += [f"| {name} | {found['f1']:.3f} | {found['n']} |" for name, found in ranked]
    lines += ["", f"Recipe: `{json.dumps(result['recipe'])}`.", ""]
    lines += [
        f"{each['file']}: SHA-256 `{each['sha256']}`, {each['rows']}, trained in {each['apart']['seconds']} s, "
        f"{each['apart']['epochs']} epochs."
        for each in _sets(result)
    ]
    return "\n".join(lines) + "\n"


def _named(part: Split) -> tuple[tuple[str, tuple[SpanRow, ...]], ...]:
    return ("learnt", part.learnt), ("validation", part.validation), ("test", part.test)


def _shown(interval: Json) -> str:
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def _sets(result: Json) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", result["sets"])


def _figures(run: Json, lang: str) -> dict[str, Any]:
    return cast("dict[str, Any]", cast("Json", run["figures"])[lang])


def _f1(run: Json, lang: str) -> float:
    return float(_figures(run, lang)["micro_f1"]["value"])


if __name__ == "__main__":
    sys.exit(main())

"""`thalamus foundry`: which verbs there are, and those that make micro-models from rows and list them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.artefact import CARD
from classifier.card_reading import figures_of, read_card
from config.errors import ThalamusError
from proxy.cli.bars import Bars
from proxy.cli.blueprints import Artefacts, Home, all_blueprints, artefacts_folder, one_blueprint
from proxy.cli.foundry_entities import entities_sentence, finds_entities, forged_entities
from proxy.cli.foundry_generate import generate
from proxy.cli.foundry_harvest import harvest
from proxy.cli.foundry_reading import predict, try_
from proxy.cli.foundry_shelf import promote, rollback, shadow, status
from proxy.cli.options import AsJson
from proxy.cli.printing import CommandError, note, print_json, print_table, say

if TYPE_CHECKING:
    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.forge import Forged
    from classifier.foundry.orders import Order
    from config.types import Json


def list_(*, blueprints: Home = None, artefacts: Artefacts = None, as_json: AsJson = False) -> None:
    """List the blueprints, and how good, large and fast what was forged from each is."""
    rows = [_listed(each, artefacts_folder(artefacts) / each.name) for each in all_blueprints(blueprints)]
    if as_json:
        print_json({"blueprints": rows})
        return
    columns = ("name", "task", "labels", "version", "micro-F1", "coverage", "accuracy when it answers", "KiB", "p50 ms")
    keys = (
        "name",
        "task",
        "n_labels",
        "version",
        "micro_f1",
        "coverage",
        "selective_accuracy",
        "gzipped_kib",
        "p50_ms",
    )
    print_table(columns, [[_shown(row[key]) for key in keys] for row in rows])


def forge(
    name: Annotated[str | None, typer.Argument(help="Blueprint to forge.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Forge every blueprint.")] = False,
    train: Annotated[Path | None, typer.Option(metavar="FILE", help="Own training rows, JSONL.")] = None,
    val: Annotated[Path | None, typer.Option(metavar="FILE", help="Own validation rows, JSONL.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", file_okay=False, help="Where the artefact goes.")] = None,
    multi_label: Annotated[bool, typer.Option("--multi-label", help="Own rows may carry several labels.")] = False,
    more: Annotated[
        Path | None,
        typer.Option("--with", metavar="FILE", help="Rows beside the corpus of NAME, such as harvested ones."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=50, help="Trainings of own rows; the first one is kept.")] = 1,
    blueprints: Home = None,
    as_json: AsJson = False,
) -> None:
    """Forge a micro-model: refine its rows, train, prune, quantise, fix its thresholds, measure it, write its card.

    From a blueprint by NAME, or from your own rows: `--train A.jsonl --val B.jsonl --out DIR`. A row is
    `{"text", "intents"}`, `{"text", "labels"}` or `{"prompt", "output"}`. Needs the extra `[ml]`.
    """
    _need_the_extra()
    own = train is not None or val is not None
    if own == bool(name or every) or (name and every) or (more and not name):
        raise typer.BadParameter("say either NAME, or --all, or --train, --val and --out.")
    if own:
        if train is None or val is None or out is None:
            raise typer.BadParameter("own rows need --train, --val and --out.")
        _report([_forge_own(train, val, out, multi_label=multi_label, seeds=seeds)], as_json=as_json)
        return
    chosen = all_blueprints(blueprints) if every else (one_blueprint(blueprints, name or ""),)
    if not every:
        folder = out or artefacts_folder(None) / chosen[0].name
        _report([_forge_blueprint(chosen[0], folder, more=(more,) if more else ())], as_json=as_json)
        return
    failed = [
        each.name for each in chosen if not _forged_or_told(each, artefacts_folder(out) / each.name, as_json=as_json)
    ]
    if failed:
        raise CommandError(f"{len(failed)} of {len(chosen)} could not be forged: {', '.join(failed)}.")


VERBS = (
    ("list", "thalamus foundry list", list_),
    ("forge", "thalamus foundry forge --train train.jsonl --val val.jsonl --out my-model", forge),
    ("generate", "thalamus foundry generate sentiment --model gpt --rows 2000", generate),
    ("predict", "thalamus foundry predict my-model --input rows.jsonl --json", predict),
    ("harvest", "thalamus foundry harvest intent", harvest),
    ("shadow", "thalamus foundry shadow intent my-model", shadow),
    ("status", "thalamus foundry status", status),
    ("promote", "thalamus foundry promote intent", promote),
    ("rollback", "thalamus foundry rollback intent", rollback),
    ("try", 'thalamus foundry try intent "支付成功后发送通知"', try_),
)


def _forge_own(train: Path, val: Path, out: Path, *, multi_label: bool, seeds: int) -> Forged:
    from classifier.foundry.orders import own_order  # noqa: PLC0415  # offline only

    numbers = tuple(range(1, seeds + 1))
    order, refined = own_order(train, val, name=out.name, task="multi" if multi_label else "single", seeds=numbers)
    if order.dropped:
        note(f"{out.name}: {len(refined.rows)} rows kept{_dropped(order)}")
    return _forged(order, out)


def _forge_blueprint(blueprint: Blueprint, out: Path, *, more: tuple[Path, ...] = ()) -> Forged:
    from classifier.foundry.orders import order_of  # noqa: PLC0415  # offline only

    if blueprint.trainer == "bilstm_crf":
        if more:
            raise CommandError(
                f"{blueprint.name} learns from marked places, not from labels: put such rows into "
                f"{blueprint.folder / 'corpus'} instead of --with."
            )
        return forged_entities(blueprint, out)
    order, refined = order_of(blueprint, more=more)
    note(f"{blueprint.name}: {len(refined.rows)} rows kept{_dropped(order)}")
    return _forged(order, out)


def _forged_or_told(blueprint: Blueprint, out: Path, *, as_json: bool) -> bool:
    """Forge one of many and report it; where that fails, say why and leave what was there."""
    try:
        _report([_forge_blueprint(blueprint, out)], as_json=as_json)
    except (ThalamusError, OSError) as error:
        note(f"{blueprint.name}: {error}")
        return False
    return True


def _forged(order: Order, out: Path) -> Forged:
    from classifier.foundry.forge import forge as carry_out  # noqa: PLC0415  # offline only

    with Bars() as bars:
        return carry_out(order, out, progress=bars)


def _dropped(order: Order) -> str:
    return "".join(f"; {count} dropped: {reason}" for reason, count in order.dropped.items())


def _report(forged: list[Forged], *, as_json: bool) -> None:
    for each in forged:
        if as_json:
            print_json({"folder": str(each.folder), **each.card})
            continue
        if finds_entities(each.card):
            say(entities_sentence(each))
            continue
        row = figures_of(each.card)
        say(
            f"{each.folder}: version {row['version']}, micro-F1 {_shown(row['micro_f1'])}, answers "
            f"{_shown(row['coverage'])} of the {each.card['evaluated_on']} rows and is right in "
            f"{_shown(row['selective_accuracy'])} of those, {row['gzipped_kib']} KiB gzipped, {row['p50_ms']} ms."
        )


def _listed(blueprint: Blueprint, folder: Path) -> Json:
    row: Json = {"name": blueprint.name, "task": blueprint.task, "n_labels": len(blueprint.labels)}
    if not (folder / CARD).is_file():
        return {**row, **figures_of({}), "state": "not forged"}
    return {**row, **figures_of(read_card(folder)), "state": "forged"}


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _need_the_extra() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("sklearn") is None or find_spec("onnx") is None:
        raise CommandError("forging needs scikit-learn and onnx: pip install 'thalamus-proxy[ml]'.")

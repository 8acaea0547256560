"""`thalamus classifier`: train the Qwen3 intent classifier, export it, try it, and measure it beside the others."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from classifier.compare import compare, make_report, write_report
from classifier.finetune import ARTEFACT, TrainPlan, train
from classifier.qwen.export import export_merged, export_onnx
from classifier.qwen.heads import load_head
from classifier.qwen.lora import LoraShape
from classifier.qwen.rows import read_prompts, read_rows, require_labels
from proxy.cli.classifier_results import tell_exported, tell_guesses, tell_measured, tell_step, tell_trained
from proxy.cli.comparing import ComparePlan, contenders_of
from proxy.cli.options import AsJson
from proxy.cli.printing import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator

Base = Annotated[
    str | None,
    typer.Option(metavar="PATH_OR_NAME", help="Where the base is now, if not where it was.", show_default=False),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, mps, or auto: the fastest there is.")]
Threads = Annotated[int, typer.Option(min=1, max=256, help="Threads on the CPU.")]


def train_(
    *,
    base: Annotated[str, typer.Option(metavar="PATH_OR_NAME", help="Folder or hub name of Qwen3-0.6B.")],
    rows: Annotated[Path, typer.Option("--train", metavar="FILE", help="Training rows: JSON Lines, or a folder.")],
    val: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Validation rows; else a tenth is set aside.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where artefact, checkpoints and log go.")] = Path("intent"),
    form: Annotated[
        Literal["head", "generative"], typer.Option(help="The classifier, or the baseline that writes labels.")
    ] = "head",
    labels: Annotated[str, typer.Option(help="Order of the labels, by commas; else sorted.")] = "",
    epochs: Annotated[int, typer.Option(min=1)] = 3,
    batch: Annotated[int, typer.Option(min=1)] = 4,
    lr: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    r: Annotated[int, typer.Option("--lora-r", min=1, help="Rank of the adapter.")] = 16,
    alpha: Annotated[int, typer.Option("--lora-alpha", min=1)] = 32,
    dropout: Annotated[float, typer.Option("--lora-dropout", min=0.0, max=0.9)] = 0.1,
    max_tokens: Annotated[int, typer.Option(min=16, help="Longest input.")] = 256,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 50,
    seed: int = 0,
    device: Device = "auto",
    precision: Annotated[Literal["float32", "bfloat16"], typer.Option(help="Of the computation.")] = "float32",
    threads: Annotated[int, typer.Option(min=0, help="Threads on the CPU; 0: PyTorch's own choice.")] = 0,
    accuracy: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="Share of right answers that its abstention aims at.")
    ] = 0.97,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fine-tune Qwen3 with LoRA on labelled prompts.

    A row is `{"prompt", "output"}`, `{"text", "labels"}` or `{"text", "intents"}`. Needs the extra `[ml]`.
    """
    plan = TrainPlan(
        base=base,
        train=rows,
        val=val,
        out=out,
        labels=tuple(word.strip() for word in labels.split(",") if word.strip()),
        form=form,
        epochs=epochs,
        batch=batch,
        learning_rate=lr,
        lora=LoraShape(r, alpha, dropout),
        max_tokens=max_tokens,
        every=every,
        seed=seed,
        device=device,
        precision=precision,
        threads=threads,
        accuracy=accuracy,
        resume=resume,
    )
    with _plain_errors(), _bars() as bars:
        done = train(plan, partial(tell_step, bars))
    tell_trained(done, as_json=as_json)


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=f"The {ARTEFACT}/ folder of a training.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where the export goes.")],
    *,
    kind: Annotated[
        Literal["onnx-int8", "onnx", "merged"], typer.Option(help="ONNX runs without PyTorch; merged needs no base.")
    ] = "onnx-int8",
    base: Base = None,
    val: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows to compare on, 64 of them; else what training left beside DIR."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fold the adapter into its base, for a CPU (ONNX) or as one safetensors model."""
    probes = read_prompts(val) if val else None
    with _plain_errors():
        if kind == "merged":
            done = export_merged(folder, out, base=base, probes=probes)
        else:
            done = export_onnx(folder, out, int8=kind == "onnx-int8", base=base, probes=probes)
    tell_exported(done, as_json=as_json)


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a classifier.")],
    text: Annotated[str | None, typer.Argument(help="What to classify; `-` reads lines of standard input.")] = None,
    *,
    file: Annotated[Path | None, typer.Option("--input", metavar="FILE", help="Rows to classify, JSON Lines.")] = None,
    base: Base = None,
    device: Device = "auto",
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Say what texts ask for: labels, confidence, and whether that is enough to answer."""
    if (text is None) == (file is None):
        raise typer.BadParameter("say either a text or --input FILE.")
    texts = list(read_prompts(file)) if file else sys.stdin.read().splitlines() if text == "-" else [text or ""]
    with _plain_errors():
        head = load_head(folder, base=base, device=device, threads=threads)
        tell_guesses(head, texts, as_json=as_json)


def compare_(
    *,
    test: Annotated[Path, typer.Option("--test", metavar="FILE", help="Labelled rows that trained nothing.")],
    classifier: Annotated[Path | None, typer.Option(metavar="DIR", help="The fine-tuned classifier.")] = None,
    base: Annotated[str | None, typer.Option(metavar="PATH_OR_NAME", help="The base, measured untrained.")] = None,
    generative: Annotated[Path | None, typer.Option(metavar="DIR", help="A baseline that writes labels.")] = None,
    micro: Annotated[Path | None, typer.Option(metavar="DIR", help="A micro-model of the same labels.")] = None,
    ollama: Annotated[str | None, typer.Option(metavar="MODEL", help="A model of an Ollama server.")] = None,
    ollama_url: Annotated[str, typer.Option(metavar="URL", help="Where Ollama is.")] = "http://127.0.0.1:11434",
    intents: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What labels mean, over the shipped catalogue.")
    ] = None,
    pure: Annotated[bool, typer.Option("--pure", help="Only before and after fine-tuning, nothing else.")] = False,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The report; a .md is written beside it.")] = Path(
        "docs/reports/intent-compare.json"
    ),
    device: Device = "auto",
    threads: Threads = 1,
    as_json: AsJson = False,
) -> None:
    """Measure pretrained, fine-tuned, hybrid, micro-model and Ollama on one file: quality, time and tokens."""
    rows = read_rows(test)
    plan = ComparePlan(
        classifier, base, generative, micro, ollama, ollama_url, intents, device=device, threads=threads, pure=pure
    )
    with _plain_errors(), contenders_of(plan, rows) as chosen:
        require_labels(rows, chosen.labels, file=test)
        with _bars() as bars:
            tasks = {each.name: bars.add_task(each.name, total=len(rows)) for each in chosen.contenders}
            measured = compare(
                rows, chosen.labels, chosen.contenders, tell=lambda name, n: bars.update(tasks[name], completed=n)
            )
    report = make_report(
        measured,
        rows,
        chosen.labels,
        file=test,
        recipes=chosen.recipes,
        left_out=chosen.left_out,
        studied=chosen.studied,
        warnings=chosen.warnings,
        setting={"device": device, "threads": threads, "pure": pure},
    )
    written, readable = write_report(report, out)
    tell_measured(measured, report, written=(written, readable), as_json=as_json)


VERBS = (
    ("train", "thalamus classifier train --base Qwen/Qwen3-0.6B --train rows.jsonl --out intent", train_),
    ("export", "thalamus classifier export intent/artefact intent/int8", export),
    ("predict", 'thalamus classifier predict intent/artefact "支付成功后发送通知"', predict),
    ("compare", "thalamus classifier compare --test test.jsonl --classifier intent/artefact", compare_),
)


@contextmanager
def _bars() -> Generator[Progress]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bars:
        yield bars


@contextmanager
def _plain_errors() -> Generator[None]:
    """Say in one sentence what a number or a device that cannot be is."""
    try:
        yield
    except ValueError as error:
        raise CommandError(str(error)) from error

"""`thalamus docs search` and `docs evaluate`: what is found for questions, and how much of their answers is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.bars import Bars
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import note, print_json, print_table, say
from proxy.document_library import DocumentLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings
    from retrieval.found import FoundPassage
    from retrieval.hybrid import Index
    from retrieval.ingest import Document

DocumentsFile = Annotated[
    Path | None,
    typer.Option(
        "--documents",
        metavar="FILE",
        help="JSON lines {doc_id, title, text}; without it the library of your settings.",
    ),
]
WindowSize = Annotated[
    int | None,
    typer.Option("--window", min=40, help="Largest passage in letters; a Han character counts 4. Default 800."),
]
MAX_SHOWN = 300
_BLOCK = 256
_STEPS = {"read": "Reading documents", "fit": "Learning their n-grams", "embed": "Making vectors"}


def search(
    question: Annotated[str | None, typer.Argument(help="What is looked for; or give many by --input.")] = None,
    *,
    documents: DocumentsFile = None,
    questions: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="JSON lines {qid, question}; a line of answer each.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Most passages a question.")] = 10,
    budget: Annotated[int | None, typer.Option(min=0, help="Most tokens of passages a question.")] = None,
    window: WindowSize = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Find passages for a question, or for every question of a file.

    Offsets are code points in the document's own text; tokens are estimated.
    """
    if (question is None) == (questions is None):
        raise typer.BadParameter("give one question, or a file of them by --input.")
    from retrieval.choose import Limits  # noqa: PLC0415  # numpy: for this verb alone
    from retrieval.questions_file import QuestionRow, read_questions_file  # noqa: PLC0415

    asked = read_questions_file(questions) if questions else (QuestionRow("1", question or ""),)
    with Bars() as bars:
        index = _opened(documents, config, window, bars)
        bars.begin("Searching", len(asked))
        for start in range(0, len(asked), _BLOCK):
            block = asked[start : start + _BLOCK]
            vectors = index.embed_questions([each.question for each in block])
            for row, vector in zip(block, vectors, strict=True):
                found = index.search(row.question, Limits(k, token_budget=budget), vector=vector)
                bars.advance()
                _print_found(row.qid, row.question, found.passages, as_json=as_json or questions is not None)


def evaluate(
    *,
    questions: Annotated[
        Path,
        typer.Option("--questions", metavar="FILE", help="JSON lines {qid, question, doc_id, spans, alternatives}."),
    ],
    documents: DocumentsFile = None,
    window: WindowSize = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much of the answers is sent at which cost, against one leg alone and whole documents."""
    from retrieval.coverage import BUDGETS, METHODS, measure, measure_budgets, tables  # noqa: PLC0415  # numpy, as above
    from retrieval.questions_file import read_gold_file  # noqa: PLC0415

    read = _documents(documents, config)
    asked = read_gold_file(questions, {each.name: each for each in read})
    with Bars() as bars:
        index = _built(read, config, window, bars)
        bars.begin("Measuring", len(asked) * (len(METHODS) + len(BUDGETS)))
        measured = {method: measure(index, asked, method, told=bars.advance) for method in METHODS}
        found = tables(measured, measure_budgets(index, asked, told=bars.advance))
    found |= {"documents": len(index.documents), "passages": len(index), "embedder": index.embedder.name}
    if as_json:
        print_json(found)
        return
    from retrieval.coverage_table import budget_rows, rows_of  # noqa: PLC0415  # as above

    say(f"{len(asked)} questions over {len(read)} documents, cut into {len(index)} windows; 95 % bootstrap intervals.")
    print_table(*rows_of(found))
    say("")
    print_table(*budget_rows(found))


VERBS = (
    ("search", 'thalamus docs search "How do refunds work?"', search),
    ("evaluate", "thalamus docs evaluate --documents DOCS.jsonl --questions QUESTIONS.jsonl", evaluate),
)


def _opened(file: Path | None, config: Path | None, window: int | None, bars: Bars) -> Index:
    """Return the index of the documents of a file; else of the library that requests are answered from."""
    if file is not None or window is not None:
        return _built(_documents(file, config), config, window, bars)
    settings = read_settings(config)
    library = DocumentLibrary(settings)
    documents = library.documents()
    return (library.index() if documents else None) or _built(_held(documents, settings), config, window, bars)


def _documents(file: Path | None, config: Path | None) -> tuple[Document, ...]:
    """Return the documents of a file, or of the library."""
    if file is not None:
        from retrieval.questions_file import read_documents_file  # noqa: PLC0415  # for this verb alone

        return read_documents_file(file)
    settings = read_settings(config)
    return _held(DocumentLibrary(settings).documents(), settings)


def _held(documents: tuple[Document, ...] | None, settings: Settings) -> tuple[Document, ...]:
    """Return the library's documents, or the shipped guide where there is no library."""
    from proxy.documents import SHIPPED  # noqa: PLC0415  # as above
    from retrieval.ingest import read_documents  # noqa: PLC0415

    if documents is None:
        note("There is no document of yours; the shipped guide is searched. Add some with: thalamus docs add PATH")
        return read_documents(SHIPPED)
    if not documents:
        note(f"{settings.retrieval.library or 'The library'} holds no documents.")
    return documents


def _built(documents: tuple[Document, ...], config: Path | None, window: int | None, bars: Bars) -> Index:
    """Return the index of the documents, by the embedder and sizes of the settings."""
    from retrieval.searcher import HybridBuilder  # noqa: PLC0415  # numpy and FAISS, as above

    settings = read_settings(config)
    retrieval = replace(settings.retrieval, window_size=window or settings.retrieval.window_size)
    builder = HybridBuilder.of(retrieval, key=settings.secrets.get(retrieval.embedder.api_key_env or ""))
    return builder.index(documents, told=_telling(bars))


def _telling(bars: Bars) -> Callable[[str, int, int], None]:
    """Return what turns the steps of an index into bars."""
    at = ""

    def told(step: str, _done: int, n: int) -> None:
        nonlocal at
        if step != at:
            at = step
            bars.begin(_STEPS[step], n)
        bars.advance()

    return told


def _print_found(qid: str, question: str, passages: tuple[FoundPassage, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "qid": qid,
                "question": question,
                "passages": [
                    {
                        "doc_id": each.passage.doc,
                        "start": each.passage.start,
                        "end": each.passage.end,
                        "score": round(each.passage.score, 4),
                        "tokens": each.n_tokens,
                    }
                    for each in passages
                ],
            }
        )
        return
    if not passages:
        say("Nothing in the documents is like this question.")
    for each in passages:
        passage = each.passage
        place = f"{passage.doc}:{passage.start_line}-{passage.end_line}"
        say(f"{place}  {passage.title}  ({passage.score:.2f}, {each.n_tokens} tokens)")
        text = " ".join(passage.text.split())
        say(f"  {text[:MAX_SHOWN]}{'…' if len(text) > MAX_SHOWN else ''}")

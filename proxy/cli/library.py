"""`thalamus docs add | list | remove | rebuild`: the documents that questions are answered from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.bars import Bars
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, print_table, say
from proxy.document_library import document_json, library_json, store_of, sync_rules

if TYPE_CHECKING:
    from config.settings import Settings
    from retrieval.sources import Source, Trouble
    from retrieval.sync import SyncReport

MAX_TOLD = 20
"""Troubles that are printed one by one; the rest are in `thalamus docs list --json`."""


def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, and folders with all below them.")],
    *,
    name: Annotated[str, typer.Option(help="What to call it; without it the file's or folder's own name.")] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Add documents: they are read where they lie, and watched from then on.

    Markdown, text, HTML, PDF and docx. A file that cannot be read is told, and the rest is taken in; the exit code is
    then 1.
    """
    from retrieval.changes import add_source, drop_source  # noqa: PLC0415  # the library's code, for these verbs alone
    from retrieval.library_lock import library_lock  # noqa: PLC0415  # as above
    from retrieval.sync import WAIT_S, locked_sync  # noqa: PLC0415  # as above

    if name and len(paths) > 1:
        raise CommandError("give --name with one PATH.")
    settings = read_settings(config)
    store, rules = store_of(settings), sync_rules(settings)
    with Bars() as bars, library_lock(store.lock_file, "docs add", wait_s=WAIT_S, told=note):
        sources = [add_source(store, path, name=name) for path in paths]
        report = locked_sync(store, rules, progress=bars)
        named = {each.name for each in report.manifest.documents}
        lost = [each for each in sources if Path(each.path).is_file() and each.name not in named]
        if lost:
            for source in lost:
                drop_source(store, source)
            locked_sync(store, rules, progress=bars)
    mine = tuple(each for each in report.manifest.troubles if _is_of(each, sources))
    _tell(report, mine, settings, as_json=as_json)
    return 1 if mine else 0


def list_documents(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the documents as they were last taken in, and the files that could not be."""
    settings = read_settings(config)
    store = store_of(settings)
    manifest = store.manifest()
    if as_json:
        print_json(library_json(store, settings))
        return
    rows = [
        (each.name, each.title, each.language, ", ".join(each.intents), each.encoding, f"{each.n_chars:,}", each.path)
        for each in manifest.documents
    ]
    if rows:
        print_table(("name", "title", "language", "intents", "read as", "characters", "file"), rows)
    elif store.sources(settings.retrieval.library):
        say("No document was taken in yet; take them in with: thalamus docs rebuild")
    else:
        say("There is no document of yours yet; the shipped guide is used. Add some with: thalamus docs add PATH")
    _tell_troubles(manifest.troubles)


def remove(
    name: Annotated[str, typer.Argument(help="What was added, as `thalamus docs list` names it, or its path.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a file or a folder out of the library; the files themselves stay where they are."""
    from retrieval.changes import remove_named  # noqa: PLC0415  # as above
    from retrieval.library_lock import library_lock  # noqa: PLC0415  # as above
    from retrieval.sync import WAIT_S, locked_sync  # noqa: PLC0415  # as above

    settings = read_settings(config)
    store = store_of(settings)
    with Bars() as bars, library_lock(store.lock_file, "docs remove", wait_s=WAIT_S, told=note):
        removed = remove_named(store, name)
        report = locked_sync(store, sync_rules(settings), progress=bars)
    if as_json:
        print_json({"removed": removed.name, "path": removed.path, "documents": list(report.removed)})
    else:
        n = len(report.removed)
        say(f"Removed '{removed.name}': {n} document{'' if n == 1 else 's'} less, {_held(report)}.")


def rebuild_library(*, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Read every file again and build the index anew; searches go on with the old one until it is done."""
    from retrieval.sync import rebuild  # noqa: PLC0415  # as above

    settings = read_settings(config)
    with Bars() as bars:
        report = rebuild(store_of(settings), sync_rules(settings), progress=bars, told=note)
    _tell(report, report.manifest.troubles, settings, as_json=as_json)
    return 1 if report.manifest.troubles else 0


VERBS = (
    ("add", "thalamus docs add handbook/ returns.pdf", add),
    ("list", "thalamus docs list --json", list_documents),
    ("remove", "thalamus docs remove returns.pdf", remove),
    ("rebuild", "thalamus docs rebuild", rebuild_library),
)


def _is_of(trouble: Trouble, sources: list[Source]) -> bool:
    return any(trouble.path == each.path or trouble.path.startswith(f"{each.path}/") for each in sources)


def _tell(report: SyncReport, troubles: tuple[Trouble, ...], settings: Settings, *, as_json: bool) -> None:
    if as_json:
        changes = {"added": report.added, "changed": report.changed, "removed": report.removed}
        found = [{"path": each.path, "reason": each.reason} for each in troubles]
        documents = [document_json(each) for each in report.manifest.documents]
        print_json({**changes, "indexed": report.indexed, "troubles": found, "documents": documents})
        return
    added, changed, removed = len(report.added), len(report.changed), len(report.removed)
    say(f"{added} added, {changed} changed, {removed} removed; {_held(report)}.")
    damaged = [each for each in report.manifest.documents if each.n_damaged and each.name in report.added]
    for each in damaged:
        note(f"{each.path}: {each.n_damaged} characters could not be read.")
    _tell_troubles(troubles)
    if not settings.retrieval.enabled:
        note("retrieval.enabled is false: no request is answered from them.")


def _held(report: SyncReport) -> str:
    n = len(report.manifest.documents)
    return f"the library holds {n} document{'' if n == 1 else 's'}"


def _tell_troubles(troubles: tuple[Trouble, ...]) -> None:
    for each in troubles[:MAX_TOLD]:
        note(f"{each.path}: {each.reason}.")
    if len(troubles) > MAX_TOLD:
        note(f"… and {len(troubles) - MAX_TOLD} more; see: thalamus docs list --json")

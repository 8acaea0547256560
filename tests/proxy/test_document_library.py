"""The library as a gateway keeps it: taken at the start, looked after, whatever the disk does."""

from __future__ import annotations

import asyncio
import shutil
import threading
from dataclasses import replace

import pytest

from config.errors import DocumentError
from config.intents import shipped_intents
from config.settings import RerankerSettings, RetrievalSettings, Settings
from proxy.daemon_thread import in_daemon_thread
from proxy.document_library import DocumentLibrary, check_document
from retrieval.library_lock import library_lock
from retrieval.rerank import ServerReranker
from retrieval.stored import load_index
from retrieval.sync import sync


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "docs"
    path.mkdir()
    (path / "a.md").write_text("# A\n\nThe lamp is green.\n")
    return path


@pytest.fixture
def settings(tmp_path, folder):
    return Settings(retrieval=RetrievalSettings(library=folder, watch_s=0.01), state_dir=tmp_path / "state")


def texts(library: DocumentLibrary) -> dict[str, str]:
    """Return what a library gives."""
    return {each.name: each.text for each in library.documents() or ()}


def test_a_start_takes_in_what_never_was_and_the_next_one_reads_it(settings, folder):
    """The second start reads no file of yours: it begins at once with what was, and looks after it."""
    first = texts(DocumentLibrary(settings))
    shutil.rmtree(folder)
    library = DocumentLibrary(settings)

    assert {"a.md": "# A\n\nThe lamp is green.\n"} == first == texts(library)
    assert not library.look()


def test_the_stored_index_is_the_one_of_hybrid_search(settings):
    """Over the same texts, so that citations hold."""
    library = DocumentLibrary(settings)
    library.documents()
    index = library.store.snapshot().index

    assert index is not None
    assert ["a.md"] == [each.name for each in load_index(index).documents]


def test_a_search_has_the_reranker_of_the_settings(settings):
    """The same one after each change of the documents, for a model takes seconds to load; a wrong one leaves none."""
    named = RerankerSettings(kind="server", model="m", base_url="http://127.0.0.1:9", candidates=7)
    with_one = replace(settings, retrieval=replace(settings.retrieval, reranker=named))
    wrong = replace(settings, retrieval=replace(settings.retrieval, reranker=RerankerSettings(kind="server")))
    library = DocumentLibrary(with_one)
    library.documents()
    index = library.index()

    assert index is not None
    first, second = library.search(index), library.search(index)
    assert isinstance(first.reranker, ServerReranker)
    assert (first.reranker, 7) == (second.reranker, second.n_reranked)
    library.adopt(wrong, shipped_intents())
    assert library.search(index).reranker is None


def test_without_a_place_for_documents_there_are_none(tmp_path):
    """Then the shipped guide is used, and nothing is written."""
    library = DocumentLibrary(Settings(state_dir=tmp_path / "state"))

    assert library.documents() is None
    assert not library.look()
    assert not (tmp_path / "state").exists()


def test_a_look_before_the_first_load_is_none(settings):
    """Whoever loads takes the newest anyway."""
    assert not DocumentLibrary(settings).look()


def test_where_nothing_can_be_written_the_folder_is_read(settings, tmp_path):
    """And once it can be, the library takes its place."""
    settings.state_dir.mkdir()
    (settings.state_dir / "library").write_text("")
    library = DocumentLibrary(settings)
    read = texts(library)
    looked = library.look()
    (settings.state_dir / "library").unlink()

    assert {"a.md"} == set(read)
    assert (False, True) == (looked, library.look())


def test_a_damaged_text_is_made_again(settings):
    """From the file, which is still there."""
    library = DocumentLibrary(settings)
    library.documents()
    for text in (library.store.home / "texts").iterdir():
        text.write_text("half")

    assert {"a.md": "# A\n\nThe lamp is green.\n"} == texts(library)


def test_a_look_does_not_wait_for_others_and_takes_what_they_made(settings, folder):
    """Another process is at work, and then done."""
    library, other = DocumentLibrary(settings), DocumentLibrary(settings)
    library.documents()
    with library_lock(library.store.lock_file, "rebuild"):
        assert not library.look()
    (folder / "b.md").write_text("B")
    sync(other.store, other._rules())

    assert library.look()
    assert {"a.md", "b.md"} == set(texts(library))
    assert not library.look()


def test_a_library_that_could_not_be_loaded_is_told_again(settings, folder):
    """The load failed, and nothing changed since."""
    library = DocumentLibrary(settings)
    library.documents()
    (folder / "b.md").write_text("B")

    assert [True, True] == [library.look(), library.look()]


def test_an_index_that_is_deleted_while_it_runs_is_made_again(settings):
    """With the next look."""
    library = DocumentLibrary(settings)
    library.documents()
    quiet = [library.look(), library.look()]
    shutil.rmtree(library.store.home / "indexes")

    assert ([False, False], True) == (quiet, library.look())


async def test_changes_are_told_until_cancelled(settings, folder):
    """Once each, also those of new settings."""
    library = DocumentLibrary(settings)
    library.documents()
    heard: list[set[str]] = []
    changed = asyncio.Event()

    async def hear() -> None:
        heard.append(set(texts(library)))
        changed.set()

    task = asyncio.create_task(library.watch(hear))
    (folder / "b.md").write_text("B")
    await asyncio.wait_for(changed.wait(), 20)
    changed.clear()
    (folder / "a.md").unlink()
    library.adopt(settings, shipped_intents())
    await asyncio.wait_for(changed.wait(), 20)
    task.cancel()

    assert [{"a.md", "b.md"}, {"b.md"}] == heard


async def test_work_that_fails_in_its_thread_fails_here_too():
    """Nobody waits for ever."""
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0)


async def test_work_that_nobody_awaits_any_more_ends_quietly():
    """The server stops while it looks."""
    go_on, over = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(20)
        over.set()

    task = asyncio.create_task(in_daemon_thread(work))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()

    assert await asyncio.to_thread(over.wait, 20)


def test_a_document_is_checked_before_it_is_kept():
    """What it would be read as."""
    told = check_document("a.md", "---\ntitle: T\n---\n说明".encode(), 100)

    assert {"characters": 5, "encoding": "utf-8", "title": "T"} == told


@pytest.mark.parametrize(
    ("name", "data", "why"), [("a.exe", b"x", "must end with one of"), ("a.md", b"x" * 11, "10 by")]
)
def test_a_document_that_is_none_is_refused_before_it_is_read(name, data, why):
    """By its name, or by its size."""
    with pytest.raises(DocumentError, match=why):
        check_document(name, data, 10)

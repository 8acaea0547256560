"""A library on disk: what is read again and what is not, and what is made again where it was lost."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from config.errors import DocumentError
from retrieval.store import DocumentStore
from retrieval.sync import rebuild, sync
from retrieval.tying import TyingRules
from tests.retrieval.files import docx, pdf
from tests.retrieval.names_index import MANUAL, NamesIndex, indexed, reasons


class Guesses:
    """A classifier that counts how often it is asked."""

    name = "guesses 1"

    def __init__(self) -> None:
        self.n_asked = 0

    def intents_of(self, text: str) -> tuple[str, ...]:
        self.n_asked += 1
        return ("payment",) if "退款" in text else ()


def test_a_look_takes_in_what_is_there_and_a_second_one_nothing(store, rules):
    """Of every kind; nothing is read or built again where nothing changed."""
    for name, data in {
        "a.txt": "纯文本的说明，用来测试编码。".encode("gbk"),
        "b.html": b"<h1>Page</h1><p>Hello</p>",
        "c.pdf": pdf(("Printed.",)),
        "d.docx": docx("Word", "Written."),
    }.items():
        (rules.folder / name).write_bytes(data)

    first, second = sync(store, rules), sync(store, rules)

    names = ("a.txt", "b.html", "c.pdf", "d.docx", "returns.md")
    assert (names, (), (), True) == (first.added, first.changed, first.removed, first.indexed)
    assert ((), False) == (second.added, second.indexed)
    assert 1 == rules.builder.n_built
    assert "Printed.\n" == indexed(store)["c.pdf"]
    records = {each.name: each for each in store.manifest().documents}
    assert ("gb18030", "zh", "a") == (records["a.txt"].encoding, records["a.txt"].language, records["a.txt"].title)
    assert ("", "en") == (records["returns.md"].title, records["returns.md"].language)
    assert store.manifest().troubles == ()


def test_only_what_changed_is_read_again(store, rules):
    """By content, not by time: a touched file is no change, and makes no new index."""
    (rules.folder / "b.md").write_text("Second.")
    sync(store, rules)
    index = store.manifest().index
    os.utime(rules.folder / "b.md", (1, 1))
    touched = sync(store, rules)
    (rules.folder / "b.md").write_text("Second, changed.")
    (rules.folder / "c.md").write_text("Third.")
    (rules.folder / "returns.md").unlink()
    changed = sync(store, rules)

    assert index == rules.builder.before.name, "its vectors may be taken over"
    assert (False, index) == (touched.indexed, touched.manifest.index)
    assert (("c.md",), ("b.md",), ("returns.md",)) == (changed.added, changed.changed, changed.removed)
    assert {"b.md": "Second, changed.", "c.md": "Third."} == indexed(store)
    assert 2 == len(list((store.home / "indexes").iterdir())), "the one before is kept for who reads it"


def test_an_empty_library_is_a_library(store, rules, tmp_path):
    """No document, no trouble."""
    (tmp_path / "empty").mkdir()
    sync(store, replace(rules, folder=tmp_path / "empty"))

    assert ({}, ()) == (indexed(store), store.manifest().troubles)
    assert ((), None) == (
        DocumentStore(tmp_path / "none").snapshot().documents,
        DocumentStore(tmp_path).snapshot().index,
    )


def test_intents_come_from_the_document_the_catalogue_the_folder_or_the_classifier(store, rules):
    """In this order; unknown names are told, and the classifier is asked once a document."""
    folder = rules.folder
    (folder / "payment" / "own.md").write_text(
        "---\nintents: [order, nobody]\ntitle: Own\nlanguage: en\n---\nText 退款"
    )
    (folder / "payment" / "named.md").write_text("Named 退款")
    (folder / "payment" / "below.md").write_text("Below 退款")
    (folder / "guess.md").write_text("退款")
    (folder / "all.md").write_text("---\nintents: []\n---\n退款")
    guesses = Guesses()
    tying = TyingRules({"order": ("named.md",), "payment": ()}, guesses)
    rules = replace(rules, tying=tying)
    sync(store, rules)
    sync(store, rules)

    documents = {each.name: each for each in store.snapshot().documents}
    tied = {each.name: (each.intents, each.tied_by) for each in store.manifest().documents}
    assert {
        "all.md": ((), "document"),
        "guess.md": (("payment",), "guesses 1"),
        "payment/below.md": (("payment",), "folder"),
        "payment/named.md": (("order",), "catalogue"),
        "payment/own.md": (("order",), "document"),
        "returns.md": ((), "guesses 1"),
    } == tied
    assert (("order",), "Own", "en") == (
        documents["payment/own.md"].intents,
        documents["payment/own.md"].title,
        documents["payment/own.md"].language,
    )
    assert "nobody" in reasons(store)["own.md"]
    assert 2 == guesses.n_asked
    sync(store, replace(rules, tying=TyingRules({"payment": ()})))
    assert ((), "") == next(
        (each.intents, each.tied_by) for each in store.manifest().documents if each.name == "guess.md"
    )


def test_a_rebuild_reads_and_builds_everything_again(store, rules):
    """And keeps what cannot be read."""
    (rules.folder / "a.pdf").write_bytes(pdf(("First.",)))
    before = sync(store, rules).manifest
    (rules.folder / "a.pdf").write_bytes(b"")
    report = rebuild(store, rules)

    assert rules.builder.before is None, "a rebuild takes nothing over"
    assert (True, 2, True) == (report.indexed, rules.builder.n_built, report.manifest.index != before.index)
    assert "First.\n" == indexed(store)["a.pdf"]


@pytest.mark.parametrize("lost", ["indexes", "texts", "library.json", "a text", "half a text"])
def test_what_is_lost_on_disk_is_made_again(store, rules, lost):
    """An index that somebody deleted, a text that a power cut halved."""
    sync(store, rules)
    text = next((store.home / "texts").iterdir())
    if lost == "a text":
        text.unlink()
    elif lost == "half a text":
        text.write_bytes(text.read_bytes()[:5])
        (rules.folder / "b.md").write_text("Second.")
        with pytest.raises(DocumentError, match=r"returns\.md: its stored text is gone or damaged; run: thalamus docs"):
            store.snapshot()
    elif lost == "library.json":
        (store.home / lost).write_text("{")
    else:
        shutil.rmtree(store.home / lost)
    sync(store, rules)

    assert MANUAL == indexed(store)["returns.md"]
    assert MANUAL == store.snapshot().documents[-1].text


def test_another_embedder_builds_another_index(store, rules):
    """Vectors of two embedders are never mixed."""
    before = sync(store, rules).manifest.index
    report = sync(store, replace(rules, builder=NamesIndex("other")))

    assert (True, ()) == (report.indexed, report.changed)
    assert before != report.manifest.index

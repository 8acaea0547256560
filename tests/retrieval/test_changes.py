"""What people change in a library, and what they are told when it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import DocumentError
from retrieval.changes import add_source, is_name, put_upload, remove_named
from retrieval.sources import Source
from retrieval.store import DocumentStore


@pytest.fixture
def store(tmp_path):
    return DocumentStore(tmp_path / "state" / "library")


def test_a_path_is_added_once(store, tmp_path):
    """By its own name, or the one that is given."""
    (tmp_path / "a.md").write_text("A")
    first, again = add_source(store, tmp_path / "a.md"), add_source(store, tmp_path / "x" / ".." / "a.md")
    other = add_source(store, tmp_path / "a.md", name="b.md")

    assert Source(str(tmp_path / "a.md"), "a.md") == first == again
    assert (other,) == store.added()


def test_a_path_that_cannot_be_watched_is_refused(store, tmp_path):
    """With the reason and what would help."""
    (tmp_path / "other").mkdir()
    (tmp_path / "a.png").write_text("A")
    for path in (tmp_path / "a.md", tmp_path / "other" / "a.md"):
        path.write_text("A")
    store.home.mkdir(parents=True)
    add_source(store, tmp_path / "a.md")

    for path, name, reason in (
        ("none.md", "", "there is no such file or folder"),
        ("a.png", "", "of a kind that is not read here"),
        ("state", "", "holds the gateway's own data"),
        ("other/a.md", "", "is taken by .*; give another with --name"),
        ("other/a.md", "../a.md", "is no name"),
    ):
        with pytest.raises(DocumentError, match=reason):
            add_source(store, tmp_path / path, name=name)


def test_what_was_added_or_sent_is_removed_by_its_name(store, tmp_path):
    """A watched file stays where it is, a sent one is deleted."""
    (tmp_path / "book").mkdir()
    (tmp_path / "a.md").write_text("A")
    add_source(store, tmp_path / "book")
    add_source(store, tmp_path / "a.md")
    put_upload(store, "sent/b.md", b"B")

    removed = [remove_named(store, name) for name in ("book/", str(tmp_path / "a.md"), "sent/b.md")]

    assert ["folder", "file", "upload"] == [each.was for each in removed]
    assert ((), True, False) == (store.added(), (tmp_path / "a.md").exists(), (store.uploads / "sent/b.md").exists())
    with pytest.raises(DocumentError, match=r"There is no document 'sent/b\.md'"):
        remove_named(store, "sent/b.md")


def test_a_sent_document_replaces_the_one_before(store):
    """In one step; nothing else is left."""
    put_upload(store, "a.md", b"1")
    path = put_upload(store, "a.md", b"2")

    assert (b"2", [path]) == (path.read_bytes(), list(store.uploads.iterdir()))


@pytest.mark.parametrize("name", ["a.md/b.md", "folder.md"])
def test_a_sent_document_cannot_be_a_file_and_a_folder(store, name):
    """It says so, and leaves nothing behind."""
    put_upload(store, "a.md", b"A")
    put_upload(store, "folder.md/b.md", b"B")

    with pytest.raises(DocumentError, match="cannot stand beside what is there"):
        put_upload(store, name, b"C")
    assert 2 == sum(path.is_file() for path in store.uploads.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd.md",
        "../a.md",
        "a/../b.md",
        ".a.md",
        "a//b.md",
        "a\nb.md",
        "a\\b.md",
        "x" * 300,
        "说" * 90,
        "a.exe",
    ],
)
def test_a_sent_document_cannot_leave_its_folder(store, name):
    """Nothing is written for such a name."""
    with pytest.raises(DocumentError):
        put_upload(store, name, b"A")
    assert not store.home.exists() or not list(store.home.rglob("*"))


@given(st.text(max_size=40))
def test_a_name_leads_below_the_library_and_nowhere_else(name):
    """Whatever it is."""
    if is_name(name):
        assert (Path("/library") / name).resolve().is_relative_to("/library")
        assert name == (Path("/library") / name).relative_to("/library").as_posix()

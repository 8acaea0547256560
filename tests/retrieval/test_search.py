"""Finding passages: relevance, twins, loading."""

from __future__ import annotations

import threading

import pytest

from retrieval.index import LexicalIndex
from retrieval.ingest import MAX_DOCUMENT_BYTES, Document, read_documents
from retrieval.search import LibrarySearch


@pytest.fixture
def search(documents):
    return LibrarySearch(lambda: documents)


def best(search, query):
    found = search.search(query, top_k=1)
    return found[0].doc if found else None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("When does the ferry leave?", "en/harbour.md"),
        ("渡轮几点出发？", "zh/harbour.md"),
        ("台湾黑面琵鹭在哪里过冬", "zh/spoonbill.md"),
        ("How long to knead dough", "en/bread.md"),
        ("quantum chromodynamics", None),
        ("", None),
        ("🙂\0", None),
        ("what is the", None),
    ],
)
def test_the_right_document_comes_first(search, query, expected):
    """Both languages and both scripts find their document; nothing is found where no word is shared."""
    assert expected == best(search, query)


def test_a_twin_in_the_language_of_the_question_comes_first():
    """Where a document exists in both languages, the reader's own is preferred, even if a product name ties them."""
    twins = [
        Document("en/a.md", "The size of num_ctx and other settings"),
        Document("zh/a.md", "设置 num_ctx 的大小和其他一些内容"),
    ]
    search = LibrarySearch(lambda: twins)

    assert ("zh/a.md", "en/a.md") == (best(search, "num_ctx 是什么"), best(search, "what is num_ctx"))


def test_results_are_bounded_sorted_and_repeatable(search):
    """At most `top_k`, best first, the same each time."""
    found = search.search("ferry lighthouse dough pawn", top_k=3)

    assert 3 == len(found)
    assert sorted((passage.score for passage in found), reverse=True) == [passage.score for passage in found]
    assert found == search.search("ferry lighthouse dough pawn", top_k=3)


def test_an_empty_library_finds_nothing():
    """No documents, and documents without a word, are no error."""
    assert () == LibrarySearch(tuple).search("anything", top_k=3)
    assert () == LibrarySearch(lambda: [Document("a", "!!! ...")]).search("anything", top_k=3)


def test_documents_are_loaded_once_for_many_threads(documents):
    """Threads that ask at once share one load and see the same snapshot."""
    loads = []
    search = LibrarySearch(lambda: loads.append(1) or documents)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(search.index())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ([1], 1) == (loads, len(set(map(id, seen))))


def test_a_failed_load_is_told_and_a_reload_recovers(documents):
    """What stopped the load reaches the asker, and a later reload swaps the index in."""
    answers = [OSError("unreadable"), documents]

    def load():
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    search = LibrarySearch(load)
    with pytest.raises(OSError, match="unreadable"):
        search.search("ferry", top_k=1)
    search.reload()

    assert "en/harbour.md" == best(search, "ferry")


def test_an_index_without_a_document(index):
    """Leaving out a document leaves the others findable."""
    rest = index.without("en/bread.md")

    assert (True, index.documents - {"en/bread.md"}) == (len(rest) < len(index), rest.documents)
    assert 0 == LexicalIndex([]).scores(["x"]).size


def test_a_folder_is_read_in_order(tmp_path):
    """Markdown and text files are read by name; hidden, foreign and over-long ones are passed over."""
    (tmp_path / "zh").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "zh" / "b.md").write_bytes("\ufeff# 标题\r\n内容".encode())
    (tmp_path / "a.txt").write_bytes(b"bad \xff byte")
    (tmp_path / "a.png").write_bytes(b"no text")
    (tmp_path / ".git" / "c.md").write_text("hidden")
    (tmp_path / "huge.md").write_bytes(b"x" * (MAX_DOCUMENT_BYTES + 1))

    assert (Document("a.txt", "bad \ufffd byte"), Document("zh/b.md", "# 标题\n内容")) == read_documents(tmp_path)

"""The documents page: what is there, what a question finds, and what is sent and taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.errors import DocumentError, LibraryBusyError
from tests.admin.conftest import HOSTILE
from tests.admin.desks import Jobs


class Documents:
    """A library of one document."""

    def __init__(self):
        self.names = ["订单.md"]
        self.status = "ok"
        self.kept = {}

    def state(self):
        return {"status": self.status, "passages": 7}

    async def library(self):
        described = {"title": HOSTILE, "language": "zh", "intents": ["order"], "characters": 900}
        documents = [{"name": name, **described} for name in self.names]
        return {
            "documents": documents,
            "sources": [{"name": "manuals", "path": "/srv/manuals"}],
            "troubles": [{"path": "a.pdf", "reason": "is <broken>"}],
            "changed": "2026-11-20T12:00:00+00:00",
        }

    async def search(self, question):
        if "nothing" in question:
            return []
        found = {"doc": "订单.md", "title": "Order", "start_line": 3, "end_line": 9, "score": 0.91, "tokens": 40}
        return [{**found, "text": HOSTILE, "placed": True}] if self.names else None

    async def add(self, name, data, *, by):
        if name.endswith(".exe"):
            raise DocumentError("the name must end with one of: .md")
        if name == "full.md":
            raise OSError(28, "No space left on device")
        self.kept[name] = (data, by)
        return {"characters": len(data)}

    async def remove(self, name, *, by):
        del by
        if name == "busy.md":
            raise LibraryBusyError("another process changes it")
        if name not in self.names:
            raise DocumentError("there is none")
        self.names.remove(name)
        return {"removed": name}


@pytest.fixture
def documents():
    """A library."""
    return Documents()


@pytest.fixture
def jobs():
    """No job yet."""
    return Jobs()


@pytest.fixture
def desk(desk, documents, jobs):
    """A desk with documents."""
    return replace(desk, documents=documents, jobs=jobs)


async def _upload(site, name, data):
    files = {"file": (name, data)} if name is not None else {}
    fields = {"_csrf_token": await site.token()}
    answer = await site.post("/dashboard/documents", data=fields, files=files or {"other": ("", b"")})
    return await site.get(answer.headers["location"]) if answer.is_redirect else answer


async def test_question_finds_passages_as_text(site):
    """What a document holds is shown with its lines, and cannot be markup."""
    page = await site.get("/dashboard/documents", params={"q": "订单在哪？"})
    twin = (await site.get("/dashboard/documents.json", params={"q": "订单在哪？"})).json()

    assert "<script>alert" not in page.text
    assert "lines 3–9" in page.text
    assert [True] == [each["placed"] for each in twin["found"]]


@pytest.mark.parametrize(("question", "said"), [("nothing", "Nothing was found"), ("x" * 1001, "at most 1000")])
async def test_question_without_an_answer(site, question, said):
    """Nothing found, and a question that is too long, are said in words."""
    page = await site.get("/dashboard/documents", params={"q": question})

    assert said in page.text


async def test_search_waits_while_documents_load(site, documents):
    """While they load nothing is looked up, and the page stands."""
    documents.status = "loading"
    page = await site.get("/dashboard/documents", params={"q": "x"}, headers={"accept-language": "zh"})

    assert 200 == page.status_code
    assert "加载中" in page.text


async def test_document_is_sent(site, documents):
    """Only the last part of a name is taken, whatever path a browser sends."""
    page = await _upload(site, "C:\\secret\\returns.md", "退货".encode())

    assert {"returns.md": ("退货".encode(), "dashboard:the-admin")} == documents.kept
    assert "returns.md is kept" in page.text


@pytest.mark.parametrize(("name", "status"), [("virus.exe", 400), ("full.md", 503), (None, 400)])
async def test_document_that_cannot_be_kept_is_refused(site, documents, name, status):
    """A wrong kind, a full disk, and no file at all: nothing is kept, and the page says why."""
    page = await _upload(site, name, b"x")

    assert (status, {}) == (page.status_code, documents.kept)


@pytest.mark.parametrize(("name", "status", "left"), [("订单.md", 200, 0), ("none.md", 404, 1), ("busy.md", 503, 1)])
async def test_document_is_taken_away(site, documents, name, status, left):
    """A known one goes; an unknown one and a busy library change nothing."""
    page = await site.change("/dashboard/documents/remove", name=name)

    assert (status, left) == (page.status_code, len(documents.names))


async def test_index_is_built_anew_once_at_a_time(site, jobs):
    """The command is the one of the terminal; a second one waits, and its end is told."""
    running = await site.change("/dashboard/documents/rebuild")
    busy = await site.change("/dashboard/documents/rebuild")
    jobs.jobs.clear()
    jobs.add(kind="rebuild", status="failed", lines=("thalamus: no space",))
    failed = await site.get("/dashboard/documents")
    jobs.jobs.clear()
    jobs.add(kind="rebuild", status="done")
    done = await site.get("/dashboard/documents")

    assert "Building:" in running.text
    assert 409 == busy.status_code
    assert "no space" in failed.text
    assert "was built anew" in done.text


async def test_empty_library_says_what_to_do(viewer, documents):
    """An empty list gives the command; a viewer sees no forms that change."""
    documents.names.clear()
    page = await viewer.get("/dashboard/documents", params={"q": "x"})

    assert "thalamus docs add" in page.text
    assert "no documents of yours" in page.text
    assert 'enctype="multipart/form-data"' not in page.text

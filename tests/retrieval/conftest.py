"""A small bilingual library, and an answerer over it."""

from __future__ import annotations

import pytest

from retrieval.answer import ExtractiveAnswerer
from retrieval.index import LexicalIndex
from retrieval.ingest import Document
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules
from retrieval.tying import TyingRules
from tests.retrieval.names_index import MANUAL, NamesIndex

EN = """# Harbour

## Ferries
The ferry to Lindholm leaves at 07:40 every morning. It carries 120 passengers and 14 cars.
Tickets are sold on board. Dogs travel free.

## Lighthouse
The lighthouse was built in 1893 by Agnes Rowe. Its lamp reaches 31 kilometres.

```sh
harbour lamp --on
harbour lamp --off
```
"""
ZH = """# 港口

## 渡轮
开往林岛的渡轮每天早上七点四十分出发。船上可载客一百二十人和十四辆汽车。
船票在船上出售。狗可以免费乘坐。

## 灯塔
灯塔由王建国于1893年建造。灯光射程为三十一公里。
"""
HANT = "臺灣的黑面琵鷺每年冬天在七股濕地過冬。牠們以魚蝦為食。"


@pytest.fixture
def documents():
    return (
        Document("en/harbour.md", EN),
        Document("zh/harbour.md", ZH),
        Document("zh/spoonbill.md", HANT, "黑面琵鷺"),
        Document("en/bread.md", "# Bread\n\nKnead the dough for ten minutes. Let it rest for two hours.\n"),
        Document("en/chess.md", "# Chess\n\nThe rook moves in straight lines. A pawn captures diagonally.\n"),
    )


@pytest.fixture
def index(documents):
    return LexicalIndex.build(documents)


@pytest.fixture
def answerer(index):
    return ExtractiveAnswerer(lambda: index)


@pytest.fixture
def folder(tmp_path):
    """A watched folder with one document."""
    path = tmp_path / "docs"
    (path / "payment").mkdir(parents=True)
    (path / "returns.md").write_text(MANUAL)
    return path


@pytest.fixture
def store(tmp_path):
    return DocumentStore(tmp_path / "state" / "library")


@pytest.fixture
def rules(folder):
    return SyncRules(folder=folder, builder=NamesIndex(), tying=TyingRules(), max_document_bytes=1_000_000)

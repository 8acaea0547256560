"""Rerankers behind the wire and in a folder; and what a request gets where one is named."""

from __future__ import annotations

import pytest

from config.errors import SettingsError, UpstreamError
from config.reranker_settings import RerankerSettings
from config.secret import Secret
from retrieval.building import build_index
from retrieval.choose import Candidate, Texts
from retrieval.rerank import FolderReranker, ServerReranker, make_reranker, reranked
from retrieval.scoped import Wanted
from retrieval.searcher import HybridScopedSearch
from tests.retrieval.json_server import json_server

TEXTS = Texts(lambda _: "one. two. three. ", lambda _: (0, 5, 10, 17))


class ByWord:
    """Reads for one word; fails where it is told why."""

    def __init__(self, word, trouble=None):
        self.word, self.trouble, self.read = word, trouble, []

    def scores(self, question, passages):
        """Return 0.9 for the passages with the word."""
        if self.trouble:
            raise UpstreamError(self.trouble, failure_class="transient")
        self.read += [(question, each) for each in passages]
        return [0.9 if self.word in each else 0.1 for each in passages]


@pytest.fixture
def server():
    with json_server() as found:
        yield found


def test_the_best_are_read_beside_the_question_and_put_in_its_order():
    """Those that were not read are not sent; scores are the reranker's."""
    found = [Candidate(0, at, at + 1, score) for at, score in enumerate((0.5, 0.9, 0.2))]
    reranker = ByWord("one")

    assert [Candidate(0, 0, 1, 0.9), Candidate(0, 1, 2, 0.1)] == reranked(reranker, "q", found, TEXTS, n=2)
    assert [("q", "two."), ("q", "one.")] == reranker.read
    assert [] == reranked(reranker, "q", [], TEXTS, n=2)


def test_a_request_gets_what_the_reranker_prefers(documents):
    """Words speak for the ferry, the reranker for the lamp."""
    index, question, wanted = build_index(documents), "When does the ferry leave the harbour?", Wanted(1, 150)
    plain = HybridScopedSearch(index).look(question, wanted)
    read = HybridScopedSearch(index, ByWord("lamp")).look(question, wanted)

    assert ("ferry" in plain.passages[0].text, "lamp" in read.passages[0].text) == (True, True)
    assert (None, None, 0.9) == (plain.degraded, read.degraded, read.passages[0].score)


def test_where_the_reranker_fails_the_order_stays_and_it_is_told(documents):
    """An answer in the order of words and vectors is worth more than none."""
    index, wanted = build_index(documents), Wanted(1, 60)
    failed = HybridScopedSearch(index, ByWord("", "the reranker is away")).look("When does the ferry leave?", wanted)

    assert "the reranker is away" == failed.degraded
    assert HybridScopedSearch(index).look("When does the ferry leave?", wanted).passages == failed.passages


def test_a_server_is_asked_for_all_passages(server):
    """In any order of its answer; the key goes along; logits become shares."""
    rows = [{"index": 1, "relevance_score": 3.0}, {"index": 0, "relevance_score": -3.0}]
    server.reply = lambda _path, _body: (200, {"results": rows})
    reranker = ServerReranker("m", base_url=server.url + "/v1/", key=Secret("sesame"))
    low, high = reranker.scores("q", ["a", "b"])

    assert (True, True) == (0 < low < 0.1, 0.9 < high < 1)
    body = {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 2}
    assert [("/v1/rerank", body, "Bearer sesame")] == server.heard
    rows[:] = [{"index": 0, "relevance_score": 0.25}, {"index": 1, "relevance_score": 1.0}]
    assert [0.25, 1.0] == reranker.scores("q", ["a", "b"])


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (200, {"results": [{"index": 0, "relevance_score": 1}]}, "gave no scores: 1 for 2 passages"),
        (200, {"results": "none"}, "gave no scores"),
        (503, {"error": "busy"}, "answered 503"),
    ],
)
def test_what_a_server_does_wrong_is_told(server, status, answer, said):
    """By its address, as an error of the upstream."""
    server.reply = lambda _path, _body: (status, answer)

    with pytest.raises(UpstreamError, match=said):
        ServerReranker("m", base_url=server.url).scores("q", ["a", "b"])


def test_the_settings_name_the_reranker(tmp_path):
    """None by default; a server without address or model, or a folder that is not there, is wrong before any call."""
    server = RerankerSettings(kind="server", base_url="http://127.0.0.1:9", model="m")

    assert make_reranker(RerankerSettings()) is None
    assert isinstance(make_reranker(server), ServerReranker)
    assert isinstance(make_reranker(RerankerSettings(kind="folder", folder=tmp_path)), FolderReranker)
    for wrong in (RerankerSettings(kind="server"), RerankerSettings(kind="folder", folder=tmp_path / "away")):
        with pytest.raises(SettingsError, match="needs"):
            make_reranker(wrong)


def test_an_empty_folder_is_no_model(tmp_path):
    """With the extra or without, it is one sentence with the folder or the extra in it."""
    with pytest.raises(UpstreamError, match=r"cannot be used|extra ml"):
        FolderReranker(tmp_path).scores("q", ["a"])


@pytest.mark.ml
def test_a_model_folder_gives_a_share_for_each_passage(tmp_path):
    """A tiny cross-encoder reads in batches, the same alone and among others."""
    transformers = pytest.importorskip("transformers", reason="needs the extra ml")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ferry", "bread"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=1,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    reranker = FolderReranker(tmp_path)
    together = reranker.scores("ferry", ["bread", "ferry bread"] * 12)

    assert 24 == len(together)
    assert all(0 < each < 1 for each in together)
    assert together[0] == pytest.approx(reranker.scores("ferry", ["bread"])[0], abs=1e-5)

"""Embedders behind the wire, with a small server in their place; and which one the settings name."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from config.embedder_settings import EmbedderSettings
from config.errors import SettingsError, UpstreamError
from config.secret import Secret
from retrieval.embed import ServerEmbedder, make_embedder
from retrieval.folder_model import FolderEmbedder
from tests.retrieval.json_server import json_server


def _vectors(path, body):
    found = [[float(len(text)), 1.0] for text in body["input"]]
    if path == "/api/embed":
        return 200, {"model": body["model"], "embeddings": found}
    rows = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(found)]
    return 200, {"object": "list", "data": rows[::-1], "usage": {}}


@pytest.fixture
def server():
    with json_server() as found:
        found.reply = _vectors
        yield found


@pytest.mark.parametrize(("kind", "path"), [("ollama", "/api/embed"), ("openai", "/embeddings")])
def test_texts_go_in_batches_and_come_back_in_order(server, kind, path):
    """Each text gets its own vector, of length 1; the key goes along, and an empty text goes as a blank."""
    embedder = ServerEmbedder(kind, "tiny", base_url=server.url + "/", key=Secret("k-1"), batch=2)
    found = embedder.embed(["a", "bbb", ""])

    assert np.allclose(1, np.linalg.norm(found, axis=1))
    assert np.allclose([1, 3, 1], found[:, 0] / found[:, 1])
    assert [(path, ["dimension"]), (path, ["a", "bbb"]), (path, [" "])] == [(p, b["input"]) for p, b, _ in server.heard]
    assert {"Bearer k-1"} == {key for _, _, key in server.heard}
    assert (0, 2) == embedder.embed([]).shape


def test_another_model_or_server_is_another_fingerprint():
    """What would give other vectors is told apart, and what would not is not."""
    one = ServerEmbedder("ollama", "a", base_url="http://x:1")

    assert one.fingerprint == ServerEmbedder("ollama", "a", base_url="http://x:1/").fingerprint
    assert one.fingerprint != ServerEmbedder("ollama", "b", base_url="http://x:1").fingerprint
    assert one.fingerprint != ServerEmbedder("ollama", "a").fingerprint


@pytest.mark.parametrize(
    ("reply", "failure", "said"),
    [
        ((401, {"error": "no such key"}), "credential", "answered 401: .*no such key"),
        ((404, {"error": "model not found"}), "model_gone", "answered 404"),
        ((503, b""), "transient", "answered 503"),
        ((429, b"slow down"), "transient", "slow down"),
        ((200, b"<html>"), "transient", "gave no vectors"),
        ((200, {"embeddings": []}), "transient", "0 for 1 texts"),
        ((200, {"embeddings": [[]]}), "transient", "1 for 1 texts"),
    ],
)
def test_what_goes_wrong_is_told_once(server, reply, failure, said):
    """Status, cause and address stand in one sentence; the key never does."""
    server.reply = lambda *_: reply
    embedder = ServerEmbedder("ollama", "tiny", base_url=server.url, key=Secret("sk-secret-key"))

    with pytest.raises(UpstreamError, match=said) as told:
        embedder.embed(["x"])
    assert failure == told.value.failure_class
    assert "sk-secret-key" not in str(told.value)


def test_vectors_of_two_lengths_are_refused(server):
    """A server that changes its model half-way is told, not mixed."""
    server.reply = lambda _, body: (200, {"embeddings": [[1.0] * (2 + (text == "x")) for text in body["input"]]})

    with pytest.raises(UpstreamError, match="not all of one length"):
        ServerEmbedder("ollama", "tiny", base_url=server.url).embed(["x"])


def test_nobody_there_and_nobody_answering(server):
    """A closed port and a server that is silent are told as what they are."""
    release = threading.Event()
    server.reply = lambda *_: (release.wait(5), (200, {}))[1]
    slow = ServerEmbedder("ollama", "tiny", base_url=server.url, timeout_s=0.05)

    with pytest.raises(UpstreamError, match="did not answer in time") as told:
        slow.embed(["x"])
    release.set()
    assert told.value.timed_out
    with pytest.raises(UpstreamError, match="cannot be reached"):
        ServerEmbedder("ollama", "tiny", base_url="http://127.0.0.1:9").embed(["x"])


def test_settings_name_the_embedder(tmp_path):
    """Each kind gives its own; nothing is called yet."""
    assert make_embedder(EmbedderSettings()) is None
    assert "ollama" == make_embedder(EmbedderSettings(kind="ollama", model="m")).name
    assert "openai" == make_embedder(EmbedderSettings(kind="openai", model="m"), key=Secret("k")).name
    assert "folder" == make_embedder(EmbedderSettings(kind="folder", folder=tmp_path)).name


@pytest.mark.parametrize(
    "settings", [EmbedderSettings(kind="ollama"), EmbedderSettings(kind="folder")], ids=["model", "folder"]
)
def test_settings_that_lack_something_are_told(settings):
    """A server without a model and a folder that is not there are wrong before anything is called."""
    with pytest.raises(SettingsError, match="needs"):
        make_embedder(settings)


def test_an_empty_folder_is_no_model(tmp_path):
    """Without the extra, or without a model, the first text is told so; another file is another fingerprint."""
    embedder = FolderEmbedder(tmp_path)
    with pytest.raises(UpstreamError, match=r"extra ml|cannot be used"):
        embedder.embed(["x"])
    (tmp_path / "model.bin").write_bytes(b"x")

    assert embedder.fingerprint != FolderEmbedder(tmp_path).fingerprint


@pytest.mark.ml
@pytest.mark.parametrize("by_first_token", [False, True])
def test_a_model_folder_gives_vectors(tmp_path, by_first_token):
    """A tiny BERT in a sentence-transformers folder embeds in batches, the same alone and among others."""
    transformers = pytest.importorskip("transformers", reason="needs the extra ml")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ferry", "bread", "dimension"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": by_first_token}))
    embedder = FolderEmbedder(tmp_path, batch=2)
    together = embedder.embed(["ferry", "bread ferry", "ferry bread bread"])

    assert (3, 8) == together.shape
    assert (8, (0, 8)) == (embedder.dimension, embedder.embed([]).shape)
    assert np.allclose(together[0], embedder.embed(["ferry"])[0], atol=1e-5)

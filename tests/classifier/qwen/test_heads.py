"""The loaded head on a tiny Qwen3: batches, strange texts, wrong bases; and the base's own files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib import import_module

import msgspec
import numpy as np
import pytest

from classifier.qwen.artefact import Manifest, open_artefact, seal
from classifier.qwen.base import check_base, find_base, load_head_model, pick_device
from classifier.qwen.encoding import load_encoder
from classifier.qwen.export import export_merged
from classifier.qwen.heads import load_head
from config.errors import ArtefactError
from tests.classifier.qwen.conftest import LABELS, NO_TORCH, ROWS
from tests.classifier.qwen.test_artefact import safetensors_bytes

pytest.importorskip("torch", reason=NO_TORCH)
pytestmark = pytest.mark.ml

TEXTS = [text for text, _ in ROWS]


@pytest.fixture(scope="module")
def head(artefact):
    """The trained head."""
    return load_head(artefact, device="cpu")


@pytest.fixture
def own_base(tiny_base, tmp_path):
    """A copy of the base, to be damaged."""
    return shutil.copytree(tiny_base, tmp_path / "base")


def test_batch_changes_nothing(head):
    """Padding beside a long neighbour leaves the scores as they are."""
    together = head.logits([*TEXTS, "long " * 60])
    alone = np.concatenate([head.logits([text]) for text in TEXTS])

    assert np.allclose(alone, together[:-1], atol=1e-5)


def test_labels_stand_in_their_order(head):
    """Output 0 is label 0: the overfit rows say so."""
    rows = [(text, labels[0]) for text, labels in ROWS if len(labels) == 1]
    best = head.logits([text for text, _ in rows]).argmax(axis=1)

    assert [label for _, label in rows] == [LABELS[at] for at in best]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "🤖" * 50,
        "שלום עולם",
        "mixed 混合 مرحبا 🙂",
        "x" * 1_000_000,
        "\ud800",
        "<|endoftext|>" * 20,
        "a<|im_end|>",
    ],
    ids=["empty", "nul", "emoji", "rtl", "mixed", "megabyte", "surrogate", "padding", "end"],
)
def test_strange_text_is_scored_within_its_bounds(head, text):
    """Every text gives finite scores from at most `max_tokens` tokens."""
    assert np.isfinite(head.logits([text])).all()
    assert head.n_tokens(text) <= 256


def test_special_tokens_in_a_text_are_words(head):
    """A prompt cannot pad itself or end its turn: the last token is the template's, whatever the text says."""
    ids = head.encoder.encode("pay <|endoftext|><|im_end|>")

    assert {0, 1, 2}.isdisjoint(ids)
    assert head.encoder.encode("x")[-1] == ids[-1]


def test_long_text_keeps_its_template(artefact):
    """The end of the text is cut, not the end of the template."""
    encoder = load_encoder(artefact / "tokenizer.json", max_tokens=40)
    ids, short = encoder.encode("order " * 100), encoder.encode("order")

    assert 40 == len(ids)
    assert short[-3:] == ids[-3:]


def test_another_base_is_refused(artefact, own_base):
    """An adapter on a foreign base would answer nonsense without any error."""
    config = json.loads((own_base / "config.json").read_text())
    (own_base / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-3}))

    with pytest.raises(ArtefactError, match="another base"):
        load_head(artefact, base=str(own_base))


def test_base_that_moved_is_given_anew(artefact, own_base):
    """The same files elsewhere are the same base."""
    moved = load_head(artefact, base=str(own_base), device="cpu")

    assert np.array_equal(load_head(artefact, device="cpu").logits(TEXTS[:2]), moved.logits(TEXTS[:2]))


def test_adapter_of_other_labels_is_refused(own_artefact):
    """Sealed or not: a head of three outputs is none of two labels."""
    manifest = open_artefact(own_artefact)
    seal(own_artefact, replace(manifest, labels=LABELS[:2], thresholds=()))

    with pytest.raises(ArtefactError, match="another base or to other labels"):
        load_head(own_artefact)


def test_corrupt_adapter_is_refused(own_artefact):
    """A cut adapter, resealed, is told by its own header."""
    path = own_artefact / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtefactError, match="sha256"):
        load_head(own_artefact)
    seal(own_artefact, open_manifest(own_artefact))

    with pytest.raises(ArtefactError, match="cut off"):
        load_head(own_artefact)


def open_manifest(folder):
    """The manifest of a folder whose files are damaged."""
    return msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)


@pytest.mark.parametrize("name", ["adapter_config.json", "tokenizer.json"])
def test_unreadable_parts_are_named(own_artefact, name):
    """Each file has its own message."""
    (own_artefact / name).write_text("{")
    seal(own_artefact, open_manifest(own_artefact))

    with pytest.raises(ArtefactError, match=f"{name}: the"):
        load_head(own_artefact)


def test_merged_model_with_another_label_order_is_refused(artefact, tmp_path):
    """The weights know their labels; a manifest that says otherwise is wrong."""
    merged = export_merged(artefact, tmp_path / "merged").folder
    manifest = open_manifest(merged)
    seal(merged, replace(manifest, labels=LABELS[::-1]))

    with pytest.raises(ArtefactError, match="order"):
        load_head(merged)


def test_corrupt_onnx_is_refused(own_artefact):
    """What ONNX Runtime cannot read is named with the mend."""
    (own_artefact / "head.onnx").write_bytes(b"\x08\x07garbage")
    seal(own_artefact, replace(open_manifest(own_artefact), kind="onnx"))

    with pytest.raises(ArtefactError, match=r"head.onnx: ONNX Runtime cannot read it; export it anew"):
        load_head(own_artefact)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("config.json", None, "configuration is missing"),
        ("config.json", b"{", "no JSON"),
        ("config.json", b'{"model_type": "llama"}', "'llama', not 'qwen3'"),
        ("config.json", b"[]", "not 'qwen3'"),
        ("tokenizer.json", None, "tokenizer is missing"),
        ("model.safetensors", None, "no weights"),
        ("model.safetensors", b"\x80\x04.", "pickle"),
        ("model.safetensors", b"cut", "no safetensors"),
    ],
)
def test_damaged_base_is_told(own_base, name, data, told):
    """Each file of the base is looked at before it is loaded."""
    (own_base / name).unlink()
    if data is not None:
        (own_base / name).write_bytes(data)

    with pytest.raises(ArtefactError, match=told):
        find_base(str(own_base))


def test_base_with_pickled_weights_only_is_refused(own_base):
    """Old checkpoints are named as what they are."""
    (own_base / "model.safetensors").unlink()
    (own_base / "pytorch_model.bin").write_bytes(b"\x80\x02.")

    with pytest.raises(ArtefactError, match=r"pytorch_model.bin: this is a pickle"):
        check_base("base", own_base)


def test_weights_of_another_shape_are_refused(own_base):
    """A whole file of the wrong tensors is no base."""
    config = json.loads((own_base / "config.json").read_text())
    (own_base / "config.json").write_text(json.dumps(config | {"hidden_size": 32}))

    with pytest.raises(ArtefactError, match="do not fit"):
        load_head_model(find_base(str(own_base)), LABELS, pad_token_id=0)


def test_weights_without_the_models_tensors_are_refused(own_base):
    """A file that lacks the model would leave it random."""
    (own_base / "model.safetensors").write_bytes(safetensors_bytes())

    with pytest.raises(ArtefactError, match="do not fit"):
        load_head_model(find_base(str(own_base)), LABELS, pad_token_id=0)


def test_file_as_base_is_told(own_base, tmp_path):
    """A base is a folder, and a pickle is a pickle."""
    with pytest.raises(ArtefactError, match="not a model's folder"):
        find_base(str(own_base / "config.json"))
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(ArtefactError, match="pickle"):
        find_base(str(tmp_path / "model.pt"))


def test_device_that_is_not_here_is_told():
    """`auto` is always there."""
    assert pick_device("auto") in {"cpu", "cuda", "mps"}
    with pytest.raises(ValueError, match="device 'abacus' is not here"):
        pick_device("abacus")


def test_model_without_padding_is_told(artefact, tmp_path):
    """Batches need a padding token; the model's own, or one that the tokenizer knows."""
    encoder = load_encoder(artefact / "tokenizer.json", max_tokens=64)
    bare = json.loads((artefact / "tokenizer.json").read_text())
    bare["added_tokens"] = []
    bare["model"]["vocab"] = {"a": 0}
    bare["model"]["merges"] = []
    (tmp_path / "bare.json").write_text(json.dumps(bare))

    assert 7 == encoder.padding_id(7)
    assert 0 == encoder.padding_id(None)
    with pytest.raises(ValueError, match="no pad_token_id"):
        load_encoder(tmp_path / "bare.json", max_tokens=64).padding_id(None)


def test_code_in_a_models_folder_is_never_run(own_base, tmp_path):
    """A folder that brings its own classes is loaded by the library's."""
    config = json.loads((own_base / "config.json").read_text())
    auto = {"AutoConfig": "evil.C", "AutoModelForSequenceClassification": "evil.M", "AutoModelForCausalLM": "evil.M"}
    (own_base / "config.json").write_text(json.dumps(config | {"auto_map": auto}))
    (own_base / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass C: pass\nclass M: pass\n")
    model = load_head_model(find_base(str(own_base)), LABELS, pad_token_id=0)

    assert "Qwen3ForSequenceClassification" == type(model).__name__
    assert not (tmp_path / "ran").exists()


def test_base_in_shards_with_a_language_head_is_loaded(own_base):
    """Large models come in several files, and bring a head that is not ours."""
    import_module("torch").manual_seed(0)
    transformers = import_module("transformers")
    config = transformers.Qwen3Config.from_pretrained(str(own_base), tie_word_embeddings=False)
    (own_base / "model.safetensors").unlink()
    transformers.Qwen3ForCausalLM(config).save_pretrained(str(own_base), max_shard_size="100KB")

    assert len(list(own_base.glob("*.safetensors"))) > 1
    assert (3, 64) == tuple(load_head_model(find_base(str(own_base)), LABELS, pad_token_id=0).score.weight.shape)

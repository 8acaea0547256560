"""A tiny Qwen3, made at random on the spot, with a tokenizer trained on the rows below: it proves paths, not quality."""

from __future__ import annotations

import json
import shutil

import pytest

from classifier.finetune import TrainPlan, train

ROWS = (
    ("我要退款", ["payment"]),
    ("I want my money back", ["payment"]),
    ("充五十块话费", ["payment"]),
    ("why was I charged twice", ["payment"]),
    ("帮我取消订单", ["order"]),
    ("cancel my order please", ["order"]),
    ("我的包裹到哪儿了", ["order"]),
    ("where is my parcel", ["order"]),
    ("退货退款一起办", ["order", "payment"]),
    ("send it back and refund me", ["order", "payment"]),
    ("今天天气怎么样", ["none"]),
    ("tell me a joke", ["none"]),
    ("写一首诗", ["none"]),
    ("how do I sort a list in Python", ["none"]),
    ("付了款订单没来", ["order", "payment"]),
    ("paid but the order never came", ["order", "payment"]),
)
LABELS = ("none", "order", "payment")
NO_TORCH = "torch is not installed here: `make test-ml` installs the extra `ml`"


def write_rows(path, rows=ROWS):
    """Write rows as people do, one JSON object a line."""
    path.write_text("".join(json.dumps({"prompt": p, "output": o}, ensure_ascii=False) + "\n" for p, o in rows))
    return path


def write_tokenizer(path):
    """Train a byte-level BPE with Qwen's special tokens."""
    tokenizers = pytest.importorskip("tokenizers", reason=NO_TORCH)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([prompt for prompt, _ in ROWS] * 3, trainer)
    tokenizer.save(str(path))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """The folder of a random Qwen3 language model of two layers."""
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    transformers = pytest.importorskip("transformers", reason=NO_TORCH)
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = transformers.Qwen3Config(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
    )
    transformers.Qwen3ForCausalLM(config).save_pretrained(str(folder))
    write_tokenizer(folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="session")
def rows_file(tmp_path_factory):
    """A corpus of sixteen rows."""
    return write_rows(tmp_path_factory.mktemp("rows") / "train.jsonl")


@pytest.fixture(scope="session")
def trained_once(tiny_base, rows_file, tmp_path_factory):
    """What an overfit on the rows came to, its artefact included; nobody may change it."""
    told = []
    plan = TrainPlan(
        base=str(tiny_base),
        train=rows_file,
        val=rows_file,
        out=tmp_path_factory.mktemp("run"),
        epochs=20,
        learning_rate=1e-2,
        every=50,
        device="cpu",
        threads=1,
        accuracy=0.5,
    )
    return train(plan, told.append), told


@pytest.fixture(scope="session")
def artefact(trained_once):
    """The folder of the trained classifier; nobody may change it."""
    return trained_once[0].folder


@pytest.fixture
def own_artefact(artefact, tmp_path):
    """A copy of the trained classifier, to be damaged."""
    return shutil.copytree(artefact, tmp_path / "artefact")

from __future__ import annotations

import json
import sys
from functools import partial
from io import BytesIO, TextIOWrapper

import pytest

from tests.classifier.small_corpus import multi_rows, single_rows, written

BLUEPRINT = """
name = "small"
task = "single"
languages = ["zh", "en"]
labels = ["payment", "inventory", "none"]
seeds = [1]
[features]
costs = [1.0]
[targets]
selective_accuracy = 0.8
"""


@pytest.fixture
def run(run):
    """Runs one command of `foundry`."""
    return partial(run, "foundry")


@pytest.fixture
def home(tmp_path):
    """A folder with one blueprint."""
    folder = tmp_path / "blueprints" / "small"
    (folder / "corpus").mkdir(parents=True)
    (folder / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    (folder / "constitution.md").write_text("# Good rows", "utf-8")
    written(folder / "corpus" / "a.jsonl", single_rows()[::2])
    written(folder / "test.jsonl", single_rows()[1::4])
    return tmp_path / "blueprints"


def test_own_rows_become_a_model_that_reads_a_file(run, tmp_path) -> None:
    """From two files to a line of JSON for each row of a third, without a blueprint."""
    written(tmp_path / "a.jsonl", multi_rows(), keys=("prompt", "output"))
    written(tmp_path / "b.jsonl", multi_rows()[::6])
    words = ("--train", "a.jsonl", "--val", "b.jsonl", "--out", "model", "--multi-label")
    code, out, err = run("forge", *words, "--json")
    assert (0, "") == (code, err)
    assert {"model.onnx", "preproc.bin", "card.json", "golden.json"} == {
        each.name for each in (tmp_path / "model").iterdir()
    }
    assert "multi" == json.loads(out)["task"]
    (tmp_path / "c.jsonl").write_text('{"text": "退款给我"}\n\n{"prompt": "tell me a joke"}\n', "utf-8")
    code, out, err = run("predict", "model", "--input", "c.jsonl", "--json")
    lines = [json.loads(line) for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert [["payment"], ["none"]] == [line["intents"] for line in lines]
    assert {"text", "intents", "confidence", "abstained", "ms"} == set(lines[0])
    assert 2 == len(run("predict", "model", "--input", "c.jsonl")[1].splitlines())


def test_a_blueprint_is_forged_listed_and_tried(run, home) -> None:
    """The list shows what is there; trying answers a text, a pipe, or in JSON."""
    assert "small" in run("list", "--blueprints", str(home), "--artefacts", "made")[1]
    code, out, err = run("forge", "small", "--blueprints", str(home), "--out", "made/small")
    assert 0 == code
    assert "made/small: version " in out
    assert "small: " in err
    listed = json.loads(run("list", "--blueprints", str(home), "--artefacts", "made", "--json")[1])

    assert "forged" == listed["blueprints"][0]["state"]
    assert "payment" in run("try", "small", "退款给我", "--artefacts", "made")[1]
    assert ["payment"] == json.loads(run("try", "made/small", "退款给我", "--json")[1])["intents"]


def test_own_rows_that_cannot_be_learnt_are_counted_with_their_reason(run, tmp_path) -> None:
    """Who forgets `--multi-label` sees at once what was left out."""
    written(tmp_path / "a.jsonl", [*multi_rows(), *single_rows()], keys=("prompt", "output"))
    written(tmp_path / "b.jsonl", single_rows()[::6])
    code, _, err = run("forge", "--train", "a.jsonl", "--val", "b.jsonl", "--out", "model")
    n_dropped = sum(len(row.labels) > 1 for row in multi_rows())

    assert 0 == code
    assert f"{n_dropped} dropped: more than one label" in err


def test_validation_rows_that_cannot_be_measured_on_are_counted_with_their_reason(run, tmp_path) -> None:
    """Two labels where one is learnt, none where each row has one, and a label never seen are three things."""
    written(tmp_path / "a.jsonl", single_rows())
    (tmp_path / "b.jsonl").write_text(
        '{"text": "a", "labels": ["payment", "inventory"]}\n{"text": "b", "labels": []}\n'
        '{"text": "c", "labels": ["zzz"]}\n', "utf-8"
    )  # fmt: skip
    code, _, err = run("forge", "--train", "a.jsonl", "--val", "b.jsonl", "--out", "model")

    assert 1 == code
    assert "b.jsonl: no row carries the labels of the training rows: " in err
    assert (
        "(1 validation rows with more than one label, 1 validation rows without a label, "
        "1 validation rows with labels that the training rows do not have)"
    ) in err


def test_who_answers_nothing_is_neither_right_nor_wrong(run, home, tmp_path) -> None:
    """No accuracy stands where nothing was answered."""
    figures = {"micro_f1": {"value": 0.7}, "coverage": {"value": 0.0}, "selective_accuracy": {"value": 0.0}}
    (tmp_path / "made" / "small").mkdir(parents=True)
    (tmp_path / "made" / "small" / "card.json").write_text(json.dumps({"metrics": figures}), "utf-8")
    _, out, _ = run("list", "--blueprints", str(home), "--artefacts", "made", "--json")
    (row,) = json.loads(out)["blueprints"]

    assert (0.7, 0.0, None) == (row["micro_f1"], row["coverage"], row["selective_accuracy"])


def test_all_blueprints_are_forged_at_once(run, home, tmp_path) -> None:
    """`--all` makes a folder for each."""
    code, _, _ = run("forge", "--all", "--blueprints", str(home), "--out", "made")

    assert 0 == code
    assert (tmp_path / "made" / "small" / "card.json").is_file()


def test_one_blueprint_that_fails_does_not_stop_the_others(run, home, tmp_path) -> None:
    """`--all` goes on, names what failed at the end, and fails."""
    for name in ("a_broken", "z_empty"):
        (home / name).mkdir()
        (home / name / "blueprint.toml").write_text(BLUEPRINT.replace("small", name), "utf-8")
    code, out, err = run("forge", "--all", "--blueprints", str(home), "--out", "made")

    assert 1 == code
    assert out.startswith("made/small: version ")
    assert "a_broken: " in err
    assert "holds no *.jsonl with training rows" in err
    assert "thalamus: 2 of 3 could not be forged: a_broken, z_empty." == err.strip().splitlines()[-1]
    assert (tmp_path / "made" / "small" / "card.json").is_file()


def test_lines_are_read_until_the_end(run, home, monkeypatch) -> None:
    """Without a text, each line of the input is answered, also one that is no UTF-8."""
    run("forge", "small", "--blueprints", str(home), "--out", "made/small")
    said = "退款给我\n讲个笑话\r\n".encode() + b"\xff\xfe\x00\n" + b"x" * 1_000_000
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(said)))
    code, out, err = run("try", "made/small", "--json")

    assert (0, "") == (code, err)
    assert ["退款给我", "讲个笑话", "\ufffd\ufffd\x00", "x" * 1_000_000] == [
        json.loads(line)["text"] for line in out.splitlines()
    ]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("forge",), 2, "say either NAME, or --all, or --train, --val and --out. See: thalamus foundry forge --help"),
        (("forge", "--nonsense"), 2, "See: thalamus foundry forge --help"),
        (("nonsense",), 2, "See: thalamus foundry --help"),
        (("forge", "small", "--all"), 2, "say either NAME"),
        (("forge", "--train", "a.jsonl"), 2, "own rows need --train, --val and --out"),
        (("forge", "nothing"), 1, "there is no blueprint 'nothing'"),
        (("forge", "--train", "no.jsonl", "--val", "no.jsonl", "--out", "x"), 1, "no.jsonl: cannot be read"),
        (("predict", "intent", "--input", "no.jsonl"), 1, "no.jsonl: cannot be read"),
        (("try", "nothing", "hello"), 1, "nothing: there is no such artefact; known are complexity, confirmation, "),
        (("try", "nothing", "hello", "--artefacts", "made"), 1, "nothing: there is no such artefact; known are none"),
        (("try", ".", "hello"), 1, ".: holds no card.json, so it is no artefact; name the folder that forge wrote"),
        (("list", "--blueprints", "empty"), 1, "empty: holds no blueprint"),
    ],
)
def test_wrong_use_is_one_clear_sentence(run, words, code, says) -> None:
    """The exit code tells wrong use from failure, the sentence what to mend."""
    got, out, err = run(*words)

    assert (code, "") == (got, out)
    assert says in err
    assert 1 == len(err.strip().splitlines())


X, Y = '{"text": "a b", "labels": ["x"]}\n', '{"text": "c d", "labels": ["y"]}\n'


@pytest.mark.parametrize(
    ("train", "val", "says"),
    [
        ("", X, 'train.jsonl: holds no row; a row looks like {"text": "我要退款", "labels": ["payment"]}'),
        (X + Y, "\n\n", "val.jsonl: holds no row; a row looks like"),
        (X * 3, X, "train.jsonl: its rows carry only the label 'x'; give rows of two or more to tell apart"),
        ('{"text": "a", "labels": []}', X, "train.jsonl: its rows carry no label; give rows of two or more"),
        ('{"text": "a"}', X, "train.jsonl:1: has no list of labels under labels or intents or output; a row looks"),
        (X + Y, X.replace('"x"', '"z"'), "val.jsonl: no row carries the labels of the training rows: x, y"),
        ("\x80\x04\x95", X, "train.jsonl:1: is no JSON object in UTF-8; a row looks like"),
    ],
)
def test_rows_that_teach_nothing_are_named_before_anything_is_made(run, folder, train, val, says) -> None:
    """Empty, of one label, without labels, without validation, a pickle: the file, and how a row looks."""
    (folder / "train.jsonl").write_text(train, "utf-8")
    (folder / "val.jsonl").write_text(val, "utf-8")
    code, out, err = run("forge", "--train", "train.jsonl", "--val", "val.jsonl", "--out", "made")

    assert (1, "") == (code, out)
    assert says in err
    assert 1 == len(err.strip().splitlines())
    assert not (folder / "made").exists()


@pytest.mark.parametrize("library", ["sklearn", "onnx"])
def test_forging_without_the_extra_says_what_to_install(run, home, monkeypatch, library) -> None:
    """Before any row is read."""
    monkeypatch.setitem(sys.modules, library, None)
    code, out, err = run("forge", "small", "--out", "made", "--blueprints", str(home))

    assert (1, "") == (code, out)
    assert "forging needs scikit-learn and onnx: pip install 'thalamus-proxy[ml]'." in err


def test_an_artefact_is_not_put_over_a_file(run, folder) -> None:
    """Said before the training, not after it."""
    (folder / "rows.jsonl").write_text(X + Y, "utf-8")
    code, _, err = run("forge", "--train", "rows.jsonl", "--val", "rows.jsonl", "--out", "rows.jsonl")

    assert 2 == code
    assert "'rows.jsonl' is a file" in err


def test_odd_rows_are_read_and_an_empty_file_is_told(run, folder) -> None:
    """NUL, right-to-left, half a surrogate, a megabyte: a line each, in words and in JSON."""
    texts = ["a\0b", "שלום", "\u202egnp.exe", "\ud800", "", "退款" * 500_000]
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": each}) + "\n" for each in texts), "utf-8")
    (folder / "empty.jsonl").touch()
    told = [json.loads(line) for line in run("predict", "intent", "--input", "rows.jsonl", "--json")[1].splitlines()]

    assert texts == [each["text"] for each in told]
    assert len(texts) == len(run("predict", "intent", "--input", "rows.jsonl")[1].splitlines())
    assert (0, "", "empty.jsonl holds no row.\n") == run("predict", "intent", "--input", "empty.jsonl")


def test_a_broken_row_does_not_silence_the_others(run, folder) -> None:
    """The good ones are answered in order, the broken one is named with its line, and the exit code tells."""
    (folder / "rows.jsonl").write_text('{"text": "why?"}\n{"x": 1}\n{"text": "退款"}\n', "utf-8")
    code, out, err = run("predict", "intent", "--input", "rows.jsonl", "--json")

    assert 1 == code
    assert ["why?", "退款"] == [json.loads(line)["text"] for line in out.splitlines()]
    assert err.startswith("rows.jsonl:2: has no text under text or prompt")


def test_a_pickle_offered_as_a_model_is_not_opened(run, folder) -> None:
    """A file is no artefact, whatever is in it."""
    (folder / "model.pkl").write_bytes(b"\x80\x04\x95")
    code, _, err = run("try", "model.pkl", "hello")

    assert (1, True) == (code, "model.pkl: is a file and was not opened; an artefact is a folder" in err)


def test_rows_with_half_a_surrogate_are_learned_from(run, folder) -> None:
    """Text that was cut in the middle of an emoji is not worth a training that ends in a traceback."""
    rows = [("refund \ud83d my order", "pay"), ("stock of \udfff shoes", "stock")]
    lines = [{"text": f"{text} {'abc'[at % 3]}", "labels": [label]} for at in range(24) for text, label in rows]
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines), "utf-8")
    code, _, err = run("forge", "--train", "train.jsonl", "--val", "train.jsonl", "--out", "made")
    found = json.loads(run("try", "made", "refund my \ud800 order", "--json")[1])

    assert (0, ["pay"]) == (code, found["intents"]), err


def test_a_label_with_half_a_surrogate_is_named_by_its_line(run, folder) -> None:
    """A label is written into every answer, so it has to be text."""
    (folder / "rows.jsonl").write_text(X + '{"text": "b", "labels": ["y\\ud800"]}\n', "utf-8")
    code, _, err = run("forge", "--train", "rows.jsonl", "--val", "rows.jsonl", "--out", "made")

    assert 1 == code
    assert "rows.jsonl:2: has a label with half of a surrogate pair, which is no text" in err


def test_an_abstention_for_want_of_words_is_never_sure(run, folder) -> None:
    """What a model of several labels says of a text that it cannot read is its bias alone."""
    rows = [("refund my order", ["pay"]), ("stock of shoes", ["stock"]), ("tell a joke", [])]
    lines = [{"text": f"{text} {'abc'[at % 3]}", "labels": labels} for at in range(24) for text, labels in rows]
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines), "utf-8")
    (folder / "rows.jsonl").write_text('{"text": "\U0001f9ff"}\n{"text": ""}\n', "utf-8")
    code, *_ = run("forge", "--train", "train.jsonl", "--val", "train.jsonl", "--out", "made", "--multi-label")
    _, out, _ = run("predict", "made", "--input", "rows.jsonl", "--json")

    assert 0 == code
    assert [(True, 0.0)] * 2 == [(each["abstained"], each["confidence"]) for each in map(json.loads, out.splitlines())]


def test_a_classifier_of_another_kind_is_sent_to_its_command(run, folder) -> None:
    """Both are folders of a model; each command reads one kind."""
    (folder / "artefact").mkdir()
    (folder / "artefact" / "manifest.json").write_text("{}", "utf-8")
    code, _, err = run("try", "artefact", "hello")

    assert 1 == code
    assert "artefact: is a classifier of another kind; thalamus classifier predict artefact TEXT." in err


def test_a_broken_card_is_named(run, home, tmp_path) -> None:
    """A list over a damaged artefact says which file it is."""
    (tmp_path / "made" / "small").mkdir(parents=True)
    (tmp_path / "made" / "small" / "card.json").write_text("{", "utf-8")
    code, _, err = run("list", "--blueprints", str(home), "--artefacts", "made")

    assert 1 == code
    assert "made/small/card.json: is no JSON" in err

"""The comparison: figures of scripted contenders by hand, the report for people, and the real ones on a tiny Qwen3."""

from __future__ import annotations

import asyncio
import itertools
import json

import httpx
import pytest

from classifier.compare import compare, make_report, write_report
from classifier.finetune import TrainPlan, train
from classifier.qwen.contenders import FineTuned, Guess, Hybrid, Micro, Ollama, Pretrained, load_generative
from classifier.qwen.forms import parse_labels
from classifier.qwen.heads import load_head
from classifier.qwen.ollama import OllamaIntentClassifier
from classifier.qwen.prefix import load_scorer
from classifier.qwen.rows import Row, data_hash, read_rows
from classifier.qwen.scores import scores_of
from classifier.qwen.seen import Studied, prompt_hash
from config.errors import ArtefactError, CorpusError
from tests.classifier.qwen.conftest import LABELS, NO_TORCH, write_rows
from tests.classifier.qwen.conftest import ROWS as PROMPTS

ROWS = (
    Row("我要退款", ("payment",), "zh"),
    Row("where is it", ("order",), "en"),
    Row("退货退款", ("order", "payment"), "zh"),
    Row("hello", ("none",), "en"),
)


class Says:
    """A contender that says what it was told to say."""

    about = "says what it was told"

    def __init__(self, name, guesses):
        self.name = name
        self.asked = []
        self._guesses = {row.text: guess for row, guess in zip(ROWS, guesses, strict=True)}

    def guess(self, text):
        self.asked.append(text)
        return self._guesses[text]


@pytest.fixture
def perfect():
    """Who is always right, for ten tokens."""
    return Says("perfect", [Guess(row.labels, input_tokens=8, output_tokens=2) for row in ROWS])


@pytest.fixture
def half():
    """Who knows payments only, and abstains on what it does not know."""
    return Says(
        "half",
        [
            Guess(("payment",), input_tokens=5, confidence=0.9),
            Guess(("payment",), abstained=True, input_tokens=5, confidence=0.2),
            Guess(("payment",), input_tokens=5, confidence=0.6),
            Guess((), abstained=True, input_tokens=5, confidence=0.0),
        ],
    )


def ticking():
    """A clock that moves a millisecond at each look."""
    ticks = itertools.count()
    return lambda: next(ticks) / 1000


def test_figures_are_those_counted_by_hand(perfect, half):
    """Guesses of who abstains count in the scores, and only answers in the accuracy."""
    first, second = compare(ROWS, LABELS, [perfect, half], clock=ticking())

    assert (1.0, 1.0, 1.0, 1.0) == (
        first.scores.micro_f1,
        first.scores.macro_f1,
        first.scores.exact,
        first.scores.recall,
    )
    # right labels 5, said 3, hits 2; payment: 2 of 2 wanted with 3 said; exact: the first row of four
    assert (4 / 8, 0.25, 2 / 5) == (second.scores.micro_f1, second.scores.exact, second.scores.recall)
    assert pytest.approx((0 + 0 + 4 / 5) / 3) == second.scores.macro_f1
    assert (None, pytest.approx((0.1 + 0.2 + 0.6 + 0.0) / 4)) == (first.ece, second.ece)
    assert (0.5, 0.5) == (second.coverage, second.answered_exact.value)
    assert pytest.approx([1.0, 1.0]) == [second.p50_ms, first.p95_ms]
    assert (10.0, 5.0) == (first.input_tokens + first.output_tokens, second.input_tokens)
    assert (0.0, 0.5) == (first.tokens_saved, second.tokens_saved)
    assert {"zh": 2, "en": 2} == {lang: scores.n for lang, scores in second.by_language.items()}


def test_warm_up_is_not_counted(perfect):
    """A few rows are asked before the clock runs; progress is told row by row."""
    told = []
    compare(ROWS, LABELS, [perfect], tell=lambda name, n: told.append((name, n)))

    assert 3 + 4 == len(perfect.asked)
    assert [("perfect", 1), ("perfect", 2), ("perfect", 3), ("perfect", 4)] == told


def test_hybrid_asks_the_second_only_where_the_first_abstains(perfect, half):
    """What the first answers stands, right or wrong."""
    found = [Hybrid(half, perfect).guess(row.text).labels for row in ROWS]

    assert [("payment",), ("order",), ("payment",), ("none",)] == found
    assert ["where is it", "hello"] == perfect.asked


def test_report_is_for_programs_and_for_people(perfect, half, tmp_path):
    """Both files say the same; what was not measured is said, too."""
    report = make_report(
        compare(ROWS, LABELS, [perfect, half], clock=ticking()),
        ROWS,
        LABELS,
        file=tmp_path / "test.jsonl",
        recipes={},
        left_out={"ollama": "name a model."},
        setting={"device": "cpu"},
    )
    written, readable = write_report(report, tmp_path / "docs" / "reports" / "classifier.json")
    text = readable.read_text()

    assert ["perfect", "half"] == [each["name"] for each in json.loads(written.read_text())["contenders"]]
    assert "| half | 50.0 (" in text
    assert [None, 0.225] == [each["ece"] for each in json.loads(written.read_text())["contenders"]]
    assert "| ECE |" in text
    assert "| 22.5 |" in text
    assert "half    " + "█" * 20 + "·" * 20 + " 50.0" in text
    assert "**ollama** was not measured: name a model." in text
    assert data_hash(ROWS)[:12] in text
    assert "seen in training" not in text
    assert str(tmp_path) not in text


def test_who_answers_nothing_is_told(tmp_path):
    """Served, it would cost its time on each request; the report says so before any figure."""
    mute = Says("mute", [Guess(row.labels, abstained=True, confidence=0.9) for row in ROWS])
    report = make_report(
        compare(ROWS, LABELS, [mute]),
        ROWS,
        LABELS,
        file=tmp_path / "test.jsonl",
        recipes={},
        left_out={},
        warnings=["fine-tuned: too few rows."],
        setting={},
    )
    _, readable = write_report(report, tmp_path / "report.json")
    told = "mute answered none of the 4 rows: served, it would take its time and never answer"

    assert ["fine-tuned: too few rows.", told] == report["warnings"]
    assert readable.read_text().index(f"**{told}.**") < readable.read_text().index("| contender |")
    assert "**fine-tuned: too few rows.**" in readable.read_text()


@pytest.mark.parametrize("part", ["train_sha256", "val_sha256"])
def test_rows_that_were_trained_on_are_told(perfect, part, tmp_path):
    """A figure on rows that the model saw says nothing, and the report says that first."""
    report = make_report(
        compare(ROWS, LABELS, [perfect]),
        ROWS,
        LABELS,
        file=tmp_path / "test.jsonl",
        recipes={"fine-tuned": {part: data_hash(ROWS)}},
        left_out={},
        setting={},
    )
    _, readable = write_report(report, tmp_path / "report.json")

    assert "**These rows were seen in training" in readable.read_text()


def test_single_rows_that_were_trained_on_are_told(perfect, tmp_path):
    """The file as a whole is another; two of its rows are not. Who was not checked is not called clean."""
    studied = {
        "perfect": Studied(
            {"train": frozenset({prompt_hash("我要退款"), prompt_hash("HELLO ")}), "validation": frozenset()}
        ),
        "other": Studied({"train": frozenset({prompt_hash("bye")})}),
        "micro-model": Studied(unknown="its rows are not here"),
    }
    report = make_report(
        compare(ROWS, LABELS, [perfect]),
        ROWS,
        LABELS,
        file=tmp_path / "test.jsonl",
        recipes={},
        left_out={},
        studied=studied,
        setting={},
    )
    _, readable = write_report(report, tmp_path / "report.json")
    told = "perfect saw 2 of the 4 rows before, word for word: it was trained on them, and its figures are too good"
    text = readable.read_text()

    assert [told] == report["warnings"]
    assert {"perfect": {"train": 2, "validation": 0}, "other": {"train": 0}} == report["test"]["seen_rows"]
    assert {"micro-model": "its rows are not here"} == report["test"]["not_checked"]
    assert f"**{told}.**" in text
    assert "is among the rows that other learnt from." in text
    assert "Not checked for rows that micro-model learnt from: its rows are not here." in text


def test_labels_that_nobody_can_know_are_told(perfect, tmp_path):
    """A test file of other labels measures nothing."""
    with pytest.raises(CorpusError, match="'order' is none of payment"):
        make_report([], ROWS, ("payment", "none"), file=tmp_path / "t", recipes={}, left_out={}, setting={})


def test_nothing_measured_is_no_division_by_zero(perfect):
    """No rows, no figures."""
    (found,) = compare((), LABELS, [perfect])

    assert (0, 0.0, 0.0) == (found.scores.n, found.coverage, found.p50_ms)
    assert 0.0 == scores_of([["none"]], [[]], LABELS).precision


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        (" payment, order", ("payment", "order")),
        ("`payment`，order。", ("payment", "order")),
        ("order\nthe user wants", ("order",)),
        ("weather", ()),
        ("", ()),
    ],
)
def test_written_labels_are_read_leniently(written, labels):
    """The baseline is not punished for a full stop."""
    assert labels == parse_labels(written, LABELS)


def test_ollama_contender_counts_the_servers_tokens():
    """An answer that is no labels is an abstention; a server that is away is an error, not a zero."""
    replies = iter(
        [
            {"message": {"content": '{"labels": ["payment"]}'}, "prompt_eval_count": 90, "eval_count": 7},
            {"message": {"content": "hm"}},
        ]
    )
    wire = httpx.MockTransport(lambda _: httpx.Response(200, json=next(replies)))
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=wire)
        asked = OllamaIntentClassifier(client, url="http://ollama", model="m", descriptions=dict.fromkeys(LABELS, ""))
        contender = Ollama(asked, runner, "m")
        found = [contender.guess("x"), contender.guess("x")]
        runner.run(client.aclose())

    assert [
        Guess(("payment",), input_tokens=90, output_tokens=7, confidence=0.5),
        Guess((), abstained=True, confidence=0.0),
    ] == found
    assert "m" in contender.about


def test_micro_contender_says_what_its_model_says():
    """No token is read."""

    class Prediction:
        labels, abstained, confidence = ("payment",), True, 0.25

    class Model:
        version = "abc"

        def predict(self, _text):
            return Prediction()

    contender = Micro(Model())

    assert Guess(("payment",), abstained=True, confidence=0.25) == contender.guess("x")
    assert "abc" in contender.about


@pytest.mark.ml
def test_before_and_after_fine_tuning_on_a_tiny_model(tiny_base, artefact, rows_file):
    """The real contenders, on rows that the tiny model knows by heart: after is better than before."""
    pytest.importorskip("torch", reason=NO_TORCH)
    rows = read_rows(rows_file)
    before = Pretrained(load_scorer(str(tiny_base), dict.fromkeys(LABELS, "x"), device="cpu"))
    after = FineTuned(load_head(artefact, device="cpu"))
    first, second = compare(rows, LABELS, [before, after])

    assert second.ece < 0.2
    assert 0 < first.ece <= 1
    assert 1.0 == second.scores.micro_f1 > first.scores.micro_f1
    assert 0 == second.output_tokens < second.input_tokens
    assert (before.about, after.about) == (first.about, second.about)


@pytest.mark.ml
def test_generative_baseline_is_measured_by_what_it_writes(tiny_base, artefact, rows_file, tmp_path):
    """It reads its prompt once and writes token by token; a head is no baseline, another base is refused."""
    pytest.importorskip("torch", reason=NO_TORCH)
    plan = TrainPlan(
        base=str(tiny_base),
        train=rows_file,
        val=write_rows(tmp_path / "few.jsonl", PROMPTS[:1]),
        out=tmp_path,
        form="generative",
        epochs=1,
        device="cpu",
    )
    baseline = load_generative(train(plan).folder, device="cpu")
    found = baseline.guess("我要退款")

    assert 0 < found.output_tokens <= 25
    assert found.abstained == (not found.labels)
    assert (0 < found.confidence < 1) if found.labels else (0 == found.confidence)
    assert baseline.version in baseline.about
    with pytest.raises(ArtefactError, match="not the generative baseline"):
        load_generative(artefact)
    config = tmp_path / "other" / "config.json"
    config.parent.mkdir()
    for each in tiny_base.iterdir():
        (config.parent / each.name).write_bytes(each.read_bytes())
    config.write_text(config.read_text().replace('"rms_norm_eps"', '"x": 1, "rms_norm_eps"'))
    with pytest.raises(ArtefactError, match="another base"):
        load_generative(tmp_path / "artefact", base=str(config.parent))

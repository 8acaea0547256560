"""Training on a tiny random Qwen3: the path from rows to a sealed artefact, and every way it can be interrupted."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from classifier.finetune import TrainPlan, train
from classifier.qwen.artefact import open_artefact
from classifier.qwen.contenders import load_generative
from classifier.qwen.heads import load_head
from config.errors import ArtefactError, CorpusError
from tests.classifier.qwen.conftest import LABELS, NO_TORCH, ROWS, write_rows

pytest.importorskip("torch", reason=NO_TORCH)
safetensors = pytest.importorskip("safetensors.numpy", reason=NO_TORCH)
pytestmark = pytest.mark.ml


@pytest.fixture
def plan(tiny_base, rows_file, tmp_path):
    """A run of eight steps with a checkpoint every third."""
    return TrainPlan(
        base=str(tiny_base),
        train=rows_file,
        val=rows_file,
        out=tmp_path / "run",
        epochs=2,
        every=3,
        learning_rate=1e-3,
        device="cpu",
        threads=1,
    )


@pytest.fixture(scope="module")
def finished(tiny_base, rows_file, tmp_path_factory):
    """The folder of a run of eight steps; nobody may change it."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train(
        TrainPlan(
            base=str(tiny_base),
            train=rows_file,
            val=rows_file,
            out=out,
            epochs=2,
            every=3,
            learning_rate=1e-3,
            device="cpu",
            threads=1,
        )
    )
    return out


def weights_of(folder):
    """Every tensor of an artefact's adapter."""
    return safetensors.load_file(folder / "adapter_model.safetensors")


def by_hand(baseline, text):
    """The product of the likeliest tokens' shares, one forward pass a token."""
    torch = pytest.importorskip("torch")
    ids, product = list(baseline.setting.encoder.encode(text)), 1.0
    for _ in range(25):
        with torch.inference_mode():
            shares = baseline.model(input_ids=torch.tensor([ids])).logits[0, -1].softmax(-1)
        ids.append(int(shares.argmax()))
        product *= float(shares.max())
        if ids[-1] == baseline.setting.end_token_id:
            break
    return product


class StoppedError(Exception):
    """What interrupts a run."""


def test_loss_falls_on_an_overfit(trained_once):
    """Adapter and head learn sixteen rows by heart."""
    done, told = trained_once

    assert told[-1].scores.micro_f1 > 0.95
    assert told[-1].loss < told[0].loss / 4
    assert 80 == done.steps == len(told)


def test_evaluation_comes_every_fifty_steps_and_at_the_end(trained_once):
    """Who watches sees the validation figures, and so does the log."""
    done, told = trained_once
    log = [json.loads(line) for line in (done.folder.parent / "log.jsonl").read_text().splitlines()]

    assert [50, 80] == [each.step for each in told if each.scores]
    assert [50, 80] == [each["step"] for each in log]


def test_artefact_holds_labels_recipe_and_hashes(trained_once):
    """One folder says what it is, what it was made of, and what would be a change to it."""
    done, _ = trained_once
    manifest = open_artefact(done.folder)

    assert LABELS == manifest.labels
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= set(manifest.files)
    assert (16, 16) == (manifest.recipe["n_train"], manifest.recipe["n_val"])
    assert len(manifest.thresholds) == len(LABELS)
    assert manifest.version == done.manifest.version
    assert [] == [each.name for each in done.folder.rglob("*") if each.suffix in {".bin", ".pt", ".pkl"}]


def test_manifest_tells_calibration_as_a_card_does(trained_once, plan):
    """Error, coverage and accuracy of its answers, on rows that fitted neither temperature nor thresholds."""
    metrics = trained_once[0].manifest.metrics
    written = train(replace(plan, form="generative", epochs=1)).manifest.metrics

    assert {"rows", "parts", "ece", "coverage", "selective_accuracy"} == metrics["held_out"].keys()
    assert (16, 5) == (metrics["held_out"]["rows"], metrics["held_out"]["parts"])
    assert 0 <= metrics["held_out"]["ece"] <= 1
    assert {"value", "low", "high"} == metrics["held_out"]["coverage"].keys()
    assert {"target", "threshold", "coverage", "accuracy", "accuracy_low", "n"} == metrics["operating_point"].keys()
    assert trained_once[0].manifest.abstain_below == metrics["operating_point"]["threshold"]
    assert {"validation", "best_step"} == written.keys()  # it writes words, and serves nobody


def test_adapter_is_small_and_on_the_four_projections(artefact):
    """Only q, k, v and o carry an adapter, and the head is saved whole beside it."""
    config = json.loads((artefact / "adapter_config.json").read_text())
    names = weights_of(artefact)

    assert ({"q_proj", "k_proj", "v_proj", "o_proj"}, 16, 32, 0.1) == (
        set(config["target_modules"]),
        config["r"],
        config["lora_alpha"],
        config["lora_dropout"],
    )
    assert 2 * 4 * 2 + 1 == len(names)
    assert [(3, 64)] == [each.shape for name, each in names.items() if "score" in name]


def test_reload_gives_identical_logits(trained_once):
    """What was in memory when it was saved is what is served, to the last bit."""
    done, _ = trained_once
    served = load_head(done.folder, device="cpu").logits([text for text, _ in ROWS])

    assert (16, 3) == served.shape
    assert np.array_equal(done.val_logits, served)


def test_checkpoint_gives_back_the_model_that_was_evaluated(trained_once):
    """The best step is read from its checkpoint: with a loss, to the last bit, that the model had while it trained."""
    done, told = trained_once
    best = done.manifest.metrics["best_step"]

    assert told[best - 1].val_loss == done.manifest.metrics["validation"]["loss"]


def test_resumed_run_gives_the_weights_of_an_uninterrupted_one(plan, tmp_path):
    """Optimiser, order of rows and dropout go on as if nothing had happened."""

    def stop(step):
        if step.step == 5:
            raise StoppedError

    whole = train(replace(plan, out=tmp_path / "whole"))
    with pytest.raises(StoppedError):
        train(plan, stop)
    told = []
    resumed = train(replace(plan, resume=True), told.append)
    left, right = weights_of(whole.folder), weights_of(resumed.folder)

    assert [4, 5, 6, 7, 8] == [each.step for each in told]
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)
    assert whole.manifest.version == resumed.manifest.version


def test_resume_of_a_finished_run_gives_it_again(plan):
    """Nothing is left to train; the artefact is the same."""
    first = train(plan)
    told = []
    again = train(replace(plan, resume=True), told.append)

    assert [] == told
    assert first.manifest.version == again.manifest.version


def test_resume_before_the_first_checkpoint_begins_anew(plan):
    """There is nothing to go on from, and that is no error."""
    told = []
    train(replace(plan, resume=True), told.append)

    assert list(range(1, 9)) == [each.step for each in told]


def test_resume_with_another_recipe_is_refused(plan):
    """Half of one run and half of another would be nobody's model."""
    train(plan)

    with pytest.raises(ArtefactError, match="other data, another base or other settings"):
        train(replace(plan, resume=True, learning_rate=2e-3))


@pytest.mark.parametrize(
    ("name", "text"), [("position.json", "{"), ("optimiser.safetensors", "cut"), ("adapter_model.safetensors", "cut")]
)
def test_resume_from_a_damaged_checkpoint_is_refused(plan, name, text):
    """The message names the file, and to go back to the checkpoint before it."""
    train(plan)
    newest = max((plan.out / "checkpoints").iterdir())
    (newest / name).write_text(text)

    with pytest.raises(ArtefactError, match=newest.name):
        train(replace(plan, resume=True))


def test_resume_without_the_optimisers_state_is_refused(plan):
    """Going on with a fresh optimiser would be another run."""
    train(plan)
    newest = max((plan.out / "checkpoints").iterdir())
    safetensors.save_file({"x": np.zeros(1)}, newest / "optimiser.safetensors")
    with pytest.raises(ArtefactError, match="the optimiser has no state"):
        train(replace(plan, resume=True))
    (newest / "optimiser.safetensors").unlink()

    with pytest.raises(ArtefactError, match="not whole"):
        train(replace(plan, resume=True))


def _rewritten(newest, **change):
    """Write another position into a checkpoint."""
    path = newest / "position.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def _without_variance(newest):
    """Cut a moment of the optimiser's state to one number."""
    path = newest / "optimiser.safetensors"
    state = safetensors.load_file(path)
    name = next(each for each in state if each.endswith("exp_avg_sq"))
    safetensors.save_file({**state, name: np.zeros(1, np.float32)}, path)


def _as_folder(newest):
    """Put a folder where the position is."""
    (newest / "position.json").unlink()
    (newest / "position.json").mkdir()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda newest: (newest / "adapter_model.safetensors").unlink(), "step-000008.*not whole"),
        (lambda newest: [each.unlink() for each in newest.iterdir()], "step-000008.*not whole"),
        (lambda newest: (newest.parent / "step-999999").write_text("x"), "step-999999.*not whole"),
        (_as_folder, "step-000008.*not whole"),
        (lambda newest: _rewritten(newest, best_step=777), "step-000777.*best checkpoint is missing"),
        (lambda newest: _rewritten(newest, step=777), "step-000008.*not whole"),
        (lambda newest: _rewritten(newest, step=-5), "step-000008.*not whole"),
        (_without_variance, "the optimiser has no state"),
    ],
    ids=["adapter", "empty", "file", "folder", "best", "beyond", "negative", "moment"],
)
def test_a_folder_that_is_no_whole_checkpoint_is_named(plan, finished, damage, told):
    """No traceback, and no training that goes on from half of a state."""
    shutil.copytree(finished, plan.out)
    damage(max((plan.out / "checkpoints").iterdir()))

    with pytest.raises(ArtefactError, match=told):
        train(replace(plan, resume=True))


def test_an_out_that_is_no_folder_is_told(plan, rows_file):
    """A file is never written over, nor is one that stands where checkpoints go."""
    plan.out.mkdir()
    (plan.out / "checkpoints").write_text("mine")
    with pytest.raises(ArtefactError, match=r"checkpoints.*name another folder with --out"):
        train(plan)

    with pytest.raises(ArtefactError, match=r"name another folder with --out"):
        train(replace(plan, out=rows_file))
    assert "mine" == (plan.out / "checkpoints").read_text()


def test_only_the_newest_and_the_best_checkpoints_are_kept(plan):
    """A long run does not fill the disk."""
    train(replace(plan, epochs=4, every=2))

    assert 3 >= len(list((plan.out / "checkpoints").iterdir()))


def test_second_run_keeps_the_first_artefact_beside_it(plan):
    """Going back is naming the other folder."""
    first = train(plan)
    second = train(replace(plan, seed=1))

    assert first.replaced is None
    assert second.replaced is not None
    assert first.manifest.version == open_artefact(second.replaced).version
    assert first.manifest.version != second.manifest.version


def test_labels_keep_the_given_order(plan):
    """The order of outputs is the operator's when given."""
    done = train(replace(plan, labels=("payment", "none", "order")))

    assert ("payment", "none", "order") == open_artefact(done.folder).labels


def test_validation_rows_are_set_aside_where_none_are_given(plan):
    """The same text never trains and validates."""
    done = train(replace(plan, val=None))

    assert 16 == done.manifest.recipe["n_train"] + done.manifest.recipe["n_val"]
    assert 0 < done.manifest.recipe["n_val"]


def test_too_few_rows_to_set_aside_are_told(plan, tmp_path):
    """One row cannot be both."""
    one = write_rows(tmp_path / "one.jsonl", ROWS[:1])

    with pytest.raises(CorpusError, match="--val"):
        train(replace(plan, train=one, val=None))


def test_generative_form_learns_to_write_labels(plan, tmp_path):
    """The baseline learns the rows, too, and is no head."""
    told = []
    few = write_rows(tmp_path / "few.jsonl", ROWS[::2])
    done = train(replace(plan, val=few, form="generative", epochs=25, learning_rate=1e-2, every=100), told.append)

    assert told[-1].loss < told[0].loss  # the random embedding that words are chosen by is frozen: it falls slowly
    assert told[-1].scores.micro_f1 > 0.5
    with pytest.raises(ArtefactError, match="generative baseline"):
        load_head(done.folder)
    baseline = load_generative(done.folder, device="cpu")
    texts = [text for text, _ in ROWS[::2]]
    guesses = [baseline.guess(text) for text in texts]
    pairs = list(zip(texts, guesses, strict=True))

    assert any(guess.labels for guess in guesses)
    assert [pytest.approx(by_hand(baseline, text) if guess.labels else 0.0) for text, guess in pairs] == [
        guess.confidence for guess in guesses
    ]


def test_half_precision_trains_too(plan):
    """`bfloat16` computes in half precision; what is saved stays float32."""
    done = train(replace(plan, precision="bfloat16"))

    assert {"float32"} == {str(each.dtype) for each in weights_of(done.folder).values()}


@pytest.mark.parametrize("change", [{"epochs": 0}, {"learning_rate": 0.0}, {"device": "tpu"}, {"max_tokens": 3}])
def test_senseless_numbers_are_told(plan, change):
    """Nothing is trained with them."""
    with pytest.raises(ValueError, match=r"must be|not here"):
        train(replace(plan, **change))


def test_label_that_nobody_listed_is_told(plan):
    """A row with a typo in its label is named."""
    with pytest.raises(CorpusError, match="'order' is none of none, payment"):
        train(replace(plan, labels=("none", "payment")))


def test_missing_base_is_told_with_the_mend(plan, tmp_path):
    """The message says which files are needed."""
    with pytest.raises(ArtefactError, match="--base"):
        train(replace(plan, base=str(tmp_path / "nowhere" / "at" / "all")))

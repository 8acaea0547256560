from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from classifier.decision import decide
from classifier.foundry.blueprint import Features, Targets
from classifier.foundry.corpus import Row, gold_matrix
from classifier.foundry.evaluate import macro_f1, micro_f1, recall, served
from classifier.foundry.forge import forge
from classifier.foundry.orders import OUT_OF_SCOPE, labels_of
from classifier.foundry.progress import Silent
from classifier.foundry.tfidf import LinearOptions, fit_linear, rounded
from classifier.foundry.tuning import cross_scores, deal, exclusive_labels, fit_logistic, tune
from classifier.micromodel import MicroModel
from classifier.preproc import Preproc
from classifier.text import is_edge
from config.errors import CorpusError
from tests.classifier.small_corpus import multi_rows, order, single_rows

SCOPE = (*single_rows(), *(Row(f"{word} zebra {word[::-1]}", (), "en") for word in ("moon", "river", "tower") * 6))


class Counting(Silent):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.advanced = 0

    def begin(self, what: str, total: int) -> None:
        assert total > 0
        self.begun.append(what)

    def advance(self) -> None:
        self.advanced += 1


def test_a_row_without_a_known_term_counts_as_abstained(tmp_path) -> None:
    """A card promises no more than a gateway does, which abstains on what it cannot read, however lenient it is."""
    unread = tuple(Row("ѪѪѪ", ("payment",), "en") for _ in range(7))
    card = forge(replace(order(single_rows()), test=unread), tmp_path / "model").card
    model = MicroModel.load(tmp_path / "model")
    model.preproc = replace(model.preproc, abstain_below=0.0)
    (made,) = served(model, ["ѪѪѪ"])

    assert not decide(model.scores("ѪѪѪ"), model.preproc).abstained
    assert (True, 0.0) == (made.abstained, made.confidence)
    assert 0.0 == card["metrics"]["coverage"]["value"] == card["seeds"]["coverage"]["max"]


def test_a_card_says_what_the_model_learnt_from_and_how_well_it_does(forged_single) -> None:
    """Data, recipe, metrics with intervals, size and speed stand in the card that is shipped."""
    card = json.loads((forged_single.folder / "card.json").read_text("utf-8"))

    assert card == forged_single.card
    assert {"train_rows", "languages", "dropped"} <= set(card["data"])
    assert (
        card["metrics"]["micro_f1"]["low"]
        <= card["metrics"]["micro_f1"]["value"]
        <= card["metrics"]["micro_f1"]["high"]
    )
    assert {"zh", "en"} == set(card["metrics"]["languages"])
    assert 0.9 < card["metrics"]["exact"]["value"]
    assert ("test", "tfidf_linear", "single") == (card["evaluated_on"], card["trainer"], card["task"])
    assert 0 < card["size"]["gzipped_kib"] < 300
    assert 0 < card["latency"]["p50_ms"]
    assert 1.0 == pytest.approx(card["int8"]["label_agreement"], abs=0.05)


def test_the_same_order_gives_the_same_artefact(forged_single, tmp_path) -> None:
    """Nothing but the date and the speed depends on when or where it is forged."""
    again = forge(order(single_rows()), tmp_path / "small")

    assert forged_single.card["version"] == again.card["version"]
    assert forged_single.card["metrics"] == again.card["metrics"]


def test_progress_is_told_step_by_step_and_every_seed_is_measured(tmp_path) -> None:
    """A terminal can draw a bar for each long step."""
    progress = Counting()
    card = forge(order(single_rows(), seeds=(3, 4)), tmp_path / "small", progress=progress).card

    assert ["choosing", "training, seed 3", "training, seed 4"] == progress.begun
    assert 10 <= progress.advanced
    assert ([3, 4], 2) == (card["seeds"]["values"], card["seeds"]["exact"]["n"])


def test_an_artefact_too_large_is_made_coarser_and_then_smaller(tmp_path) -> None:
    """First the steps of the weights, then the terms give way to the size that is allowed."""
    tight = Targets(selective_accuracy=0.8, size_kib_gz=3.0)
    card = forge(order(single_rows(), targets=tight, features=Features(costs=(0.5, 2.0))), tmp_path / "small").card

    assert 15 == card["recipe"]["levels"]
    assert card["size"]["gzipped_kib"] <= 3.5
    assert 256 <= card["recipe"]["terms"] < 600


def test_validation_rows_tune_and_without_a_test_part_they_are_reported(tmp_path) -> None:
    """The card says which rows its figures are of."""
    rows = single_rows()
    card = forge(order(rows, test=(), validation=tuple(rows[::5])), tmp_path / "small").card

    assert "validation" == card["evaluated_on"]
    assert len(rows) == card["operating_point"]["n"]


def test_rows_without_labels_teach_what_is_out_of_scope(tmp_path) -> None:
    """Where out of scope wins, no label is given and the model abstains."""
    labels, scope = labels_of(SCOPE, multi=False)
    card = forge(order(SCOPE, labels=labels, out_of_scope=scope), tmp_path / "small").card
    found = MicroModel.load(tmp_path / "small").predict("moon zebra noom")

    assert (OUT_OF_SCOPE, 4) == (scope, len(labels))
    assert ((), True) == (found.labels, found.abstained)
    assert 0.5 < card["metrics"]["out_of_scope_refused"]["value"]
    assert (("inventory", "none", "payment"), "") == labels_of(SCOPE, multi=True)


def test_nothing_to_learn_from_is_a_clear_error(tmp_path) -> None:
    """No rows, a label without rows and rows without a shared word are named."""
    with pytest.raises(CorpusError, match="no row is left to learn from: 3 empty text"):
        forge(order(single_rows(), train=(), dropped={"empty text": 3}), tmp_path / "small")
    with pytest.raises(CorpusError, match="each label needs rows"):
        forge(order(single_rows(), labels=("inventory", "none", "payment", "x")), tmp_path / "small")
    with pytest.raises(CorpusError, match="no term stands in 2 rows"):
        fit_linear(["a", "b"], np.eye(2, dtype=bool), LinearOptions())
    assert not (tmp_path / "small").exists()


def test_two_labels_are_two_columns() -> None:
    """Liblinear's one column for two labels is unfolded."""
    texts = ["yes please do", "yes do it", "no never do", "no do not"]
    model = fit_linear(texts, np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool), LinearOptions())
    scores = model.scores(["yes", "no"])

    assert [0, 1] == scores.argmax(axis=1).tolist()
    assert scores[:, 0] == pytest.approx(-scores[:, 1])
    assert scores == pytest.approx(model.exact_scores(["yes", "no"]), abs=0.05)


def test_telling_terms_weigh_more_with_contrast() -> None:
    """A word that only one label's rows hold gains on one that stands in every row."""
    texts = ["yes now please", "yes now sir", "no now please", "no now sir", "no now my dear", "yes now my dear"]
    gold = np.array([[text.startswith("yes"), text.startswith("no")] for text in texts])
    plain, keen = (fit_linear(texts, gold, LinearOptions(contrast=contrast)) for contrast in (0.0, 2.0))
    yes = plain.terms.index("=yes")
    share = [abs(model.exact[yes, 0]) / np.abs(model.exact[:, 0]).sum() for model in (plain, keen)]

    assert plain.terms == keen.terms
    assert share[1] > share[0]
    assert [0, 1] == keen.scores(["yes", "no"]).argmax(axis=1).tolist()


def test_pairs_of_words_can_count_for_more() -> None:
    """Only terms of two words are raised."""
    texts, gold = ["do it now", "do it later", "stop it now", "stop it later"], np.repeat(np.eye(2, dtype=bool), 2, 0)
    plain, raised = (fit_linear(texts, gold, LinearOptions(pair_weight=weight)) for weight in (1.0, 1.5))
    factors = dict(zip(plain.terms, (raised.idf / plain.idf).tolist(), strict=True))

    assert factors["=do it"] == pytest.approx(1.5)
    assert factors["=do"] == factors[" do "] == pytest.approx(1.0)


def test_a_sentence_may_hang_on_its_first_word() -> None:
    """The same words in another order have another label, once first and last words are terms."""
    asked = [f"are {who} {how}" for who in ("you", "they", "we") for how in ("ready", "late", "ready late")]
    told = [" ".join((text.split()[1], "are", *text.split()[2:])) for text in asked]
    gold = np.repeat(np.eye(2, dtype=bool), len(asked), axis=0)
    plain, keen = (fit_linear([*asked, *told], gold, LinearOptions(edges=edges)) for edges in (False, True))

    assert not any(is_edge(term) for term in plain.terms)
    assert {"=^ are", "=late $"} <= set(keen.terms)
    assert [0, 1] == keen.scores(["are cats late", "cats are late"]).argmax(axis=1).tolist()


def test_confidence_knows_which_labels_are_hard_to_tell() -> None:
    """Where one label's rows are wrong more often at the same score, its answers are less confident."""
    rng = np.random.default_rng(3)
    gold = np.eye(2, dtype=bool)[np.arange(2000) % 2]
    wrong = (rng.random(2000) < 0.3) & gold[:, 1]
    scores = np.where(gold, 2.0, -2.0) + rng.normal(0, 0.1, gold.shape)
    held = np.where(wrong[:, None], gold | [True, False], gold)
    bare = Preproc("x", "multi", (), (), ("easy", "hard"))
    preproc = tune(bare, scores, held, Targets(selective_accuracy=0.9)).preproc
    easy, hard = (decide(np.array(row), preproc).confidence for row in ([2.0, -2.0], [-2.0, 2.0]))

    assert 4 + 2 == len(preproc.confidence_weights)
    assert easy > 0.95
    assert hard == pytest.approx(0.7, abs=0.05)


def test_weights_are_rounded_to_no_more_than_half_a_step() -> None:
    """The largest weight of a label takes all steps; a label without weights takes none."""
    weights = np.array([[1.0, 0.0], [-0.3, 0.0]])
    steps, scale = rounded(weights, 15)

    assert [[15, 0], [-4, 0]] == steps.tolist()
    assert (np.abs(steps * scale - weights) <= scale / 2 + 1e-12).all()


def test_rows_are_dealt_out_evenly_label_by_label() -> None:
    """Each part has as many rows of each label as the others, give or take one."""
    gold = gold_matrix(single_rows(), ("payment", "inventory", "none"))
    parts = deal(gold, 4, seed=1)

    assert {9} == {int((gold[parts == part].sum(axis=0)).max()) for part in range(4)}
    assert (parts == deal(gold, 4, seed=1)).all()
    assert not (parts == deal(gold, 4, seed=2)).all()


def test_each_row_is_scored_by_a_model_that_has_not_seen_it() -> None:
    """A row whose words stand nowhere else is not recognised; a lone label is the lowest score of its row."""
    rows = [*single_rows(), Row("unheard gibberish", ("alone",), "en")]
    labels = ("payment", "inventory", "none", "alone")
    scores = cross_scores([row.text for row in rows], gold_matrix(rows, labels), LinearOptions(), folds=3)

    assert np.isfinite(scores).all()
    assert scores[-1].min() == scores[-1, 3]


def test_labels_that_hold_alone_are_found_and_hold_alone(tmp_path) -> None:
    """`none` beside another label would contradict itself."""
    gold = np.array([[1, 1, 0]] * 5 + [[0, 0, 1]] * 25 + [[1, 0, 0]] * 25, bool)

    assert ("none",) == exclusive_labels(gold, ("payment", "inventory", "none"))
    assert () == exclusive_labels(gold[5:], ("payment", "inventory", "none"))
    card = forge(order(multi_rows(), task="multi"), tmp_path / "small")
    assert ("none",) == MicroModel.load(card.folder).preproc.exclusive


def test_the_logistic_finds_the_weights_of_its_making() -> None:
    """Confidence learns how much each piece of evidence says."""
    rng = np.random.default_rng(3)
    evidence = rng.normal(0, 1, (6000, 3))
    right = rng.random(6000) < 1 / (1 + np.exp(-(0.5 + evidence @ [2.0, 0.0, -1.0])))

    assert fit_logistic(evidence, right) == pytest.approx((0.5, 2.0, 0.0, -1.0), abs=0.2)


def test_nothing_is_fitted_to_confidence_where_all_is_right() -> None:
    """Without a single mistake there is nothing to learn about mistakes: the plain probability stays."""
    gold = np.repeat(np.eye(2, dtype=bool), 50, axis=0)
    bare = Preproc("x", "single", ("a",), (1.0,), ("no", "yes"), sha256_model=bytes(32))
    tuned = tune(bare, np.where(gold, 1.0, -1.0), gold, Targets(selective_accuracy=0.9))

    assert () == tuned.preproc.confidence_weights
    assert 1.0 == tuned.operating.coverage
    assert 0 == replace(tuned.preproc, abstain_below=0.0).abstain_below


def test_measures_are_those_of_the_books() -> None:
    """F1 over all decisions, mean F1 of labels that occur, and recall."""
    gold, found = np.array([[1, 0, 0], [1, 1, 0]], bool), np.array([[1, 1, 0], [1, 0, 0]], bool)

    assert (2 * 2 / 6, 0.5, 2 / 3) == (micro_f1(found, gold), macro_f1(found, gold), recall(found, gold))
    assert (0.0, 0.0) == (micro_f1(found & False, gold & False), macro_f1(found & False, gold & False))

"""`thalamus foundry shadow | promote | rollback | status` on a shipped artefact, in a data folder of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from classifier.foundry.blueprint import shipped_artefacts
from classifier.micromodel import MicroModel
from classifier.preproc import decode, encode
from classifier.shadow import _line
from classifier.shelf import Shelf
from classifier.verdict import Pair, Word
from config.database import open_database
from config.types import OutcomeRecord
from config.writer import GroupWriter
from proxy.cli.foundry_shelf import _served
from router.ledger import SqlLedger

NAME = "intent"
SURE = Word(("payment",), 0.98, abstained=False)
OTHER = Word(("inventory",), 0.98, abstained=False)


@pytest.fixture
def run(run):
    """Runs one command of `foundry`."""
    return partial(run, "foundry")


@pytest.fixture
def candidate(tmp_path) -> Path:
    """The shipped artefact, a little less sure of itself: another version."""
    folder = Path(shutil.copytree(shipped_artefacts() / NAME, tmp_path / "candidate"))
    preproc = decode((folder / "preproc.bin").read_bytes(), file="")
    changed = {each: getattr(preproc, each) for each in preproc.__dataclass_fields__}
    changed["abstain_below"] = preproc.abstain_below * 0.99
    (folder / "preproc.bin").write_bytes(encode(type(preproc)(**changed)))
    return folder


def _compared(tmp_path, candidate, *kinds: tuple[int, Word, Word]) -> None:
    """Write a comparison as the gateway does."""
    live = MicroModel.load(shipped_artefacts() / NAME).version
    shadow = MicroModel.load(candidate).version
    file = tmp_path / ".thalamus" / "artefacts" / NAME / f"{shadow}.against.{live}.jsonl"
    said = [(left, right) for n, left, right in kinds for _ in range(n)]
    file.write_text("".join(_line(Pair(str(at), left, right)) for at, (left, right) in enumerate(said)), "utf-8")


def _status(run) -> dict:
    code, out, err = run("status", "--json")
    assert 0 == code, err
    return {each["name"]: each for each in json.loads(out)["artefacts"]}[NAME]


def test_a_candidate_is_shadowed_compared_promoted_and_taken_back(run, tmp_path, candidate) -> None:
    """Each step is one command, and says which version serves."""
    version = MicroModel.load(candidate).version
    assert f"{NAME}: version {version} runs in shadow beside shipped.\n" == run("shadow", NAME, "candidate")[1]
    code, out, err = run("promote", NAME)
    assert (1, "") == (code, out)
    assert f"{NAME} stays as it is: only 0 of 500 requests were compared." in err
    _compared(tmp_path, candidate, (600, SURE, SURE))
    assert _status(run)["comparison"]["passes"]
    assert "agreement 1.000 [0.99" in run("status")[1]

    assert f"{NAME}: version {version} is live; shipped is kept.\n" == run("promote", NAME)[1]
    assert (version, ["shipped"], None) == tuple(_status(run)[key] for key in ("live", "before", "shadow"))
    assert "before shipped" in run("status")[1]
    assert f"{NAME}: version shipped is live again.\n" == run("rollback", NAME)[1]
    assert 1 == run("rollback", NAME)[0]


def test_a_refused_version_is_not_called_served(run, tmp_path, candidate) -> None:
    """What is live but cannot be loaded is named with its reason, beside what a gateway serves instead."""
    shipped, version = (MicroModel.load(each).version for each in (shipped_artefacts() / NAME, candidate))
    run("shadow", NAME, "candidate")
    run("promote", NAME, "--force")
    assert (version, version, False) == ((row := _status(run))["live"], row["served"], "refused" in row)
    (tmp_path / ".thalamus" / "artefacts" / NAME / version / "model.onnx").write_bytes(b"\x80\x04 no model")
    row = _status(run)
    line = next(each for each in run("status")[1].splitlines() if each.startswith(NAME))

    assert (version, shipped) == (row["live"], row["served"])
    assert "model.onnx" in row["refused"]
    assert "looks like a pickle" in row["refused"]
    assert f"{NAME}  live {version}  refused {row['refused']}  served instead {shipped}  before shipped" == line


def test_where_nothing_can_be_loaded_nothing_is_served(tmp_path, candidate) -> None:
    """Also the shipped one may be broken."""
    (candidate / "model.onnx").write_bytes(b"\x80\x04 no model")
    row = _served(Shelf(tmp_path / "versions", tmp_path), candidate.name)

    assert (None, True) == (row["served"], "looks like a pickle" in row["refused"])


def test_each_step_is_told_as_json(run, candidate) -> None:
    """A script learns which version serves without reading a sentence."""
    version = MicroModel.load(candidate).version
    shadowed = json.loads(run("shadow", NAME, "candidate", "--auto", "--json")[1])
    ended = json.loads(run("shadow", NAME, "--end", "--json")[1])
    run("shadow", NAME, "candidate")
    promoted = json.loads(run("promote", NAME, "--force", "--json")[1])
    taken_back = json.loads(run("rollback", NAME, "--json")[1])

    assert {"name": NAME, "live": "shipped", "before": [], "shadow": version, "auto": True} == shadowed
    assert {**shadowed, "shadow": None, "auto": False} == ended == taken_back
    assert {**ended, "live": version, "before": ["shipped"]} == promoted


def test_a_candidate_that_differs_is_promoted_by_force_only(run, tmp_path, candidate) -> None:
    """The reasons are told either way."""
    run("shadow", NAME, "candidate", "--auto")
    _compared(tmp_path, candidate, (600, SURE, OTHER))
    code, _, err = run("promote", NAME)
    assert 1 == code
    assert "agreement may be as low as 0.000, below 0.95" in err
    assert "may be promoted no: agreement" in run("status")[1]

    code, _, err = run("promote", NAME, "--force")
    assert 0 == code
    assert "agreement may be as low as" in err


def test_corrections_in_the_books_are_judged_too(run, tmp_path, candidate) -> None:
    """People named the label that only the live one said."""
    run("shadow", NAME, "candidate")
    _compared(tmp_path, candidate, (12, SURE, OTHER), (988, SURE, SURE))
    assert _status(run)["comparison"]["passes"]

    async def corrected() -> None:
        database = open_database(f"sqlite:///{tmp_path / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        writer = GroupWriter(database, group_commit_ms=0)
        ledger = SqlLedger(writer)
        writer.start()
        for at in range(110):
            ts = datetime(2026, 11, 21, tzinfo=UTC)
            ledger.record_outcome(OutcomeRecord(str(at), "user", "corrected_intent", ts, comment="payment"))
        await writer.aclose(5)
        await database.aclose()

    asyncio.run(corrected())
    found = _status(run)["comparison"]

    assert 110 == found["n_truths"]
    assert not found["passes"]


def test_a_shadow_is_ended(run, candidate) -> None:
    """By hand, without a trace in the pointers."""
    run("shadow", NAME, "candidate")

    assert f"{NAME}: nothing runs in shadow.\n" == run("shadow", NAME, "--end")[1]
    assert None is _status(run)["shadow"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("shadow", NAME), 2, "say either DIR, or --end."),
        (("shadow", NAME, "nowhere"), 1, "nowhere: is no folder"),
        (("shadow", "../x", "candidate"), 1, "is no name of an artefact"),
        (("promote", NAME), 1, "nothing runs in shadow; thalamus foundry shadow intent DIR"),
        (("rollback", NAME), 1, "intent has no version before; promote one first"),
        (("rollback", "nosuch"), 1, "nosuch: there is no such artefact; known are complexity, confirmation, "),
        (("promote", "nosuch"), 1, "nosuch: there is no such artefact"),
        (("shadow", "nosuch", "candidate"), 1, "nosuch: there is no such artefact, so nothing is live that this could"),
        (("shadow", "nosuch", "candidate"), 1, "is read by thalamus foundry try candidate TEXT and thalamus foundry"),
        (("shadow", "nosuch", "nowhere"), 1, "nosuch: there is no such artefact; known are"),
        (("shadow", "nosuch", "--end"), 1, "nosuch: there is no such artefact"),
    ],
)
def test_wrong_use_is_one_clear_sentence(run, candidate, words, code, says) -> None:
    """Nothing changed, and the sentence says what to do."""
    got, out, err = run(*words)

    assert (code, "") == (got, out)
    assert says in err
    assert 1 == len(err.strip().splitlines())


def test_a_corrupt_candidate_and_broken_pointers_are_named(run, tmp_path, candidate) -> None:
    """The file is told, and the others are still listed."""
    (candidate / "model.onnx").write_bytes(b"\x80\x04.")
    code, _, err = run("shadow", NAME, "candidate")
    assert 1 == code
    assert "candidate/model.onnx: looks like a pickle" in err
    (tmp_path / ".thalamus" / "artefacts" / NAME / "pointers.json").write_text("{", "utf-8")

    assert "pointers.json: does not say which version is live" in run("status")[1]
    assert "is_question  live shipped" in run("status")[1]
    assert "intent  error " in run("status")[1]
    assert "  served instead " in run("status")[1]


def test_books_that_cannot_be_read_leave_corrections_out(run, tmp_path) -> None:
    """A status is given all the same."""
    (tmp_path / ".thalamus").mkdir()
    (tmp_path / ".thalamus" / "thalamus.sqlite").write_bytes(b"no database" * 200)
    code, out, err = run("status")

    assert 0 == code
    assert "is_question  live shipped" in out
    assert "Corrections are left out" in err

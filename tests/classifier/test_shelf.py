from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from classifier.foundry.forge import forge
from classifier.micromodel import MicroModel
from classifier.shelf import POINTERS, SHIPPED, Pointers, Shelf
from config.errors import ArtefactError
from tests.classifier.small_corpus import order, single_rows


@pytest.fixture(scope="session")
def versions(tmp_path_factory) -> list[Path]:
    """Four artefacts of one name, of different versions."""
    home = tmp_path_factory.mktemp("versions")
    rows = single_rows()
    return [forge(order(rows[at:]), home / f"v{at}" / "small").folder for at in range(4)]


@pytest.fixture
def shelf(tmp_path, versions) -> Shelf:
    """A shelf over one shipped artefact, `small`."""
    shutil.copytree(versions[0], tmp_path / "shipped" / "small")
    return Shelf(tmp_path / "data", tmp_path / "shipped")


def _version(folder: Path) -> str:
    return MicroModel.load(folder).version


def _live(shelf: Shelf) -> str:
    return shelf.open_live("small", MicroModel.load)[0].version


def test_without_a_data_folder_the_shipped_one_is_live(shelf, versions) -> None:
    """Nothing is written by reading."""
    assert ("small",) == shelf.names()
    assert Pointers() == shelf.pointers("small")
    assert _version(versions[0]) == _live(shelf)
    assert () == shelf.stamp()
    assert not shelf.home.exists()


def test_a_shadow_becomes_live_and_one_step_goes_back(shelf, versions) -> None:
    """Shadow, promote, rollback: each is one change of the pointers."""
    one = _version(versions[1])
    assert Pointers(shadow=one, auto=True) == shelf.shadow("small", versions[1], auto=True)
    stamp = shelf.stamp()
    assert _version(versions[0]) == _live(shelf)
    assert Pointers(one, (SHIPPED,)) == shelf.promote("small")
    assert one == _live(shelf)
    assert stamp != shelf.stamp()

    assert Pointers() == shelf.rollback("small")
    assert _version(versions[0]) == _live(shelf)


def test_the_last_three_versions_are_kept(shelf, versions) -> None:
    """What falls behind them is removed, its comparisons too; going back works as often as there are some."""
    names = [_version(each) for each in versions]
    for each in versions[1:]:
        shelf.shadow("small", each)
        shelf.pairs_file("small", shelf.pointers("small").live, _version(each)).write_text("", "utf-8")
        shelf.promote("small")
    assert Pointers(names[3], (names[2], names[1])) == shelf.pointers("small")
    shelf.shadow("small", versions[0])
    shelf.promote("small")
    held = {path.name for path in (shelf.home / "small").iterdir()}
    assert {names[0], names[3], names[2], POINTERS, f"{names[3]}.against.{names[2]}.jsonl"} == held
    shelf.rollback("small")
    shelf.rollback("small")

    assert names[2] == _live(shelf)
    with pytest.raises(ArtefactError, match="has no version before"):
        shelf.rollback("small")


def test_a_shadow_can_be_ended(shelf, versions) -> None:
    """The live one stays; there is nothing left to promote."""
    shelf.shadow("small", versions[1])
    shelf.end_shadow("small")

    with pytest.raises(ArtefactError, match="nothing runs in shadow; thalamus foundry shadow small DIR"):
        shelf.promote("small")


@pytest.mark.parametrize("file", ["model.onnx", "preproc.bin", "golden.json", "card.json"])
def test_a_corrupt_candidate_is_refused_by_its_own_path_and_changes_nothing(shelf, versions, tmp_path, file) -> None:
    """The old one keeps serving, and no part of the candidate stays."""
    bad = Path(shutil.copytree(versions[1], tmp_path / "bad"))
    (bad / file).write_bytes((bad / file).read_bytes()[:-40])
    with pytest.raises(ArtefactError, match=str(bad / "")):
        shelf.shadow("small", bad)

    assert [] == [path.name for path in (shelf.home / "small").iterdir()]
    assert _version(versions[0]) == _live(shelf)


def test_what_is_no_candidate_is_refused(shelf, versions, tmp_path, forged_multi) -> None:
    """The live version itself, a model of other labels, a folder that is none, a name that would leave the shelf."""
    with pytest.raises(ArtefactError, match="which is live already"):
        shelf.shadow("small", versions[0])
    with pytest.raises(ArtefactError, match="nowhere: is no folder"):
        shelf.shadow("small", tmp_path / "nowhere")
    few = forge(order(single_rows()[:72]), tmp_path / "few").folder
    with pytest.raises(ArtefactError, match="does not know the label 'none' of the live one"):
        shelf.shadow("small", few)
    for name in ("../small", "", "a/b", "."):
        with pytest.raises(ArtefactError, match="is no name of an artefact"):
            shelf.pointers(name)


def test_a_live_version_that_breaks_gives_way_to_the_one_before(shelf, versions) -> None:
    """The gateway serves what can be loaded, and is told what cannot."""
    shelf.shadow("small", versions[1])
    shelf.promote("small")
    broken = shelf.folder("small", _version(versions[1])) / "model.onnx"
    broken.write_bytes(b"\x80\x04 no model")
    found, problems = shelf.open_live("small", MicroModel.load)

    assert _version(versions[0]) == found.version
    assert [True] == [str(broken) in each for each in problems]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"live": "../x", "before": []}', '{"live": "shipped"}', '{"live": "shipped", "before": [1]}']
)
def test_broken_pointers_are_named_and_the_shipped_one_serves(shelf, versions, text) -> None:
    """No path outside the shelf is ever followed."""
    (shelf.home / "small").mkdir(parents=True)
    (shelf.home / "small" / POINTERS).write_text(text, "utf-8")
    with pytest.raises(ArtefactError, match=r"pointers\.json: does not say which version is live; remove it"):
        shelf.pointers("small")
    found, problems = shelf.open_live("small", MicroModel.load)

    assert _version(versions[0]) == found.version
    assert 1 == len(problems)


def test_pointers_that_cannot_be_read_are_named(shelf) -> None:
    """A folder in place of the file."""
    (shelf.home / "small" / POINTERS).mkdir(parents=True)
    with pytest.raises(ArtefactError, match="cannot be read"):
        shelf.pointers("small")


def test_links_are_not_copied(shelf, versions, tmp_path) -> None:
    """A link in a candidate leads nowhere afterwards."""
    folder = Path(shutil.copytree(versions[1], tmp_path / "linked"))
    (folder / "notes").symlink_to(tmp_path)
    (folder / "secret.txt").symlink_to(versions[0] / "card.json")
    pointers = shelf.shadow("small", folder)

    assert {"model.onnx", "preproc.bin", "card.json", "golden.json"} == {
        path.name for path in shelf.folder("small", pointers.shadow).iterdir()
    }
    assert json.loads((shelf.home / "small" / POINTERS).read_text("utf-8"))["shadow"] == pointers.shadow


def test_a_name_without_an_artefact_is_told_with_the_known_ones(shelf, versions) -> None:
    """A slip of the pen changes nothing, and leaves nothing behind that would be listed afterwards."""
    for change in (lambda: shelf.shadow("smal", versions[1]), lambda: shelf.end_shadow("smal"),
                   lambda: shelf.promote("smal"), lambda: shelf.rollback("smal")):  # fmt: skip
        with pytest.raises(ArtefactError, match="smal: there is no such artefact; known are small"):
            change()

    assert not shelf.home.exists()

"""The folder of a classifier: every change to it is told, and nothing that could run code is opened."""

from __future__ import annotations

import json
import pickle
import shutil
import struct

import pytest

from classifier.qwen.artefact import Base, Manifest, open_artefact, publish, seal, version_of
from classifier.qwen.heads import load_head
from classifier.qwen.libraries import MissingLibraryError, library
from classifier.qwen.weights import check_safetensors
from config.errors import ArtefactError
from tests.classifier.qwen.conftest import LABELS

MEND = "thalamus classifier train"


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def safetensors_bytes(shape=(2,), *, tail=b""):
    """A whole safetensors file of one tensor."""
    size = 4
    for n in shape:
        size *= n
    header = json.dumps({"x": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * size + tail


@pytest.fixture
def sealed(tmp_path):
    """A sealed folder whose files hold nothing of use."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(safetensors_bytes())
    (folder / "adapter_config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    seal(folder, Manifest("head", "adapter", LABELS, Base("base", "00"), 0, 64, thresholds=(0.5, 0.5, 0.5)))
    return folder


def change(folder, **fields):
    """Edit the manifest by hand."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_sealed_folder_opens(sealed):
    """The version is a hash of all that decides an answer."""
    manifest = open_artefact(sealed)

    assert LABELS == manifest.labels
    assert 12 == len(manifest.version)
    assert version_of(manifest) == manifest.version


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"labels": ["order", "none", "payment"]}, "labels or their order"),
        ({"thresholds": [0.1, 0.5, 0.5]}, "changed after training"),
        ({"temperature": 3.0}, "changed after training"),
        ({"schema_version": 2}, "schema 2 is not the 1"),
        ({"format": "thalamus-micro"}, "something else"),
        ({"kind": "pickle"}, "cannot be read"),
        ({"labels": "order"}, "cannot be read"),
    ],
)
def test_edited_manifest_is_refused(sealed, fields, told):
    """Labels, order, temperature and thresholds cannot be changed apart from the weights."""
    change(sealed, **fields)

    with pytest.raises(ArtefactError, match=told) as failure:
        open_artefact(sealed)
    assert "manifest.json" in str(failure.value)
    assert MEND in str(failure.value)


def test_thresholds_of_another_number_of_labels_are_refused(sealed):
    """A sealed mistake is a mistake."""
    seal(sealed, Manifest("head", "adapter", LABELS, Base("base", "00"), 0, 64, thresholds=(0.5,)))

    with pytest.raises(ArtefactError, match="differ in number"):
        open_artefact(sealed)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "tokenizer.json"])
def test_changed_file_is_refused(sealed, name):
    """One flipped byte is another model."""
    data = bytearray((sealed / name).read_bytes())
    data[-1] ^= 1
    (sealed / name).write_bytes(data)

    with pytest.raises(ArtefactError, match="sha256") as failure:
        open_artefact(sealed)
    assert name in str(failure.value)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "tokenizer.json"])
def test_missing_file_is_named(sealed, name):
    """A half-copied folder says what is missing."""
    (sealed / name).unlink()

    with pytest.raises(ArtefactError, match=f"{name}: the file is missing"):
        open_artefact(sealed)


def test_sealed_folder_without_its_weights_is_refused(sealed):
    """A manifest that never named the weights cannot be served."""
    (sealed / "adapter_model.safetensors").unlink()
    seal(sealed, Manifest("head", "adapter", LABELS, Base("base", "00"), 0, 64))

    with pytest.raises(ArtefactError, match=r"adapter_model.safetensors: the file is missing"):
        open_artefact(sealed)


def test_manifest_that_points_elsewhere_is_refused(sealed):
    """Only files of the folder itself are read."""
    manifest = open_artefact(sealed)
    manifest.files["../outside"] = "00"
    change(sealed, files=manifest.files, version=version_of(manifest))

    with pytest.raises(ArtefactError, match="missing"):
        open_artefact(sealed)


@pytest.mark.parametrize("name", ["model.pt", "adapter_model.bin", "head.pkl", "model.safetensors"])
def test_pickle_is_never_opened(tmp_path, name):
    """Whatever it is called: a clear error, and its code does not run."""
    folder = tmp_path / "offered"
    folder.mkdir()
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))

    for offered in (folder, folder / name):
        with pytest.raises(ArtefactError, match="pickle") as failure:
            load_head(offered)
        assert name in str(failure.value)
        assert "safetensors" in str(failure.value)
    assert not (tmp_path / "ran").exists()


def test_pickle_in_the_place_of_the_weights_is_refused(sealed, tmp_path):
    """Even where the manifest's hash is made to fit."""
    (sealed / "adapter_model.safetensors").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    seal(sealed, Manifest("head", "adapter", LABELS, Base("base", "00"), 0, 64))

    with pytest.raises(ArtefactError, match="pickle"):
        open_artefact(sealed)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no safetensors"),
        (b"hello", "no safetensors"),
        (b"\xff" * 64, "no safetensors"),
        (struct.pack("<Q", 2) + b"[]", "no safetensors"),
        (struct.pack("<Q", 9) + b'{"x": {}}', "no safetensors"),
        (safetensors_bytes()[:-1], "cut off"),
        (safetensors_bytes(tail=b"x"), "cut off"),
    ],
)
def test_damaged_weights_are_told(tmp_path, data, told):
    """A broken download is named before any library sees it."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)

    with pytest.raises(ArtefactError, match=told):
        check_safetensors(path)


def test_whole_weights_give_their_shapes(tmp_path):
    """Reading the header is enough."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors_bytes((2, 3)))

    assert {"x": (2, 3)} == check_safetensors(path)


def test_file_that_is_no_folder_is_told(tmp_path):
    """A classifier is a folder."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")

    with pytest.raises(ArtefactError, match="a folder with a manifest"):
        open_artefact(path)


def test_publishing_twice_under_one_version_keeps_both(sealed, tmp_path):
    """Nothing that was served is lost, not even a twin."""
    target = tmp_path / "served"
    kept = [publish(shutil.copytree(sealed, tmp_path / f"built{n}"), target) for n in range(3)]

    version = open_artefact(target).version
    assert [None, f"served-{version}", f"served-{version}.2"] == [each and each.name for each in kept]


def test_missing_library_is_told_with_its_extra():
    """Who installed the gateway alone learns what to add."""
    with pytest.raises(MissingLibraryError, match=r"pip install 'thalamus-proxy\[ml\]'"):
        library("a_library_that_nobody_has.part")


def test_a_micro_model_is_told_from_a_pickle(tmp_path):
    """Its preprocessor ends in `.bin` too; the sentence says what reads it, and real pickles are refused as before."""
    for name in ("model.onnx", "preproc.bin"):
        (tmp_path / name).write_bytes(b"\x08\x01")

    with pytest.raises(ArtefactError, match="this is a micro-model of the foundry") as caught:
        open_artefact(tmp_path)
    assert "thalamus foundry predict" in str(caught.value)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ArtefactError, match="this is a pickle"):
        open_artefact(tmp_path)

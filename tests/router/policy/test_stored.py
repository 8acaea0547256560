from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from config.errors import ArtefactError
from router.policy.data import data_of
from router.policy.fitting import fit_policy
from router.policy.model import load_policy
from router.policy.rows import Prompt
from router.policy.stored import load_stored, store
from tests.router.policy.policy_rows import labelled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path) -> Path:
    """A policy on disk."""
    prompts = [Prompt(row["prompt"], intent=row["task"], quality=row["quality"]) for row in labelled(40)]
    fit_policy(data_of(prompts, {})).save(tmp_path / "p")
    return tmp_path / "p"


def _changed(folder, **changes):
    """Write another manifest, with the hash that belongs to it."""
    path = folder / "policy.json"
    said = {**json.loads(path.read_text()), **changes}
    del said["sha256"]
    said["sha256"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(said))


def _with_arrays(folder, **changes):
    stored = load_stored(folder)
    arrays = {**stored.arrays, **changes}
    about = {key: stored.manifest[key] for key in ("features", "models", "intents")}
    store(folder, about, {name: array for name, array in arrays.items() if array is not None})


def test_loaded_policy_expects_what_the_fitted_one_did(tmp_path):
    """Writing and reading changes predictions by less than a thousandth."""
    prompts = [Prompt(row["prompt"], intent=row["task"], quality=row["quality"]) for row in labelled(200)]
    fitted = fit_policy(data_of(prompts, {}))
    fitted.save(tmp_path)

    np.testing.assert_allclose(fitted.predict(prompts)[0], load_policy(tmp_path).predict(prompts)[0], atol=1e-3)


def test_writing_anew_leaves_one_policy(folder):
    """The arrays of the policy before are gone once the new manifest stands."""
    _with_arrays(folder, base=np.array([0.1, 0.2, 0.3]))

    assert 2 == len(list(folder.iterdir()))
    assert [0.1, 0.2, 0.3] == load_policy(folder).base.tolist()


def test_changed_byte_is_refused(folder):
    """A file whose hash differs is never loaded."""
    file = next(folder.glob("*.npz"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtefactError, match="its hash differs"):
        load_policy(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said["models"].reverse(),
        lambda said: said["intents"].reverse(),
        lambda said: said["recipe"].update(seed=99),
        lambda said: said.update(version="other"),
        lambda said: said.pop("sha256"),
        lambda said: said.update(more=1),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(folder, change):
    """Names that changed their places would be other expectations; the error names the file and what to do."""
    path = folder / "policy.json"
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
    with pytest.raises(ArtefactError, match=r"policy\.json: does not say what was written .* fit it anew"):
        load_policy(folder)


def test_a_manifest_in_another_layout_is_the_same(folder):
    """An editor's order and spaces change nothing of what it says."""
    path = folder / "policy.json"
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))

    assert ("large", "middle", "small") == tuple(sorted(load_policy(folder).models))


def test_arrays_that_hold_nan_are_refused(folder):
    """A NaN would choose a model by accident."""
    _with_arrays(folder, base=np.array([np.nan, 0.2, 0.3]))
    with pytest.raises(ArtefactError, match="'base' that hold something else than finite numbers"):
        load_policy(folder)


@pytest.mark.parametrize("base", [None, np.zeros(2)])
def test_missing_or_misshapen_arrays_are_refused(folder, base):
    """The manifest's models decide the shapes."""
    _with_arrays(folder, base=base)
    with pytest.raises(ArtefactError, match=r"tells of arrays 'base' of shape \(3,\)"):
        load_policy(folder)


def test_pickles_are_refused(folder):
    """Arrays of objects run code when read, so that they are not read."""
    with pytest.raises(ValueError, match="pickle"):
        _with_arrays(folder, base=np.array([{}], dtype=object))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "x"}, "is no manifest of a policy"),
        ({"schema": 1}, "has the schema 1; this version reads 2"),
        ({"features": "older"}, "was fitted on features 'older'"),
        ({"models": "a"}, "tells no list of models"),
        ({"intents": [1]}, "tells no list of intents"),
        ({"arrays": None}, "names no file of arrays"),
        ({"arrays": {"file": "policy-/../x.npz"}}, "names no file of arrays"),
        ({"arrays": {"file": "policy-none.npz"}}, "is missing"),
    ],
)
def test_wrong_manifest_is_refused(folder, changes, said):
    """Each way in which a manifest can be wrong has its sentence."""
    _changed(folder, **changes)
    with pytest.raises(ArtefactError) as caught:
        load_policy(folder)

    assert said in str(caught.value)
    assert "fit it anew (thalamus policy fit)" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_manifest_that_is_none(folder, text):
    """A file that is no JSON object is no manifest."""
    (folder / "policy.json").write_text(text)
    with pytest.raises(ArtefactError, match=r"policy\.json: is no"):
        load_policy(folder)


def test_missing_folder(tmp_path):
    """A folder without a policy says so."""
    with pytest.raises(ArtefactError, match="there is no such policy"):
        load_policy(tmp_path)


def test_arrays_that_are_no_archive(folder):
    """A right hash over wrong bytes is still an error in words."""
    file = next(folder.glob("*.npz"))
    file.write_bytes(b"PK\x03\x04 not one")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    _changed(folder, arrays={"file": file.name, "sha256": found})
    with pytest.raises(ArtefactError, match="holds no arrays that can be read"):
        load_policy(folder)

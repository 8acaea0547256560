"""The fine-tuned head behind the main door of a running gateway: a tiny Qwen3, trained on the spot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from classifier.calibration import NEVER
from classifier.micromodel import MicroModel
from classifier.qwen.export import export_onnx
from classifier.shelf import Shelf
from proxy.understanding import ARTEFACTS, INTENT, VERSIONS
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.classifier.damage import sealed
from tests.classifier.qwen.conftest import NO_TORCH, ROWS
from tests.e2e.gateway import model, running_gateway, user
from tests.e2e.test_intent import loaded

pytest.importorskip("torch", reason=NO_TORCH)
pytestmark = pytest.mark.ml

PATIENT = 'device = "cpu"\ndeadline_ms = 20000\n'


@pytest.fixture
def unsure(tmp_path):
    """Rows on which the live micro-model abstains, and their labels: it is the shipped one, but never sure."""
    doubtful = Path(shutil.copytree(ARTEFACTS / INTENT, tmp_path / "doubtful"))
    sealed(doubtful, abstain_below=NEVER)
    shelf = Shelf(tmp_path / ".thalamus" / VERSIONS, ARTEFACTS)
    shelf.shadow(INTENT, doubtful)
    shelf.promote(INTENT)
    return [(text, labels) for text, labels in ROWS if MicroModel.load(doubtful).predict(text).abstained]


async def ask(tmp_path, settings, texts):
    """Serve these settings; give what `classify` noted of each text, and the health of the classifier."""
    async with (
        scripted_upstream(Script((Reply(text="done"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1"), settings) as gateway,
    ):
        await loaded(gateway)
        await gateway.house.understanding.warm()
        noted = []
        for text in texts:
            decision = await gateway.decision(await gateway.chat(model="auto", messages=user(text)))
            noted.append(next(each["notes"] for each in decision["timings"] if each["name"] == "classify"))
        return noted, (await gateway.http.get("/health")).json()["components"]["classifier"]


@pytest.mark.parametrize("kind", ["adapter", "onnx"])
async def test_head_answers_where_the_micro_model_abstains(kind, artefact, unsure, tmp_path):
    """Rule, micro-model and Qwen3 stand in the trace in their order, each with labels, confidence and time."""
    folder = artefact
    if kind == "onnx":
        pytest.importorskip("onnx", reason=NO_TORCH)
        folder = export_onnx(artefact, tmp_path / "int8", int8=False).folder
    notes, state = await ask(
        tmp_path, f"\n[classifier.model]\nartefact = {json.dumps(str(folder))}\n{PATIENT}", [unsure[0][0]]
    )
    last = notes[0]["tiers"][-1]

    assert ["micro", "qwen3"] == [each["source"] for each in notes[0]["tiers"]]
    assert (set(unsure[0][1]), "qwen3", False) == (set(notes[0]["intents"]), notes[0]["source"], last["abstained"])
    assert 0 < last["confidence"] <= 1
    assert last["ms"] > 0
    assert "ok" == state["model"]["status"]
    assert state["model"]["version"]


async def test_untrained_base_answers_by_descriptions(tiny_base, unsure, tmp_path):
    """Without an artefact the catalogue's descriptions are scored; a random model may like none enough."""
    notes, state = await ask(tmp_path, f'\n[classifier.model]\nbase = "{tiny_base}"\n{PATIENT}', [unsure[0][0]])

    assert ["micro", "qwen3"] == [each["source"] for each in notes[0]["tiers"]]
    assert ("ok", "untrained") == (state["model"]["status"], state["model"]["version"])


async def test_damaged_artefact_is_told_of_and_abstains(own_artefact, unsure, tmp_path):
    """A changed file stops the tier alone: the request is answered, health says which file."""
    manifest = own_artefact / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"temperature"', '"temperature_"'))
    notes, state = await ask(
        tmp_path, f"\n[classifier.model]\nartefact = {json.dumps(str(own_artefact))}\n{PATIENT}", [unsure[0][0]]
    )

    assert (True, "failed") == (notes[0]["tiers"][-1]["abstained"], state["model"]["status"])
    assert "manifest.json" in state["model"]["error"]
    assert str(own_artefact) not in state["model"]["error"]

"""What loads the large intent model: nothing before it is asked, and a folder or a base that is none is named."""

from __future__ import annotations

import pytest

from config.errors import ArtefactError
from config.intents import shipped_intents
from config.settings import IntentModelSettings
from proxy.intent_model import loader_of, meanings


@pytest.mark.parametrize("backend", ["auto", "onnx", "transformers"])
def test_a_folder_that_is_no_classifier_is_named_once_it_is_loaded(tmp_path, backend):
    """Making the loader reads nothing."""
    load = loader_of(IntentModelSettings(artefact=tmp_path, backend=backend), shipped_intents())

    with pytest.raises(ArtefactError, match="no trained classifier"):
        load()


def test_without_a_classifier_the_base_itself_is_loaded(tmp_path):
    """By what each intent means; a base without a configuration is named."""
    load = loader_of(IntentModelSettings(base=str(tmp_path)), shipped_intents())

    with pytest.raises(ArtefactError, match="the model's configuration is missing"):
        load()


def test_every_intent_is_explained_in_both_languages():
    """A model without training knows the labels by these words alone."""
    catalogue = shipped_intents()
    told = meanings(catalogue)

    assert {each.name for each in catalogue.intents} == told.keys()
    assert all(each.zh in told[each.name] and each.en in told[each.name] for each in catalogue.intents)

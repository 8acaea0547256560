import json
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest

from config.errors import ArtefactError
from router.learning.learner import Learner
from router.learning.state import MAX_KEPT, State, state_from, state_json, without_caller
from tests.router.learning.doubles import CODE, NOW, TALK, probabilities, told


def learned():
    learner = Learner()
    own = replace(CODE, caller="sk-one")
    learner.learn([told("bad", 0.1, topic) for topic in (CODE, TALK) for _ in range(9)])
    learner.learn([told("good", 0.9, own, speaker="sk-one", odds=2.0) for _ in range(4)])
    return learner


def stored(learner):
    """What a database gives back of a state."""
    return json.loads(json.dumps(state_json(State(learner, NOW, NOW)), allow_nan=False))


def test_a_state_read_back_is_the_same():
    """The same expectations to the bit, the same profiles, and as much known of each speaker."""
    learner = learned()
    found = state_from(stored(learner), name="v")

    assert (NOW, NOW) == (found.cursor, found.floor)
    assert learner.version() == found.learner.version()
    assert np.array_equal(learner.heads()["bad"].weights, found.learner.heads()["bad"].weights)
    assert learner.profiles.rows() == found.learner.profiles.rows()
    assert learner.profiles.curve() == found.learner.profiles.curve()
    assert learner.remembered == found.learner.remembered
    assert learner.speakers["sk-one"].share == found.learner.speakers["sk-one"].share
    assert probabilities(learner) == probabilities(found.learner)


def test_a_state_knows_which_models_were_there_from_the_start():
    """One of before there were new models does not tell, and then meets a catalogue like a first start."""
    learner = learned()
    learner.meet(["good", "idle"])
    told_of = stored(learner)
    del told_of["settled"]
    older = state_from(told_of, name="v").learner

    assert {"good", "bad", "idle"} == state_from(stored(learner), name="v").learner.settled
    assert older.settled is None
    assert older.meet(["idle"])
    assert {"good", "bad", "idle"} == older.settled


@pytest.mark.parametrize("settled", [3, True])
def test_damaged_names_of_models_are_told_of(settled):
    """As any other damage is."""
    with pytest.raises(ArtefactError, match="damaged"):
        state_from({**stored(learned()), "settled": settled}, name="v")


def test_a_version_remembers_the_latest_decisions():
    """And since when it does, so that nothing older counts twice."""
    learner = learned()
    first = next(iter(learner.remembered.values()))
    older = {f"old{number}": first for number in range(MAX_KEPT)}
    learner.remembered = OrderedDict({**learner.remembered, **older})
    found = state_from(stored(learner), name="v").learner

    assert list(older) == list(found.remembered)
    assert found.known_since > 0


def test_it_learns_on_as_if_it_had_never_been_away():
    """A restart in between changes nothing."""
    stays = learned()
    restarted = state_from(stored(stays), name="v").learner
    more = [told("good", 1.0, speaker="sk-one"), told("bad", 0.4)]
    for each in (stays, restarted):
        each.learn(more)

    assert stays.version() == restarted.version()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("form", "learner-0"),
        ("encoding", "question-0"),
        ("cursor", "yesterday"),
        ("models", {"bad": {"sums": "AAAA", "topics": {}}}),
        ("models", {"bad": {"sums": "?", "topics": {}}}),
        ("models", {"bad": {"topics": {}}}),
        ("models", None),
        ("speakers", {"sk": {}}),
        ("preferences", {"sk": {"models": 3}}),
        ("profiles", {"cells": [[1]], "days": {}}),
        ("profiles", {"cells": [], "days": {"2026-11-21": [1, 1, 0.0]}}),
        ("profiles", {}),
        ("remembered", "AAAA"),
        ("remembered", None),
        ("n_lessons", "many"),
    ],
)
def test_a_damaged_version_is_refused(part, value):
    """Nothing half-read is ever in force, and the message names the version and the mend."""
    with pytest.raises(ArtefactError, match=r"v-1: .*roll back"):
        state_from(stored(learned()) | {part: value}, name="v-1")


def test_sums_that_are_no_numbers_are_refused():
    """A NaN in a version is found when it is read."""
    learner = learned()
    learner.totals["bad"].targets[0] = np.nan
    with pytest.raises(ArtefactError):
        state_from(stored(learner), name="v")


def test_a_caller_can_be_taken_out_of_what_is_stored():
    """No version keeps its taste, its words, or its name."""
    cleaned = without_caller(stored(learned()), "sk-one")

    assert "sk-one" not in json.dumps(cleaned)
    assert len(learned().remembered) - 4 == len(state_from(cleaned, name="v").learner.remembered)

"""Labelled prompts as lessons: every model is credited, nothing counts twice, and the curve of choices stays apart."""

from dataclasses import replace

from router.learning.labels import Labelled, digest_of, id_of, lessons_of
from router.learning.learner import Learner
from router.policy.rows import Prompt
from tests.router.learning.doubles import CODE, NOW, OFFERS, experience_of, probabilities, told

PRIOR = {"good": 0.6, "bad": 0.6}


def labelled(n, good=1.0, bad=0.0):
    """Return so many prompts about code with these grades."""
    question = replace(CODE, caller="sk-thal-someone")
    return [Labelled(f"p{at}", question, {"good": good, "bad": bad}, PRIOR) for at in range(n)]


def test_labels_of_all_models_move_traffic_at_once():
    """Forty prompts do what took many ratings, and no key's bound holds them back."""
    learner = Learner()
    n = learner.learn(lessons_of(labelled(40), now=NOW))
    bad, good = experience_of(learner).expect(CODE, OFFERS)[::-1]

    assert 80 == n
    assert good.quality - bad.quality > 0.4
    assert probabilities(learner)[0] > 0.9
    assert {} == dict(learner.speakers)
    assert 0 == len(learner.preferences)


def test_the_same_labels_do_not_count_twice_and_other_grades_replace_them():
    """To the last digit: what is left is what was said last."""
    learner, once = Learner(), Learner()
    learner.learn(lessons_of(labelled(10, good=0.1), now=NOW))
    again = learner.learn(lessons_of(labelled(10, good=0.1), now=NOW))
    changed = learner.learn(lessons_of(labelled(10, good=0.9), now=NOW))
    once.learn(lessons_of(labelled(10, good=0.9), now=NOW))

    assert (0, 10) == (again, changed)
    assert [round(each.quality, 9) for each in experience_of(once).expect(CODE, OFFERS)] == [
        round(each.quality, 9) for each in experience_of(learner).expect(CODE, OFFERS)
    ]


def test_what_is_told_of_a_model_knows_labels_and_the_curve_of_what_was_chosen_does_not():
    """A bad model that was only asked to be graded was never somebody's answer."""
    learner = Learner()
    learner.learn([*lessons_of(labelled(5), now=NOW), told("good", 1.0)])
    rows = {row["model"]: row["n"] for row in learner.profiles.rows()}

    assert {"good": 6, "bad": 5} == rows
    assert [1] == [day["n"] for day in learner.profiles.curve()]


def test_a_set_of_labels_has_a_name_that_its_order_does_not_change():
    """Whatever else stands in its rows; another grade makes another set."""
    one, two = Prompt("a", quality={"m": 1.0, "n": 0.5}), Prompt("b", quality={"m": 0.0})
    other = Prompt("a", id="x", intent="law", quality={"n": 0.5, "m": 1.0}, cost={"m": 1.0})

    assert digest_of([one, two]) == digest_of([two, other])
    assert digest_of([one]) != digest_of([replace(one, quality={"m": 0.9, "n": 0.5})])
    assert id_of(one) == id_of(other) != id_of(two)

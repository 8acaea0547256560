from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.choosing.choose import Terms, standing
from router.choosing.newcomers import SETTLED_AT
from router.choosing.values import Offer
from router.learning.cap import Width, subject_of
from router.learning.heads import Sums
from router.learning.learner import MAX_REMEMBERED, Learner
from router.learning.preferences import MAX_CALLERS, Preferences
from router.learning.speakers import MAX_SPEAKERS, MAX_SUBJECTS, NO_SUBJECT
from tests.router.learning.doubles import CODE, NOW, OFFERS, TALK, experience_of, probabilities, told

SOFT = Width(temperature=0.05)
WIDTHS = [SOFT, Width(0.25), Width(0.01), Width(temperature=0.01)]


def test_without_lessons_the_prior_holds():
    """Nothing learned, nothing changed."""
    (good, _) = experience_of(Learner()).expect(CODE, OFFERS)

    assert (0.6, 0.12, 0.0) == (good.quality, good.deviation, good.n)


def test_ratings_move_traffic_from_bad_to_good():
    """Two hundred opinions are enough to draw the good model nearly always."""
    learner = Learner()
    learner.learn([told(model, reward) for model, reward in (("good", 0.9), ("bad", 0.1)) for _ in range(100)])

    assert 0.5 == pytest.approx(probabilities(Learner())[0], abs=0.01)
    assert 0.98 == pytest.approx(probabilities(learner)[0], abs=0.001)


def test_a_topic_never_seen_keeps_its_prior():
    """What was learned of code changes nothing in talk."""
    learner = Learner()
    learner.learn([told("bad", 0.0) for _ in range(300)])
    (_, bad) = experience_of(learner).expect(TALK, OFFERS)

    assert (0.6, 0.12, 0.0) == (bad.quality, bad.deviation, bad.n)


def test_a_question_about_nobody_knows_what_learns_from_all():
    """Where the domain comes too late for every choice, what people said is not lost for them."""
    learner = Learner()
    learner.learn([told("bad", 0.0, topic) for topic in (CODE, TALK) for _ in range(100)])
    unknown = replace(CODE, domain="", intents=())
    (_, bad) = experience_of(learner).expect(unknown, OFFERS)

    assert 0.3 > bad.quality
    assert 200 == bad.n


def test_a_topic_seen_a_few_times_learns_from_the_others():
    """Where some outcomes say that it is no other world, what was learned elsewhere counts."""
    alone, helped = Learner(), Learner()
    few = [told("bad", 0.3, TALK) for _ in range(4)]
    alone.learn(few)
    helped.learn([*few, *(told("bad", 0.0) for _ in range(200))])

    assert experience_of(helped).expect(TALK, OFFERS)[1].quality < experience_of(alone).expect(TALK, OFFERS)[1].quality


def test_opinions_shrink_to_the_prior():
    """A single opinion weighs little against 20 pseudo rows, and as much the more there are."""
    learner = Learner()
    learner.learn([told("bad", 0.0)])
    one = experience_of(learner).expect(CODE, OFFERS)[1].quality
    learner.learn([told("bad", 0.0) for _ in range(99)])
    hundred = experience_of(learner).expect(CODE, OFFERS)[1].quality

    assert 0.57 < one < 0.6
    assert 0.6 * (1 - 100 / 120) == pytest.approx(hundred, abs=0.02)


def test_the_order_of_lessons_does_not_matter():
    """Sums are exact, so that two replicas that hear in another order expect the same."""
    lessons = [told("bad", 0.1), told("good", 0.8, TALK), told("bad", 0.9, TALK)]
    one, other = Learner(), Learner()
    one.learn(lessons)
    for each in reversed(lessons):
        other.learn([each])

    assert np.allclose(one.heads()["bad"].weights, other.heads()["bad"].weights, atol=1e-12)


def test_a_rating_that_is_replaced_takes_its_lesson_along():
    """Five stars in place of one are as if the one had never been given."""
    first = told("bad", 0.0)
    replaced, direct = Learner(), Learner()
    replaced.learn([first])
    better = replace(first, lesson=replace(first.lesson, reward=1.0))
    assert 1 == replaced.learn([better])
    direct.learn([better])

    assert np.allclose(direct.heads()["bad"].weights, replaced.heads()["bad"].weights)
    assert direct.profiles.rows() == replaced.profiles.rows()


def test_the_same_lesson_again_teaches_nothing():
    """A row that is read twice counts once."""
    learner, lesson = Learner(), told("bad", 0.0)
    learner.learn([lesson])
    before = learner.version()

    assert 0 == learner.learn([lesson])
    assert before == learner.version()


@pytest.mark.parametrize("reward", [nan, inf, -inf])
def test_what_is_no_number_is_refused(reward):
    """A broken row teaches nothing and breaks nothing."""
    learner = Learner()

    assert 0 == learner.learn([told("bad", reward)])
    assert 1 == learner.n_refused
    assert {} == learner.heads()


def test_a_reward_out_of_range_counts_as_its_end():
    """A million stars are five."""
    honest, boasting = Learner(), Learner()
    honest.learn([told("bad", 1.0)])
    boasting.learn([told("bad", 1e6)])

    assert np.array_equal(honest.heads()["bad"].weights, boasting.heads()["bad"].weights)


def test_sums_refuse_what_is_no_number():
    """No lesson of NaN reaches what is in force."""
    with pytest.raises(ValueError, match="finite"):
        Sums().learn(np.zeros(40), nan, weight=1.0, topic="")


@pytest.mark.parametrize("n_honest", [0, 20, 400])
@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_poisoned_burst_of_one_key_moves_no_probability_by_over_five_points(n_honest, reward):
    """A thousand opinions of one key within an hour change little, for others and for itself, on any topic."""
    learner = Learner()
    learner.learn([told(model, 0.6, topic) for model in ("good", "bad") for topic in (CODE, TALK)] * (n_honest // 4))
    before = {asker: _all(learner, asker) for asker in (None, "sk-bad")}
    own = replace(CODE, caller="sk-bad")
    learner.learn([told("bad", reward, own, speaker="sk-bad") for _ in range(500)])
    learner.learn([told("good", 1 - reward, own, speaker="sk-bad") for _ in range(500)])

    for asker, stood in before.items():
        assert 0.05 > np.abs(_all(learner, asker) - stood).max()
    assert learner.speakers["sk-bad"].share < 0.1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n_honest", [0, 400])
def test_a_poisoned_burst_is_bounded_however_steep_the_draw(width, n_honest):
    """A softmax and a draw with a part of the deviation turn sooner; so less of what one key says counts there."""
    learner, usual = Learner(), Learner()
    learner.draw_with(width)
    for each in (learner, usual):
        each.learn([told(model, 0.6, topic) for model in ("good", "bad") for topic in (CODE, TALK)] * (n_honest // 4))
    before = {asker: _all(learner, asker) for asker in (None, "sk-bad")}
    own = replace(CODE, caller="sk-bad")
    poison = [told("bad", 0.0, own, speaker="sk-bad") for _ in range(30)]
    poison += [told("good", 1.0, own, speaker="sk-bad") for _ in range(30)]
    learner.learn(poison)
    usual.learn(poison)

    for asker, stood in before.items():
        assert 0.05 > np.abs(_all(learner, asker) - stood).max()
    if width != SOFT:
        assert learner.speakers["sk-bad"].share < usual.speakers["sk-bad"].share


def test_bound_of_one_draw_does_not_hold_for_a_steeper_one():
    """What may count where deviations are whole would turn a draw with a thousandth of them."""
    learner = Learner()
    own = replace(CODE, caller="sk-bad")
    learner.learn([told("bad", 0.0, own, speaker="sk-bad") for _ in range(3)])
    learner.width = Width(0.001)

    assert 0.05 < np.abs(_all(learner) - _all(_untaught(Width(0.001)))).max()


def test_another_draw_weighs_anew_what_keys_said_before():
    """The bound holds from the moment on in which the settings change, and what was counted comes back with them."""
    learner = Learner()
    before = _all(learner)
    learner.learn([told("bad", 0.0, speaker="sk") for _ in range(300)])
    usual = _all(learner)

    assert not learner.draw_with(Width())
    assert learner.draw_with(Width(temperature=0.01))
    assert 0.05 > np.abs(_all(learner) - _all(_untaught(learner.width))).max()
    assert learner.draw_with(Width())
    assert np.allclose(usual, _all(learner), atol=1e-6)
    assert np.abs(usual - before).max() > 0.001


def test_a_burst_about_rare_questions_is_bounded_on_these_questions():
    """Tools, images, JSON, a language of its own: the influence is measured where it is largest."""
    rare = replace(CODE, language="", has_tools=True, has_images=True, wants_json=True, task_state="tool_loop")
    learner = Learner()
    before = np.array(probabilities(learner, rare))
    learner.learn([told("bad", 0.0, rare, speaker="sk") for _ in range(300)])

    assert 0.03 > np.abs(np.array(probabilities(learner, rare)) - before).max()


def test_many_keys_move_what_one_cannot():
    """Forty people who agree are heard."""
    learner = Learner()
    for number in range(40):
        learner.learn([told("bad", 0.0, speaker=f"sk-{number}") for _ in range(5)])

    assert 0.7 < probabilities(learner)[0]


def test_a_key_is_heard_more_from_day_to_day():
    """What may count grows by as much each day, and does not pile up over days of silence."""
    learner = Learner()
    learner.learn([told("bad", 0.0, speaker="sk") for _ in range(50)])
    first = probabilities(learner)[0]
    learner.learn([told("bad", 0.0, speaker="sk", said=NOW + timedelta(days=1))])
    second = probabilities(learner)[0]
    learner.learn([told("bad", 0.0, speaker="sk", said=NOW + timedelta(days=40))])
    third = probabilities(learner)[0]

    assert 0.5 < first < second < third < first + 0.08


def test_who_is_trusted_is_not_capped():
    """The owner of a gateway without keys, and admins, are heard at once."""
    learner = Learner()
    learner.learn([told("bad", 0.0, speaker=None) for _ in range(50)])

    assert 0.9 < probabilities(learner)[0]


def test_an_admin_replaces_what_a_key_had_said():
    """The key's word is taken out of all that it said, and out of what is in force."""
    learner, direct = Learner(), Learner()
    said = told("bad", 0.0, speaker="sk")
    learner.learn([said])
    learner.learn([replace(said, speaker=None, lesson=replace(said.lesson, reward=1.0))])
    direct.learn([replace(said, speaker=None, lesson=replace(said.lesson, reward=1.0))])

    assert np.allclose(direct.heads()["bad"].weights, learner.heads()["bad"].weights)
    assert np.allclose(0.0, learner.speakers["sk"].sums["bad"].squares)


def test_a_word_of_a_key_that_is_not_kept_apart_any_more_stays():
    """With very many keys the oldest is let go: what counted of it counts on."""
    learner = Learner()
    said = told("bad", 0.0, speaker="sk-first")
    learner.learn([said])
    for number in range(MAX_SPEAKERS):
        learner.learn([told("good", 0.9, speaker=f"sk-{number}")])
    kept = learner.heads()["bad"].weights
    learner.learn([replace(said, speaker=None, lesson=replace(said.lesson, reward=0.1))])

    assert MAX_SPEAKERS == len(learner.speakers)
    assert kept[0] > learner.heads()["bad"].weights[0]


def test_only_so_many_decisions_are_remembered():
    """Memory is bounded."""
    learner = Learner()
    few = [told("bad", 0.5) for _ in range(3)]
    learner.learn(few)
    first = next(iter(learner.remembered.values()))
    learner.remembered.update({f"old{number}": first for number in range(MAX_REMEMBERED)})
    learner.learn([told("bad", 0.5)])

    assert MAX_REMEMBERED == len(learner.remembered)
    assert few[-1].said.timestamp() == learner.known_since


def test_a_model_whose_version_changed_is_forgotten_or_decayed():
    """A reset brings back the prior; a decay keeps a part of what was known; others are as they were."""
    learner = Learner()
    learner.learn([told(model, 0.1) for model in ("good", "bad") for _ in range(60)])
    learner.learn([told("bad", 0.1, speaker="sk")])
    (good, bad) = experience_of(learner).expect(CODE, OFFERS)
    learner.reset("bad", keep=0.5)
    (_, half) = experience_of(learner).expect(CODE, OFFERS)
    learner.reset("bad")
    (same, none) = experience_of(learner).expect(CODE, OFFERS)

    assert bad.quality < half.quality < none.quality == 0.6
    assert (good.quality, good.n) == (same.quality, same.n)
    assert ["good"] == [each["model"] for each in learner.profiles.rows()]


def test_a_caller_can_be_forgotten():
    """Its taste and its lessons are gone; what others said stays."""
    learner, without = Learner(), Learner()
    others = [told("bad", 0.2) for _ in range(5)]
    own = replace(CODE, caller="sk")
    learner.learn([*others, *(told("good", 0.0, own, speaker="sk") for _ in range(5))])
    without.learn(others)

    assert learner.forget_caller("sk")
    assert not learner.forget_caller("sk")
    assert np.allclose(probabilities(without, own), probabilities(learner, own))


def test_a_taste_of_ones_own_grows_with_the_days():
    """A key that likes another model than all others do gets it more often; others do not."""
    learner = Learner()
    learner.learn([told(model, 0.6) for model in ("good", "bad") for _ in range(200)])
    own = replace(CODE, caller="sk")
    for day in range(20):
        said = NOW + timedelta(days=day, minutes=1)
        learner.learn([told("bad", 1.0, own, said=said) for _ in range(3)])
        learner.learn([told("bad", 0.2, said=said) for _ in range(3)])

    assert probabilities(learner, own)[1] > probabilities(learner, CODE)[1] + 0.05
    assert any("own taste" in why for why in experience_of(learner).expect(own, OFFERS)[1].reasons)


lesson = st.tuples(
    st.sampled_from(["good", "bad", "third"]), st.floats(0, 1), st.sampled_from([CODE, TALK]), st.floats(0.05, 1)
)


@given(
    honest=st.lists(lesson, max_size=30),
    poison=st.lists(lesson, min_size=1, max_size=30),
    times=st.integers(1, 12),
    settled=st.sampled_from([("good", "bad", "third"), ("good",), ("good", "bad"), ("third", "bad"), ()]),
)
@settings(max_examples=90, deadline=None)
def test_the_bound_holds_at_the_level_of_probabilities(honest, poison, times, settled):
    """Whatever one key says after whatever was learned: no question's probability moves by more than the bound.

    So too where models are new, little or much being known of them.
    """
    learner = Learner()
    learner.meet(settled)
    honest *= times
    learner.learn([told(model, reward, topic, weight=w) for model, reward, topic, w in honest])
    before = _all(learner)
    learner.learn([told(model, reward, topic, weight=w, speaker="sk") for model, reward, topic, w in poison])
    bound = learner.speakers["sk"].used

    assert bound <= 0.0301
    assert np.abs(_all(learner) - before).max() <= bound + 0.001


def test_one_key_lifts_no_ceiling_by_much():
    """Five hundred opinions of one key on a new model are a few outcomes; of people who are trusted they are all."""
    poisoned, honest = (_with_new_bad() for _ in range(2))
    before = _all(poisoned)
    poisoned.learn([told("bad", 1.0, speaker="sk-bad") for _ in range(500)])
    honest.learn([told("bad", 1.0) for _ in range(500)])

    assert 0.05 > np.abs(_all(poisoned) - before).max()
    assert 0.03 >= _n_of(poisoned) / SETTLED_AT
    assert 0.9 < probabilities(honest)[1]
    assert experience_of(honest).expect(CODE, OFFERS)[1].newcomer == 500


@pytest.mark.parametrize("n_before", [0, 60, 98, 130, 195])
def test_a_burst_on_a_new_model_is_bounded_wherever_its_ceiling_stands(n_before):
    """Also where it is about to have none, and where it begins to take what another new one leaves."""
    learner = _with_new_bad()
    learner.learn([told("bad", 0.9) for _ in range(n_before)])
    before = _all(learner)
    learner.learn([told("bad", 1.0, speaker="sk-bad") for _ in range(300)])

    assert 0.05 > np.abs(_all(learner) - before).max()


def test_what_is_in_a_first_catalogue_is_settled_and_what_comes_later_is_new():
    """So is what was learned of before there were catalogues; a reset makes a model new again."""
    learner = Learner()
    learner.learn([told("bad", 0.5)])
    assert not learner.is_new("third")
    assert learner.meet(["good"])
    assert not learner.meet(["third"])
    version = learner.version()

    assert [False, False, True] == [learner.is_new(each) for each in ("good", "bad", "third")]
    learner.reset("bad", keep=0.5)
    assert not learner.is_new("bad")
    learner.reset("bad")
    assert learner.is_new("bad")
    assert version != learner.version()


def test_a_new_model_is_described_by_the_catalogue_until_somebody_spoke():
    """Its description stands among the reasons, cut where it is long."""
    learner = _with_new_bad()
    offers = (OFFERS[0], replace(OFFERS[1], description="writes poems " * 40))
    (good, bad) = experience_of(learner).expect(CODE, offers)
    learner.learn([told("bad", 0.7)])
    (_, known) = experience_of(learner).expect(TALK, offers)

    assert () == good.reasons
    assert bad.reasons[0].startswith("its description: writes poems")
    assert len(bad.reasons[0]) < 200
    assert (None, 0.0, 1.0) == (good.newcomer, bad.newcomer, known.newcomer)
    assert not any("description" in each for each in known.reasons)


def _with_new_bad():
    learner = Learner()
    learner.meet(["good", "third"])
    return learner


def _n_of(learner, model="bad"):
    return learner.heads()[model].n()


def _untaught(width):
    learner = Learner()
    learner.draw_with(width)
    return learner


def _all(learner, caller=None):
    """Probabilities of three models for questions near and far from what was said."""
    offers = (*OFFERS, replace(OFFERS[0], model="third"))
    questions = [
        CODE,
        TALK,
        replace(CODE, domain="", intents=()),
        replace(TALK, domain="", intents=()),
        replace(CODE, language="zh"),
        replace(TALK, has_code=True, complexity=9, n_tokens=4000),
    ]
    return np.array([probabilities(learner, replace(each, caller=caller), offers) for each in questions])


def test_callers_with_tastes_are_bounded():
    """Who was quiet longest is forgotten."""
    found = Preferences()
    for number in range(MAX_CALLERS + 1):
        found.learn(f"sk-{number}", "m", 0.1, weight=1.0, at=0.0)

    assert MAX_CALLERS == len(found)
    assert 0.0 == found.offset("sk-0", "m", 0.1)
    assert 0.0 < found.offset("sk-1", "m", 0.1)


def test_a_copy_of_preferences_is_apart():
    """What is changed in one is not in the other."""
    found = Preferences()
    found.learn("sk", "m", 0.5, weight=1.0, at=0.0)
    copied = found.copy()
    copied.forget("sk")

    assert (1, 0) == (len(found), len(copied))


def test_subjects_of_a_key_are_bounded_and_none_is_forgotten():
    """Its influence is measured on all that it taught about; about more than that it teaches without a subject."""
    learner = Learner()
    spoken = [replace(CODE, intents=(f"i{number}",)) for number in range(MAX_SUBJECTS + 3)]
    learner.learn([told("bad", 0.5, each, speaker="sk") for each in spoken])
    kept = learner.speakers["sk"].subjects

    assert [*map(subject_of, spoken[: MAX_SUBJECTS - 1]), NO_SUBJECT] == list(kept)


@pytest.mark.parametrize("n_flags", [16, 64])
def test_a_key_that_goes_on_to_other_subjects_moves_no_probability_by_five_points(n_flags):
    """What it taught about code is measured still after it spoke of everything else."""
    learner = Learner()
    shapes = [
        replace(
            TALK, language="en", has_tools=tools, has_images=images, wants_json=json, task_state=state, intents=more
        )
        for more in ((), ("a",), ("b",), ("c",))
        for tools, images, json in product((False, True), repeat=3)
        for state in ("new", "continued")
    ][:n_flags]
    for question in (CODE, TALK):
        learner.learn([told(model, 0.6, question) for model in ("good", "bad") for _ in range(300)])
    before = probabilities(learner)
    said = [told("bad", 1.0, speaker="sk") for _ in range(20)] + [told("good", 0.0, speaker="sk") for _ in range(20)]
    said += [told(model, 0.6, shape, speaker="sk") for shape in shapes for model in ("good", "bad")]
    learner.learn(said)

    assert 0.05 > max(abs(was - now) for was, now in zip(before, probabilities(learner), strict=True))


@pytest.mark.parametrize("n_tokens", [0, 23, 40, 130])
@pytest.mark.parametrize("complexity", [1, 2, 6])
def test_a_question_that_others_asked_thousands_of_times_is_measured_itself(n_tokens, complexity):
    """Of it much is known, and little of its neighbours: what moves those little could move it far."""
    learner = Learner()
    asked = replace(CODE, intents=(), n_tokens=n_tokens, complexity=complexity)
    learner.learn([told(model, 0.6, asked) for model in ("good", "bad") for _ in range(2_000)])
    before = probabilities(learner, asked)
    said = [told("bad", 1.0, asked, speaker="sk") for _ in range(9)]
    learner.learn(said + [told("good", 0.0, asked, speaker="sk") for _ in range(9)])
    moved = max(abs(was - now) for was, now in zip(before, probabilities(learner, asked), strict=True))

    assert 0.001 < moved < 0.03


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_a_key_moves_no_probability_by_five_points_across_a_threshold_either(threshold):
    """There a little more certainty also moves how much of the draw is by what was learned."""
    learner, terms = Learner(), Terms(threshold=threshold)
    offers = [Offer("good", weight=9), Offer("bad")]
    learner.draw_with(Width(lever=1 + 2 / threshold))
    learner.learn([told(model, 0.6, CODE) for model in ("good", "bad") for _ in range(300)])
    before = standing(CODE, offers, experience_of(learner), terms=terms).probabilities
    said = [told("bad", 1.0, speaker="sk") for _ in range(40)] + [told("good", 0.0, speaker="sk") for _ in range(40)]
    learner.learn(said)
    after = standing(CODE, offers, experience_of(learner), terms=terms).probabilities

    assert 0.05 > max(abs(was - now) for was, now in zip(before, after, strict=True))


def test_what_a_key_said_before_it_was_pushed_out_is_not_taken_from_what_it_says_now():
    """It is in the sums for good; a correction must not leave less than nothing of what the key teaches."""
    learner = Learner()
    early = [told("bad", 0.0, speaker="K") for _ in range(50)]
    learner.learn(early)
    for number in range(MAX_SPEAKERS + 1):
        learner.learn([told("good", 0.5, TALK, speaker=f"k{number}")])
    learner.learn([told("bad", 0.6, speaker="K")])
    overruled = [replace(each, lesson=replace(each.lesson, reward=1.0, source="admin"), speaker=None) for each in early]
    learner.learn([replace(each, said=each.said + timedelta(hours=1)) for each in overruled])

    for sums in (learner.totals["bad"], learner.speakers["K"].sums["bad"]):
        assert -1e-9 < np.linalg.eigvalsh(sums.squares).min()
        assert 0 <= min(sums.topics.values())


@pytest.mark.parametrize("weight", [300, 3_000, 10_000])
@pytest.mark.parametrize("n_tokens", [20, 1_100])
def test_a_later_word_about_something_else_does_not_widen_what_a_key_moved_before(weight, n_tokens):
    """Much is known of the very question that it spoke of; its influence there is bounded still."""
    learner = Learner()
    asked = replace(CODE, intents=(), n_tokens=n_tokens, complexity=4)
    learner.learn([told(model, 0.6, asked, weight=weight) for model in ("good", "bad") for _ in range(10)])
    before = probabilities(learner, asked)
    said = [told("bad", 1.0, asked, speaker="sk") for _ in range(20)]
    learner.learn(said + [told("good", 0.0, asked, speaker="sk") for _ in range(20)])
    for seconds, other in ((5, TALK), (9, replace(TALK, language="", complexity=10, n_tokens=100_000))):
        learner.learn([told("bad", 0.6, other, speaker="sk", said=NOW + timedelta(seconds=seconds))])
        moved = max(abs(was - now) for was, now in zip(before, probabilities(learner, asked), strict=True))
        assert 0.001 < moved < 0.03


def test_keys_that_speak_in_turn_are_weighed_once_each():
    """The order in which lessons of several keys came does not matter, and does not cost."""
    lessons = [told("bad", 0.2, speaker=f"k{number % 3}") for number in range(30)]
    mixed, apart = Learner(), Learner()
    mixed.learn(lessons)
    for key in ("k0", "k1", "k2"):
        apart.learn([each for each in lessons if each.speaker == key])

    np.testing.assert_array_equal(mixed.totals["bad"].targets, apart.totals["bad"].targets)


def test_the_later_word_of_two_speakers_about_one_decision_stays():
    """Whatever their names: an admin who corrects a key is believed."""
    by_key = told("bad", 1.0, speaker="sk")
    by_admin = replace(by_key, speaker=None, lesson=replace(by_key.lesson, reward=0.0, source="admin"))
    by_admin = replace(by_admin, said=by_key.said + timedelta(seconds=5))
    learner = Learner()
    learner.learn([by_admin, by_key])

    assert (0.0, "admin") == (learner.remembered[by_key.lesson.decision_id].reward, "admin")


def test_a_second_word_about_a_subject_beyond_the_bound_leaves_nothing_of_the_first():
    """It is taken out as what it was counted as, also where an admin corrects it."""
    learner, never = Learner(), Learner()
    spoken = [replace(CODE, intents=(f"i{number}",)) for number in range(MAX_SUBJECTS + 1)]
    first = [told("bad", 0.9, each, speaker="sk") for each in spoken]
    learner.learn(first)
    learner.learn(
        [replace(each, lesson=replace(each.lesson, reward=0.1, source="admin"), speaker=None) for each in first]
    )
    never.learn(
        [replace(each, lesson=replace(each.lesson, reward=0.1, source="admin"), speaker=None) for each in first]
    )

    np.testing.assert_allclose(learner.totals["bad"].targets, never.totals["bad"].targets, atol=1e-9)
    np.testing.assert_allclose(learner.totals["bad"].squares, never.totals["bad"].squares, atol=1e-9)


def test_a_key_that_rates_a_thousand_times_a_day_teaches_too():
    """Of so many words a small share moves as much as may be, and that grows from day to day."""
    learner, moved = Learner(), []
    for day in range(8):
        at = NOW + timedelta(days=day)
        models = ["good", "bad"] * 500
        learner.learn(
            [
                told(each, float(each == "good"), speaker="sk", said=at + timedelta(seconds=n))
                for n, each in enumerate(models)
            ]
        )
        moved.append(probabilities(learner)[0])

    assert moved == sorted(moved)
    assert moved[-1] > 0.51
    assert 0.05 > max(later - sooner for sooner, later in pairwise([0.5, *moved]))


def test_sums_can_be_copied():
    """And changed apart."""
    sums = Sums()
    copied = sums.copy()
    copied.learn(np.ones(40), 1.0, weight=1.0, topic="")

    assert (0.0, 40.0) == (sums.targets.sum(), copied.targets.sum())

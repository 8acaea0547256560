from dataclasses import replace
from datetime import timedelta

import pytest

from config.ids import new_id
from router.choosing.stored import question_json
from router.learning.lessons import Trust, lessons_since
from tests.router.learning.doubles import CODE, NOW

WEIGHTS = {"good": 1.0, "bad": 3.0}
TRUST = Trust(frozenset({"sk-admin"}), WEIGHTS)
LATER = NOW + timedelta(hours=1)


async def read(books, since=NOW, until=LATER, trust=TRUST, **options):
    await books.written()
    return await lessons_since(books.database, since, until=until, trust=trust, **options)


async def test_a_rating_becomes_a_lesson_about_the_model_that_served(books):
    """Question, propensity and what was expected come with it."""
    books.say(books.decide(), 0.25)
    (told,) = (await read(books)).lessons

    assert ("bad", 0.25, 1.0, "user", 0.75) == (
        told.lesson.model, told.lesson.reward, told.lesson.weight, told.lesson.source, told.lesson.probability
    )  # fmt: skip
    assert CODE == told.lesson.question
    assert (0.55, None, 1.0) == (told.prior, told.speaker, told.odds)


async def test_a_domain_that_came_too_late_for_the_choice_is_what_the_lesson_is_about(books):
    """It was read beside the request and stands among the features; what the choice knew is kept as it was."""
    asked = question_json(replace(CODE, domain="", intents=()))
    for late in ({"domain": "math"}, {"domain": None}, {}):
        books.say(books.decide(features={"question": asked, **late}), 0.5)
    books.say(books.decide(features={"question": question_json(CODE), "domain": "math"}), 0.5)
    lessons = (await read(books)).lessons

    assert ["", "", "code", "math"] == sorted(told.topic for told in lessons)


async def test_after_a_failover_only_the_model_that_served_is_credited(books):
    """The chosen one did not answer, so nothing is learned of it; nor does it tell what the policy earned."""
    books.say(books.decide("bad", served="good"), 1.0)
    (told,) = (await read(books)).lessons

    assert ("good", 1.0, None) == (told.lesson.model, told.lesson.probability, told.odds)


async def test_an_opinion_of_what_nobody_served_teaches_nothing(books):
    """There was no answer."""
    books.say(books.decide(served=""), 0.0)

    assert () == (await read(books)).lessons


async def test_a_late_opinion_joins_its_decision(books):
    """However old the decision is, and also where the opinion was written before it."""
    late, early = books.decide(ts=NOW - timedelta(days=20)), new_id()
    books.say(late, 1.0)
    books.say(early, 0.5, seconds=2)
    assert [late] == [told.lesson.decision_id for told in (await read(books)).lessons]
    books.decide(id=early)

    assert {late, early} == {told.lesson.decision_id for told in (await read(books)).lessons}


async def test_only_what_was_said_in_between_is_read(books):
    """What was read before does not come again; other words about the same decision come along."""
    made = books.decide()
    books.say(made, 0.0)
    assert 1 == len((await read(books)).lessons)
    since = NOW + timedelta(seconds=1)
    assert () == (await read(books, since)).lessons
    books.say(made, 1.0, kind="thumbs", seconds=9)
    (told,) = (await read(books, since)).lessons

    assert 0.5 == told.lesson.reward


@pytest.mark.parametrize(
    ("key", "source", "speaker"),
    [(None, "user", None), ("sk-a", "user", "sk-a"), ("sk-a", "admin", None), ("sk-admin", "user", None)],
)
async def test_who_is_trusted(books, key, source, speaker):
    """The owner of a gateway without keys, and admins: their word is not capped."""
    books.say(books.decide(key_prefix=key), 0.0, source=source)
    (told,) = (await read(books)).lessons

    assert (speaker, key) == (told.speaker, told.lesson.question.caller)


async def test_signs_are_implicit(books):
    """They weigh less, and say so."""
    books.say(books.decide(), None, kind="implicit", source="asked_again")
    (told,) = (await read(books)).lessons

    assert ("implicit", 0.25, False) == (told.lesson.source, told.lesson.weight, told.explicit)


async def test_a_corrected_model_may_be_named_by_an_alias(books):
    """The catalogue knows who is meant."""
    trust = replace(TRUST, canonical={"sonnet": "bad"}.get)
    books.say(books.decide(), None, kind="corrected_model", comment="sonnet")
    (told,) = (await read(books, trust=trust)).lessons

    assert 1.0 == told.lesson.reward


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"question": "odd", "candidates": "odd"},
        {"language": "zh", "candidates": [3, {"model": "bad"}, {"model": "bad", "prior": "x"}]},
        {"candidates": [{"model": "bad", "prior": True}]},
    ],
)
async def test_a_decision_of_another_version_teaches_what_it_can(books, features):
    """Rows of before the learned policy, or damaged ones, are read as far as they go."""
    books.say(books.decide(features=features), 1.0)
    (told,) = (await read(books)).lessons

    assert 0.6 == told.prior
    assert features.get("language", "") == told.lesson.question.language


async def test_many_opinions_come_in_pages(books):
    """Nothing is left out between two pages."""
    made = [books.decide() for _ in range(11)]
    for seconds, each in enumerate(made):
        books.say(each, 1.0, seconds=seconds + 1)
    since, found = NOW, set()
    while True:
        page = await read(books, since, limit=4)
        found |= {told.lesson.decision_id for told in page.lessons}
        since = page.until
        if page.complete:
            break

    assert set(made) == found
    assert LATER == since


@pytest.mark.parametrize("weights", [None, {}, {"other": 1.0}])
async def test_without_weights_nothing_is_compared(books, weights):
    """A static policy that would draw none of these is no comparison."""
    books.say(books.decide(), 1.0)
    (told,) = (await read(books, trust=Trust(weights=weights))).lessons

    assert told.odds is None

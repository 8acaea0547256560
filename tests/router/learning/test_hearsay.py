from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.learning.hearsay import lessons_of_others, own_lessons, profiles_of, sums_of_others
from router.learning.lessons import Trust
from tests.router.learning.books import Books
from tests.router.learning.doubles import CODE, NOW, TALK, told

ME = "sk-me"
CELL = ("bad", "code", "en")


def said(caller, reward=1.0, question=CODE, at=0.0, **changes):
    asked = type(question)(**{name: getattr(question, name) for name in question.__slots__} | {"caller": caller})
    return told("bad", reward, asked, said=NOW + timedelta(seconds=at), **changes)


def shown(lessons):
    record = sums_of_others(lessons, ME).get(CELL)
    return None if record is None else (record.n, record.mean_reward)


@pytest.fixture
async def books(database):
    opened = Books(database)
    yield opened
    await opened.writer.aclose()


def test_words_of_fewer_than_three_keys_are_not_told():
    """However many words they are; the owner's from the time without keys are no key's."""
    two = [said(key, at=at) for at, key in enumerate(("a", "b") * 20)]

    assert shown(two) is None
    assert shown([*two, said(None, at=50)]) is None
    assert (10, 1.0) == shown([*two, said("c", at=50)])


def test_one_word_after_a_sum_is_told_changes_nothing():
    """Else n and mean before and after would tell what it was: it waits for two other keys."""
    lessons = [said(key, 0.5, at=at) for at, key in enumerate("abc")]
    before = shown(lessons)
    lessons += [said("a", 0.0, at=10), said("a", 0.0, at=11), said("b", 0.0, at=12)]
    assert before == shown(lessons) == (3, 0.5)
    lessons.append(said("d", 0.0, at=13))

    assert (5, 0.2) == shown(lessons)


def test_each_key_counts_once_by_its_newest_words():
    """Who says much does not outweigh the others, nor tell by its n how much."""
    lessons = [said("a", 0.0, at=at) for at in range(40)]
    lessons += [said(key, 1.0, at=50) for key in "bc"]

    assert (5, 0.7) == shown(lessons)


def test_a_subject_is_a_sum_of_its_own():
    """Three keys must stand behind each model, domain and language."""
    lessons = [said(key, at=at, question=TALK if key == "c" else CODE) for at, key in enumerate("abc")]

    assert {} == sums_of_others(lessons, ME)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0))), max_size=30))
def test_no_answer_differs_from_the_one_before_by_the_words_of_one_key(words):
    """Asked after each word: between two answers that differ, three keys spoke."""
    lessons, spoken, last = [], set(), None
    for at, (key, reward) in enumerate(words):
        lessons.append(said(key, reward, at=at))
        spoken.add(key)
        now = shown(lessons)
        if now != last:
            assert len(spoken) >= 3
        if now != last or len(spoken) >= 3:
            last, spoken = now, set()


async def test_own_words_are_read_whole(books):
    """Signs and an admin's words about its answers too; what others got is not its own."""
    mine = books.decide(key_prefix=ME)
    books.say(mine, 0.25)
    books.say(books.decide(key_prefix=ME), kind="implicit", source="abandoned", seconds=2)
    books.say(books.decide(key_prefix="sk-other"), 1.0, seconds=3)
    books.decide(key_prefix=ME)
    await books.written()
    (row,) = profiles_of(await own_lessons(books.database, ME, trust=Trust())).rows()

    assert (1, 0.25, 1) == (row["n"], row["mean_reward"], row["n_implicit"])


async def test_of_others_only_what_people_said_of_these_models_is_read(books):
    """No sign of theirs, nothing of models that the key may not use, and nothing twice."""
    heard = books.decide(key_prefix="sk-one")
    books.say(heard, 0.25, seconds=1)
    books.say(heard, 1.0, kind="thumbs", seconds=2)
    books.say(heard, kind="implicit", source="went_on", seconds=90)
    books.say(books.decide(key_prefix="sk-one"), kind="implicit", source="abandoned")
    books.say(books.decide("good", key_prefix="sk-one"), 1.0)
    books.say(books.decide(key_prefix=ME), 1.0)
    books.say(books.decide(key_prefix=None), 0.5, seconds=3)
    await books.written()
    found = await lessons_of_others(books.database, ME, models={"bad"}, trust=Trust())
    every = await lessons_of_others(books.database, ME, models=None, trust=Trust())

    assert {("sk-one", 0.625), (None, 0.5)} == {(each.lesson.question.caller, each.reward) for each in found}
    assert NOW + timedelta(seconds=2) == min(each.said for each in found)
    assert {"bad", "good"} == {each.lesson.model for each in every}

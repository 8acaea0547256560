from router.choosing.choose import choose
from router.choosing.starting import StartingExperience
from router.choosing.values import Lesson, Offer
from router.learning.online import OnlineExperience
from tests.router.learning.doubles import CODE, NOW, OFFERS


def lessons(n):
    return [
        Lesson(f"{model}{number}", CODE, model, reward)
        for model, reward in (("good", 0.9), ("bad", 0.2))
        for number in range(n)
    ]


def test_it_learns_where_it_stands():
    """Lessons change the next choice, and the version that names it."""
    experience = OnlineExperience(StartingExperience(), OFFERS)
    before = choose(CODE, OFFERS, experience, seed=1), experience.version
    assert 80 == experience.learn(lessons(40), at=NOW)
    after = choose(CODE, OFFERS, experience, seed=1)

    assert before[1] != experience.version
    assert after.ranked[0].model == "good"
    assert before[0].ranked[0].probability < after.ranked[0].probability


def test_a_model_that_is_not_offered_teaches_nothing():
    """Nobody knows what was expected of it."""
    experience = OnlineExperience(StartingExperience(), (Offer("other"),))

    assert 0 == experience.learn(lessons(3), at=NOW)


def test_the_same_lessons_give_the_same_choices():
    """A thousand choices replayed from the same log with the same seeds are the same."""
    one, other = (OnlineExperience(StartingExperience(), OFFERS) for _ in range(2))
    for each in (one, other):
        each.learn(lessons(10), at=NOW)
    chosen = [[choose(CODE, OFFERS, each, seed=seed).ranked[0].model for seed in range(1000)] for each in (one, other)]

    assert chosen[0] == chosen[1]
    assert one.version == other.version

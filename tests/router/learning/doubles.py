"""A fixed prior and lessons for the tests of what is learned."""

from datetime import UTC, datetime, timedelta
from itertools import count

from router.choosing.drawing import FLOOR, softmax, thompson, with_floor
from router.choosing.newcomers import SHARE, holding
from router.choosing.values import Expected, Lesson, Offer, Question
from router.learning.experience import LearnedExperience
from router.learning.told import Told

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
CODE = Question("", language="en", domain="code", intents=("code",), n_tokens=40, has_code=True)
TALK = Question("", language="zh", domain="chat", intents=("chat",), n_tokens=10)
OFFERS = (Offer("good"), Offer("bad"))
_numbers = count()


class Fixed:
    """Expects the same of everybody."""

    version = "fixed"

    def __init__(self, quality=0.6, deviation=0.12):
        self.quality, self.deviation = quality, deviation

    def expect(self, question, offers):  # noqa: ARG002  # the Protocol's
        return tuple(Expected(each.model, self.quality, self.deviation) for each in offers)


def told(model, reward, question=CODE, **changes):
    """Return a lesson of an hour ago."""
    number = next(_numbers)
    said = changes.pop("said", NOW + timedelta(milliseconds=number))
    more = {name: changes.pop(name) for name in ("speaker", "odds", "prior") if name in changes}
    fields = {"decision_id": f"d{number}", "question": question, "model": model, "reward": reward} | changes
    return Told(Lesson(**fields), said, said, **{"prior": 0.6, **more})


def experience_of(learner, prior=None):
    """Return what is expected after what the learner learned."""
    return LearnedExperience(
        prior or Fixed(),
        learner.version(),
        learner.heads(),
        learner.profiles.cells,
        learner.preferences,
        width=learner.width,
        settled=learner.settled,
    )


def probabilities(learner, question=CODE, offers=OFFERS, prior=None):
    """Return with which probability each offer is drawn, as the policy does it."""
    expected = experience_of(learner, prior).expect(question, offers)
    scores, width = [each.quality for each in expected], learner.width
    if width.temperature is not None:
        found = with_floor(softmax(scores, temperature=width.temperature))
    else:
        found = with_floor(thompson(scores, [width.spread * each.deviation for each in expected]))
    held = holding([each.newcomer for each in expected], share=SHARE, floor=FLOOR)
    return found if held is None else held.applied(found)

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from random import Random

import pytest

from config.errors import UpstreamError
from router.choosing.values import Offer, Question
from router.judge.examples import Example
from router.judge.ollama import Said
from router.judge.optimise import Patience, compared, tried, try_templates, variants_of
from router.judge.values import Case
from tests.router.judge.cases import PLAIN, named

MODELS = ("small", "middle", "large")
BETTER = replace(PLAIN, name="better", system={name: f"{text} GOOD" for name, text in PLAIN.system.items()})
OTHER = replace(PLAIN, name="other", system={name: f"{text} OTHER" for name, text in PLAIN.system.items()})
WORSE = replace(PLAIN, name="worse", system={name: f"{text} WORST" for name, text in PLAIN.system.items()})


class Bar:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}

    def begin(self, what: str, total: int) -> None:  # noqa: ARG002  # the protocol's
        self.last = what
        self.steps[what] = 0

    def advance(self) -> None:
        self.steps[self.last] += 1


class Mind:
    """A judge that is right in a share of questions which depends on the template; what it says is fixed for each."""

    name = "llama3"

    def __init__(self, good: float, usual: float, salt: str = "") -> None:
        self.good, self.usual, self.salt = good, usual, salt

    async def say(self, messages, *, schema, timeout_s):  # noqa: ARG002  # the protocol's
        system, user = str(messages[0]["content"]), str(messages[1]["content"])
        [(number, best)] = re.findall(r"question (\d+) of (\w+)", user)
        rng = Random(f"{self.salt}{number}{hashlib.md5(system.encode()).hexdigest()}")
        share = self.good if "GOOD" in system else 0.0 if "WORST" in system else self.usual
        return Said(named(best if rng.random() < share else rng.choice([m for m in MODELS if m != best])))


def examples(n: int, *, seed: int = 1, p: tuple[float, ...] = (0.6, 0.2, 0.2)) -> list[Example]:
    """Return decisions drawn with these probabilities; the model that is best for the question earns most."""
    rng = Random(seed)
    found = []
    for number in range(n):
        best = rng.choice(MODELS)
        served = rng.choices(MODELS, p)[0]
        reward = float(rng.random() < (0.9 if served == best else 0.3))
        case = Case(Question(f"question {number} of {best}"), tuple(map(Offer, MODELS)))
        found.append(
            Example(f"{seed}-{number}", f"c{seed}-{number}", case, served, reward, 1 / p[MODELS.index(served)])
        )
    return found


async def search(mind: Mind, *others, n: int = 300, seed: int = 1, bar: Bar | None = None):
    return await try_templates(
        mind, PLAIN, others, examples=examples(n, seed=seed), patience=Patience(), progress=bar or Bar()
    )


async def test_planted_better_template_wins():
    """A template whose picks are right far more often is selected, and the other half confirms it with an interval."""
    bar = Bar()
    found = await search(Mind(0.9, 0.4), OTHER, BETTER, WORSE, bar=bar)

    assert BETTER == found.selected
    assert found.why_not is None
    assert found.gain is not None
    assert 0 < found.gain.low < found.gain.value < found.gain.high
    assert {"plain": 300, "other": 300, "better": 300, "worse": 300} == bar.steps
    assert "better" in str(found.as_json()["selected"])


async def test_equal_template_is_not_promoted():
    """A template that is no better, and the very same one, are not to be promoted."""
    found = await search(Mind(0.4, 0.4), OTHER)
    same = await search(Mind(0.4, 0.4), replace(PLAIN, name="same"))

    assert found.why_not is not None
    assert "no template agrees better" in str(same.why_not)
    assert same.selected is None


async def test_equal_templates_are_rarely_promoted_however_many_are_tried():
    """Over 100 searches among eight equal templates, at most as many win as an interval of 95 % allows."""
    wins, usual = 0, await _fixed(examples(1))
    for seed in range(100):
        shown, rng = examples(120, seed=seed), Random(seed)
        trials = [
            replace(usual, template=replace(PLAIN, name=name), picks=tuple(rng.choice(MODELS) for _ in shown))
            for name in ("now", *"abcdefgh")
        ]
        wins += compared(trials[0], trials[1:], shown).why_not is None

    assert wins <= 6


async def _fixed(shown):
    return await tried(Mind(1.0, 1.0), PLAIN, examples=shown, patience=Patience(), progress=Bar())


async def test_few_examples_promote_nothing():
    """However good it looks, a handful of examples confirms nothing."""
    found = await search(Mind(1.0, 0.0), BETTER, n=14)

    assert "too few examples" in str(found.why_not)


async def test_gain_does_not_depend_on_what_the_policy_favoured():
    """A template that always names the model that was mostly drawn gains nothing by that."""
    shown = examples(600, p=(0.9, 0.05, 0.05))
    current = await tried(Mind(1.0, 1.0), PLAIN, examples=shown, patience=Patience(), progress=Bar())
    favourite = replace(current, template=OTHER, picks=tuple("small" for _ in shown))

    assert current.agreement.value > 0.6
    assert compared(favourite, [current], shown).why_not is None
    assert "no template agrees better" in str(compared(current, [favourite], shown).why_not)


async def test_answers_that_fail_are_no_picks():
    """A judge that is away or answers prose has no pick there, and that is neither for nor against it."""

    class Broken(Mind):
        async def say(self, messages, *, schema, timeout_s):
            if "question 3 " in str(messages):
                raise UpstreamError("gone", failure_class="transient")
            return (
                Said("prose")
                if "question 4 " in str(messages)
                else await super().say(messages, schema=schema, timeout_s=timeout_s)
            )

    shown = examples(10)
    found = await tried(Broken(1.0, 1.0), PLAIN, examples=shown, patience=Patience(), progress=Bar())

    assert (None, None) == found.picks[3:5]
    assert 2 == found.n_unread == found.as_json()["n_unread"]
    assert 0.5 == shown[3].agreement(None)


def test_agreement_is_with_what_turned_out():
    """Picking what served agrees by its reward, picking another one by the rest; a named best outranks both."""
    shown = replace(examples(1)[0], served="small", reward=0.25)

    assert (0.25, 0.75) == (shown.agreement("small"), shown.agreement("large"))
    corrected = replace(shown, best="large")
    assert (0.0, 0.0, 1.0) == tuple(map(corrected.agreement, MODELS))


async def test_nothing_to_try_on_is_said():
    """Without examples there is nothing to compare; without others nothing to select."""
    with pytest.raises(ValueError, match="nothing to try"):
        await try_templates(Mind(1, 1), PLAIN, [], examples=[], patience=Patience(), progress=Bar())

    assert (await search(Mind(1, 1))).why_not is not None


def test_variants_show_less():
    """A template's variants say the same and show less; what is not shown cannot be left out again."""
    found = variants_of(PLAIN)

    assert ["plain-no-records", "plain-no-prices"] == [each.name for each in found]
    assert 3 == len({each.version for each in (PLAIN, *found)})
    assert [] == [each.name for each in variants_of(replace(PLAIN, shows_prices=False, shows_records=False))]


def test_halves_are_drawn_by_conversation():
    """The turns of a conversation are in the same half, and both halves are filled."""
    shown = examples(100)
    halves = [each.confirms for each in shown]

    assert 30 < sum(halves) < 70
    assert halves == [replace(each, id="another").confirms for each in shown]

"""The traffic of a scenario: a day's questions, how good each model's answer truly is, what it costs, and who rates.

Everything that chance decides is drawn before anybody chooses, so that two policies see the very same days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from router.choosing.values import Offer, Question
from router.simulation.scenario import LANGUAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.simulation.scenario import Scenario, TrueModel

    Array = NDArray[np.float64]
    Ints = NDArray[np.int64]

CLIFF: Final = 1.4
"""Power by which quality falls beyond a model's limit."""
COMPLEXITY_SPREAD: Final = 2.0
TOKENS_AT_ONE: Final = 60.0
TOKENS_GROWTH: Final = 1.45
"""By which factor questions grow with each step of complexity."""
ANSWER_TOKENS: Final = 400.0
MILLION: Final = 1e6
TOPIC_SEED: Final = 7
STARS_RIGHT: Final = (0.02, 0.03, 0.10, 0.35, 0.50)
"""Probabilities of one to five stars for a right answer, as they are meant."""
STARS_WRONG: Final = (0.45, 0.30, 0.15, 0.07, 0.03)
TELLING: Final = 3
"""Of the dice that say whose domain is known: their own, so that all else stays as it is where every domain is."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day: n questions, k models. It holds every question whose answer is rated, and a sample of the others."""

    number: int
    """The first day is 1."""
    questions: tuple[Question, ...]
    quality: Array
    """(n, k): probability that the model's answer is right, topics included."""
    foreseen: Array
    """(n, k): the same without hidden topics: what an expert who sees the question could know."""
    cost_usd: Array
    """(n, k)"""
    right: NDArray[np.bool_]
    """(n, k): whether the answer would be right."""
    stars: Ints
    """(n, k): what its reader would think of it, 1 to 5."""
    told: Ints
    """(n, k): what its reader would say, which is the opposite for some."""
    rates: NDArray[np.bool_]
    """(n,): whether the reader says anything."""


def offers_of(scenario: Scenario) -> tuple[Offer, ...]:
    """Return the models as the catalogue knows them."""
    return tuple(
        Offer(each.name, each.description, each.domains, each.input_usd, each.output_usd) for each in scenario.models
    )


def day_of(scenario: Scenario, number: int, *, seed: int) -> Day:
    """Return a day; the same scenario, number and seed give the same one."""
    draw = np.random.default_rng((seed, number))
    n_rated = int(draw.binomial(scenario.requests_per_day, scenario.feedback.share))
    n, k = n_rated + min(scenario.played_per_day, scenario.requests_per_day - n_rated), len(scenario.models)
    domains = draw.choice(len(scenario.domains), n, p=_shares(scenario))
    chinese = draw.random(n) < np.array([each.chinese for each in scenario.domains])[domains]
    middle = np.array([each.complexity for each in scenario.domains])[domains]
    complexity = np.clip(np.rint(draw.normal(middle, COMPLEXITY_SPREAD)), 1, 10).astype(np.int64)
    has_code = draw.random(n) < np.array([each.has_code for each in scenario.domains])[domains]
    n_tokens = (TOKENS_AT_ONE * TOKENS_GROWTH**complexity * draw.lognormal(0.0, 0.5, n)).astype(np.int64) + 5
    topics = draw.integers(0, max(1, scenario.n_topics), n)
    logits = _logits(scenario, number, domains=domains, chinese=chinese, complexity=complexity)
    quality = _squashed(logits + _topic_effects(scenario)[topics])
    right = draw.random((n, k)) < quality
    stars = _stars(right, draw)
    mistaken = draw.random(n) < scenario.feedback.wrong
    callers = (draw.pareto(1.2, n) * 8).astype(np.int64) % max(1, scenario.callers)
    words = draw.integers(0, 1 << 30, (n, 6))
    of_row = [scenario.domains[int(each)] for each in domains]
    spoken = [LANGUAGES[int(each)] for each in chinese]
    told = _told(scenario, domains, np.random.default_rng((seed, number, TELLING)))
    questions = tuple(
        Question(
            text=_text(of_row[at].words.get(spoken[at], ()), words[at]),
            language=spoken[at],
            domain=told[at],
            complexity=int(complexity[at]),
            n_tokens=int(n_tokens[at]),
            has_code=bool(has_code[at]),
            caller=f"caller-{callers[at]}" if scenario.callers else None,
        )
        for at in range(n)
    )
    return Day(
        number=number,
        questions=questions,
        quality=quality,
        foreseen=_squashed(logits),
        cost_usd=_costs(scenario, n_tokens),
        right=right,
        stars=stars,
        told=np.where(mistaken[:, None], 6 - stars, stars),
        rates=draw.permutation(n) < n_rated,
    )


def _told(scenario: Scenario, domains: Ints, draw: np.random.Generator) -> list[str]:
    """Return the domain that the gateway is told of each question, empty where none."""
    n, k = len(domains), len(scenario.domains)
    is_told, is_wrong = draw.random(n) < scenario.domain_known, draw.random(n) < scenario.domain_wrong
    others = (domains + draw.integers(1, max(2, k), n)) % k
    heard = np.where(is_wrong, others, domains)
    return [scenario.domains[int(each)].name if known else "" for each, known in zip(heard, is_told, strict=True)]


def _logits(scenario: Scenario, number: int, *, domains: Ints, chinese: NDArray[np.bool_], complexity: Ints) -> Array:
    found = [_logit(scenario, each, number, domains, chinese) - _fall(each, complexity) for each in scenario.models]
    return np.stack(found, 1)


def _logit(scenario: Scenario, model: TrueModel, number: int, domains: Ints, chinese: NDArray[np.bool_]) -> Array:
    names = [each.name for each in scenario.domains]
    table = np.full((len(names), len(LANGUAGES)), model.base)
    table += np.array([model.skill.get(name, 0.0) for name in names])[:, None]
    table += np.array([model.language.get(each, 0.0) for each in LANGUAGES])
    for pair in model.pairs:
        table[names.index(pair.domain), LANGUAGES.index(pair.language)] += pair.adds
    for drift in scenario.drifts:
        if drift.model == model.name and number >= drift.day:
            table[names.index(drift.domain) if drift.domain else slice(None)] += drift.adds
    return np.asarray(table[domains, chinese.astype(np.int64)])


def _fall(model: TrueModel, complexity: Ints) -> Array:
    return np.asarray(model.steepness * np.maximum(0.0, complexity - model.limit) ** CLIFF)


def _topic_effects(scenario: Scenario) -> Array:
    """Return what each hidden topic adds to each model (t, k): part of the scenario, the same for every seed."""
    draw = np.random.default_rng(TOPIC_SEED)
    return draw.normal(0.0, scenario.topic_spread, (max(1, scenario.n_topics), len(scenario.models)))


def _costs(scenario: Scenario, n_tokens: Ints) -> Array:
    asked = np.array([each.input_usd for each in scenario.models]) / MILLION
    answered = np.array([each.output_usd for each in scenario.models]) / MILLION
    return np.asarray(n_tokens[:, None] * asked + ANSWER_TOKENS * answered)


def _stars(right: NDArray[np.bool_], draw: np.random.Generator) -> Ints:
    dice = draw.random(right.shape)
    of_right = np.searchsorted(np.cumsum(STARS_RIGHT)[:-1], dice, "right") + 1
    of_wrong = np.searchsorted(np.cumsum(STARS_WRONG)[:-1], dice, "right") + 1
    return np.where(right, of_right, of_wrong).astype(np.int64)


def _squashed(logits: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def _shares(scenario: Scenario) -> Array:
    found = np.array([each.share for each in scenario.domains])
    return np.asarray(found / found.sum())


def _text(words: tuple[str, ...], drawn: NDArray[np.int64]) -> str:
    return " ".join(words[int(at) % len(words)] for at in drawn) if words else ""

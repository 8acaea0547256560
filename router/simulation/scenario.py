"""What a scenario says: models whose true quality is known, the questions that come, and who rates answers.

`scenario.toml` beside this file is the fixed one that the reports are made with.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib import resources
from math import isclose
from typing import TYPE_CHECKING, Final

import msgspec

from config.errors import CorpusError

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES: Final = ("en", "zh")
FIXED: Final = "scenario.toml"
MOST_REQUESTS: Final = 1_000_000
"""Of one run, over all its days."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a model is better or worse at in one language of one domain, on the scale of the logit."""

    domain: str
    language: str
    adds: float


@dataclass(frozen=True, slots=True)
class TrueModel:
    """A model as the catalogue describes it and as it truly is; the truth is on the scale of the logit."""

    name: str
    base: float
    description: str = ""
    domains: tuple[str, ...] = ()
    """Those that the catalogue claims."""
    input_usd: float = 0.0
    """USD per million tokens, like the next."""
    output_usd: float = 0.0
    skill: dict[str, float] = field(default_factory=dict[str, float])
    language: dict[str, float] = field(default_factory=dict[str, float])
    pairs: tuple[Pair, ...] = ()
    limit: float = 10.0
    """Complexity up to which the model holds; beyond it falls by `steepness` x excess ^ 1.4."""
    steepness: float = 0.0


@dataclass(frozen=True, slots=True)
class Domain:
    """A kind of question."""

    name: str
    share: float
    """Of the questions; the shares of all domains are 1 together."""
    chinese: float = 0.5
    """Share of its questions that are in Chinese."""
    complexity: float = 5.0
    """On average, of 1 to 10."""
    has_code: float = 0.0
    """Share of its questions that hold code."""
    words: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of which its texts are made, by language."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """Who rates."""

    share: float = 0.05
    """Of answers that get a rating."""
    wrong: float = 0.20
    """Of ratings that say the opposite of what was meant."""


@dataclass(frozen=True, slots=True)
class Drift:
    """From the morning of `day` (the first is 1) on, a model is better or worse by `adds`, in one domain or in all."""

    day: int
    model: str
    adds: float
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Ten days of a gateway, or as many as it says."""

    name: str
    models: tuple[TrueModel, ...]
    domains: tuple[Domain, ...]
    days: int = 10
    requests_per_day: int = 1000
    played_per_day: int = 1000
    """Requests that are played although nobody rates them. Those that are rated are played all; of the others, which
    teach nothing and are like them, this sample is enough to measure by."""
    callers: int = 0
    """Keys that ask and rate, some much more often than others; 0 is a gateway without keys."""
    dial: float = 1.0
    """Between cheap (0) and good (1), of the choices and of what counts as the best model."""
    n_topics: int = 0
    """Hidden topics; each makes each model better or worse, and no policy is told of them."""
    topic_spread: float = 0.0
    """Standard deviation of what a topic adds."""
    domain_known: float = 1.0
    """Share of the questions whose domain the gateway is told, drawn without regard to the question. Who rates and
    the expert know all."""
    domain_wrong: float = 0.0
    """Share of those that it is told another one's domain of, each as likely."""
    feedback: Feedback = field(default_factory=Feedback)
    drifts: tuple[Drift, ...] = ()


def fixed_scenario() -> Scenario:
    """Return the scenario of the reports."""
    return _scenario((resources.files("router.simulation") / FIXED).read_text("utf-8"), file=FIXED)


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a TOML file. Raises `CorpusError`."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError("is no UTF-8", file=str(path)) from error
    return _scenario(text, file=str(path))


def _scenario(text: str, *, file: str) -> Scenario:
    try:
        found = msgspec.convert(tomllib.loads(text), Scenario)
    except ValueError as error:  # of the TOML, or `msgspec.ValidationError`, which names the key
        raise CorpusError(str(error), file=file) from error
    for complaint in _complaints(found):
        raise CorpusError(complaint, file=file)
    return found


def _complaints(found: Scenario) -> list[str]:
    """Return what no simulation could be made of."""
    models, domains = [each.name for each in found.models], {each.name for each in found.domains}
    named = {each.domain for model in found.models for each in model.pairs}
    named = named.union(*(model.skill for model in found.models), *(model.domains for model in found.models))
    named |= {each.domain for each in found.drifts if each.domain}
    shares = [each.share for each in found.domains]
    probabilities = [
        found.dial,
        found.domain_known,
        found.domain_wrong,
        found.feedback.share,
        found.feedback.wrong,
        *shares,
    ]
    probabilities += [each for domain in found.domains for each in (domain.chinese, domain.has_code)]
    wrong: list[tuple[bool, str]] = [
        (len(set(models)) < 2 or len(set(models)) < len(models), "needs two models or more, of different names"),  # noqa: PLR2004  # one is no choice
        (not isclose(sum(shares), 1.0, abs_tol=1e-6), "the shares of the domains are not 1 together"),
        (len(domains) < len(shares), "a domain is there twice"),
        (bool(named - domains), f"names domains that are not there: {', '.join(sorted(named - domains))}"),
        (any(each.model not in models for each in found.drifts), "a drift names a model that is not there"),
        (not all(0 <= each <= 1 for each in probabilities), "a share or the dial is not between 0 and 1"),
        (min(found.days, found.requests_per_day) < 1 or found.callers < 0, "needs a day and a request"),
        (not 1 <= found.played_per_day <= found.requests_per_day, "plays at least one request, and no more than come"),
        (found.days * found.requests_per_day > MOST_REQUESTS, f"asks for more than {MOST_REQUESTS:,} requests"),
        (found.n_topics < 0 or found.topic_spread < 0, "topics and their spread are not below 0"),
    ]
    return [message for is_wrong, message in wrong if is_wrong]

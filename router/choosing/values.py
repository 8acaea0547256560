"""What a choice is made of: the question, what is expected of each model, the choice. Nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Question:
    """What may be known of a request before a model is chosen."""

    text: str
    """The turn that is answered. It is read for the choice and never stored with it."""
    language: str = ""
    """`zh`, `en` or empty where unknown; so with the domain."""
    domain: str = ""
    intents: tuple[str, ...] = ()
    """Empty where the classifier abstained."""
    complexity: int = 1
    """1 to 10."""
    n_tokens: int = 0
    """Estimated tokens of the whole prompt, history included."""
    has_code: bool = False
    has_tools: bool = False
    has_images: bool = False
    wants_json: bool = False
    task_state: str = ""
    caller: str | None = None
    """Prefix of the key that asks; `None` where none was needed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that may answer, as the catalogue describes it. Prices are USD per million tokens, `None` if unknown."""

    model: str
    description: str = ""
    domains: tuple[str, ...] = ()
    input_usd: float | None = None
    output_usd: float | None = None
    weight: float = 1.0
    """Its configured share among the models that `auto` draws."""
    latency_ms: float | None = None
    """What its first content takes lately, milliseconds; `None` while nobody knows."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one model's answer to one question."""

    model: str
    quality: float
    """0 to 1."""
    deviation: float
    """Standard deviation of that expectation, not of the answers; 0 where nothing was learned and nothing drawn."""
    cost_usd: float | None = None
    latency_ms: float | None = None
    n: float = 0.0
    """On how many outcomes it rests, by weight."""
    reasons: tuple[str, ...] = ()
    """Short, for a person, such as `46 ratings in zh/code: 0.81`."""
    prior: float | None = None
    """Quality that was expected before anything was learned; `None` where it is `quality`."""
    newcomer: float | None = None
    """Weight of all outcomes of a model that is new, whatever they were about; `None` of one that is not."""
    ceiling: float | None = None
    """Most that a new model may get of the draw; `None` where it has no such bound."""


class Experience(Protocol):
    """What was learned so far. Pure between two updates: the same question gets the same expectation."""

    @property
    def version(self) -> str:
        """Names what was learned; changes with every update that is in force."""
        ...

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what is expected of each offer, in their order, within a millisecond for ten of them."""
        ...


@dataclass(frozen=True, slots=True)
class Ranked:
    """One eligible model and what spoke for it."""

    model: str
    probability: float
    score: float
    """Quality less weighted cost, latency and switching; higher is better."""
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    """What the score is the sum of, by name: `quality`, `cost`, `latency`, `switching`."""
    expected: Expected | None = None
    p_best: float = 0.0
    """How likely its score is the highest of them."""

    def waits(self, own: str | None) -> bool:
        """Return whether it is tried after the others: it is new and has a ceiling, and the conversation is not its."""
        return self.expected is not None and self.expected.ceiling is not None and self.model != own


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice with the probability of every model that could have been chosen."""

    ranked: tuple[Ranked, ...]
    """In the order in which they will be tried, the chosen one first; the others by score, new ones last."""
    version: str
    """Of the policy, what was learned included."""
    seed: int | None = None
    explored: bool = False
    """Whether another model than the one with the highest score was drawn."""
    confidence: float = 0.0
    """0 to 1: how likely the first one is to be the best of them."""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """What became of one decision, for whoever learns."""

    decision_id: str
    question: Question
    """Without its text, as it was stored with the decision."""
    model: str
    """Who served; it alone is credited."""
    reward: float
    """0 to 1."""
    weight: float = 1.0
    """1 for what a person said, less for what was inferred."""
    source: str = "user"
    probability: float = 1.0
    """With which the served model was drawn; 1 where it was not drawn."""
    expected: float | None = None
    """Quality that was expected of it when it was chosen, where the decision tells."""

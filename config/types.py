"""Frozen values and Protocols that cross rooms; nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from config.failures import FailureClass

Json = dict[str, object]
"""A decoded JSON object, kept whole: unknown fields in it survive the trip."""

Language = Literal["zh", "en"]
DecisionStatus = Literal["completed", "failed_upstream", "aborted_by_client", "refused", "held", "analyzed"]
CostSource = Literal["upstream", "estimated", "unknown"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `input_tokens` includes cached ones; `raw` is the upstream's own object, untouched."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    """Input tokens read from the provider's prompt cache (a part of `input_tokens`); `None` where it did not say."""
    cache_write_tokens: int = 0
    """Input tokens written to the provider's prompt cache (a part of `input_tokens`)."""
    reasoning_tokens: int | None = None
    """Output tokens spent on reasoning (a part of `output_tokens`); `None` where the provider did not say."""
    source: Literal["upstream", "estimated"] = "upstream"
    """`estimated` where we counted because the upstream did not say."""
    raw: Json | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money for one attempt, USD; `usd=None` means the price is unknown, which is not the same as free."""

    usd: float | None
    source: CostSource


@dataclass(frozen=True, slots=True)
class Intent:
    """What is asked: labels with calibrated probabilities, or an abstention."""

    labels: tuple[str, ...]
    confidence: float
    source: str
    abstained: bool = False
    probabilities: Mapping[str, float] = field(default_factory=dict[str, float])
    """A calibrated probability of each label that was weighed, where the source gives them."""
    ms: float = 0.0
    """How long it took, milliseconds."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. Lines are 1-based and inclusive; offsets count Unicode code points of the document."""

    doc: str
    """Path of the document below its library, such as `en/quickstart.md`."""
    title: str
    """Headings that lead to the passage, outermost first, joined by ` › `."""
    text: str
    start_line: int
    end_line: int
    start: int
    end: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence of an extracted answer stands."""

    doc: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that a turn names, such as a person or the code of an order."""

    text: str
    """As it stands in the turn."""
    type: str
    confidence: float
    """Calibrated probability, 0 to 1, that both ends and the type are right."""


@dataclass(frozen=True, slots=True)
class ExtractedAnswer:
    """What the documents say; `refused` when they hold no answer (then `text` says so plainly)."""

    text: str
    citations: tuple[Citation, ...]
    refused: bool
    language: Language
    confidence: float
    """Answerability, 0 to 1; `refused` is this against a threshold fitted on held-out questions."""


class PassageSearch(Protocol):
    """Finds passages of the documents for a question."""

    def search(self, query: str, *, top_k: int) -> tuple[Passage, ...]:
        """Return at most `top_k` passages, best first."""
        ...


class Answerer(Protocol):
    """Answers a question with sentences of the documents, or refuses."""

    def answer(self, question: str, *, max_tokens: int) -> ExtractedAnswer:
        """Return an answer of at most `max_tokens` tokens in the question's language."""
        ...


class TextGenerator(Protocol):
    """For who needs a model's words: the foundry, the planner, the judge."""

    async def generate(self, messages: Sequence[Mapping[str, object]], *, model: str, timeout_s: float) -> str:
        """Return the text of one answer."""
        ...

    def stream(self, messages: Sequence[Mapping[str, object]], *, model: str, timeout_s: float) -> AsyncIterator[str]:
        """Yield the text of one answer as it arrives."""
        ...


class IntentClassifier(Protocol):
    """Says what is asked, or abstains."""

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return labels and confidence within `deadline_s` seconds."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors. Called in threads, never on the event loop."""

    @property
    def name(self) -> str:
        """What kind it is, such as `lsa` or `ollama`."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def fingerprint(self) -> str:
        """What differs where vectors must not be compared with those of before: the index is then built anew."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector of length 1 a text, `(len(texts), dimension)`, or zeros for a text that says nothing.

        Raises `UpstreamError` where a server or model that it needs fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of one request: when it began after the request's start, how long it took, and what it noted."""

    name: str
    start_ms: float
    duration_ms: float
    notes: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try at one deployment, as the books keep it."""

    n: int
    """1-based position among the request's attempts."""
    deployment: str
    model: str
    provider: str
    committed: bool
    """Whether anything of this attempt reached the client."""
    failure_class: FailureClass | None = None
    error: str | None = None
    """What failed, redacted and shortened; `None` for a success."""
    status: int | None = None
    """HTTP status of the upstream, `None` when none arrived."""
    ttft_ms: float | None = None
    duration_ms: float = 0.0
    usage: Usage | None = None
    cost: Cost | None = None
    finish_reason: str | None = None
    retry_after_s: float | None = None
    start_ms: float = 0.0
    """Milliseconds after the request's start; only for traces, the books do not keep it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Which model was chosen, among which, with what probability, and why."""

    requested: str
    """The name the client sent."""
    eligible: tuple[str, ...]
    probabilities: tuple[float, ...]
    """One per eligible model, in the same order, summing to 1."""
    ranked: tuple[str, ...]
    """Models in the order they will be tried; the first is the chosen one."""
    reasons: tuple[str, ...]
    policy_version: str
    explored: bool = False
    arm: str | None = None
    seed: int | None = None
    judge: Json | None = None
    features: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def chosen(self) -> str:
        """The model that is tried first."""
        return self.ranked[0]


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One finished request, as the books keep it."""

    id: str
    ts: datetime
    status: DecisionStatus
    endpoint: str
    stream: bool
    decision: Decision | None
    """`None` when the request was refused before a model was chosen."""
    attempts: tuple[AttemptRecord, ...] = ()
    served_model: str | None = None
    """The model whose answer the client got; differs from `decision.chosen` after a failover."""
    conversation_id: str | None = None
    key_prefix: str | None = None
    intent: Intent | None = None
    passages: tuple[Citation, ...] = ()
    savings: Json | None = None
    """What sending passages saved, and which arm of the experiment it is; `None` where none were worth sending."""
    spans: tuple[Span, ...] = ()
    preview: str | None = None
    """The last user turn, redacted, at most 160 characters."""
    asked: str | None = field(default=None, repr=False)
    """What a vector is made of, so that similar questions find this one; the books keep the vector, never this."""
    request_body: bytes | None = None
    """Only when storing bodies is switched on."""
    response_body: bytes | None = None
    error_code: str | None = None
    http_status: int = 200
    warnings: tuple[str, ...] = ()
    trace_parent: str | None = None
    """The client's own span (W3C `traceparent`), valid; only for traces, the books do not keep it."""


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What somebody, or something, thought of an answer."""

    decision_id: str
    source: str
    """`user`, `admin`, or the name of an implicit signal."""
    kind: Literal["rating", "thumbs", "comment", "corrected_intent", "corrected_model", "implicit"]
    ts: datetime
    score: float | None = None
    """0 to 1; a 1-5 rating is stored as (rating - 1) / 4."""
    comment: str | None = None


class Ledger(Protocol):
    """Where finished requests are written; never waits and never raises."""

    def record(self, record: DecisionRecord) -> None:
        """Queue one decision with its attempts."""
        ...

    def record_outcome(self, outcome: OutcomeRecord) -> None:
        """Queue one outcome."""
        ...

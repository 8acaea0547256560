"""What is known so far about one request: filled stage by stage, frozen into the books at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.trace import Trace
from config.types import Citation, Decision, DecisionRecord, DecisionStatus, Intent, Json
from proxy.sources import SOURCES_HEADER, sources_header

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from classifier.conversation import State
    from classifier.features import Features
    from config.types import Passage
    from proxy.beside import SideReading
    from proxy.choosing import Considered
    from proxy.doors import Door
    from proxy.holdout import Arm
    from proxy.limits import Lease
    from proxy.lookup import Lookup
    from proxy.requests.parse import Parsed
    from proxy.savings import Savings
    from proxy.similar import Found
    from router.attempt import AttemptLog
    from router.choosing.values import Choice, Question
    from router.experiments.drawing import Drawn
    from router.judge.asking import Asked
    from router.judge.values import Case
    from router.rules import Rule
    from router.selection import Wishes


_WHY = ("dial", "choice_confidence", "candidates", "runner_up", "excluded", "relaxed")
"""Of a decision's features, what answers why."""
MAX_WARNINGS = 10
"""Warnings of one response that have a header each; clients refuse responses with a hundred headers."""
MAX_WARNING_CHARS = 200
MAX_JOINED_CHARS = 1000
"""Of one header that names several warnings without their reasons."""
MAX_JOINED = 4
"""Such headers; what is beyond them is counted. Clients read 8 KiB and more of headers; the books hold all."""


@dataclass(slots=True)
class Exchange:
    """One request on its way through the pipeline. `id` is the decision's."""

    id: str
    door: Door
    log: AttemptLog
    trace: Trace = field(default_factory=Trace)
    ts: datetime = field(default_factory=lambda: datetime.now(UTC))
    key_prefix: str | None = None
    lease: Lease | None = None
    """What this request holds of its key's limits; `None` where nothing limits it."""
    explain: bool = False
    routed: bool = True
    """False when the client switched the router off for this request."""
    admitted: bool = False
    """Whether the caller may ask at all; who may not leaves no row."""
    thinks: bool = False
    """Whether the chain has anything to decide: an explicit model, or the router switched off, skips it."""
    parsed: Parsed | None = None
    rule: Rule | None = None
    risk: str | None = None
    """What the last user turn orders that is hard to take back, such as `delete`."""
    reply: str | None = None
    """What we answer ourselves instead of asking a model."""
    intent: Intent | None = None
    features: Features | None = None
    """What is known of the request without asking a model."""
    state: State | None = None
    """What its conversation asks for now, read once; see `proxy.classifying.state_of`."""
    beside: SideReading | None = None
    """What the other models say, being found out while the request goes on."""
    meant: str = ""
    """What models in shadow are to read too, once the answer is out; empty where there are none."""
    learned: Json = field(default_factory=dict[str, object])
    """What they made of the features; empty until then."""
    retrieves: bool = True
    """False when the client switched documents off for this request."""
    tiers: tuple[Intent, ...] = ()
    """Who was asked what is asked, in order."""
    lookup: Lookup | None = None
    """What the documents have for it; `None` where nobody looked, or there are none."""
    passages: tuple[Passage, ...] = ()
    """Those that are placed before the question."""
    savings: Savings | None = None
    """What sending them saved."""
    unit: str | None = None
    """Its conversation in the experiment; `None` where it is not part of it."""
    arm: Arm | None = None
    p_holdout: float | None = None
    """With which probability it was drawn to be held out."""
    explores: bool = True
    """False where the client wants the best model, and none drawn to learn of it."""
    key_dial: float | None = None
    """The dial between cost and quality that the settings give its key."""
    key_models: tuple[str, ...] | None = None
    """Names of the only models that its key may use; `None` where it may use all."""
    question: Question | None = None
    """What a choice may know of it."""
    allowed: frozenset[str] | None = None
    """The only models that may be chosen; `None` where the request names none."""
    wishes: Wishes | None = None
    """Who has a say before anything is drawn."""
    choice: Choice | None = None
    """Of the learned policy; `None` where a rule settled it, or nothing was to choose."""
    considered: Considered | None = None
    """What the choice was made from."""
    trial: Drawn | None = None
    """Its arm in the trial that runs; `None` where it is in none."""
    judged: Json = field(default_factory=dict[str, object])
    """What came of asking the judge; empty where nobody was asked."""
    shadow_judge: asyncio.Task[Asked] | None = None
    """A judge whose word is only recorded, being asked while the request goes on."""
    unjudged: Case | None = None
    """What the judge is to be asked once the request is answered."""
    similar: Found | None = None
    """Past questions like it, which were looked up for the judge; `None` where none is asked."""
    decision: Decision | None = None
    conversation: bytes | None = None
    """What tells its conversation from others, for balancing; `None` where no place is kept for it."""
    warnings: tuple[str, ...] = ()
    status: DecisionStatus = "refused"
    http_status: int = 200
    error_code: str | None = None
    n_body_bytes: int = 0
    request_body: bytes | None = None
    preview: str | None = None
    asked: str | None = None
    """What of the question is read for its vector; `None` where none is kept."""
    trace_parent: str | None = None
    """The client's own span, valid."""
    client_request_id: str | None = None
    """The client's own id of this request, for the log; ours is `id`."""

    @property
    def studies(self) -> bool:
        """Whether it is looked at closely: intent and documents are found."""
        return self.thinks or self.door.shows_passages

    def known(self) -> Parsed:
        """Return the parsed request; only for stages after `parse`."""
        if self.parsed is None:
            raise RuntimeError("this stage runs after parse")
        return self.parsed

    @property
    def served_model(self) -> str | None:
        """The model whose answer the client got or is getting, or `None` while nobody has answered."""
        answered = [attempt for attempt in self.log.attempts if attempt.committed]
        return answered[-1].candidate.model if answered else None

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that every response of this exchange carries."""
        decided = self.decision.chosen if self.decision and self.decision.ranked else None
        model = self.served_model or decided
        pairs = [
            ("x-request-id", self.id),
            ("x-thalamus-decision-id", self.id),
            ("x-thalamus-attempts", str(len(self.log.attempts))),
            ("server-timing", self.trace.server_timing()),
        ]
        if model:
            pairs.append(("x-thalamus-model", model))
        if self.passages and self.served_model:
            pairs.append((SOURCES_HEADER, sources_header(self.passages)))
        if self.lease is not None:
            pairs.extend(self.lease.headers())
        pairs.extend(("x-thalamus-warning", text) for text in warning_texts(self.warnings))
        return pairs

    def explanation(self) -> Json:
        """Return the decision as the client sees it with `x-thalamus-router: explain`."""
        decision = self.decision
        return {
            "decision_id": self.id,
            "requested": decision.requested if decision else None,
            "eligible": list(decision.eligible) if decision else [],
            "probabilities": list(decision.probabilities) if decision else [],
            "ranked": list(decision.ranked) if decision else [],
            "reasons": list(decision.reasons) if decision else [],
            "policy_version": decision.policy_version if decision else None,
            **(
                {}
                if decision is None
                else {name: decision.features[name] for name in _WHY if name in decision.features}
            ),
            **({} if self.similar is None else self.similar.as_json()),
            "served_model": self.served_model,
            "passages": [{"doc": each.doc, "lines": [each.start_line, each.end_line]} for each in self.passages],
            "stages": [
                {"name": each.name, "start_ms": round(each.start_ms, 3), "duration_ms": round(each.duration_ms, 3)}
                | dict(each.notes)
                for each in self.trace.spans
            ],
        }

    def record(self) -> DecisionRecord:
        """Freeze what the books keep."""
        request = self.parsed.request if self.parsed else None
        return DecisionRecord(
            id=self.id,
            ts=self.ts,
            status=self.status,
            endpoint=self.door.name,
            stream=request.stream if request else False,
            decision=self.decision,
            attempts=self.log.records(),
            served_model=self.served_model,
            conversation_id=self.parsed.conversation_id if self.parsed else None,
            key_prefix=self.key_prefix,
            intent=self.intent,
            passages=tuple(Citation(each.doc, each.start_line, each.end_line) for each in self.passages),
            savings=self._savings(),
            spans=tuple(self.trace.spans),
            preview=self.preview,
            asked=self.asked,
            request_body=self.request_body,
            response_body=self._response_body(),
            error_code=self.error_code,
            http_status=self.http_status,
            warnings=self.warnings,
            trace_parent=self.trace_parent,
        )

    def _savings(self) -> Json | None:
        if self.savings is None:
            return None
        return self.savings.as_json() | {"arm": self.arm, "unit": self.unit, "p_holdout": self.p_holdout}

    def _response_body(self) -> bytes | None:
        """The text of the answer, kept only where request bodies are."""
        answered = [attempt for attempt in self.log.attempts if attempt.committed]
        if self.request_body is None or not answered:
            return None
        return "".join(answered[-1].texts).encode()


def warning_texts(warnings: Sequence[str]) -> list[str]:
    """Return the values of the warning headers: the first ones whole, the names of all others joined by `; `.

    A name is what stands before a warning's reason, such as `top_k dropped`.
    """
    texts = [warning[:MAX_WARNING_CHARS] for warning in warnings[:MAX_WARNINGS]]
    names = [warning.partition(": ")[0][:MAX_WARNING_CHARS] for warning in warnings[MAX_WARNINGS:]]
    joined: list[str] = []
    for n, name in enumerate(names):
        if joined and len(joined[-1]) + len(name) + 2 <= MAX_JOINED_CHARS:
            joined[-1] += f"; {name}"
        elif len(joined) < MAX_JOINED:
            joined.append(name)
        else:
            return [*texts, *joined, f"and {len(names) - n} more"]
    return [*texts, *joined]

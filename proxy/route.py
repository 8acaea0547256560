"""The answer of `POST /route`: what was asked, which documents speak of it, the model's answer, and what that saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from proxy.classifying import told
from proxy.lookup import believed
from proxy.sources import sources_of
from retrieval.context import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json, Passage
    from proxy.exchange import Exchange

NO_DOCUMENTS = "there are no documents of yours: add some with `thalamus docs add`, or set retrieval.library"
NOTHING_SENT = "no passage is worth sending for this prompt, so nothing is claimed"


def route_body(body: bytes, exchange: Exchange) -> bytes:
    """Return the JSON of `/route`; `body` is the unified door's plain answer."""
    answer = cast("dict[str, Any]", msgspec.json.decode(body))
    lookup, savings = exchange.lookup, exchange.savings
    usage = cast("dict[str, Any]", answer["usage"] or {})
    shown = _shown(exchange.passages, lookup.passages) if lookup is not None else ()
    route: Json = {
        "original_prompt": exchange.known().last_user_text,
        "predicted_intents": list(believed(exchange.intent)),
        "relevant_docs": [{"doc_name": doc, "score": score} for doc, score in _best_scores(shown).items()],
        "llm_response": {
            "response_text": answer["content"],
            "token_usage": {"total_tokens": usage.get("total_tokens")},
        },
        "token_savings": {
            "tokens_saved": 0 if savings is None else savings.saved_tokens,
            "percentage_saved": 0.0 if savings is None else savings.saved_percent,
        },
        "savings_basis": _basis(exchange),
        "decision_id": exchange.id,
        "model": answer["_actual_model_used"],
        "finish_reason": answer["finish_reason"],
        "usage": answer["usage"],
        "intent": None if exchange.intent is None else told(exchange.intent),
        "passages": [_passage(each, exchange) for each in shown],
        "sources": sources_of(exchange.passages),
        "timings": {span.name: round(span.duration_ms, 3) for span in exchange.trace.spans}
        | {"total": round(exchange.trace.elapsed_ms(), 3)},
    }
    return msgspec.json.encode(route)


def _best_scores(passages: Sequence[Passage]) -> dict[str, float]:
    """Return the documents with the best score of each, best first."""
    best: dict[str, float] = {}
    for each in passages:
        best[each.doc] = max(round(each.score, 4), best.get(each.doc, 0.0))
    return dict(sorted(best.items(), key=lambda item: -item[1]))


def _shown(sent: Sequence[Passage], found: Sequence[Passage]) -> tuple[Passage, ...]:
    """Return what was sent as it was sent, and what was found besides; best first."""
    rest = (
        each
        for each in found
        if not any(each.doc == one.doc and one.start <= each.start < each.end <= one.end for one in sent)
    )
    return tuple(sorted((*sent, *joined(tuple(rest))), key=lambda each: -each.score))


def _passage(passage: Passage, exchange: Exchange) -> Json:
    return {
        "doc": passage.doc,
        "title": passage.title,
        "lines": [passage.start_line, passage.end_line],
        "score": round(passage.score, 4),
        "text": passage.text,
        "placed": passage in exchange.passages,
    }


def _basis(exchange: Exchange) -> Json:
    """Return what the savings were counted from, or why there are none."""
    lookup = exchange.lookup
    documents: Json = {"documents": 0 if lookup is None else lookup.n_documents}
    if lookup is None:
        failed = [each for each in exchange.warnings if each.startswith("answered without documents")]
        return {"reason": failed[0] if failed else NO_DOCUMENTS, **documents}
    if exchange.savings is None:
        return {"reason": NOTHING_SENT, **documents, "scope": lookup.scope}
    return {**exchange.savings.as_json(), **documents, "scope": lookup.scope}

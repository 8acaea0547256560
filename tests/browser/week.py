"""A week of an imaginary team's questions, for pictures: four models, two languages, ratings that follow the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from config.ids import new_id
from config.types import AttemptRecord, Citation, Cost, Decision, DecisionRecord, Intent, OutcomeRecord, Span, Usage
from router.choosing.choose import choose
from router.choosing.stored import candidates_json, question_json, runner_up_json
from router.choosing.values import Expected, Offer, Question

MODELS = {  # expected USD of a request, latency in ms, how good it is
    "qwen3-8b": (0.0002, 900, {"code": 0.55, "docs": 0.8, "math": 0.5, "chat": 0.85}),
    "deepseek-chat": (0.0011, 2100, {"code": 0.85, "docs": 0.8, "math": 0.8, "chat": 0.85}),
    "gpt-5-mini": (0.0019, 1600, {"code": 0.8, "docs": 0.85, "math": 0.85, "chat": 0.9}),
    "claude-sonnet": (0.0094, 2800, {"code": 0.95, "docs": 0.9, "math": 0.9, "chat": 0.92}),
}
QUESTIONS = {
    "code": (
        "Why does this SQL query not use the index?",
        "写一个线程安全的单例模式，用 Go。",
        "Refactor this loop into a generator.",
    ),
    "docs": (
        "How do I rotate the API key of a project?",
        "如何申请发票？需要哪些资料？",
        "Where are the limits of the free plan described?",
    ),
    "math": ("Prove that the square root of 7 is irrational.", "三个骰子点数之和为 10 的概率是多少？"),
    "chat": (
        "Thanks! Can you say that more politely?",
        "帮我把这封邮件改得更正式一些。",
        "Suggest a name for our office plant.",
    ),
}

OFFERS = [
    Offer(name, input_usd=700 * usd, output_usd=2400 * usd, latency_ms=ms / 3)
    for name, (usd, ms, _skill) in MODELS.items()
]
SAVED = {
    "sent_tokens": 640,
    "charged": {"judge_tokens": 0},
    "against": {"all_documents": {"tokens": 9200, "saved": 8560}},
}


class Learned:
    """What a policy would have learned of the four by now."""

    version = "v-00000003"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return the truth, with the doubt that forty ratings leave."""
        found = []
        for offer in offers:
            usd, ms, skill = MODELS[offer.model]
            told = f"41 ratings in {question.language}/{question.domain}: {skill[question.domain]:.2f}"
            expected = Expected(
                offer.model, skill[question.domain], 0.06, cost_usd=usd, latency_ms=ms, n=41, reasons=(told,)
            )
            found.append(replace(expected, prior=0.7))
        return tuple(found)


def week(now: datetime, *, n: int = 900, seed: int = 7) -> tuple[list[DecisionRecord], list[OutcomeRecord]]:
    """Return decisions, newest first, with what people thought of some of them."""
    rng = Random(seed)  # pictures, no secrets
    records: list[DecisionRecord] = []
    outcomes: list[OutcomeRecord] = []
    for place in range(n):
        hours = 168 * (place / n) ** 1.15
        at = now - timedelta(hours=hours, seconds=rng.random() * 300)
        if rng.random() > 0.35 + 0.65 * max(0.0, math.sin((at.hour - 5) / 24 * 2 * math.pi)):
            continue
        intent = rng.choices(list(QUESTIONS), (4, 4, 1.5, 3))[0]
        record = _decision(rng, intent, at)
        records.append(record)
        if rng.random() < 0.3 and record.served_model:
            good = rng.random() < MODELS[record.served_model][2][intent]
            outcomes.append(
                OutcomeRecord(record.id, "user", "rating", at + timedelta(minutes=2), score=1.0 if good else 0.0)
            )
    return records, outcomes


def _decision(rng: Random, intent: str, at: datetime) -> DecisionRecord:
    question = rng.choice(QUESTIONS[intent])
    language = "zh" if any(each > "\u3000" for each in question) else "en"
    asked_of = Question("", language=language, domain=intent, intents=(intent,), complexity=rng.randrange(1, 4))
    choice = choose(asked_of, OFFERS, Learned(), seed=rng.randrange(10**6))
    chosen, *others = (each.model for each in choice.ranked)
    confidence = min(0.99, max(0.35, rng.gauss(0.86, 0.12)))
    asked, answered = rng.randrange(80, 900), rng.randrange(60, 700)
    fails, dies = rng.random() < 0.05, rng.random() < 0.008
    attempts, served = _attempts(rng, (chosen, *others), (asked, answered), fails=fails or dies, dies=dies)
    documents = intent == "docs" and rng.random() < 0.8
    features = {
        "language": language,
        "domain": intent,
        "question": question_json(asked_of),
        "dial": 0.5,
        "experience": "v-00000003",
        "candidates": candidates_json(choice),
        "runner_up": runner_up_json(choice, dial=0.5),
        "excluded": {},
    }
    by_model = {each.model: each.probability for each in choice.ranked}
    return DecisionRecord(
        id=new_id(),
        ts=at,
        status="failed_upstream" if dies else "completed",
        endpoint="chat",
        stream=rng.random() < 0.6,
        decision=Decision(
            "auto",
            tuple(MODELS),
            tuple(by_model[name] for name in MODELS),
            tuple(each.model for each in choice.ranked),
            choice.reasons,
            choice.version,
            explored=choice.ranked[0].score < max(each.score for each in choice.ranked),
            seed=rng.randrange(10**6),
            features=features,
        ),
        attempts=attempts,
        served_model=None if dies else served,
        conversation_id=f"talk-{rng.randrange(400)}",
        key_prefix=rng.choice(("sk-thal-app001", "sk-thal-bot002", "sk-thal-dev003")),
        intent=Intent((intent,), confidence, rng.choice(("reflex", "reflex", "qwen3"))),
        passages=(Citation("guide/keys.md", 12, 31), Citation("guide/limits.md", 3, 18)) if documents else (),
        savings=SAVED if documents else None,
        spans=_spans(rng, attempts, documents=documents),
        preview=question,
        error_code="upstream_failed" if dies else None,
        http_status=502 if dies else 200,
    )


def _attempts(
    rng: Random, ranked: tuple[str, ...], tokens: tuple[int, int], *, fails: bool, dies: bool
) -> tuple[tuple[AttemptRecord, ...], str]:
    tried: list[AttemptRecord] = []
    for n, name in enumerate(ranked[:2] if fails else ranked[:1], start=1):
        usd, mean_ms, _skill = MODELS[name]
        took = max(120.0, rng.lognormvariate(math.log(mean_ms), 0.45))
        place = f"{name}/vllm"
        if fails and (n == 1 or dies):
            kind = rng.choice(("transient", "rate"))
            tried.append(
                AttemptRecord(n, place, name, "openai", committed=False, failure_class=kind, error="429" if kind == "rate" else "timeout",
                              status=429 if kind == "rate" else None, duration_ms=took / 3)
            )  # fmt: skip
        else:
            cost = Cost(usd * rng.uniform(0.5, 1.7), "estimated")
            tried.append(
                AttemptRecord(n, place, name, "openai", committed=True, status=200, ttft_ms=took * 0.3, duration_ms=took,
                              usage=Usage(*tokens), cost=cost, finish_reason="stop")
            )  # fmt: skip
    return tuple(tried), tried[-1].model


def _spans(rng: Random, attempts: tuple[AttemptRecord, ...], *, documents: bool) -> tuple[Span, ...]:
    spans, at = [], 0.0
    stages = [("admit", 0.3), ("parse", 0.2), ("reflex", 2.5), ("classify", 18.0)]
    stages += [("retrieve", 34.0)] if documents else []
    stages += [("choose", 1.1), ("relay", sum(each.duration_ms for each in attempts))]
    for name, mean_ms in stages:
        took = mean_ms if name == "relay" else mean_ms * rng.uniform(0.7, 1.5)
        spans.append(Span(name, at, took))
        at += took
    return tuple(spans)

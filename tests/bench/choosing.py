"""How long it takes to choose among ten models: eligibility, offers, expectations, scores, probabilities, the draw.

`python -m tests.bench.choosing` prints the tables of `docs/routing.md`, with `--http` also that of whole analyses over
HTTP, with the shipped micro-models. Nothing is asked of any model.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

from config.loader import shipped_providers
from config.model_settings import DeploymentSettings, ModelSettings, PriceOverride
from config.prices import TokenPrices, list_prices
from config.settings import Settings
from router.catalog import build_catalog
from router.choosing.choose import Terms, settle, version_of
from router.choosing.eligibility import eligible_among
from router.choosing.offering import offers_of
from router.choosing.standings import Standings
from router.choosing.starting import StartingExperience
from router.choosing.values import Experience, Lesson, Offer, Question
from router.learning.online import OnlineExperience
from router.selection import decide_chosen
from router.snapshot import Catalog, Deployment
from tests.e2e.gateway import model, running_gateway

N_LESSONS = 2_000
N_ANALYSES = 400
WARM_UP = 200
SEED = 20261121


def catalog(n_models: int) -> Catalog:
    """Return models with prices, domains and windows that differ."""
    models = tuple(
        ModelSettings(
            f"model-{i}",
            (
                DeploymentSettings(
                    "openai",
                    f"m{i}",
                    context_window=32_000 * (1 + i),
                    weight=1 + i % 3,
                    price=PriceOverride(0.1 * (1 + i), 0.4 * (1 + i), source_date=date(2026, 11, 21)),
                ),
            ),
            domains=(("code", "math", "writing", "chinese")[i % 4],),
            capabilities=("chat", "tools", "vision", "json_schema"),
        )
        for i in range(n_models)
    )
    return build_catalog(Settings(providers=shipped_providers(), models=models), {"OPENAI_API_KEY": "sk-made-up"})


def questions(n: int) -> list[Question]:
    """Return questions that differ in all that a choice reads."""
    rng = Random(SEED)
    words = [
        "why",
        "how",
        "sort",
        "list",
        "matrix",
        "refund",
        "invoice",
        "退款",
        "数据库",
        "函数",
        "天气",
        "summarize",
        "translate",
        "proof",
    ]
    return [
        Question(
            " ".join(rng.choices(words, k=rng.randint(5, 200))),
            language=rng.choice(["en", "zh"]),
            domain=rng.choice(["code", "math", "writing", ""]),
            intents=rng.choice([(), ("payment",), ("user_auth", "inventory")]),
            complexity=rng.randint(1, 10),
            n_tokens=rng.randint(20, 8_000),
            has_code=rng.random() < 0.3,
            task_state="new",
            caller=rng.choice([None, "sk-thal-abc"]),
        )
        for _ in range(n)
    ]


def timed(ask: Callable[[Question], object], asked: list[Question]) -> list[float]:
    """Return median and 99th percentile of one decision in milliseconds: by the clock, then of the processor's time."""
    for question in asked[:WARM_UP]:
        ask(question)
    gc.collect()
    took: list[float] = []
    worked: list[float] = []
    for question in asked:
        began, at_work = time.perf_counter(), time.thread_time()
        ask(question)
        worked.append((time.thread_time() - at_work) * 1000)
        took.append((time.perf_counter() - began) * 1000)
    return [sorted(each)[int(len(each) * share)] for each in (took, worked) for share in (0.5, 0.99)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--http", action="store_true", help="also time POST /api/routing/analyze")
    options = parser.parse_args()
    found = catalog(options.models)
    asked = questions(options.requests)
    repeated = [replace(asked[i % 20]) for i in range(options.requests)]
    rows = (
        ("nothing learned", asked, StartingExperience(), 0),
        (f"{N_LESSONS:,} outcomes learned", asked, learned(found, asked), 0),
        (f"{N_LESSONS:,} outcomes, 20 questions repeated", repeated, learned(found, asked), 1_024),
    )
    print(f"| one decision among {options.models} models, ms | p50 | p99 | processor's time: p50 | p99 |")
    print("|---|---|---|---|---|")
    for name, each, experience, entries in rows:
        figures = timed(deciding(found, experience, entries), each)
        print(f"| {name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    if options.http:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(over_http(Path(folder), asked[:N_ANALYSES], n_models=options.models))


async def over_http(folder: Path, asked: list[Question], *, n_models: int) -> None:
    """Print how long analyses take, one at a time, on a gateway with these many models that are never asked."""
    models = [model(f"m{i}", f"http://127.0.0.1:9/v1/{i}", provider="openai") for i in range(n_models)]
    async with running_gateway(folder, *models, env={"OPENAI_API_KEY": "sk-made-up"}) as gateway:
        while gateway.house.understanding.state()["status"] != "ok":  # noqa: ASYNC110  # loading tells nobody
            await asyncio.sleep(0.05)
        took: list[float] = []
        for question in asked:
            began = time.perf_counter()
            answer = await gateway.http.post("/api/routing/analyze", json={"query": question.text})
            took.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
    took.sort()
    print(f"\n| one analysis over HTTP, ms | p50 {took[len(took) // 2]:.1f} | p95 {took[int(len(took) * 0.95)]:.1f} |")


def deciding(found: Catalog, experience: Experience, entries: int) -> Callable[[Question], object]:
    """Return what a request does after its question is known."""
    standings = Standings(clock=time.monotonic, max_entries=entries)
    terms, rng = Terms(), Random(SEED)

    def decide(question: Question) -> object:
        models = found.live_models()
        weights = dict(zip((each.name for each in models), found.auto_weights(), strict=True))
        eligible = eligible_among(models, question, weights=weights)
        offers = offers_of(eligible.models, weights=weights, price=price, usual_ms=lambda _: 500.0)
        stood = standings.of(question, offers, experience, terms=terms)
        choice = settle(stood, version=version_of(terms, experience.version), seed=rng.getrandbits(53))
        return decide_chosen(found, choice)

    return decide


def learned(found: Catalog, asked: list[Question]) -> Experience:
    """Return an experience of outcomes: some models are better at some things."""
    offers = [Offer(name) for name in found.models]
    experience = OnlineExperience(StartingExperience(), offers)
    rng = Random(SEED)
    lessons = [
        Lesson(str(n), rng.choice(asked), rng.choice(offers).model, reward=float(rng.random() < 0.7))
        for n in range(N_LESSONS)
    ]
    experience.learn(lessons, at=datetime(2026, 11, 21, tzinfo=UTC))
    return experience


def price(deployment: Deployment) -> TokenPrices | None:
    """Look the price up as a request does."""
    return list_prices(deployment.target.provider, deployment.target.upstream_model, deployment.pricing)


if __name__ == "__main__":
    main()

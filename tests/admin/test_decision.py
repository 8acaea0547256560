"""The decision explorer: everything that is known of one decision, and what may be said about it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from admin.desk.decisions import Bodies, PolicyNow, Replayed
from config.errors import InvalidRequestError, NotFoundError, UnavailableError
from config.ids import new_id
from config.types import AttemptRecord, Citation, Cost, Decision, DecisionRecord, Intent, OutcomeRecord, Span, Usage
from router.choosing.choose import Terms, choose
from router.choosing.eligibility import RESTING
from router.choosing.starting import StartingExperience
from router.choosing.stored import candidates_json, question_json, runner_up_json
from router.choosing.values import Offer, Question
from router.history import decision_bodies, decision_json
from router.ledger import DecisionBook, OutcomeBook
from tests.admin.conftest import HOSTILE

OFFERS = {
    "cheap": Offer("cheap", domains=("code",), input_usd=0.1, output_usd=0.4, weight=1.0, latency_ms=300.0),
    "good": Offer("good", input_usd=3.0, output_usd=15.0, weight=1.2, latency_ms=2_000.0),
}
JUDGED = {"outcome": "answered", "answer": {"selected_model": "good", "confidence": 0.7, "reasoning": HOSTILE}}


@dataclass
class Decisions:
    """A `DecisionsDesk` over the tests' database; notes what it is asked to do."""

    database: object
    said: list = field(default_factory=list)
    replays: list = field(default_factory=list)
    problem: Exception | None = None
    replayed: object = None
    neighbours: list = field(default_factory=list)

    async def find(self, decision_id):
        if self.problem is not None:
            raise self.problem
        return await decision_json(self.database, decision_id)

    async def bodies(self, decision_id):
        return Bodies(*await decision_bodies(self.database, decision_id), are_stored=False)

    async def policy(self, models):
        return PolicyNow({name: OFFERS[name] for name in models if name in OFFERS}, StartingExperience(), Terms())

    async def cost_usd(self, model, usage):
        offer = OFFERS.get(model)
        return None if offer is None else (usage.input_tokens * offer.input_usd + usage.output_tokens * 1.0) / 1e6

    def similar(self, decision_id):  # noqa: ARG002  # the Protocol's
        return {"similar": self.neighbours, "similar_by_model": [{"model": "good", "n": 3, "mean_reward": 0.25}]}

    def intents(self):
        return ("code", "billing")

    def models(self):
        return ("cheap", "good")

    async def say(self, decision_id, opinion, *, actor):
        if self.problem is not None:
            raise self.problem
        self.said.append((decision_id, dict(opinion), actor))

    async def replay(self, decision_id, model, *, actor):
        self.replays.append((decision_id, model, actor))
        return self.replayed


@pytest.fixture
def decisions(sqlite_database):
    """What the explorer is given of the gateway."""
    return Decisions(sqlite_database)


@pytest.fixture
def desk(desk, decisions):
    """The desk with the explorer's part."""
    return replace(desk, decisions=decisions)


def a_choice(*, models=("cheap", "good"), judge=None):
    """Return a decision of the policy, as the pipeline makes it."""
    offers = [OFFERS[name] for name in models]
    question = Question("", language="en", domain="math", complexity=3, n_tokens=900)
    choice = choose(question, offers, StartingExperience(), seed=7)
    by_model = {each.model: each.probability for each in choice.ranked}
    return Decision(
        "auto",
        tuple(each.model for each in offers),
        tuple(by_model[each.model] for each in offers),
        tuple(each.model for each in choice.ranked),
        choice.reasons,
        choice.version,
        seed=2**53 + 1,
        judge=judge,
        features={
            "language": "en",
            "domain": "math",
            "question": question_json(question),
            "dial": 0.5,
            "experience": "start-1",
            "candidates": candidates_json(choice),
            "runner_up": runner_up_json(choice, dial=0.5),
            "excluded": {"blind": ["it has no vision"], "tired": [RESTING]},
        },
    )


def a_record(**changes):
    """Return a decision with everything in it."""
    failed = AttemptRecord(
        1, "good/one", "good", "openai", committed=False, failure_class="rate", error=HOSTILE, status=429,
        duration_ms=20.0,
    )  # fmt: skip
    answered = AttemptRecord(
        2, "cheap/one", "cheap", "vllm", committed=True, status=200, ttft_ms=80.0, duration_ms=400.0,
        usage=Usage(1_000, 500, cached_tokens=100), cost=Cost(0.0003, "upstream"), finish_reason="stop",
    )  # fmt: skip
    tiers = [{"intents": ["math"], "confidence": 0.9, "source": "micro", "abstained": False, "ms": 0.4}]
    beside = {
        "ner": {
            "labels": [],
            "confidence": 0.8,
            "abstained": False,
            "ms": 2.0,
            "entities": [{"label": "person", "text": HOSTILE}],
        }
    }
    record = DecisionRecord(
        new_id(),
        datetime.now(UTC),
        "completed",
        "chat",
        stream=False,
        decision=a_choice(),
        attempts=(failed, answered),
        served_model="cheap",
        conversation_id="a talk/?&",
        intent=Intent(("math",), 0.9, "micro"),
        passages=(Citation("zh/快速开始.md", 3, 9),),
        savings={"sent_tokens": 700, "against": {"all_documents": {"tokens": 9_000, "saved": 8_000}}},
        spans=(
            Span("admit", 0.0, 0.2),
            Span("reflex", 0.2, 0.1, {"rule": "(?i)sum"}),
            Span("classify", 0.3, 1.0, {"tiers": tiers}),
            Span("judge", 1.3, 0.0, {"abstained": True, "skipped": True}),
            Span("dispatch", 1.5, 421.0, {"attempts": 2}),
            Span("beside", 425.0, 2.0, beside),
        ),
        preview=HOSTILE,
        warnings=("top_k dropped",),
    )
    return replace(record, **changes)


async def booked(database, record, *said):
    """Write a decision, and return where its page is."""
    book, outcomes = DecisionBook(), OutcomeBook()
    await database.transact(lambda connection: book.write(connection, [book.payload(record)]))
    if said:
        await database.transact(lambda c: outcomes.write(c, [outcomes.payload(each) for each in said]))
    return f"/dashboard/decisions/{record.id}"


async def test_the_twin_tells_everything(site, sqlite_database):
    """Stages with attempts below, who could have answered, what it cost, what it would have cost, what flips it."""
    record = a_record()
    said = OutcomeRecord(record.id, "user", "rating", record.ts, score=0.75, comment=None)
    twin = (await site.get(await booked(sqlite_database, record, said) + ".json")).json()
    stages = [(each["name"], each["depth"], each["state"]) for each in twin["stages"]]

    assert [
        ("admit", 0, "good"),
        ("reflex", 0, "good"),
        ("classify", 0, "good"),
        ("judge", 0, "off"),
        ("dispatch", 0, "good"),
        ("good/one", 1, "bad"),
        ("cheap/one", 1, "good"),
        ("beside", 0, "good"),
    ] == stages
    assert record.decision.ranked == tuple(each["model"] for each in twin["candidates"])
    assert (0.0003, "good", pytest.approx(0.0035)) == (
        twin["costs"]["usd"],
        twin["costs"]["dearest"]["model"],
        twin["costs"]["dearest"]["usd"],
    )
    assert ("good", True) == (twin["costs"]["runner_up"]["model"], twin["costs"]["runner_up"]["estimated"])
    assert ("shown", "same") == (twin["flips"]["state"], twin["flips"]["accuracy"])
    assert {"dial", "health"} <= {each["feature"] for each in twin["flips"]["changes"]}
    assert (str(2**53 + 1), "math", "(?i)sum") == (
        twin["draw"]["seed"],
        twin["intent"]["label"],
        twin["intent"]["rule"],
    )
    assert [{"found_by": "ner", "label": "person", "text": HOSTILE}] == twin["entities"]
    assert (0.75, "rating") == (twin["said"]["rating"]["score"], twin["decision"]["outcomes"][0]["kind"])


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_page_shows_it_as_text(site, sqlite_database, language):
    """Whatever a prompt, an upstream's error or a judge said; in both languages."""
    path = await booked(sqlite_database, a_record(decision=a_choice(judge=JUDGED)))
    page = await site.get(path, headers={"accept-language": language})

    assert 200 == page.status_code
    assert "<script>alert(1)" not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") >= 4
    assert "<svg onload" not in page.text
    for part in ("zh/快速开始.md", "good/one", "top_k dropped", "conversation=a%20talk/%3F%26", "blind"):
        assert part in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_similar_questions_are_listed_with_what_was_thought_of_their_answers(
    site, sqlite_database, decisions, language
):
    """Each leads to its own page; without any there is no such section."""
    page = await booked(sqlite_database, a_record())
    bare = (await site.get(page, headers={"accept-language": language})).text
    other = {"decision_id": new_id(), "model": HOSTILE, "similarity": 0.81, "at": "2026-11-21T08:00:00+00:00"}
    decisions.neighbours = [{**other, "reward": 0.75, "source": "user"}, {**other, "reward": None, "source": None}]
    shown = (await site.get(page, headers={"accept-language": language})).text

    assert 'id="similar"' not in bare
    assert 2 == shown.count(f'href="/dashboard/decisions/{other["decision_id"]}"')
    assert "81" in shown
    assert "25" in shown
    assert HOSTILE not in shown


async def test_a_decision_of_no_policy_is_told_as_one(site, sqlite_database):
    """A rule or a name settled it: nothing is weighed, and nothing flips."""
    decision = Decision("cheap", ("cheap",), (1.0,), ("cheap",), ("asked for by name",), "named-1")
    path = await booked(sqlite_database, a_record(decision=decision))
    twin = (await site.get(f"{path}.json")).json()

    assert ("no_policy", None) == (twin["flips"]["state"], twin["candidates"][0]["weighed"])
    assert 200 == (await site.get(path)).status_code


async def test_a_refused_request_has_a_page_too(site, sqlite_database):
    """No model, no attempt, no intent."""
    record = a_record(
        status="refused",
        decision=None,
        attempts=(),
        served_model=None,
        intent=None,
        passages=(),
        savings=None,
        spans=(),
        preview=None,
        conversation_id=None,
        error_code="bad",
        http_status=400,
    )
    path = await booked(sqlite_database, record)
    twin = (await site.get(f"{path}.json")).json()
    page = await site.get(path)

    assert ([], None, "no_policy") == (twin["candidates"], twin["costs"]["dearest"], twin["flips"]["state"])
    assert "refused before a model" in page.text


async def test_one_that_could_be_chosen_alone_has_no_alternative(site, sqlite_database):
    """Nothing flips where nobody else is there; one that only rested would be somebody."""
    alone = a_choice(models=("cheap",))
    lonely = replace(alone, features={**alone.features, "excluded": {}})
    first = (await site.get(await booked(sqlite_database, a_record(decision=lonely)) + ".json")).json()
    second = (await site.get(await booked(sqlite_database, a_record(decision=alone)) + ".json")).json()

    assert ("only_one", "shown") == (first["flips"]["state"], second["flips"]["state"])


@pytest.mark.parametrize(
    ("judge", "seed", "probabilities", "accuracy"),
    [
        ({"followed": True}, 1, (0.1, 0.9), "judged"),
        (None, 1, (0.1, 0.9), "changed"),
        (None, None, (1.0, 0.0), "not_drawn"),
    ],
)
async def test_it_is_said_where_the_policy_alone_gives_other_probabilities(
    site, sqlite_database, judge, seed, probabilities, accuracy
):
    """A judge's word, settings that changed, or no draw at all."""
    decision = replace(a_choice(), judge=judge, seed=seed, probabilities=probabilities)
    path = await booked(sqlite_database, a_record(decision=decision))
    twin = (await site.get(f"{path}.json")).json()

    assert accuracy == twin["flips"]["accuracy"]
    assert 200 == (await site.get(path)).status_code


@pytest.mark.parametrize(
    ("decision_id", "status", "key"),
    [
        ("last", 400, "malformed_id"),
        ("..%2f..%2fetc%2fpasswd", 404, None),
        ("1%27%20OR%201=1", 400, "malformed_id"),
        ("00000000-0000-4000-8000-000000000000", 400, "malformed_id"),
        ("01a1fffc-31fe-70c7-a390-79d4cd2d29cf", 404, "unknown"),
    ],
)
async def test_an_id_that_is_none_is_told_so(site, decision_id, status, key):
    """Malformed, or of nobody we know: a page and a twin in words."""
    page = await site.get(f"/dashboard/decisions/{decision_id}")
    twin = await site.get(f"/dashboard/decisions/{decision_id}.json")

    assert (status, status) == (page.status_code, twin.status_code)
    if key is not None:
        assert f"decision.{key}" == twin.json()["error"]["code"]


async def test_a_lost_database_is_told_so(site, decisions):
    """503 with what to do."""
    decisions.problem = UnavailableError("away")
    page = await site.get(f"/dashboard/decisions/{new_id()}")

    assert 503 == page.status_code
    assert "database does not answer" in page.text


@pytest.mark.parametrize(
    ("form", "opinion"),
    [
        ({"rating": "4"}, {"rating": 4}),
        ({"thumbs": "down"}, {"thumbs": "down"}),
        ({"comment": f" {HOSTILE} "}, {"comment": HOSTILE}),
        ({"corrected_intent": "billing"}, {"corrected_intent": "billing"}),
    ],
)
async def test_an_opinion_is_taken(site, sqlite_database, decisions, form, opinion):
    """By the door of feedback, under the name of who said it; the page says so."""
    record = a_record()
    path = await booked(sqlite_database, record)
    page = await site.change(f"{path}/say", **form)

    assert [(record.id, opinion, "dashboard:the-admin")] == decisions.said
    assert (200, True) == (page.status_code, "in the books" in page.text or "corrected" in page.text)


@pytest.mark.parametrize(
    ("form", "problem", "status"),
    [
        ({}, None, 400),
        ({"rating": "6"}, None, 400),
        ({"rating": "nan"}, None, 400),
        ({"thumbs": "sideways"}, InvalidRequestError("'thumbs' must be 'up' or 'down'."), 400),
        ({"rating": "1"}, NotFoundError("gone"), 404),
        ({"rating": "1"}, UnavailableError("away"), 503),
    ],
)
async def test_what_is_no_opinion_is_refused_in_words(site, decisions, form, problem, status):
    """And nothing is said."""
    decisions.problem = problem
    answer = await site.change(f"/dashboard/decisions/{new_id()}/say", **form)

    assert (status, []) == (answer.status_code, decisions.said)


async def test_only_an_administrator_may_say_or_ask_again(viewer, sqlite_database, decisions):
    """A viewer sees neither the forms nor has them taken."""
    path = await booked(sqlite_database, a_record(request_body=b"{}"))
    page = await viewer.get(path)

    assert (403, 403) == (
        (await viewer.change(f"{path}/say", rating="5")).status_code,
        (await viewer.change(f"{path}/replay", model="good")).status_code,
    )
    assert ([], [], False) == (decisions.said, decisions.replays, f"{path}/say" in page.text)


async def test_asking_again_leads_to_the_new_decision(site, sqlite_database, decisions):
    """With its answer, or with why there is none."""
    record, new = a_record(request_body=b'{"messages": []}', response_body=b"42"), a_record()
    path, onward = await booked(sqlite_database, record), await booked(sqlite_database, new)
    shown = await site.get(path)
    decisions.replayed = Replayed(new.id, 200)
    answered = await site.change(f"{path}/replay", model="good")
    decisions.replayed = Replayed(new.id, 502, HOSTILE)
    failed = await site.change(f"{path}/replay", model="good")

    assert "42</pre>" in shown.text
    assert [(record.id, "good", "dashboard:the-admin")] * 2 == decisions.replays
    assert (onward, onward) == (answered.url.path, failed.url.path)
    assert ("good answered", True) == (
        "good answered" if "good answered" in answered.text else "",
        "&lt;script&gt;" in failed.text,
    )


@pytest.mark.parametrize(
    ("model", "replayed", "status"),
    [
        ("nobody", None, 400),
        ("good", "no_body", 409),
        ("good", "no_door", 409),
        ("good", Replayed(None, 429, "too many"), 502),
    ],
)
async def test_what_cannot_be_asked_again_says_what_it_needs(site, decisions, model, replayed, status):
    """An unknown model, a request that was not stored, a way in that cannot be taken, a limit."""
    decisions.replayed = replayed
    answer = await site.change(f"/dashboard/decisions/{new_id()}/replay", model=model)

    assert status == answer.status_code


async def test_the_page_asks_the_database_a_handful_of_questions(site, sqlite_database, statements):
    """However much there is to tell."""
    path = await booked(sqlite_database, a_record())
    statements.clear()
    await site.get(path)

    assert len([each for each in statements if "admin_" not in each]) <= 7


async def test_without_the_gateway_there_is_no_explorer(open_site):
    """A page whose part is missing is none."""
    async with open_site("admin", decisions=None) as site:
        assert 404 == (await site.get(f"/dashboard/decisions/{new_id()}")).status_code

"""What is loaded, let go and told of; what the other models say is taken when it is there, and never waited for."""

import asyncio
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from classifier import conversation
from classifier.features import features_of
from classifier.micromodel import ServedModel
from classifier.readings import COMPLEXITY, DOMAIN, Reading
from classifier.runtime import CheckedSession
from config.classifier_settings import ClassifierSettings, IntentModelSettings
from config.errors import SettingsError
from config.intents import IntentCatalogue, shipped_intents
from config.types import Decision
from proxy import classifying
from proxy.beside import HEARD_FIRST, MOST_WAITING, SideReader, SideReading, Turn
from proxy.doors import OPENAI
from proxy.exchange import Exchange
from proxy.intent_model import OllamaTier, QwenTier, identity_of, open_model, without_folders
from proxy.understanding import ARTEFACTS, Understanding
from router.attempt import AttemptLog

OLLAMA = IntentModelSettings(backend="ollama", base="qwen3:0.6b", ollama_url="http://127.0.0.1:9")
URL = "http://127.0.0.1:9"


class FailingSession:
    """Stands for the runtime under a model, and fails."""

    def run(self, names: object, inputs: object) -> object:
        """Fail."""
        raise RuntimeError(f"{names} {type(inputs)}")


class Gated:
    """A reader that waits for its gate."""

    version = "1"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = False

    def read(self, text: str) -> Reading:
        """Wait, then say something."""
        self.asked = True
        self.gate.wait(5)
        return Reading((text,), 1.0, abstained=False, ms=0.0)


@pytest.fixture
async def understanding():
    """An understanding with everything shipped in it."""
    made = Understanding()
    await made.load()
    yield made
    await made.aclose()


def exchange_of(text: str) -> Exchange:
    """Return an exchange that was decided."""
    made = Exchange("id", OPENAI, AttemptLog(lambda: 0.0))
    made.features = features_of(conversation.read([{"role": "user", "content": text}]))
    made.decision = Decision("auto", ("m",), (1.0,), ("m",), (), "", features={"a": 1})
    return made


def test_building_reads_no_model_and_answers_by_rule() -> None:
    """The start waits for nothing but the catalogue."""
    made = Understanding()

    assert "loading" == made.state()["status"]
    assert "rule" == made.cascade.look(shipped_intents().intents[0].examples_en[0]).source
    assert {} == made.read_now("x")
    assert made.read_beside("x") is None


def test_wrong_intents_stop_the_start(tmp_path: Path) -> None:
    """A file that cannot be read is said at once, not at the first request."""
    (tmp_path / "i.toml").write_text("[[intent]]\n")
    with pytest.raises(SettingsError, match="needs 'name'"):
        Understanding(ClassifierSettings(intents_file=tmp_path / "i.toml"))


async def test_every_folder_is_loaded_and_a_broken_one_is_told_of(tmp_path: Path) -> None:
    """What else lies there does not matter; a missing folder of all is an absence."""
    shutil.copytree(ARTEFACTS / "intent", tmp_path / "intent")
    (tmp_path / "broken").mkdir()
    (tmp_path / "README.md").touch()
    made, without = Understanding(artefacts=tmp_path), Understanding(artefacts=tmp_path / "gone")
    await made.load()
    await made.load()
    without.load_now()
    state = made.state()

    assert ("ok", "failed", "off") == (state["intent"]["status"], state["broken"]["status"], state["model"]["status"])
    assert state["broken"]["error"].startswith("broken/card.json: cannot be read")
    assert "absent" == without.state()["intent"]["status"]
    await made.aclose()


async def test_health_says_that_a_model_fails(understanding: Understanding) -> None:
    """A runtime that fails at a text makes the tier abstain, and the state names the file without its folder."""
    served: ServedModel = understanding._served  # the wire to the runtime is what fails
    served.current._session = CheckedSession(FailingSession(), (RuntimeError,), str(ARTEFACTS / "intent/model.onnx"))
    asked = await understanding.ask("where is my money")

    assert (True, "micro") == (asked.tiers[-1].abstained, asked.tiers[-1].source)
    assert "failing" == understanding.state()["intent"]["status"]
    assert understanding.state()["intent"]["error"].startswith("intent/model.onnx: the model failed on a text")


async def test_other_settings_bring_and_take_the_large_model(understanding: Understanding) -> None:
    """The kind changes, the same kind is exchanged in place, and what is off is closed."""
    plain, shipped = ClassifierSettings(), shipped_intents()
    qwen = replace(plain, model=IntentModelSettings(artefact=Path("gone/head")))
    understanding.adopt(replace(plain, model=OLLAMA), shipped, ollama_url=URL)
    ollama = understanding._model
    idle = understanding.state()["model"]
    understanding.adopt(qwen, shipped, ollama_url=URL)
    first = understanding._model
    understanding.adopt(qwen, shipped, ollama_url=URL)
    understanding.adopt(replace(qwen, model=replace(qwen.model, threads=2)), shipped, ollama_url=URL)
    same = understanding._model
    await understanding.settled()
    failed = understanding.state()["model"]
    understanding.adopt(plain, shipped, ollama_url=URL)

    assert isinstance(ollama, OllamaTier)
    assert isinstance(first, QwenTier)
    assert first is same
    assert ({"status": "idle", "backend": "ollama", "model": "qwen3:0.6b"}, "failed") == (idle, failed["status"])
    assert failed["error"].startswith("head")
    assert {"status": "off"} == understanding.state()["model"]


async def test_switched_off_while_it_loads(tmp_path: Path) -> None:
    """A reload in the middle of the start leaves nothing behind."""
    made = Understanding(ClassifierSettings(model=OLLAMA), artefacts=tmp_path)
    loading = asyncio.create_task(made.load())
    await asyncio.sleep(0)
    made.adopt(ClassifierSettings(enabled=False), shipped_intents(), ollama_url=URL)
    await loading
    off = made.state()
    made.adopt(ClassifierSettings(), shipped_intents(), ollama_url=URL)
    await asyncio.gather(*made._tasks)

    assert {"status": "off"} == off
    assert "ok" == made.state()["status"]
    await made.aclose()


async def test_turns_are_read_after_a_head_start_or_at_the_end(understanding: Understanding) -> None:
    """Whoever is quicker: the request that ends, or its head start."""
    hurried, patient = understanding.read_beside("why?"), understanding.read_beside("how?")
    await hurried.finish(within_s=5)
    await asyncio.wait({patient._task})

    assert "is_question" in hurried.take()
    assert "is_question" in patient.take()


async def test_only_those_that_are_needed_read_a_turn_that_nobody_answers(understanding: Understanding) -> None:
    """Who only chooses asks the models that a choice reads, and spares the processor the others."""
    reading = understanding.read_beside("why does this code fail?", only=HEARD_FIRST)
    await reading.finish(within_s=5)

    assert {DOMAIN, COMPLEXITY} == set(reading.take())
    assert understanding.read_beside("why?", only=("nobody",)) is None


async def test_not_too_many_wait_to_be_read() -> None:
    """Who comes while the other models are far behind is not read by them."""
    gated, side = Gated(), SideReader()
    readings = [side.begin({"gated": gated}, str(n)) for n in range(MOST_WAITING + 1)]
    for each in readings[:-1]:
        each._go.set()
    while side._n_waiting < MOST_WAITING:  # noqa: ASYNC110  # each step of the loop brings them on
        await asyncio.sleep(0)
    await readings[-1].finish(within_s=5)
    gated.gate.set()
    await asyncio.gather(*(each.finish(within_s=5) for each in readings))
    found = [each.take() for each in readings]
    side.close()

    assert {} == found[-1]
    assert [(str(n),) for n in range(MOST_WAITING)] == [each["gated"].labels for each in found[:-1]]


async def test_the_quick_models_are_heard_while_the_slow_ones_still_read() -> None:
    """A choice waits for the domain, not for the tagger; what is late is there at the end all the same."""
    slow, side = Gated(), SideReader()
    quick = Gated()
    quick.gate.set()
    reading = side.begin({"ner": slow, "domain": quick}, "x")

    heard = await reading.hear(within_s=5)
    slow.gate.set()
    await reading.finish(within_s=5)
    found = reading.take()
    side.close()

    assert ["domain"] == list(heard)
    assert ["ner", "domain"] == list(found)


async def test_nobody_waits_for_a_quick_model_that_is_slow() -> None:
    """After the time that was given there is nothing to hear, and the reading goes on; a broken one says nothing."""
    slow, side = Gated(), SideReader()
    reading = side.begin({"domain": slow}, "x" * 700)

    async def fail() -> dict[str, Reading]:
        raise RuntimeError("the executor is closed")

    broken = SideReading(asyncio.create_task(fail()), asyncio.Event(), asyncio.Future(), Turn("x", {}, {}))
    early, nothing = await reading.hear(within_s=0.01), await broken.hear(within_s=5)
    slow.gate.set()
    await reading.finish(within_s=5)
    found = reading.take()
    side.close()

    assert ({}, {}, {}) == (early, nothing, broken.take())
    assert ["domain"] == list(found)


async def test_a_short_turn_is_heard_where_the_request_is() -> None:
    """No thread is asked for the quick models, so that a choice does not wait for one that is busy."""
    slow, busy, side = Gated(), Gated(), SideReader()
    quick = Gated()
    quick.gate.set()
    before = side.begin({"ner": busy}, "x" * 700)
    before._go.set()
    reading = side.begin({"ner": slow, "domain": quick}, "x")
    heard = await reading.hear(within_s=0)
    again = await reading.hear(within_s=0)
    found = reading.take()
    busy.gate.set()
    await before.finish(within_s=5)
    side.close()

    assert ["domain"] == list(heard) == list(again) == list(found)
    assert heard["domain"] is again["domain"]


async def test_a_turn_that_was_given_up_is_not_read_on() -> None:
    """A request that is over costs no more than the model that is at work."""
    working, spared, side = Gated(), Gated(), SideReader()
    reading = side.begin({"a": working, "b": spared}, "x")
    reading._go.set()
    while not working.asked:  # noqa: ASYNC110  # each step of the loop brings it on
        await asyncio.sleep(0)
    found = reading.take()
    working.gate.set()
    side._executor.shutdown(wait=True)

    assert {} == found
    assert not spared.asked


def said(**readings: Reading) -> SideReading:
    """Return a reading that is there."""

    async def read() -> dict[str, Reading]:
        return readings

    return SideReading(asyncio.create_task(read()), asyncio.Event(), asyncio.Future(), Turn("x", {}, {}))


async def test_what_was_read_stands_in_features_and_trace() -> None:
    """The learned features are laid over the known ones, and the span tells each model's word."""
    exchange = exchange_of("x")
    exchange.beside = said(domain=Reading(("code",), 0.99, abstained=False, ms=0.3))
    await exchange.beside.finish(within_s=5)
    classifying.take(exchange, with_texts=True)

    assert {"a": 1, "domain": "code"} == exchange.decision.features
    assert ["beside"] == [each.name for each in exchange.trace.spans]
    assert ["code"] == exchange.trace.spans[0].notes["domain"]["labels"]
    assert 0.3 == exchange.trace.spans[0].duration_ms


async def test_what_is_not_there_is_given_up() -> None:
    """A late reading is cancelled, a failed one is nothing, and who was never read has nothing to give."""
    late, failed, never = exchange_of("x"), exchange_of("x"), exchange_of("x")

    async def fail() -> dict[str, Reading]:
        raise RuntimeError("the executor is closed")

    late.beside = SideReading(
        task := asyncio.create_task(asyncio.sleep(60)), asyncio.Event(), asyncio.Future(), Turn("x", {}, {})
    )
    failed.beside = SideReading(asyncio.create_task(fail()), asyncio.Event(), asyncio.Future(), Turn("x", {}, {}))
    await asyncio.sleep(0)
    for each in (late, failed, never):
        classifying.take(each, with_texts=True)
    await asyncio.wait([task])

    assert task.cancelled()
    assert [[], [], []] == [each.trace.spans for each in (late, failed, never)]
    assert {"a": 1} == late.decision.features


async def test_words_of_the_user_are_not_kept_against_the_settings() -> None:
    """Where no preview is stored, no entity's text is; a request that was never decided keeps its span."""
    exchange = exchange_of("x")
    exchange.decision = exchange.features = None
    exchange.beside = said(ner=Reading((), 0.9, abstained=False, ms=0.1, entities=({"text": "A", "type": "person"},)))
    await exchange.beside.finish(within_s=5)
    classifying.take(exchange, with_texts=False)

    assert [{"type": "person"}] == exchange.trace.spans[0].notes["ner"]["entities"]


async def test_a_closed_ollama_abstains() -> None:
    """Before its start and after its end it answers nobody, and says that it is off."""
    tier = open_model(OLLAMA, shipped_intents(), ollama_url=URL)
    early = await tier.classify("x", deadline_s=1)
    tier.start()
    await tier.settled()
    refused = await tier.classify("x", deadline_s=1)
    state = tier.state()["status"]
    await tier.aclose()
    await tier.aclose()

    assert (True, True) == (early.abstained, refused.abstained)
    assert ("abstaining", "off") == (state, tier.state()["status"])


def test_no_path_is_told() -> None:
    """Folders before a name are taken off, and a message stays short."""
    assert "head/a: x" == without_folders("/srv/models/head/a: x", Path("/srv/models/head"), None, "Qwen/Qwen3-0.6B")
    assert 300 == len(without_folders("x" * 999))


def test_a_model_is_another_when_it_was_made_anew(tmp_path: Path) -> None:
    """A trained head by its manifest, a model without training by the catalogue; the rest is no reason to load."""
    shipped = shipped_intents()
    fewer = IntentCatalogue(shipped.intents[1:])
    trained, untrained = IntentModelSettings(artefact=tmp_path), IntentModelSettings(base="b")
    absent = identity_of(trained, shipped, ollama_url=URL)
    (tmp_path / "manifest.json").touch()
    present = identity_of(trained, shipped, ollama_url=URL)

    assert absent != present
    assert present == identity_of(trained, fewer, ollama_url="http://elsewhere")
    assert identity_of(untrained, shipped, ollama_url=URL) != identity_of(untrained, fewer, ollama_url=URL)
    assert identity_of(untrained, shipped, ollama_url=URL) == identity_of(untrained, shipped_intents(), ollama_url=URL)


async def test_a_failed_model_is_tried_again_at_a_reload(understanding: Understanding, tmp_path: Path) -> None:
    """Who puts the artefact right and reloads has it; a model that runs is left alone."""
    settings = ClassifierSettings(model=IntentModelSettings(artefact=tmp_path / "gone"))
    understanding.adopt(settings, shipped_intents(), ollama_url=URL)
    await understanding.settled()
    loading = []
    for model in (settings, replace(settings, model=OLLAMA), replace(settings, model=OLLAMA)):
        understanding.adopt(model, shipped_intents(), ollama_url=URL)
        loading.append((understanding._model, understanding.state()["model"]["status"]))

    assert ["loading", "idle", "idle"] == [status for _, status in loading]
    assert loading[1][0] is loading[2][0]

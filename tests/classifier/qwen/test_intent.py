"""Serving: batches, deadlines and abstentions with a head that is told when to answer; the real one on a tiny Qwen3."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from classifier.intent import QwenIntentClassifier, open_classifier, open_untrained
from classifier.qwen.batching import BatchLimits
from classifier.qwen.decision import Rule
from config.errors import ArtefactError, ThalamusError
from tests.classifier.qwen.conftest import LABELS, NO_TORCH, ROWS

TEXTS = [text for text, _ in ROWS]
SURE = np.array([-9.0, 9.0, -9.0])
ONE_BATCH = BatchLimits(window_s=0.05)


class ScriptedHead:
    """A head that answers when its gate is open, and remembers the batches it was given."""

    def __init__(self, *, version="one", scores=SURE, rule=None, failure=None):
        self.rule = rule or Rule(LABELS)
        self.version = version
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()
        self.failure = failure
        self._scores = scores

    def logits(self, texts):
        self.batches.append(list(texts))
        self.began.set()
        self.gate.wait(5)
        if self.failure:
            raise self.failure
        return np.array([self._scores for _ in texts])

    def n_tokens(self, text):
        return len(text)


@pytest.fixture
async def serve():
    """Start a classifier, and end all of them afterwards."""
    opened = []

    async def go(load, limits=ONE_BATCH):
        made = QwenIntentClassifier(load, limits=limits)
        opened.append(made)
        made.start()
        await made.settled()
        return made

    yield go
    for each in opened:
        await each.aclose()


async def began(head):
    """Wait until the head is at work."""
    await asyncio.get_running_loop().run_in_executor(None, head.began.wait, 5)


async def test_what_is_asked_together_is_one_pass(serve):
    """Eight requests within the window cost one prefill."""
    head = ScriptedHead()
    served = await serve(lambda: head)
    found = await asyncio.gather(*(served.classify(text, deadline_s=5) for text in TEXTS[:8]))

    assert [TEXTS[:8]] == head.batches
    assert {("order",)} == {each.labels for each in found}
    assert {"qwen3"} == {each.source for each in found}


async def test_full_batch_does_not_wait_for_its_window(serve):
    """Company that is complete goes at once; the rest is the next batch."""
    head = ScriptedHead()
    served = await serve(lambda: head, BatchLimits(window_s=0.05, max_batch=2))
    await asyncio.gather(*(served.classify(text, deadline_s=5) for text in TEXTS[:5]))

    assert [2, 2, 1] == [len(batch) for batch in head.batches]


async def test_abstains_while_it_loads():
    """The server never waits for the model."""
    gate = threading.Event()

    def load():
        gate.wait(5)
        return ScriptedHead()

    served = QwenIntentClassifier(load)
    served.start()
    early = await served.classify("我要退款", deadline_s=1)
    state = served.condition.state
    gate.set()
    await served.settled()
    late = await served.classify("我要退款", deadline_s=5)
    await served.aclose()

    assert (True, "loading", False) == (early.abstained, state, late.abstained)


async def test_abstains_where_it_is_absent(serve):
    """Nothing configured is no error."""
    served = await serve(None)

    assert (await served.classify("我要退款", deadline_s=1)).abstained
    assert "absent" == served.condition.state


@pytest.mark.parametrize("text", ["", "  \n", "\u3000"])
async def test_empty_text_costs_no_pass(serve, text):
    """There is nothing to understand."""
    head = ScriptedHead()
    served = await serve(lambda: head)

    assert (await served.classify(text, deadline_s=1)).abstained
    assert [] == head.batches


async def test_abstains_at_its_deadline(serve):
    """A pass that takes too long is not waited for, and the next request is not lost."""
    head = ScriptedHead()
    served = await serve(lambda: head)
    head.gate.clear()
    slow = await served.classify("slow", deadline_s=0.1)
    head.gate.set()
    fast = await served.classify("fast", deadline_s=5)

    assert (True, False) == (slow.abstained, fast.abstained)


async def test_who_waited_too_long_costs_nothing(serve):
    """A text whose time is over before its turn is never scored."""
    head = ScriptedHead()
    served = await serve(lambda: head, BatchLimits(window_s=0.0))
    head.gate.clear()
    first = asyncio.create_task(served.classify("first", deadline_s=5))
    await began(head)
    late = await served.classify("late", deadline_s=0.02)
    head.gate.set()
    await first
    await served.classify("last", deadline_s=5)

    assert late.abstained
    assert [["first"], ["last"]] == head.batches


async def test_no_time_at_all_is_an_abstention(serve):
    """A deadline of zero is over."""
    head = ScriptedHead()
    served = await serve(lambda: head)

    assert (await served.classify("x", deadline_s=0)).abstained
    assert [] == head.batches


async def test_full_queue_turns_away_at_once(serve):
    """Nobody waits behind more than may wait."""
    head = ScriptedHead()
    served = await serve(lambda: head, BatchLimits(window_s=0.0, max_waiting=2))
    head.gate.clear()
    tasks = [asyncio.create_task(served.classify("first", deadline_s=5))]
    await began(head)
    tasks += [asyncio.create_task(served.classify(str(n), deadline_s=5)) for n in range(2)]
    await asyncio.sleep(0)
    turned_away = await served.classify("one too many", deadline_s=5)
    head.gate.set()
    found = await asyncio.gather(*tasks)

    assert turned_away.abstained
    assert [False] * 3 == [each.abstained for each in found]


async def test_model_that_is_always_late_is_asked_rarely(serve):
    """Callers do not wait in vain; one in sixteen finds out whether the machine has become faster."""
    head = ScriptedHead()
    served = await serve(lambda: head, BatchLimits(window_s=0.0))
    head.gate.clear()
    slow = asyncio.create_task(served.classify("slow", deadline_s=5))
    await began(head)
    await asyncio.sleep(0.25)
    head.gate.set()
    await slow
    found = [await served.classify(str(n), deadline_s=0.2) for n in range(16)]

    assert [*[True] * 15, False] == [each.abstained for each in found]
    assert [["slow"], ["15"]] == head.batches


async def test_client_that_leaves_takes_nobody_along(serve):
    """A cancelled request's neighbour in the batch is answered."""
    head = ScriptedHead()
    served = await serve(lambda: head)
    head.gate.clear()
    leaving = asyncio.create_task(served.classify("leaves", deadline_s=5))
    staying = asyncio.create_task(served.classify("stays", deadline_s=5))
    await began(head)
    leaving.cancel()
    await asyncio.wait([leaving])
    head.gate.set()

    assert not (await staying).abstained
    assert leaving.cancelled()


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, ThalamusError])
async def test_model_that_fails_is_an_abstention_and_told(serve, kind):
    """Out of memory is no 500, whoever runs out of it; the health page says it, until a pass succeeds."""
    head = ScriptedHead(failure=kind("out of memory"))
    served = await serve(lambda: head)
    failed = await served.classify("x", deadline_s=5)
    told = served.condition
    head.failure = None
    await served.classify("x", deadline_s=5)

    assert failed.abstained
    assert ("ready", "the last pass failed: out of memory") == (told.state, told.problem)
    assert served.condition.problem is None


async def test_a_pass_that_loses_a_text_fails_and_the_next_one_is_answered(serve):
    """Nobody is given another one's scores, and the batches do not end with it."""
    head = ScriptedHead()
    whole, lost = head.logits, [True]
    head.logits = lambda texts: np.zeros((0, 3)) if lost else whole(texts)
    served = await serve(lambda: head)
    failed = await served.classify("x", deadline_s=5)
    told = served.condition.problem
    lost.clear()
    answered = await served.classify("x", deadline_s=5)

    assert failed.abstained
    assert "the last pass failed" in told
    assert not answered.abstained


async def test_unsure_is_an_abstention_with_its_labels(serve):
    """Below the threshold the labels are a hint, not an answer."""
    head = ScriptedHead(scores=np.array([0.1, 0.2, 0.1]), rule=Rule(LABELS, abstain_below=0.9))
    found = await (await serve(lambda: head)).classify("x", deadline_s=5)

    assert found.abstained
    assert "order" in found.labels
    assert found.confidence < 0.9


async def test_old_artefact_serves_until_the_new_one_can(serve):
    """An exchange is seen by nobody but the version."""
    gate = threading.Event()
    served = await serve(lambda: ScriptedHead(version="one"))

    def load():
        gate.wait(5)
        return ScriptedHead(version="two", scores=-SURE)

    before = await served.classify("x", deadline_s=5)
    served.exchange(load)
    gate.set()
    await served.settled()
    after = await served.classify("x", deadline_s=5)

    assert (("order",), "two") == (before.labels, served.condition.version)
    assert "order" not in after.labels


async def test_exchange_loses_no_request(serve):
    """Who waits when the new model comes is answered by the old one."""
    old = ScriptedHead(version="one")
    served = await serve(lambda: old, BatchLimits(window_s=0.2))
    waiting = asyncio.create_task(served.classify("x", deadline_s=5))
    await asyncio.sleep(0)
    served.exchange(lambda: ScriptedHead(version="two"))
    await served.settled()

    assert not (await waiting).abstained
    assert [["x"]] == old.batches


async def test_damaged_artefact_leaves_the_old_one_serving(serve):
    """What cannot be loaded is told, and changes nothing."""
    served = await serve(ScriptedHead)

    def load():
        raise ArtefactError("it was changed", file="model", mend="put it back")

    served.exchange(load)
    told = await served.settled()

    assert ("ready", "one", "model: it was changed; put it back.") == (told.state, told.version, told.problem)
    assert not (await served.classify("x", deadline_s=5)).abstained


async def test_damaged_first_artefact_is_told(serve, tmp_path):
    """The server runs on without; the message names the file and the mend."""
    served = open_classifier(tmp_path / "nowhere")
    served.start()
    told = await served.settled()
    found = await served.classify("x", deadline_s=5)
    await served.aclose()

    assert "failed" == told.state
    assert "manifest.json" in told.problem
    assert "thalamus classifier train" in told.problem
    assert found.abstained


async def test_closing_while_loading_waits_for_nothing_forever():
    """Shutting down before the model came is clean."""
    served = QwenIntentClassifier(ScriptedHead)
    served.start()
    await served.aclose()

    assert "closed" == served.condition.state
    assert (await served.classify("x", deadline_s=1)).abstained


@pytest.mark.ml
async def test_real_head_answers_what_it_learnt(artefact):
    """From text to labels through tokenizer, adapter, temperature and thresholds."""
    pytest.importorskip("torch", reason=NO_TORCH)
    served = open_classifier(artefact, device="cpu")
    served.start()
    await served.settled()
    found = await asyncio.gather(*(served.classify(text, deadline_s=30) for text in TEXTS))
    await served.aclose()

    assert [set(labels) for _, labels in ROWS] == [set(each.labels) for each in found]
    assert all(0 <= each.confidence <= 1 for each in found)


@pytest.mark.ml
async def test_labels_that_nobody_trained_are_served_too(tiny_base):
    """A new intent needs a description and no training; batches answer as single texts do."""
    pytest.importorskip("torch", reason=NO_TORCH)
    served = open_untrained(str(tiny_base), {"refund": "退钱", "greeting": "hello"}, abstain_below=0.0, device="cpu")
    served.start()
    await served.settled()
    together = await asyncio.gather(*(served.classify(text, deadline_s=30) for text in TEXTS[:3]))
    alone = [await served.classify(text, deadline_s=30) for text in TEXTS[:3]]
    await served.aclose()

    assert [each.labels for each in alone] == [each.labels for each in together]
    assert {False} == {each.abstained for each in alone}
    assert {"refund", "greeting"} >= {label for each in alone for label in each.labels}

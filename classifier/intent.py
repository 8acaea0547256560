"""Serves the fine-tuned head: one prefill a text, gathered into batches, never later than its deadline.

It abstains while it loads, where it is absent, when it is too slow and when it is unsure; it never raises and never
makes the server wait. `classifier/qwen` holds the parts.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from classifier.qwen.batching import BatchLimits, MicroBatcher
from classifier.qwen.decision import decide
from classifier.qwen.heads import load_head
from classifier.qwen.prefix import load_prefix_head
from config.errors import ThalamusError
from config.types import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from classifier.qwen.decision import Verdict
    from classifier.qwen.heads import Backend, Head

SOURCE = "qwen3"
State = Literal["absent", "loading", "ready", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class Condition:
    """How the classifier is, for the health page and the log."""

    state: State
    version: str = ""
    """Of the artefact that answers."""
    problem: str | None = None
    """Why the newest artefact could not be loaded, or the last pass failed; names the file and the mend."""


@dataclass(slots=True)
class _Serving:
    head: Head
    batcher: MicroBatcher


class QwenIntentClassifier:
    """An `IntentClassifier` whose model comes, and is exchanged, in the background.

    `load` blocks and returns a head; it runs in the thread that later runs the model. Left out, nothing ever answers.
    """

    def __init__(self, load: Callable[[], Head] | None = None, *, limits: BatchLimits | None = None) -> None:
        self._load = load
        self._limits = limits
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="intent")
        self._serving: _Serving | None = None
        self._loading: asyncio.Task[None] | None = None
        self._condition = Condition("absent" if load is None else "loading")
        self._failure: str | None = None

    @property
    def condition(self) -> Condition:
        """How it is now."""
        found = self._condition
        return replace(found, problem=found.problem or self._failure) if self._failure else found

    def start(self) -> None:
        """Begin to load; returns at once. Needs a running event loop."""
        if self._load is not None:
            self.exchange(self._load)

    def exchange(self, load: Callable[[], Head]) -> None:
        """Load another artefact; the old one answers until the new one can, and stays where it cannot."""
        before = self._loading
        if self._serving is None:
            self._condition = Condition("loading")
        self._loading = asyncio.get_running_loop().create_task(self._take(load, before), name="intent-load")

    async def settled(self) -> Condition:
        """Return the condition once nothing is being loaded."""
        while self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading])
        return self.condition

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return labels and confidence within `deadline_s` seconds, or an abstention; never raises."""
        serving = self._serving
        verdict = await self.judge(text, deadline_s=deadline_s)
        if verdict is None or serving is None:
            return Intent((), 0.0, SOURCE, abstained=True)
        same = serving is self._serving  # else the order of labels may be another one by now
        probabilities = dict(zip(serving.head.rule.labels, verdict.probabilities, strict=True)) if same else {}
        return Intent(verdict.labels, verdict.confidence, SOURCE, verdict.abstained, probabilities)

    async def judge(self, text: str, *, deadline_s: float) -> Verdict | None:
        """Return the whole verdict, with a probability for each label; `None` where nobody could be asked in time."""
        serving = self._serving
        if serving is None or deadline_s <= 0 or not text.strip():
            return None
        try:
            logits = await serving.batcher.ask(text, deadline_s=deadline_s)
        except (ThalamusError, RuntimeError, ValueError, MemoryError) as error:
            self._failure = f"the last pass failed: {error}"
            return None
        if logits is None:
            return None
        self._failure = None
        return decide(logits, serving.head.rule)

    async def aclose(self) -> None:
        """Stop answering, and end once the running pass or load is over."""
        serving, self._serving, self._condition = self._serving, None, Condition("closed")
        if self._loading is not None:
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading
        if serving is not None:
            await serving.batcher.aclose()
        await asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)

    async def _take(self, load: Callable[[], Head], before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        try:
            head = await asyncio.get_running_loop().run_in_executor(self._executor, load)
        except (ThalamusError, OSError, ValueError, RuntimeError, MemoryError) as error:
            old = self._serving
            self._condition = Condition("ready" if old else "failed", old.head.version if old else "", str(error))
            return
        batcher = MicroBatcher(head.logits, self._executor, limits=self._limits)
        batcher.start()
        old, self._serving = self._serving, _Serving(head, batcher)
        self._condition = Condition("ready", head.version)
        if old is not None:
            await old.batcher.aclose()


def open_classifier(
    folder: Path,
    *,
    backend: Backend = "auto",
    base: str | None = None,
    device: str = "auto",
    threads: int = 1,
    limits: BatchLimits | None = None,
) -> QwenIntentClassifier:
    """Return the classifier of an artefact, not yet started; nothing is read before `start`."""
    return QwenIntentClassifier(
        lambda: load_head(folder, backend=backend, base=base, device=device, threads=threads), limits=limits
    )


def open_untrained(
    base: str, descriptions: Mapping[str, str], *, abstain_below: float = 0.5, device: str = "auto", threads: int = 1
) -> QwenIntentClassifier:
    """Return a classifier of labels that nobody trained, by what they mean; not yet started.

    Its confidence is the model's own liking, not a calibrated probability.
    """
    return QwenIntentClassifier(
        lambda: load_prefix_head(base, descriptions, abstain_below=abstain_below, device=device, threads=threads)
    )

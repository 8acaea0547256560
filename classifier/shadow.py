"""Lets artefacts run beside the live ones after an answer, and records what both said; texts are never kept.

Nothing here is on the way of a request: one thread does the work, and who comes while too many wait is left out.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from classifier.readings import load_reader
from classifier.text import MAX_CHARS
from classifier.verdict import FEWEST, Pair, Word, verdict
from config.confidence import shown
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from classifier.readings import Reader
    from classifier.shelf import Pointers, Shelf
    from classifier.verdict import Verdict
    from config.types import Json

MOST_WAITING: Final = 32
"""Requests that may wait to be read in shadow; who comes then is left out."""
MOST_PAIRS: Final = 20_000
"""Recorded of one comparison, about 4 MB; then it is at its end."""
LOOKS: Final = frozenset(FEWEST << at for at in range(6))
"""Numbers of pairs at which a shadow that may promote itself is judged: few, for each look may err."""


def compared(shelf: Shelf, name: str, pointers: Pointers, truths: Mapping[str, frozenset[str]]) -> Verdict | None:
    """Return how what runs in shadow compares with the live version, `None` where nothing does.

    `truths` are labels that people gave decisions. Raises `ArtefactError`.
    """
    if pointers.shadow is None:
        return None
    return verdict(read_pairs(shelf.pairs_file(name, live_version(shelf, name), pointers.shadow)), truths)


@dataclass(slots=True)
class _Running:
    """One comparison under way."""

    name: str
    live: Reader
    candidate: Reader
    file: Path
    auto: bool
    n: int = 0


@dataclass(slots=True)
class _Book:
    """What is shared between the event loop and the thread."""

    running: dict[str, _Running] = field(default_factory=dict[str, _Running])
    problems: dict[str, str] = field(default_factory=dict[str, str])
    n_waiting: int = 0
    n_left_out: int = 0


class Shadows:
    """What runs in shadow now. `watch` and `aclose` block; `offer` never does."""

    def __init__(self, shelf: Shelf, *, load: Callable[[Path], Reader] = load_reader) -> None:
        self._shelf = shelf
        self._load = load
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shadows")
        self._lock = threading.Lock()
        self._book = _Book()

    @property
    def problems(self) -> dict[str, str]:
        """What keeps a shadow from running, by name, with the whole path of the file."""
        with self._lock:
            return dict(self._book.problems)

    @property
    def busy(self) -> bool:
        """Whether anything runs in shadow."""
        return bool(self._book.running)

    def watch(self) -> None:
        """Load what the shelf says is to run in shadow, and let go what is not; blocks, for a thread."""
        running: dict[str, _Running] = {}
        problems: dict[str, str] = {}
        for name in self._shelf.names():
            try:
                pointers = self._shelf.pointers(name)
                if pointers.shadow is not None:
                    running[name] = self._begun(name, pointers)
            except ArtefactError as error:
                problems[name] = str(error)
        with self._lock:
            self._book.running, self._book.problems = running, problems

    def offer(self, decision_id: str, text: str) -> None:
        """Have a text read by all that runs in shadow, soon; left out where too much waits. Never blocks or raises."""
        book = self._book
        if not book.running or not text.strip():
            return
        with self._lock:
            if book.n_waiting >= MOST_WAITING:
                book.n_left_out += 1
                return
            book.n_waiting += 1
        try:
            self._thread.submit(self._read, decision_id, text[:MAX_CHARS]).add_done_callback(self._ended)
        except RuntimeError:  # closing
            with self._lock:
                book.n_waiting -= 1

    def state(self) -> Json:
        """Return what runs in shadow, for `/health`; empty where nothing does."""
        with self._lock:
            told: Json = {
                name: {"version": each.candidate.version, "n": each.n} for name, each in self._book.running.items()
            }
            return {**told, "left_out": self._book.n_left_out} if told else {}

    def settled(self) -> None:
        """Return once all that was offered is read; blocks."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """Let go; what waits is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begun(self, name: str, pointers: Pointers) -> _Running:
        shadow = cast("str", pointers.shadow)
        known = self._book.running.get(name)
        live, _ = self._shelf.open_live(name, self._load)
        if known is not None and (known.live.version, known.candidate.version) == (live.version, shadow):
            known.auto = pointers.auto
            return known
        file = self._shelf.pairs_file(name, live.version, shadow)
        candidate = self._load(self._shelf.folder(name, shadow))
        return _Running(name, live, candidate, file, pointers.auto, n=len(read_pairs(file)))

    def _read(self, decision_id: str, text: str) -> None:
        try:
            for each in tuple(self._book.running.values()):
                self._compare(each, decision_id, text)
        finally:
            with self._lock:
                self._book.n_waiting -= 1

    def _ended(self, done: Future[None]) -> None:
        """Let nothing run in shadow any more that fails as nobody foresaw, and tell it: a thread's errors are lost."""
        error = None if done.cancelled() else done.exception()
        if error is None:
            return
        with self._lock:
            for name in self._book.running:
                self._book.problems[name] = f"the comparison ended: {type(error).__name__}"
            self._book.running = {}

    def _compare(self, running: _Running, decision_id: str, text: str) -> None:
        if running.n >= MOST_PAIRS:
            return
        try:
            pair = Pair(decision_id, _word(running.live, text), _word(running.candidate, text))
            with running.file.open("a", encoding="utf-8") as file:
                file.write(_line(pair))
            running.n += 1
            if running.auto and running.n in LOOKS and verdict(read_pairs(running.file), {}).passes:
                self._promote(running)
        except (ArtefactError, OSError) as error:
            with self._lock:
                self._book.problems[running.name] = str(error)
                self._book.running.pop(running.name, None)

    def _promote(self, running: _Running) -> None:
        """Promote the shadow, unless somebody has changed his mind meanwhile."""
        pointers = self._shelf.pointers(running.name)
        if pointers.auto and pointers.shadow == running.candidate.version:
            self._shelf.promote(running.name)
        with self._lock:
            self._book.running.pop(running.name, None)


def read_pairs(file: Path) -> list[Pair]:
    """Return the pairs of a file; a line that a crash cut short is passed over."""
    if not file.is_file():
        return []
    pairs: list[Pair] = []
    for line in file.read_bytes().splitlines():
        try:
            found = cast("Json", json.loads(line))
            live, candidate = (_told(cast("Json", found[key])) for key in ("live", "candidate"))
            pairs.append(Pair(str(found["decision"]), live, candidate))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return pairs


def live_version(shelf: Shelf, name: str) -> str:
    """Return the version that serves: of the shipped artefact its own, of a broken one that of who stands in for it.

    Raises `ArtefactError`.
    """
    return shelf.open_live(name, load_reader)[0].version


def _word(reader: Reader, text: str) -> Word:
    """Return what a model says; of a tagger where what lies, never the text itself."""
    found = reader.read(text)
    places = tuple(f"{each['type']} {each['start']}-{each['end']}" for each in found.entities)
    return Word(places or found.labels, found.confidence, found.abstained)


def _line(pair: Pair) -> str:
    told: Json = {"decision": pair.decision_id}
    for key, word in (("live", pair.live), ("candidate", pair.candidate)):
        told[key] = {
            "labels": list(word.labels), "confidence": shown(word.confidence, 5), "abstained": word.abstained
        }  # fmt: skip
    return json.dumps(told, ensure_ascii=False) + "\n"


def _told(found: Json) -> Word:
    labels = tuple(map(str, cast("list[object]", found["labels"])))
    return Word(labels, float(cast("float", found["confidence"])), bool(found["abstained"]))

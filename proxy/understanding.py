"""What the pipeline knows of a request: the cascade's intent, and what the other models say beside it.

Models are loaded in the background. One that cannot be loaded is told of in `/health`, and its tier is absent; the
server never waits for one.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

import classifier
from classifier.cascade import Asked, Cascade, ExampleRules, MicroTier
from classifier.micromodel import MicroModel, ServedModel
from classifier.readings import load_reader, read_all
from classifier.shadow import Shadows
from classifier.shelf import Shelf
from config.classifier_settings import ClassifierSettings
from config.errors import ArtefactError
from config.intents import load_intents
from proxy.beside import SideReader
from proxy.intent_model import OLLAMA_URL, QwenTier, identity_of, open_model, without_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from classifier.readings import Reader, Reading
    from config.intents import IntentCatalogue
    from config.types import Json
    from proxy.beside import SideReading
    from proxy.intent_model import IntentModel

V = TypeVar("V", bound="Versioned")
VERSIONS: Final = "artefacts"
"""Folder of the data folder where versions of artefacts are kept."""
ARTEFACTS: Final = Path(classifier.__file__).parent / "artefacts"
"""The shipped micro-models, a folder each."""
INTENT: Final = "intent"
CONFIRMATION: Final = "confirmation"
"""Says of the answer to a question whether it is a yes, a no, or neither."""
WATCH_S: Final = 2.0
"""Seconds between looks for versions that were promoted, rolled back or put in shadow."""
WARM_UP_S: Final = 60.0
_WARM_UP: Final = "hello"


class Versioned(Protocol):
    """A loaded artefact of any kind."""

    @property
    def version(self) -> str:
        """Version of its artefact."""
        ...


class Understanding:
    """The tiers that are loaded, the cascade over them, and the models beside it.

    Building it reads the catalogue of intents and nothing else. Raises `SettingsError` where that is wrong.
    """

    def __init__(
        self,
        settings: ClassifierSettings | None = None,
        *,
        ollama_url: str = OLLAMA_URL,
        artefacts: Path = ARTEFACTS,
        versions: Path | None = None,
    ) -> None:
        self._settings = settings or ClassifierSettings()
        self._ollama_url = ollama_url
        self._artefacts = artefacts
        self._shelf = Shelf(versions or artefacts / ".versions", artefacts)
        self._stamp = self._shelf.stamp()
        self.shadows = Shadows(self._shelf)
        self.catalogue = load_intents(self._settings.intents_file)
        self._long = ThreadPoolExecutor(1, thread_name_prefix="long-texts")
        self._beside = SideReader()
        self._served: ServedModel | None = None
        self._micro: MicroTier | None = None
        self._readers: dict[str, Reader] = {}
        self._states: dict[str, Json] = {}
        self._model: IntentModel | None = None
        self._model_is: object = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = self._loaded = False
        self.cascade = Cascade()
        self._assemble()

    async def load(self) -> None:
        """Load in a thread what is there; a broken model is left out and told of. The large model goes on loading."""
        if not self._settings.enabled or self._began:
            return
        self._began = True
        try:
            await asyncio.to_thread(self.load_now)
        finally:
            self._began = self._loaded  # what failed may be tried again
        if self._settings.enabled:
            self._open_model()
        else:  # a reload switched it off meanwhile
            self._forget()

    def load_now(self) -> None:
        """Load the micro-models, in this thread."""
        self._stamp = self._shelf.stamp()
        states: dict[str, Json] = {}
        model = self._micro_model(states)
        self._served = None if model is None else ServedModel(model)
        folders = self._artefacts.iterdir() if self._artefacts.is_dir() else ()
        names = sorted(each.name for each in folders if each.is_dir() and each.name != INTENT)
        self._readers = {name: reader for name in names if (reader := self._opened(name, load_reader, states))}
        self._loaded = True
        self._assemble()
        self._states = states  # last: who reads of a version is answered by it
        self.shadows.watch()

    async def watch(self, *, every_s: float = WATCH_S) -> None:
        """Take up other versions within seconds of a command that changes them, as long as the server runs."""
        while True:
            await asyncio.sleep(every_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Load anew if versions were changed; one that cannot be loaded leaves the one before it in charge."""
        if self._loaded and await asyncio.to_thread(self._shelf.stamp) != self._stamp:
            await asyncio.to_thread(self.load_now)
            if not self._settings.enabled:  # a reload switched it off meanwhile
                self._forget()

    async def ask(self, text: str) -> Asked:
        """Return what a text asks for, and what each tier said, within the settings' deadlines; never raises."""
        settings = self._settings
        beyond_ms = 0 if self._model is None else settings.model.deadline_ms
        return await self.cascade.ask(text, deadline_s=(settings.deadline_ms + beyond_ms) / 1000)

    def read_beside(self, text: str, *, only: Collection[str] = ()) -> SideReading | None:
        """Begin to ask the other models off the event loop; `None` where none is there or wanted.

        `only` names those that are needed; where it names none, all are asked.
        """
        wanted = {name: each for name, each in self._readers.items() if not only or name in only}
        return self._beside.begin(wanted, text) if self._settings.features and wanted else None

    def read_now(self, text: str) -> dict[str, Reading]:
        """Return what every model but the intent's says, in this thread."""
        return read_all(self._readers, text)

    def read_one(self, name: str, text: str) -> Reading | None:
        """Return what one of them says of a short text, in this thread; `None` where it is not there."""
        readers = {name: self._readers[name]} if name in self._readers else {}
        return read_all(readers, text).get(name)

    def adopt(self, settings: ClassifierSettings, catalogue: IntentCatalogue, *, ollama_url: str) -> None:
        """Take other settings: what they switch on is loaded in the background, what they switch off is let go.

        Needs a running event loop.
        """
        self._settings, self.catalogue, self._ollama_url = settings, catalogue, ollama_url
        if not settings.enabled:
            self._forget()
        elif not self._began:
            self._in_background(self.load(), "load-classifiers")
        elif self._loaded:
            self._open_model()
        self._assemble()
        self._in_background(self.refresh(), "take-versions")

    def state(self) -> Json:
        """Return which tiers answer, for `/health`."""
        if not self._settings.enabled:
            return {"status": "off"}
        status = "ok" if self._loaded else "loading"
        told: Json = {"status": status, "rule": {"status": "ok"}, **self._states}
        if self._micro is not None and self._micro.problem is not None:
            told[INTENT] = {
                **self._states.get(INTENT, {}),
                "status": "failing",
                "error": self._shown(self._micro.problem),
            }
        told["model"] = {"status": "off"} if self._model is None else self._model.state()
        shadowed, problems = self.shadows.state(), self.shadows.problems
        if problems:
            shadowed["problems"] = {name: self._shown(problem) for name, problem in problems.items()}
        return {**told, "shadow": shadowed} if shadowed else told

    async def settled(self) -> None:
        """Return once the large model is loaded, or cannot be."""
        if self._model is not None:
            await self._model.settled()

    async def warm(self) -> None:
        """Let the large model make its first pass, which is the slowest; for a command that asks once."""
        await self.settled()
        if self._model is not None:
            await self._model.classify(_WARM_UP, deadline_s=WARM_UP_S)

    async def aclose(self) -> None:
        """End every model and thread."""
        self._let_go()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._long.shutdown(wait=False, cancel_futures=True)
        self._beside.close()
        self.shadows.close()

    def _assemble(self) -> None:
        names = self.catalogue.names
        self._micro = None if self._served is None else MicroTier(self._served, catalogue=names)
        fast = [ExampleRules(self.catalogue), *([] if self._micro is None else [self._micro])]
        self.cascade = Cascade(fast, self._model, executor=self._long)

    def _open_model(self) -> None:
        """Begin to load the settings' model, if it is another or failed; a Qwen3 that runs answers until it can."""
        settings, running = self._settings.model, self._model
        identity = identity_of(settings, self.catalogue, ollama_url=self._ollama_url)
        if running is not None and identity == self._model_is and running.state()["status"] != "failed":
            return
        self._model_is = identity
        wanted = open_model(settings, self.catalogue, ollama_url=self._ollama_url)
        if isinstance(running, QwenTier) and isinstance(wanted, QwenTier):
            running.exchange(settings, self.catalogue)
        else:
            self._let_go()
            self._model = wanted
            if wanted is not None:
                wanted.start()
        self._assemble()

    def _forget(self) -> None:
        self._served, self._readers, self._states = None, {}, {}
        self._began = self._loaded = False
        self._let_go()
        self._assemble()

    def _let_go(self) -> None:
        running, self._model = self._model, None
        if running is not None:
            self._in_background(running.aclose(), "close-intent-model")

    def _in_background(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _micro_model(self, states: dict[str, Json]) -> MicroModel | None:
        if not (self._artefacts / INTENT).is_dir():
            states[INTENT] = {"status": "absent"}
            return None
        return self._opened(INTENT, MicroModel.load, states)

    def _opened(self, name: str, load: Callable[[Path], V], states: dict[str, Json]) -> V | None:
        """Return the live version of a name, loaded, and put what is to be told of it into `states`."""
        try:
            model, problems = self._shelf.open_live(name, partial(_loaded_once, load))
        except (ArtefactError, ImportError) as error:
            states[name] = {"status": "failed", "error": self._shown(str(error))}
            return None
        told: Json = {"status": "ok", "version": model.version}
        # where there are problems, the version before it serves, or the shipped one
        states[name] = {**told, "refused": self._shown(problems[0])} if problems else told
        return model

    def _shown(self, message: str) -> str:
        return without_folders(message, self._artefacts / INTENT, self._shelf.home)


def _loaded_once(load: Callable[[Path], V], folder: Path) -> V:
    """Return the model of a folder; what did not change since is not read again, for a reload changes one of many."""
    try:
        found = [(file.name, file.stat()) for file in sorted(folder.iterdir())]
    except OSError:  # whoever loads it says what is wrong
        return load(folder)
    stamp = tuple((name, each.st_mtime_ns, each.st_size) for name, each in found)
    return cast("V", _kept(load, folder, stamp))


@lru_cache(maxsize=16)
def _kept(load: Callable[[Path], object], folder: Path, _stamp: tuple[tuple[str, int, int], ...]) -> object:
    return load(folder)

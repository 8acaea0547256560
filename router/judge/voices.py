"""Who may be the judge: a model of an Ollama server, or any model of the catalogue, with what its answer cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from config.errors import ClientFacingError, UpstreamError
from router.judge.ollama import Ask, OllamaServer, Pulled, Said, knows_schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json
    from router.words import Spoken

Presence = Literal["unknown", "ready", "cold", "loading", "pulling", "missing", "away"]
"""`cold`: there, and not in memory; `missing`: the server is there, the model is not; `away`: the server is not."""


class Asker(Protocol):
    """Asks a model of the catalogue; `router/words.py` is one."""

    async def say(self, messages: Sequence[Json], *, model: str, timeout_s: float) -> Spoken:
        """Return one answer with what it took. Raises `UpstreamError`, and `ClientFacingError` where nobody has it."""
        ...


CHECK_S: Final = 2.0
LOAD_S: Final = 180.0


class Voice(Protocol):
    """A model that answers one question; it keeps no state between them but whether it is there."""

    @property
    def presence(self) -> Presence:
        """How it was when it was looked at last."""
        ...

    @property
    def name(self) -> str:
        """The model."""
        ...

    def told(self) -> Json:
        """Return what else there is to say of it in `/health`; no address stands in it."""
        ...

    async def look(self) -> Presence:
        """Find out how it is; never raises."""
        ...

    async def load(self) -> None:
        """Bring it into memory; returns when it is, or it turned out that it cannot be. Never raises."""
        ...

    async def say(self, messages: Sequence[Json], *, schema: Json, timeout_s: float) -> Said:
        """Return its answer. Raises `UpstreamError`, with `timed_out` where it took longer than `timeout_s`."""
        ...


@dataclass(slots=True)
class OllamaVoice:
    """A model of an Ollama server, asked for JSON by schema."""

    server: OllamaServer
    model: str
    ask: Ask
    presence: Presence = "unknown"
    version: str = ""
    problem: str | None = None
    """What the last look stumbled over; no address stands in it."""
    pulled: Pulled | None = None
    """How far the download is, while there is one."""

    @property
    def name(self) -> str:
        """The model."""
        return self.model

    def told(self) -> Json:
        """Return the server's version, whether it holds answers to a schema, and how far a download is."""
        told: Json = {"version": self.version, "schemas": knows_schemas(self.version)} if self.version else {}
        if self.problem is not None:
            told["problem"] = self.problem
        if self.pulled is not None:
            told |= {"pulled_bytes": self.pulled.completed, "pull_bytes": self.pulled.total}
        return told

    async def look(self) -> Presence:
        """Ask for version, list and what is in memory."""
        if self.presence in {"loading", "pulling"}:
            return self.presence
        try:
            async with asyncio.timeout(CHECK_S):
                self.version = await self.server.version()
                self.presence = await self._found()
            self.problem = None
        except (UpstreamError, TimeoutError) as error:
            self.presence, self.problem = "away", type(error).__name__
        return self.presence

    async def load(self) -> None:
        """Bring it into memory."""
        if self.presence == "loading":
            return  # somebody else does
        self.presence = "loading"
        found: Presence = "away"
        try:
            async with asyncio.timeout(LOAD_S):
                await self.server.load(self.model, ask=self.ask)
            found = "ready"
            self.problem = None
        except (UpstreamError, TimeoutError) as error:
            self.problem = type(error).__name__
        finally:
            self.presence = found

    async def pull(self) -> None:
        """Download it; never raises. How that goes is told by `problem`."""
        if self.presence == "pulling":
            return  # it is under way
        self.presence = "pulling"
        found: Presence = "missing"
        try:
            async for told in self.server.pull(self.model):
                self.pulled = told
            found = "cold"
            self.problem = None
        except UpstreamError as error:
            self.problem = error.message[:200]
        finally:
            self.presence, self.pulled = found, None

    async def say(self, messages: Sequence[Json], *, schema: Json, timeout_s: float) -> Said:
        """Return its answer."""
        shape: Json | str = schema if knows_schemas(self.version) else "json"
        try:
            async with asyncio.timeout(timeout_s):
                said = await self.server.chat(self.model, messages, schema=shape, ask=self.ask)
        except TimeoutError as error:
            raise _late(timeout_s) from error
        self.presence = "ready"
        return said

    async def _found(self) -> Presence:
        if not await self.server.has(self.model):
            return "missing"
        return "cold" if await self.server.is_loaded(self.model) is False else "ready"


@dataclass(slots=True)
class CatalogueVoice:
    """Any model of the catalogue. It is asked in words for JSON: not every dialect can be held to a schema."""

    words: Asker
    model: str
    presence: Presence = "unknown"

    @property
    def name(self) -> str:
        """The model."""
        return self.model

    def told(self) -> Json:
        """Return nothing more: its deployments are told of themselves."""
        return {}

    async def look(self) -> Presence:
        """Return that it may be there: its deployments are probed as all others are."""
        return self.presence

    async def load(self) -> None:
        """Do nothing: its deployments see to it."""

    async def say(self, messages: Sequence[Json], *, schema: Json, timeout_s: float) -> Said:  # noqa: ARG002  # see above
        """Return its answer with its tokens and its price."""
        try:
            async with asyncio.timeout(timeout_s):
                spoken = await self.words.say(messages, model=self.model, timeout_s=timeout_s)
        except TimeoutError as error:
            raise _late(timeout_s) from error
        except ClientFacingError as error:  # nobody serves it now
            raise UpstreamError(error.message, failure_class="model_gone") from error
        return Said(spoken.text, spoken.usage.input_tokens, spoken.usage.output_tokens, spoken.cost.usd)


def _late(timeout_s: float) -> UpstreamError:
    return UpstreamError(f"no answer within {timeout_s:g} s", failure_class="transient", timed_out=True)

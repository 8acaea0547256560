"""Asks servers for their model lists, so that what appears is taken up and what goes away is let go by itself.

Only `GET /api/tags` and `GET /models` are sent: a probe never asks a model for words, so it never costs money.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Protocol

from router.catalog import build_catalog, probe_targets
from router.discovery import Probe, listed_models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import httpx

    from config.settings import Settings
    from router.discovery import Probes, ProbeTarget
    from router.snapshot import Catalog

MAX_LIST_BYTES = 4 * 1024 * 1024
AT_ONCE = 16
"""Most probes under way at the same time."""
OFF_S = 3_600.0
"""How long a prober that is switched off sleeps between looks at the settings."""


class TakeCatalog(Protocol):
    """Takes a new snapshot into use."""

    def __call__(self, catalog: Catalog) -> None:
        """Swap it in; must not raise and must not wait."""
        ...


class Prober:
    """Holds what the last probes found. `watch` hands it new settings; `catalog` makes a snapshot at any time.

    `answered` is told the base URL of every server that answered. `client` replaces the wire and `sleep` the clock in
    tests; both belong to the caller then.
    """

    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str] | None = None,
        *,
        answered: Callable[[str], None] | None = None,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._settings = settings
        self._env = env or {}
        self._answered = answered
        self._client = client
        self._owns_client = client is None
        self._sleep = sleep
        self._changed = asyncio.Event()
        self._making = asyncio.Lock()
        self.probes: Probes = {}

    def watch(self, settings: Settings) -> None:
        """Take new settings and probe at once; servers that are still named keep their last probe until then."""
        self._settings = settings
        wanted = {target.base_url for target in probe_targets(settings, self._env)}
        self.probes = {url: probe for url, probe in self.probes.items() if url in wanted}
        self._changed.set()

    def catalog(self) -> Catalog:
        """Return a snapshot of the settings in use and the last probes."""
        return build_catalog(self._settings, self._env, probes=self.probes)

    async def run(self, take: TakeCatalog) -> None:
        """Probe again and again until cancelled; `take` gets a snapshot whenever something changed."""
        while True:
            self._changed.clear()
            interval_s = self._settings.health.probe_interval_s
            if interval_s > 0 and await self.probe_once():
                take(self.catalog())
            await self._wait(interval_s or OFF_S)

    async def probe_once(self) -> bool:
        """Probe every server once, at the same time; return whether anything changed."""
        settings = self._settings
        targets = probe_targets(settings, self._env)
        answers = await self._ask_all(targets, settings.health.probe_timeout_s) if targets else []
        if settings is not self._settings:
            return False  # new settings came meanwhile: `watch` has asked for a new round
        found = {
            target.base_url: _remembering(self.probes.get(target.base_url), probe)
            for target, probe in zip(targets, answers, strict=True)
        }
        for url, probe in found.items():
            if probe.answered and self._answered is not None:
                self._answered(url)
        changed = found != self.probes
        self.probes = found
        return changed

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None and self._owns_client:
            await self._client.aclose()
            self._client = None

    async def _ask_all(self, targets: Sequence[ProbeTarget], timeout_s: float) -> list[Probe]:
        async with self._making:  # two rounds at once would make two, and one would never be closed
            client = self._client = self._client or await asyncio.to_thread(_new_client)
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(target: ProbeTarget) -> Probe:
            async with gate:
                return await self._ask(client, target, timeout_s)

        return await asyncio.gather(*map(ask, targets))

    async def _ask(self, client: httpx.AsyncClient, target: ProbeTarget, timeout_s: float) -> Probe:
        import httpx  # noqa: PLC0415  # its client is there, so it is loaded

        try:
            async with asyncio.timeout(timeout_s):
                return await _get_list(client, target)
        except TimeoutError:
            return Probe(answered=False, error=f"no answer within {timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Probe(answered=False, error=type(error).__name__)

    async def _wait(self, seconds: float) -> None:
        if self._sleep is not None:
            await self._sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass


def _new_client() -> httpx.AsyncClient:
    """Return a client; in a thread, because the import and the certificates take 0.2 s that requests would wait."""
    import httpx  # noqa: PLC0415  # not needed to serve

    # no proxies of the environment (these are local servers) and no redirects (they could leave the host)
    return httpx.AsyncClient(trust_env=False, follow_redirects=False)


async def _get_list(client: httpx.AsyncClient, target: ProbeTarget) -> Probe:
    """Ask once. A server that has no list is there all the same; one that refuses the key or fails is not."""
    async with client.stream("GET", target.url, headers=dict(target.headers), timeout=None) as response:
        if response.status_code in {401, 403} or response.status_code >= 500:  # noqa: PLR2004  # HTTP's own border
            return Probe(answered=False, error=f"answered {response.status_code}")
        if not response.is_success:
            return Probe(answered=True, error=f"has no model list ({response.status_code})")
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_LIST_BYTES:
                return Probe(answered=True, error="its model list is too long to be read")
    try:
        return Probe(answered=True, models=listed_models(target.dialect, json.loads(body)))
    except (ValueError, RecursionError):
        return Probe(answered=True, error="its model list is no JSON")


def _remembering(before: Probe | None, now: Probe) -> Probe:
    """Keep the models of a server that went away: asking for one says that it is away, not that it never was."""
    if now.answered or before is None:
        return now
    return Probe(answered=False, models=before.models, error=now.error)

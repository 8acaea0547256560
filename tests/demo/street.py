"""The scripted upstreams of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.providers.scripted import ScriptedUpstream
from tests.demo.day import UPSTREAMS, WELL, script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.providers.scripted import Script
    from tests.demo.day import Phase, Trouble

PROVIDERS: Final = {"claude": "anthropic", "gpt": "openai", "deepseek": "deepseek", "local": "ollama"}
DEPLOYMENTS: Final = {name: f"{name}/{provider}" for name, provider in PROVIDERS.items()}
"""The gateway's names of them."""


class Street:
    """The upstreams, and how each of them is."""

    def __init__(self, *, retry_after_s: int, instant: bool = False) -> None:
        self._retry_after_s = retry_after_s
        self._pace = 0.0 if instant else 1.0
        self._upstreams = {name: ScriptedUpstream(self._script(name, WELL)) for name in UPSTREAMS}

    @property
    def urls(self) -> Mapping[str, str]:
        """Return the roots by name."""
        return {name: each.url for name, each in self._upstreams.items()}

    async def open(self) -> None:
        """Let everybody listen."""
        for each in self._upstreams.values():
            await each.start()

    async def close(self) -> None:
        """Stop everybody."""
        for each in self._upstreams.values():
            await each.stop()

    async def enter(self, phase: Phase) -> None:
        """Put everybody into the state of this phase."""
        for name, upstream in self._upstreams.items():
            trouble = phase.trouble(name)
            upstream.follow(self._script(name, trouble))
            if trouble.listens:
                await upstream.open_door()
            else:
                await upstream.stop()

    def _script(self, name: str, trouble: Trouble) -> Script:
        return script(name, trouble, retry_after_s=self._retry_after_s, pace=self._pace)

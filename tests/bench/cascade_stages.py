"""What the stages `classify` and `policy` take of the processor, in one process: other work cannot lengthen it much.

By the clock, a busy machine makes a stage as long as it likes; of the processor's time it takes part only by the caches
that it empties.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from config.ids import new_id
from config.loader import load_settings
from config.trace import span
from proxy import choosing, classifying
from proxy.app import build_house
from proxy.doors import OPENAI
from proxy.exchange import Exchange
from router.attempt import AttemptLog
from router.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from proxy.house import House

HEAD = "[routing]\nshipped_models = false\n"
MODEL = '[[model]]\nname = "m{n}"\n[[model.deployment]]\nprovider = "vllm"\nbase_url = "http://127.0.0.1:9/v1"\nupstream_model = "m"\n'
WARM_UP = 60


@dataclass(frozen=True, slots=True)
class Worked:
    """Milliseconds of the processor, of all threads, that one prompt took more than where nothing is read."""

    text: str
    classify: float
    policy: float

    @property
    def both(self) -> float:
        """Milliseconds of both stages."""
        return self.classify + self.policy


async def worked(texts: Sequence[str], *, models: int, folder: Path) -> list[Worked]:
    """Return what each text takes with these many models to choose among."""
    config = folder / "stages.toml"
    config.write_text(HEAD + "".join(MODEL.format(n=n) for n in range(models)))
    settings = replace(load_settings(config, {}), state_dir=folder / "reads")
    reads = build_house(settings, transport=AiohttpTransport())
    off = replace(settings.classifier, enabled=False)
    silent = replace(settings, classifier=off, state_dir=folder / "reads-nothing")
    reads_nothing = build_house(silent, transport=AiohttpTransport())
    await reads.understanding.load()
    try:
        for text in texts[:WARM_UP]:
            await _staged(reads, text)
            await _staged(reads_nothing, text)
        found: list[Worked] = []
        for text in texts:
            without, with_all = await _staged(reads_nothing, text), await _staged(reads, text)
            found.append(Worked(text, with_all[0] - without[0], with_all[1] - without[1]))
    finally:
        for house in (reads, reads_nothing):
            await house.understanding.aclose()
            await house.writer.aclose()
            await house.database.aclose()
    return found


async def _staged(house: House, text: str) -> tuple[float, float]:
    """Return milliseconds of the processor for the two stages of one request."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
    exchange = Exchange(new_id(), OPENAI, AttemptLog(time.perf_counter), thinks=True, admitted=True)
    exchange.parsed = OPENAI.parse(body, headers={}, max_depth=house.settings.server.max_json_depth)
    note = span("alone")  # outside a trace it only keeps what it is told
    at = [time.process_time()]
    await classifying.classify(house, exchange, note)
    at.append(time.process_time())
    await choosing.policy(house, exchange, note)
    at.append(time.process_time())
    if exchange.beside is not None:
        exchange.beside.take()
    return (at[1] - at[0]) * 1000, (at[2] - at[1]) * 1000

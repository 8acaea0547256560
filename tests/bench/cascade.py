"""What reading a request for what it asks adds to it, with the shipped micro-models: `make bench-cascade`.

Gateways in processes of their own, before the scripted upstream, over loopback: one reads nothing, one the intent, one
all of it. Each prompt goes to all of them one after another, in turning order, to the first one twice: the difference
of these two is what the machine alone makes of a difference. The page is written by `cascade_page.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.progress import track

from classifier.cascade import ExampleRules
from classifier.micromodel import MicroModel
from config.intents import shipped_intents
from proxy.understanding import ARTEFACTS, INTENT
from tests.bench.cascade_page import AGAIN, LOOKED, OFF, READ, page
from tests.bench.cascade_stages import Worked, worked
from tests.bench.targets import THALAMUS, free_port, process, wait_until_up

if TYPE_CHECKING:
    from collections.abc import Iterable

TEST_ROWS = Path("classifier/foundry/blueprints/intent/test.jsonl")
REPORT = Path("docs/reports/cascade.md")
SEED = 20261122
STAGED = 510
"""Prompts whose stages are timed by the processor."""
WARM_UP = 60
LOADING_LIMIT_S = 60.0
LANGUAGES = ("zh", "en")
SIZES = {"short": (0, 0), "long": (150, 450), "very long": (900, 2_700)}
"""Characters that joined prompts of one intent reach, in Chinese and in English; `very long` is read in a thread."""

SETTINGS = {OFF: "enabled = false", LOOKED: "features = false", READ: ""}
MODEL = '[[model]]\nname = "m{n}"\n[[model.deployment]]\nprovider = "vllm"\nbase_url = "{url}/v1"\nupstream_model = "scripted"\n'
SCRIPT = '[[reply]]\ntext = "It was sent yesterday."\n'
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and the tier that will answer it: `rule`, `micro`, or `nobody`, where the micro-model abstains."""

    text: str
    tier: str
    lang: str
    size: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: milliseconds as the client heard them and of each stage, and where its decision stands."""

    ms: float
    stages: dict[str, float]
    decision: str


@dataclass(slots=True)
class Asked:
    """One prompt, asked of every gateway."""

    prompt: Prompt
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    source: str = ""
    """Who answered by the trace of the gateway that reads all."""
    tiers_ms: dict[str, float] = field(default_factory=dict[str, float])
    """What each tier took by the same trace."""

    def added(self, name: str) -> float:
        """Return milliseconds more than the gateway that reads nothing took."""
        return self.answers[name].ms - self.answers[OFF].ms

    def staged(self, name: str, stage: str) -> float:
        """Return milliseconds that a stage took more than where nothing is read, by the gateways' own traces."""
        return self.answers[name].stages.get(stage, 0.0) - self.answers[OFF].stages.get(stage, 0.0)


class Line:
    """A connection that is kept open to one gateway."""

    def __init__(self, url: str, pid: int) -> None:
        parts = urlsplit(url)
        self.pid = pid
        self._http = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def ask(self, text: str) -> Answer:
        """Send one prompt to `auto`."""
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}]}).encode()
        began = time.perf_counter()
        self._http.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        heard = self._http.getresponse()
        told = heard.read()
        took = (time.perf_counter() - began) * 1000
        if heard.status != http.client.OK:
            raise RuntimeError(f"{heard.status}: {told[:200]!r}")
        stages = (each.split(";dur=") for each in (heard.getheader("server-timing") or "").split(", "))
        return Answer(took, {name: float(ms) for name, ms in stages}, heard.getheader("x-thalamus-decision-id") or "")

    def get(self, path: str) -> Row | None:
        """Return what a page of the gateway says, `None` where there is none."""
        self._http.request("GET", path)
        heard = self._http.getresponse()
        told = heard.read()
        return json.loads(told) if heard.status == http.client.OK else None


def prompts(n: int, rng: random.Random) -> list[Prompt]:
    """Return at least `n` different prompts that the micro-model answers, in equal parts, then those for the others.

    They are the frozen test rows of the intents, which no model was trained on; longer ones are several of one intent.
    """
    model, rules = MicroModel.load(ARTEFACTS / INTENT), ExampleRules(shipped_intents())
    rows = [json.loads(line) for line in TEST_ROWS.read_text(encoding="utf-8").splitlines() if line]
    found: list[Prompt] = []
    share = -(-n // (len(SIZES) * len(LANGUAGES)))
    for lang in LANGUAGES:
        by_intent: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if row["lang"] == lang:
                by_intent[",".join(row["output"])].append(row["prompt"])
        for size, least in SIZES.items():
            texts = _joined(by_intent, least[LANGUAGES.index(lang)], rng)
            taken = (text for text in texts if not model.predict(text).abstained and rules.look(text) is None)
            found += [Prompt(text, "micro", lang, size) for text, _ in zip(taken, range(share), strict=False)]
        unsure = [row["prompt"] for row in rows if row["lang"] == lang and model.predict(row["prompt"]).abstained]
        found += [Prompt(text, "nobody", lang, "short") for text in unsure]
    for intent in shipped_intents().intents:
        found += [Prompt(each, "rule", "zh", "short") for each in intent.examples_zh]
        found += [Prompt(each, "rule", "en", "short") for each in intent.examples_en]
    return found


def _joined(by_intent: dict[str, list[str]], least: int, rng: random.Random) -> Iterable[str]:
    """Yield rows as they are, each once, or endlessly several of one intent in a row until they are long enough."""
    if not least:
        every = [text for texts in by_intent.values() for text in texts]
        yield from rng.sample(every, len(every))
        return
    several = [texts for texts in by_intent.values() if len(texts) > 1]
    for _ in range(5_000):
        texts, text = rng.choice(several), ""
        while len(text) < least:
            text += f"{rng.choice(texts)}. "
        yield text


def measure(n: int, *, models: int, folder: Path) -> list[Asked]:
    """Ask every gateway every prompt, the small groups as often as it takes; `models` are those to choose among."""
    rng = random.Random(SEED)
    asked = _rounds(prompts(n, rng), n)
    rng.shuffle(asked)
    with ExitStack() as stack:
        script, port = folder / "script.toml", free_port()
        script.write_text(SCRIPT)
        thalamus = str(Path(sys.executable).parent / "thalamus")
        command = [thalamus, "upstream", "--script", str(script), "--port", str(port)]
        stack.enter_context(process(command, folder / "upstream.log"))
        upstream = f"http://127.0.0.1:{port}"
        wait_until_up(f"{upstream}/v1/models")
        lines = {name: _gateway(stack, folder / name.split()[-1], name, upstream, models) for name in SETTINGS}
        turns = [*lines.items(), (AGAIN, lines[OFF])]
        for each in asked[:WARM_UP]:
            for _, line in turns:
                line.ask(each.prompt.text)
        for at, each in enumerate(track(asked, f"asking, {models} to choose among")):
            for name, line in (*turns[at % 4 :], *turns[: at % 4]):
                each.answers[name] = line.ask(each.prompt.text)
        for each in asked:
            _look_up(each, lines[READ])
    return asked


def _rounds(every: list[Prompt], n: int) -> list[Asked]:
    """Return the micro-model's prompts once, and those of the others as often as makes a third of `n` of each."""
    found = [Asked(each) for each in every if each.tier == "micro"]
    for tier in ("rule", "nobody"):
        group = [each for each in every if each.tier == tier]
        found += [Asked(group[at % len(group)]) for at in range(n // 3)]
    return found


def _gateway(stack: ExitStack, folder: Path, name: str, upstream: str, models: int) -> Line:
    """Start one gateway, and return once its models are loaded."""
    folder.mkdir(exist_ok=True)
    port, config = free_port(), folder / "thalamus.toml"
    listed = "".join(MODEL.format(n=n, url=upstream) for n in range(models))
    config.write_text(THALAMUS.format(port=port, models=f"[classifier]\n{SETTINGS[name]}\n{listed}"))
    command = [str(Path(sys.executable).parent / "thalamus"), "serve", "--config", str(config)]
    pid = stack.enter_context(process(command, folder / "out.log"))
    url = f"http://127.0.0.1:{port}"
    wait_until_up(f"{url}/health/ready")
    line, until = Line(url, pid), time.monotonic() + LOADING_LIMIT_S
    while '"loading"' in json.dumps((line.get("/health") or {}).get("components")):
        if time.monotonic() > until:
            raise TimeoutError("the micro-models are not loaded")
        time.sleep(0.05)
    return line


def _look_up(asked: Asked, line: Line) -> None:
    """Read who answered, and what each tier took, from the books, which are written behind the answer."""
    for _ in range(100):
        found = line.get(f"/v1/decisions/{asked.answers[READ].decision}")
        if found is not None:
            break
        time.sleep(0.05)
    else:
        raise RuntimeError("a decision is not in the books")
    notes = next(each for each in found["timings"] if each["name"] == "classify")["notes"]
    asked.source = "nobody" if notes["abstained"] else notes["source"]
    asked.tiers_ms = {each["source"]: each["ms"] for each in notes["tiers"]}


def main() -> None:
    """Measure with one model and with several, print the page and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=600, help="prompts that the micro-model answers (default 600)")
    parser.add_argument("--models", type=int, default=3, help="models to choose among, beside one (default 3)")
    parser.add_argument("--report", type=Path, default=REPORT)
    options = parser.parse_args()
    found: dict[int, list[Asked]] = {}
    staged: dict[int, list[Worked]] = {}
    before = os.getloadavg()[0]
    for models in (1, options.models):
        with tempfile.TemporaryDirectory(prefix="thalamus-cascade-") as name:
            found[models] = measure(options.requests, models=models, folder=Path(name))
        texts = [each.text for each in prompts(STAGED, random.Random(SEED)) if each.tier == "micro"]
        with tempfile.TemporaryDirectory(prefix="thalamus-cascade-") as name:
            staged[models] = asyncio.run(worked(texts, models=models, folder=Path(name)))
    text = page(found, staged, load=(before, os.getloadavg()[0]))
    options.report.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

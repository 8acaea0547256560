"""The script of the bad day: who is in which trouble from when on, and what that looks like on the wire."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from router.providers.scripted import Reply, Script, UsageSpec

UPSTREAMS: Final = ("claude", "gpt", "deepseek", "local")
"""One that speaks Anthropic's dialect, OpenAI itself, a look-alike of it, and an Ollama."""
WHOLE_DAY_S: Final = 90.0
"""Length of the day at which the times below are seconds."""
PEACE_S: Final = 30.0
"""Before and after the day: seconds from one short trouble to the next."""
_GOOD: Final = Reply(
    template="{model} 回答 answers: {last_user} — one step after the other, 一步一步来。",
    usage=UsageSpec(input=120, output=40),
    delay_first_s=0.08,
    delay_chunk_s=0.012,
)
PACES: Final = {"claude": (0.25, 0.013), "gpt": (0.08, 0.012), "deepseek": (0.03, 0.004), "local": (0.12, 0.015)}
"""Seconds before the first piece of an answer, and between its pieces: the good one is slow, the poor one fast."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A state an upstream can be in."""

    name: str
    """What the tables say."""
    reply: Reply = _GOOD
    answers: bool = True
    """Whether a request that comes now is answered whole."""
    listens: bool = True
    """Whether its port is open."""


WELL: Final = Trouble("well")
SLOW: Final = Trouble("slow", replace(_GOOD, delay_first_s=1.2))
ERRORS: Final = Trouble("500", Reply(fault="server_error"), answers=False)
CUTS: Final = Trouble("cuts before the first word", replace(_GOOD, fault="cut_before_content"), answers=False)
CUTS_LATE: Final = Trouble("cuts in mid-stream", replace(_GOOD, fault="cut_mid_stream", after_chunks=4), answers=False)
LIMITED: Final = Trouble("429, Retry-After", Reply(fault="rate_limited"), answers=False)
DEAD_KEY: Final = Trouble("401, the key is dead", Reply(fault="bad_key"), answers=False)
SILENT: Final = Trouble("silent", Reply(fault="hang"), answers=False)
GONE: Final = Trouble("gone, port closed", answers=False, listens=False)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the day: who is in trouble until the next one begins; all others are well."""

    at_s: float
    title: str
    troubles: Mapping[str, Trouble] = field(default_factory=dict[str, Trouble])
    repaired: str | None = None
    """Model whose key the operator has just replaced; its deployment is reset by hand."""

    def trouble(self, upstream: str) -> Trouble:
        """Return the state of an upstream in this phase."""
        return self.troubles.get(upstream, WELL)

    @property
    def is_dark(self) -> bool:
        """Whether nobody answers."""
        return not any(self.trouble(upstream).answers for upstream in UPSTREAMS)


DAY: Final = (
    Phase(0, "all is well"),
    Phase(5, "claude slows down", {"claude": SLOW}),
    Phase(12, "deepseek cuts its answers in mid-stream", {"deepseek": CUTS_LATE}),
    Phase(18, "gpt sends 500s", {"gpt": ERRORS}),
    Phase(26, "deepseek cuts its answers before the first word", {"deepseek": CUTS}),
    Phase(33, "claude limits the rate", {"claude": LIMITED}),
    Phase(39, "gpt's key is dead", {"gpt": DEAD_KEY}),
    Phase(46, "gpt has a new key, the operator resets it; local falls silent", {"local": SILENT}, repaired="gpt"),
    Phase(55, "local speaks again"),
    Phase(59, "claude's host is gone and gpt sends 500s at once", {"claude": GONE, "gpt": ERRORS}),
    Phase(66, "deepseek sends 500s too: only local is left", {"claude": GONE, "gpt": ERRORS, "deepseek": ERRORS}),
    Phase(74, "nobody is left", {"claude": GONE, "gpt": ERRORS, "deepseek": ERRORS, "local": GONE}),
    Phase(79, "all are back"),
)


def phases(day_s: float) -> tuple[Phase, ...]:
    """Return the day, made shorter or longer as a whole."""
    return tuple(replace(each, at_s=each.at_s * day_s / WHOLE_DAY_S) for each in DAY)


def peace() -> Generator[Phase, None, None]:
    """Yield the phases before and after the day, for ever: nobody is in trouble but the one that fails at times."""
    for at_s in count(0, PEACE_S):
        yield Phase(at_s, "peaceful traffic")
        yield Phase(at_s + 0.9 * PEACE_S, "gpt fails for a moment", {"gpt": ERRORS})


def script(upstream: str, trouble: Trouble, *, retry_after_s: int, pace: float = 1.0) -> Script:
    """Return what an upstream in this trouble says; the list of its models is not touched.

    `pace` stretches the waits of one that is well; 0 has none.
    """
    reply = trouble.reply
    if trouble is WELL:
        first_s, chunk_s = PACES[upstream]
        reply = replace(reply, delay_first_s=pace * first_s, delay_chunk_s=pace * chunk_s)
    if reply.fault == "rate_limited":
        reply = replace(reply, headers={"Retry-After": str(retry_after_s)})
    return Script((reply,), models=(f"{upstream}-1",))

"""Settings of the judge: the model that is asked which model should answer, where the policy is unsure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.bounds import Amount, Count, PositiveCount, Seconds, Share
from config.forms import WebAddress


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Who is asked which model should answer, and when: see `docs/judge.md`."""

    mode: Literal["never", "unsure", "always"] = "unsure"
    """When it is asked: `unsure` where the policy is not sure and something is at stake, `always` for every request
    that draws a model, `never`."""
    shadow: bool = False
    """Whether its word is only recorded: it is asked beside the request, delays nothing and changes nothing."""
    served_by: Literal["ollama", "catalogue"] = "ollama"
    """Who runs it: an Ollama server, or whoever serves the model of that name in the catalogue."""
    model: str = "llama3"
    """The model that judges: its name in Ollama, or with `served_by = "catalogue"` in the catalogue."""
    ollama_url: WebAddress | None = None
    """Where Ollama is; `None` is the address of the provider `ollama`, which `OLLAMA_HOST` changes."""
    pull: bool = False
    """Whether a model that Ollama lacks is downloaded in the background (`llama3` has 4.7 GB). Without it
    `thalamus judge pull` does so."""
    deadline_ms: PositiveCount = 3000
    """Milliseconds it has to answer; then the request goes on without it."""
    unsure_below: Share = 0.6
    """With `unsure`: it is asked where no model is the best with at least this probability."""
    min_gain: Amount = 0.01
    """With `unsure`: something is at stake where its word may be worth at least so much quality, 0 to 1. It is what
    knowing the best model would be worth, times `trust`, less what the judge itself costs; and where a request waits
    for it, less what the wait weighs."""
    share_max: Share = 0.1
    """With `unsure`: of the requests that draw a model at most this share waits for the judge, and five more. The
    others are asked about once they are answered, and the word is kept. 0 lets none wait, 1 all."""
    trust: Share = 0.8
    """Share of the drawn probability, 0 to 1, that goes to the model it names with full confidence; with half of it,
    half as much. 0 changes nothing."""
    template: str | None = None
    """Name of its prompt's template; `None` takes the one of `thalamus judge promote`, else `plain`."""
    max_query_tokens: PositiveCount = 1500
    """Most of a query that it is shown, in estimated tokens: its beginning and its end."""
    num_ctx: PositiveCount = 4096
    """Window that Ollama is asked for, tokens; it holds prompt and answer."""
    keep_alive_s: Seconds = 600.0
    """Seconds for which Ollama keeps the model in memory after a question; 0 unloads it at once."""
    max_at_once: PositiveCount = 2
    """Most questions to it at the same time; further requests go on without it."""
    cache_entries: Count = 1000
    """Answers that are kept, so that the same question with the same candidates is not asked again; 0 keeps none."""
    cache_s: Seconds = 3600.0
    """Seconds for which they are kept."""

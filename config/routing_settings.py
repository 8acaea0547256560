"""How `auto` chooses: rules, the dial between cost and quality, and how expectations become probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from config.bounds import Amount, Count, PositiveAmount, PositiveCount, PositiveShare, Share


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """If the last user turn holds the pattern, `auto` tries this model first. The first rule that matches wins."""

    pattern: str
    """What to look for, without regard to case."""
    model: str
    """Model or alias to use."""
    kind: Literal["keyword", "regex"] = "keyword"
    """`keyword` is the text itself; `regex` is RE2 syntax (linear time: no look-around, no back-references)."""
    name: str | None = None
    """What the decision's reasons call this rule; `None` shows the pattern."""


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """How `auto` chooses, and what happens to names nobody knows."""

    default_model: str | None = None
    """Model `auto` takes when no rule speaks; `None` leaves it to `policy`."""
    unknown_model: Literal["error", "auto"] = "error"
    """What an unknown model name gets: a 404, or the model that `auto` would choose."""
    max_attempts: PositiveCount = 4
    """Most deployments tried for one request."""
    chain: tuple[str, ...] = ()
    """Models of `auto` in the order of failover. The others follow: those that may answer by their score, then yours,
    the shipped and the discovered ones."""
    shipped_models: bool = True
    """Whether the shipped models (`claude`, `gpt`, ...) are there beside yours."""
    rules: tuple[RuleSettings, ...] = ()
    """Rules that settle the choice (`[[routing.rules]]`), in order."""
    policy: Literal["learned", "weights"] = "learned"
    """How `auto` draws where no rule and no default model speaks: by what is `learned` of each model's answers and by
    prices, which begins near the weights; or by `weights` alone."""
    dial: Share = 0.5
    """What counts where the request does not say: 0 is as cheap as can be, 1 as good as can be. At 0.5 a start without
    experience draws near the weights."""
    key_dials: Mapping[str, Share] = field(default_factory=dict[str, float])
    """The dial of single proxy keys by their name or their prefix: `"team-a" = 0.2`. It stands before `dial`."""
    draw: Literal["thompson", "softmax"] = "thompson"
    """How expectations become probabilities: by how likely each model is to be best (`thompson`), or in proportion to
    exp(score / `temperature`)."""
    spread: PositiveShare = 1.0
    """Of `thompson`: the part of each deviation that is drawn with. Less than 1 tries less often what is probably
    worse, and lets less count of what one key says."""
    temperature: PositiveAmount = 0.05
    """Of `softmax`, in units of quality."""
    floor: Share = 0.02
    """Least probability of each eligible model, so that the books can say something of every one. 0 has none."""
    newcomer_share: Share = 0.2
    """Most that a model gets which is new in the catalogue, while nobody said anything of its answers; several share
    it. The ceiling rises to all with 100 outcomes, by weight. 1 has none, and 0 leaves it the floor."""
    threshold: Share = 0.0
    """How likely the leading model must be the best for what is expected to count whole; it is apart from the score. At
    half of it the draw is by weight alone, in between by both. 0 has none: what is not known is explored."""
    latency_weight: Amount = 0.05
    """Quality, 0 to 1, that an endless wait outweighs; a wait of 5 s counts half. 0 ignores waits."""
    switching_weight: Amount = 0.08
    """Quality that leaving a model outweighs which has a long prompt of this conversation in its cache. 0 ignores
    it."""
    code_model: str | None = "cursor"
    """Model that gets requests with code where it is live and nothing before it settles the choice; `None` and the
    empty name have none."""
    cached_choices: Count = 1_024
    """Questions whose expectations are kept for a minute, in case they are asked again; 0 keeps none."""

"""Tiny worlds in which the truth is known: questions of two languages and two domains, models, chances to please."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from router.choosing.values import Question
from router.offpolicy.logged import Logged, log_of

MODELS = ("large", "middle", "small")
COSTS = {"large": 0.02, "middle": 0.004, "small": 0.001}


def pleases(model, language, domain):
    """Return the chance that an answer of the model pleases: each is the best one somewhere."""
    return {"large": 0.75, "middle": 0.45 + 0.4 * (language == "zh"), "small": 0.35 + 0.4 * (domain == "chat")}[model]


@dataclass(frozen=True)
class World:
    """Draws questions, choices by a policy of its own, and what came of them."""

    p_zh: float = 0.5
    p_chat: float = 0.6
    floor: float = 0.06

    def truth(self, target, *, of=None):
        """Return the mean of what `target(language, domain)`, a table of probabilities, earns over all questions."""
        value = of or pleases
        return sum(
            (self.p_zh if language == "zh" else 1 - self.p_zh)
            * (self.p_chat if domain == "chat" else 1 - self.p_chat)
            * sum(share * value(model, language, domain) for model, share in target(language, domain).items())
            for language in ("zh", "en")
            for domain in ("chat", "code")
        )

    def logger(self, _language, domain):
        """Return the probabilities that the log is made with: it prefers `small`, and `large` for code."""
        best = "large" if domain == "code" else "small"
        return {name: self.floor + (1 - len(MODELS) * self.floor) * (name == best) for name in MODELS}

    def rows(self, n, seed, *, rated=1.0):
        """Return n decisions."""
        rng = np.random.default_rng(seed)
        return [self.row(str(at), rng, rated=rated) for at in range(n)]

    def row(self, name, rng, *, rated=1.0):
        """Return one decision."""
        language = "zh" if rng.random() < self.p_zh else "en"
        domain = "chat" if rng.random() < self.p_chat else "code"
        table = self.logger(language, domain)
        shares = tuple(table.values())
        chosen = MODELS[int(np.searchsorted(np.cumsum(shares), rng.random() * sum(shares)))]
        n_tokens = int(rng.integers(20, 900))
        reward = float(rng.random() < pleases(chosen, language, domain)) if rng.random() < rated else None
        return decided(
            name,
            chosen=chosen,
            probabilities=shares,
            reward=reward,
            cost=COSTS[chosen] * (0.5 + n_tokens / 900),
            question=Question("", language=language, domain=domain, n_tokens=n_tokens),
        )

    def log(self, n, seed, *, rated=1.0):
        """Return the log of n decisions."""
        return log_of(self.rows(n, seed, rated=rated))


def decided(name, *, chosen, probabilities, reward, **more):
    """Return one decision among the three models; `served`, `conversation`, `cost`, `question` where they matter."""
    return Logged(
        id=name,
        conversation=more.get("conversation", name),
        eligible=more.get("eligible", MODELS[: len(probabilities)] if probabilities else MODELS),
        probabilities=probabilities,
        chosen=chosen,
        served=more.get("served", chosen),
        reward=reward,
        cost_usd=more.get("cost"),
        question=more.get("question", Question("")),
        expected=more.get("expected", {}),
    )


def always(model):
    """Return the policy that takes one model for everything."""
    return lambda *_: {model: 1.0}


def table_of(log, policy):
    """Return a policy's probabilities for each row of a log, (n, k)."""
    found = np.zeros(log.probabilities.shape)
    for at, each in enumerate(log.questions):
        for model, share in policy(each.language, each.domain).items():
            found[at, log.models.index(model)] = share
    return found

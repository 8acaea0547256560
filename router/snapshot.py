"""The models and their deployments as they stand now: an immutable snapshot of settings, keys and probes.

A reload or a probe makes a new snapshot; nobody changes one. How it is made stands in `router/catalog.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from config.errors import ModelNotFoundError
from config.prices import Pricing
from router.choosing.dial import dial_of_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.model_settings import Capability, Dialect, Timeouts
    from config.types import Json
    from router.providers.base import Target

AUTO = "auto"
NO_MODELS = frozenset({AUTO, "collab"})
"""Names that mean a way of choosing."""

State = Literal["live", "unprobed", "no_key", "no_address", "away", "missing"]
"""`unprobed`: nobody asked its server yet, so it is believed to be there. `away`: the server did not answer the last
probe. `missing`: the server answered and does not have the model."""

Origin = Literal["configured", "discovered", "last_resort"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place where a model runs, ready to be tried."""

    id: str
    """`model/provider`, with `#n` where a model has several of one provider."""
    target: Target
    dialect: Dialect
    timeouts: Timeouts
    weight: float
    """Share inside the priority group; 0 is drained."""
    priority: int
    """Group; lower ones are tried first."""
    state: State
    pricing: Pricing

    @property
    def live(self) -> bool:
        """Whether a call may be expected to succeed."""
        return self.state in {"live", "unprobed"}

    @property
    def usable(self) -> bool:
        """Whether a call can be made at all, be it as a last resort."""
        return self.state not in {"no_key", "no_address"}


@dataclass(frozen=True, slots=True)
class Model:
    """A name clients can ask for, and where it runs."""

    name: str
    deployments: tuple[Deployment, ...]
    description: str = ""
    domains: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    capabilities: frozenset[Capability] = frozenset({"chat"})
    auto: bool = True
    """Whether `auto` may choose it."""
    passages: bool = True
    """Whether requests to it get passages of documents."""
    origin: Origin = "configured"

    @property
    def live(self) -> bool:
        """Whether a deployment that is not drained is live."""
        return any(each.live and each.weight > 0 for each in self.deployments)

    @property
    def weight(self) -> float:
        """Sum of the weights of its live deployments."""
        return sum(each.weight for each in self.deployments if each.live)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models, in the order in which `auto` fails over."""

    models: Mapping[str, Model]
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown_model: Literal["error", "auto"] = "error"

    def canonical(self, name: str) -> str:
        """Return the name a client's name stands for: a model's, `auto`, or, where nobody knows it, the name itself.

        A model's own name comes before an alias, `llama3.2` also means `llama3.2:latest`, and `provider/model` names
        a model by one of its deployments. `auto:cheap` and its kind are `auto` with a dial. With
        `unknown_model = "auto"` an unknown name stands for `auto`.
        """
        found = self._behind_aliases(name)
        if found in self.models or found in NO_MODELS:
            return found
        if f"{found}:latest" in self.models:
            return f"{found}:latest"
        upstream = self._by_upstream(found) if "/" in found else None
        if upstream is not None:
            return upstream
        return AUTO if self.unknown_model == "auto" or dial_of_name(found) is not None else found

    def dial(self, name: str) -> float | None:
        """Return the dial between cost and quality that a client's name asks for, `None` where it asks for none."""
        return dial_of_name(self._behind_aliases(name)) if self.canonical(name) == AUTO else None

    def resolve(self, name: str) -> Model:
        """Return the model a name stands for. Raises `ModelNotFoundError` for an unknown one, and for `auto`."""
        model = self.models.get(self.canonical(name))
        if model is None:
            raise ModelNotFoundError(f"The model '{name}' does not exist here.", param="model")
        return model

    def only(self, names: Iterable[str]) -> Catalog:
        """Return the catalogue without the models that none of these names stands for, as fallbacks either.

        Names may be aliases; a name that stands for no model changes nothing.
        """
        wanted = {self.canonical(name) for name in names}
        kept = {
            name: replace(model, fallbacks=tuple(each for each in model.fallbacks if self.canonical(each) in wanted))
            for name, model in self.models.items()
            if name in wanted
        }
        return replace(self, models=kept)

    def live_models(self) -> tuple[Model, ...]:
        """Return the models `auto` may choose now, in the order of failover.

        The extractive model is among them only while no other is live.
        """
        live = tuple(each for each in self.models.values() if each.live and each.auto and "chat" in each.capabilities)
        better = tuple(each for each in live if each.origin != "last_resort")
        return better or live

    def auto_weights(self) -> tuple[float, ...]:
        """Return the weights with which `auto` draws among `live_models()`, in that order.

        Models that were only discovered on a server are not drawn while a configured one is live: they stand behind.
        """
        live = self.live_models()
        only_configured = any(each.origin == "configured" for each in live)
        return tuple(0.0 if only_configured and each.origin == "discovered" else each.weight for each in live)

    def embedding_models(self) -> tuple[Model, ...]:
        """Return the live models that embed, in order."""
        return tuple(each for each in self.models.values() if each.live and "embeddings" in each.capabilities)

    def deployment(self, deployment_id: str) -> Deployment | None:
        """Return a deployment by its id."""
        found = (each for model in self.models.values() for each in model.deployments if each.id == deployment_id)
        return next(found, None)

    def deployment_ids(self) -> frozenset[str]:
        """Return the ids of all deployments."""
        return frozenset(each.id for model in self.models.values() for each in model.deployments)

    def price_of(self, deployment_id: str) -> Pricing | None:
        """Return where a deployment's price is found; `None` for an unknown deployment."""
        found = self.deployment(deployment_id)
        return found.pricing if found else None

    def state(self) -> Json:
        """Return which models are live and why the others are not, without addresses or keys."""
        return {
            "status": "ok" if any(each.live for each in self.models.values()) else "none_live",
            "live": [each.name for each in self.models.values() if each.live],
            "not_live": {each.name: _why(each) for each in self.models.values() if not each.live},
        }

    def _behind_aliases(self, name: str) -> str:
        seen: set[str] = set()
        found = name
        while found not in self.models and found in self.aliases and found not in seen:
            seen.add(found)
            found = self.aliases[found]
        return found

    def _by_upstream(self, name: str) -> str | None:
        provider, _, upstream = name.partition("/")
        for model in self.models.values():
            for each in model.deployments:
                if each.target.provider == provider and upstream in {each.target.upstream_model, model.name}:
                    return model.name
        return None


def _why(model: Model) -> str:
    states = list(dict.fromkeys("drained" if each.live else each.state for each in model.deployments))
    return ", ".join(states)

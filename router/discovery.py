"""What a server's model list says: which models are there, how large their windows are, which only embed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.model_settings import Capability, Dialect

MAX_LISTED = 1_000
MAX_NAME_CHARS = 200
_EMBEDDING_FAMILIES = frozenset({"bert", "nomic-bert", "nomic-bert-moe", "xlm-roberta", "gemma-embedding"})


@dataclass(frozen=True, slots=True)
class Listed:
    """One model of a server's list."""

    name: str
    context_window: int | None = None
    capabilities: frozenset[Capability] = frozenset({"chat"})


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of asking one server for its list. `error` is one short line, without the address."""

    answered: bool
    models: tuple[Listed, ...] = ()
    error: str | None = None


Probes = dict[str, Probe]
"""The last probe of each server, by its base URL."""


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """A server to ask, and how."""

    base_url: str
    url: str
    dialect: Dialect
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Holds the key, so it is never shown."""


def listed_models(dialect: Dialect, body: object) -> tuple[Listed, ...]:
    """Return the models of a decoded `GET /api/tags` or `GET /models`; what cannot be read is left out."""
    key, read = ("models", _ollama_model) if dialect == "ollama" else ("data", _openai_model)
    items = _table(body).get(key)
    if not isinstance(items, list):
        return ()
    found = [read(_table(item)) for item in cast("list[object]", items)[:MAX_LISTED]]
    return tuple({each.name: each for each in found if each is not None}.values())


def same_model(wanted: str, listed: str) -> bool:
    """Return whether Ollama means the same model by two names; without a tag it means `latest`."""
    return _tagged(wanted) == _tagged(listed)


def _ollama_model(item: Mapping[str, object]) -> Listed | None:
    name = _name(item.get("name") or item.get("model"))
    if name is None:
        return None
    family = _table(item.get("details")).get("family")
    embeds = family in _EMBEDDING_FAMILIES or _sounds_like_embeddings(name)
    return Listed(name, capabilities=frozenset({"embeddings"}) if embeds else frozenset({"chat"}))


def _openai_model(item: Mapping[str, object]) -> Listed | None:
    name = _name(item.get("id"))
    if name is None:
        return None
    window = item.get("max_model_len")  # vLLM says it
    embeds = _sounds_like_embeddings(name)
    return Listed(
        name,
        context_window=window if isinstance(window, int) and window > 0 else None,
        capabilities=frozenset({"embeddings"}) if embeds else frozenset({"chat"}),
    )


def _sounds_like_embeddings(name: str) -> bool:
    return "embed" in name.lower()


def _name(value: object) -> str | None:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= MAX_NAME_CHARS:
        return None
    return value


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _table(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}

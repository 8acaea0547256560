"""Everything the upstream serves beside chat: models, embeddings, counts, and Ollama's housekeeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from router.providers.pieces import split_pieces
from router.providers.scripted.answer import count_input
from router.providers.scripted.embedding import as_base64, dimensions_of, embed, inputs_of
from router.providers.scripted.rendering import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.types import Json
    from router.providers.scripted.script import Reply, Script

VERSION = "0.12.0"
"""The version of Ollama that the double claims."""


def models(script: Script, _reply: Reply, _body: Json) -> Json | Failure:
    """Return OpenAI's list of models."""
    return {"object": "list", "data": [_model(name) for name in script.models]}


def model_by_id(script: Script, name: str) -> Json | Failure:
    """Return one model; ids may hold `/` and `:`."""
    return _model(name) if name in script.models else _no_model(name)


def embeddings(_script: Script, reply: Reply, body: Json) -> Json | Failure:
    """Return OpenAI embeddings, as numbers or base64."""
    texts = inputs_of(body.get("input"))
    if not texts:
        return Failure(400, "invalid_request_error", None, "invalid_request_error", "`input` is missing.", "input")
    size = dimensions_of(body, reply.dimensions)
    packed = body.get("encoding_format") == "base64"
    vectors = [embed(text, dimensions=size) for text in texts]
    tokens = sum(len(split_pieces(text)) for text in texts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": as_base64(vector) if packed else vector}
            for i, vector in enumerate(vectors)
        ],
        "model": body.get("model", ""),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def count_tokens(_script: Script, _reply: Reply, body: Json) -> Json | Failure:
    """Return Anthropic's count of input tokens."""
    return {"input_tokens": count_input(body)}


def ollama_embed(_script: Script, reply: Reply, body: Json) -> Json | Failure:
    """Return Ollama embeddings."""
    texts = inputs_of(body.get("input"))
    size = dimensions_of(body, reply.dimensions)
    return {
        "model": body.get("model", ""),
        "embeddings": [embed(text, dimensions=size) for text in texts],
        "prompt_eval_count": sum(len(split_pieces(text)) for text in texts),
    }


def ollama_tags(script: Script, _reply: Reply, _body: Json) -> Json | Failure:
    """Return Ollama's local models."""
    entry: Json = {"modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "0" * 64, "details": _details()}
    return {"models": [{"name": name, "model": name, **entry} for name in script.models]}


def ollama_version(_script: Script, _reply: Reply, _body: Json) -> Json | Failure:
    """Return a version."""
    return {"version": VERSION}


def ollama_show(script: Script, _reply: Reply, body: Json) -> Json | Failure:
    """Return what Ollama tells of one model."""
    name = body.get("model", body.get("name"))
    if name not in script.models:
        return _no_model(str(name))
    info = {"general.architecture": "scripted", "scripted.context_length": 32_768}
    return {"details": _details(), "model_info": info, "capabilities": ["completion", "tools", "thinking"]}


GET: Mapping[str, Callable[[Script, Reply, Json], Json | Failure]] = {
    "/v1/models": models,
    "/models": models,
    "/api/tags": ollama_tags,
    "/api/version": ollama_version,
}
POST: Mapping[str, Callable[[Script, Reply, Json], Json | Failure]] = {
    "/v1/embeddings": embeddings,
    "/embeddings": embeddings,
    "/v1/messages/count_tokens": count_tokens,
    "/api/embed": ollama_embed,
    "/api/show": ollama_show,
}


def named_model(path: str) -> str | None:
    """Return the id in `/v1/models/{id}`, or `None` for another path."""
    for prefix in ("/v1/models/", "/models/"):
        if path.startswith(prefix) and len(path) > len(prefix):
            return path[len(prefix) :]
    return None


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "scripted"}


def _no_model(name: str) -> Failure:
    message = f"The model '{name}' does not exist."
    return Failure(404, "invalid_request_error", "model_not_found", "not_found_error", message, "model")


def _details() -> Json:
    return cast("Json", {"format": "gguf", "family": "scripted", "parameter_size": "0", "quantization_level": "F32"})

"""Settings that tests of commands write: only the models that a test names, and no search for servers around it."""

from __future__ import annotations

ALONE = """
[routing]
shipped_models = false
[health]
find_ollama = false
"""
"""No model and no server but those that follow."""


def model(name: str, url: str, *, description: str = "", upstream: str = "scripted") -> str:
    """Return the settings of a model with one deployment: a server at `url` that speaks OpenAI's dialect."""
    return f"""
[[model]]
name = "{name}"
description = "{description}"
  [[model.deployment]]
  provider = "vllm"
  base_url = "{url}/v1"
  upstream_model = "{upstream}"
"""

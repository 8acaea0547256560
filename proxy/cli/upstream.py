"""`thalamus upstream`: the scripted upstream, to try the gateway and its clients without any provider."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from proxy.cli.options import AsJson
from proxy.cli.printing import print_json, say
from proxy.cli.running import end_well_on_sigterm


def upstream(
    *,
    script: Annotated[
        Path | None, typer.Option(help="Script file; without one it echoes the last message.", metavar="FILE")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0 takes a free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run an upstream that answers by a script: OpenAI, Anthropic and Ollama at once, with delays and faults."""
    from router.providers.scripted import serve_script  # noqa: PLC0415  # needed by this verb alone

    def ready(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            say(f"The scripted upstream serves on {url}/v1 (OpenAI) and {url} (Anthropic, Ollama)")
        sys.stdout.flush()

    end_well_on_sigterm()
    asyncio.run(serve_script(script, host=host, port=port, on_ready=ready))

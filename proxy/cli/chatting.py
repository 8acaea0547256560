"""`thalamus chat`: one question to a running gateway."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, cast

import httpx
import typer

from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, say
from proxy.cli.running import running_gateways
from router.sse import SseParser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.types import Json

NO_LIMIT = httpx.Timeout(None, connect=5.0)  # the gateway has limits of its own


def chat(
    question: Annotated[str, typer.Argument(help="What to ask; `-` reads it from standard input.")],
    *,
    model: Annotated[str, typer.Option(help="Model or alias; auto lets Thalamus choose.")] = "auto",
    base_url: Annotated[
        str | None, typer.Option(help="Where the gateway is; without it the one that runs here.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="THALAMUS_API_KEY", help="Proxy key, where one is needed.", show_default=False)
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running gateway, and print the answer as it comes."""
    url = (base_url or _found(config)).rstrip("/")
    url = url if url.endswith("/v1") else f"{url}/v1"
    text = sys.stdin.read() if question == "-" else question
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": not as_json}
    headers = {"authorization": f"Bearer {key or 'none'}"}
    try:
        # no proxies of the environment: a gateway on this machine is not behind one
        with (
            httpx.Client(timeout=NO_LIMIT, trust_env=False) as client,
            client.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as response,
        ):
            if not response.is_success:
                raise CommandError(_error_of(response.read()) or f"the gateway answered {response.status_code}")
            if as_json:
                print_json(json.loads(response.read()))
            else:
                _print_stream(response)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise CommandError(f"no gateway answers on {url}; start one with: thalamus serve") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandError(f"the connection to {url} broke: {type(error).__name__}") from error
    except ValueError as error:
        raise CommandError(f"what answers on {url} is no gateway: its answer is no JSON") from error


def _found(config: Path | None) -> str:
    """Return the address of a gateway that runs with these settings, else the one they name."""
    settings = read_settings(config)
    running = running_gateways(settings.state_dir)
    return running[0].url if running else f"http://{settings.server.host}:{settings.server.port}"


def _print_stream(response: httpx.Response) -> None:
    written = False
    for event in _events(response):
        failed = _error_of(event)
        if failed is not None:
            raise CommandError(f"the answer broke off: {failed}")
        for piece in _texts(event):
            written = True
            typer.echo(piece, nl=False)
            sys.stdout.flush()
    if written:
        say("")
    headers = response.headers
    note(f"[{headers.get('x-thalamus-model', '?')}, decision {headers.get('x-thalamus-decision-id', '?')}]")


def _events(response: httpx.Response) -> Iterator[bytes]:
    parser = SseParser()
    for chunk in response.iter_bytes():
        yield from (each.data for each in parser.feed(chunk) if each.data != b"[DONE]")
    yield from (each.data for each in parser.close() if each.data != b"[DONE]")


def _texts(event: bytes) -> Iterator[str]:
    choices = cast("Json", json.loads(event)).get("choices")
    for choice in cast("list[Json]", choices) if isinstance(choices, list) else []:
        delta = choice.get("delta")
        content = cast("Json", delta).get("content") if isinstance(delta, dict) else None
        if isinstance(content, str):
            yield content


def _error_of(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    error = cast("Json", found).get("error") if isinstance(found, dict) else None
    message = cast("Json", error).get("message") if isinstance(error, dict) else None
    return str(message) if message else None

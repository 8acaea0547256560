"""`thalamus init`: asks for provider keys, tries each, and writes `thalamus.toml` and `.env`."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.ids import new_id
from config.loader import load_settings, shipped_providers
from proxy.cli.options import USUAL_FILE, AsJson
from proxy.cli.printing import CommandError, note, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import httpx

    from config.model_settings import ProviderSettings

Verdict = Literal["works", "refused", "unreachable"]

TRY_TIMEOUT_S = 10.0
ASKED_FIRST = ("openai", "anthropic", "deepseek", "gemini", "openrouter", "groq", "mistral")
"""Providers whose keys are asked for; any other key is taken from its variable."""
KEY = re.compile(r"[\x21-\x7e]+")

TEMPLATE = """\
# Settings of Thalamus. Everything has a default; `thalamus check` validates this file and shows what would run.
# Keys do not belong here: they are in .env beside it, or in the environment.

[server]
host = "127.0.0.1"  # beyond loopback a proxy key is needed: thalamus keys create NAME
port = 8000

[routing]
# default_model = "claude"  # what auto takes when no rule speaks; without it, one is chosen by what was learned

# [retrieval]
# library = "docs"  # folder with your documents, Markdown or text

# A model of your own:
# [[model]]
# name = "local"
# description = "private questions"
#   [[model.deployment]]
#   provider = "ollama"
#   upstream_model = "qwen3:8b"
"""


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A provider's key and the variable it belongs to."""

    row: ProviderSettings
    variable: str
    key: str = field(repr=False)
    from_environment: bool = False
    """Whether it is set there already, so that it need not be written."""


@dataclass(frozen=True, slots=True)
class TriedKey:
    """What the provider said to a key."""

    given: GivenKey
    verdict: Verdict
    detail: str

    @property
    def kept(self) -> bool:
        """Whether it is written to .env."""
        return self.verdict != "refused" and not self.given.from_environment


def init(
    *,
    folder: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take the keys of the environment.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a thalamus.toml that is there.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try the keys.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for provider keys, try each with a call that costs nothing, and write thalamus.toml and .env."""
    toml = folder / USUAL_FILE
    if toml.exists() and not force:
        raise CommandError(f"{toml} is there already; change it, or replace it with: thalamus init --force")
    rows = [row for row in shipped_providers() if row.needs_key and row.api_key_env and row.base_url]
    given = _from_environment(rows, os.environ)
    if not yes:
        given += _asked(rows, {each.row.name for each in given})
    tried = asyncio.run(try_keys(given, offline=offline))
    kept = {each.given.variable: each.given.key for each in tried if each.kept}
    folder.mkdir(parents=True, exist_ok=True)
    write_private(toml, TEMPLATE)
    write_private(folder / ".env", with_variables(_text_of(folder / ".env"), kept))
    load_settings(toml, os.environ, folder / ".env")  # what we wrote must be right
    if as_json:
        keys = [
            {"provider": each.given.row.name, "variable": each.given.variable, "verdict": each.verdict}
            for each in tried
        ]
        print_json({"settings": str(toml), "dotenv": str(folder / ".env"), "keys": keys})
        return
    for each in tried:
        say(f"{each.given.row.name}: {each.detail}")
    say(f"Wrote {toml} and {folder / '.env'}. Start with: thalamus serve")


async def try_keys(given: Iterable[GivenKey], *, offline: bool = False) -> list[TriedKey]:
    """Ask each provider for its list of models with the key, which costs nothing; `offline` asks nobody."""
    import httpx  # noqa: PLC0415  # needed by this verb alone

    async with httpx.AsyncClient(timeout=TRY_TIMEOUT_S, follow_redirects=False) as client:
        return list(await asyncio.gather(*(_try_key(None if offline else client, each) for each in given)))


async def _try_key(client: httpx.AsyncClient | None, given: GivenKey) -> TriedKey:
    import httpx  # noqa: PLC0415  # loaded by now

    if client is None:
        return TriedKey(given, "unreachable", "not tried")
    row = given.row
    try:
        response = await client.get(f"{row.base_url}{row.models_path}", headers=_headers(row, given.key))
    except httpx.HTTPError as error:
        return TriedKey(given, "unreachable", f"could not be asked ({type(error).__name__})")
    if response.status_code in {401, 403}:
        return TriedKey(given, "refused", f"refuses the key ({response.status_code}); it is not kept")
    if not response.is_success:
        return TriedKey(given, "unreachable", f"answered {response.status_code}, so the key is not known to work")
    return TriedKey(given, "works", "the key works")


def with_variables(dotenv: str, variables: Mapping[str, str]) -> str:
    """Return the text of a .env file with these variables set; every other line stays as it is."""
    lines = dotenv.splitlines() or ["# Keys for Thalamus. A variable of the environment wins over the same name here."]
    for name, value in variables.items():
        lines = [line for line in lines if not re.match(rf"\s*(?:export\s+)?{re.escape(name)}\s*=", line)]
        quote = '"' if "'" in value else "'"
        lines.append(f"{name}={quote}{value}{quote}")
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str) -> None:
    """Replace a file whole; only its owner may read it."""
    draft = path.with_name(f".{path.name}.{new_id()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _from_environment(rows: Iterable[ProviderSettings], env: Mapping[str, str]) -> list[GivenKey]:
    found: list[GivenKey] = []
    for row in rows:
        variable = next((name for name in row.api_key_env if env.get(name, "").strip()), None)
        if variable is not None:
            found.append(GivenKey(row, variable, env[variable].split(",")[0].strip(), from_environment=True))
    return found


def _asked(rows: Iterable[ProviderSettings], known: set[str]) -> list[GivenKey]:
    by_name = {row.name: row for row in rows}
    note("Paste the keys you have; Enter skips one. Nothing is shown while you type.")
    found: list[GivenKey] = []
    for name in ASKED_FIRST:
        if name in known or name not in by_name:
            continue
        row = by_name[name]
        variable = row.api_key_env[-1] if name == "gemini" else row.api_key_env[0]
        key = str(
            typer.prompt(f"{name} ({variable})", default="", hide_input=True, show_default=False, err=True)
        ).strip()
        if key and not KEY.fullmatch(key):
            raise CommandError(f"the key of {name} has characters that no key has; paste it again.")
        if key:
            found.append(GivenKey(row, variable, key))
    return found


def _headers(row: ProviderSettings, key: str) -> dict[str, str]:
    headers = dict(row.headers)
    if row.dialect == "anthropic":
        headers.setdefault("anthropic-version", "2023-06-01")
    name, prefix = ("authorization", "Bearer ") if row.auth == "bearer" else (row.auth, "")
    headers[name] = f"{prefix}{key}"
    return headers


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

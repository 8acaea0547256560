"""Reads settings: shipped defaults, `thalamus.toml`, `.env`, environment, each over the one before; all or nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from config.checks import check
from config.environment import Environment, read_environment, secrets_of, split_keys, with_addresses, with_variables
from config.errors import SettingsError
from config.model_settings import ModelSettings, ProviderSettings
from config.reading import Problem, Problems, read_table
from config.secret import Secret
from config.settings import Settings
from config.toml_lines import line_index, nearest_line

if TYPE_CHECKING:
    from config.toml_lines import Path as KeyPath

DEFAULTS = Path(__file__).parent / "defaults"
MAX_FILE_BYTES = 4 * 1024 * 1024

FIXED_WHILE_RUNNING = {
    "server": (
        "host", "port", "admin_port", "tls_cert_file", "tls_key_file", "trusted_proxies", "cors_origins", "drain_s",
    ),
    "storage": ("url", "group_commit_ms", "queue_max", "journal_max_bytes"),
    "retrieval": ("enabled", "library"),
    "logging": ("level", "format"),
}  # fmt: skip
"""What sockets, files and threads were built from at the start; a reload keeps it as it is."""


def load_settings(path: Path | None, env: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """Return the settings of a file, a .env file and an environment; `None` reads no such file.

    A missing .env file is no mistake, a missing settings file is. Raises `SettingsError` that lists every problem;
    its `file` and `line` are those of the first one.
    """
    problems = Problems()
    document, lines = read_document(path)
    environment = read_environment(env, dotenv, problems)
    read = read_table(Settings, _merge_providers(document), (), problems) or Settings()
    settings = _with_places(read, path)
    settings = with_variables(settings, environment, problems)
    settings = _with_defaults(settings, environment, problems)
    settings = _with_secrets(settings, environment, problems)
    if not problems.found:  # else what is missing now would be told as unknown
        check(settings, read, problems)
    if problems.found:
        raise _error(problems, path, lines, environment)
    return settings


def reload(
    path: Path | None, env: Mapping[str, str], current: Settings, *, dotenv: Path | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Return what a running gateway may switch to: the files as they are now, but for what is fixed while it runs.

    Beside it stand the names of what differs and only a restart brings into force, such as `server.port`. Raises
    `SettingsError` where the files are wrong; `current` then stays in force.
    """
    wanted = load_settings(path, env, dotenv)
    waiting = restart_needed(current, wanted)
    for area, names in FIXED_WHILE_RUNNING.items():
        running = getattr(current, area)
        kept = {name: getattr(running, name) for name in names}
        wanted = replace(wanted, **{area: replace(getattr(wanted, area), **kept)})
    return replace(wanted, state_dir=current.state_dir), waiting


def restart_needed(current: Settings, wanted: Settings) -> tuple[str, ...]:
    """Return the names of settings that differ and that only a restart brings into force."""
    found = [
        f"{area}.{name}"
        for area, names in FIXED_WHILE_RUNNING.items()
        for name in names
        if getattr(getattr(current, area), name) != getattr(getattr(wanted, area), name)
    ]
    return tuple(found + (["state_dir"] if current.state_dir != wanted.state_dir else []))


@cache
def shipped_providers() -> tuple[ProviderSettings, ...]:
    """Return the provider rows of `config/defaults/providers.toml`."""
    return _read_shipped("providers.toml").providers


@cache
def shipped_models() -> tuple[ModelSettings, ...]:
    """Return the models of `config/defaults/models.toml`."""
    return _read_shipped("models.toml").models


def _read_shipped(name: str) -> Settings:
    path = DEFAULTS / name
    document, lines = read_document(path)
    problems = Problems()
    read = read_table(Settings, document, (), problems)
    if read is None:
        raise _error(problems, path, lines, Environment({}))
    return read


def read_document(path: Path | None) -> tuple[dict[str, object], dict[KeyPath, int]]:
    """Return the tables of a TOML file and the line of each key; `None` is an empty file.

    Raises `SettingsError` that names file and line where it cannot be read, is too large, no UTF-8 or no TOML.
    """
    if path is None:
        return {}, {}
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(raw) > MAX_FILE_BYTES:
        raise SettingsError(f"is larger than {MAX_FILE_BYTES} bytes", file=str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError("is not UTF-8 text", file=str(path), line=line) from error
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # tomllib's own errors, and numbers of thousands of digits
        raise _syntax_error(error, path, text) from error
    except RecursionError as error:
        raise SettingsError("is nested too deeply", file=str(path)) from error
    return document, line_index(text)


def _syntax_error(error: ValueError, path: Path, text: str) -> SettingsError:
    words = str(error)
    place = re.search(r" \(at line (\d+), column (\d+)\)", words)
    line = int(place[1]) if place else max(1, text.rstrip("\n").count("\n") + 1)
    message = re.sub(r" \(at .*\)$", "", words)
    column = f" (column {place[2]})" if place else ""
    return SettingsError(f"is no TOML: {message}{column}", file=str(path), line=line)


def _merge_providers(document: dict[str, object]) -> dict[str, object]:
    """Lay each `[[provider]]` over the shipped row of its name, so that it need only say what differs."""
    rows = document.get("provider")
    if not isinstance(rows, list):
        return document
    with (DEFAULTS / "providers.toml").open("rb") as file:
        shipped = {row["name"]: row for row in tomllib.load(file)["provider"]}
    merged = [
        {**shipped.get(str(row.get("name")), {}), **row} if isinstance(row, dict) else row
        for row in cast("list[dict[str, object] | str]", rows)
    ]
    return {**document, "provider": merged}


def _with_places(settings: Settings, path: Path | None) -> Settings:
    """Make paths of the file relative to the file, and say where it was."""
    if path is None:
        return settings
    base = path.parent  # an absolute path stays what it is: `base / absolute` is `absolute`

    def below(relative: Path | None) -> Path | None:
        return None if relative is None else base / relative

    server, retrieval, classifier = settings.server, settings.retrieval, settings.classifier
    learning = settings.learning
    model = classifier.model
    model_base = str(base / model.base) if model.base and model.base.startswith(".") else model.base
    return replace(
        settings,
        config_file=path,
        state_dir=base / settings.state_dir,
        server=replace(server, tls_cert_file=below(server.tls_cert_file), tls_key_file=below(server.tls_key_file)),
        retrieval=replace(
            retrieval,
            library=below(retrieval.library),
            embedder=replace(retrieval.embedder, folder=below(retrieval.embedder.folder)),
            reranker=replace(retrieval.reranker, folder=below(retrieval.reranker.folder)),
        ),
        learning=replace(
            learning, starting_values=below(learning.starting_values), policy_dir=below(learning.policy_dir)
        ),
        classifier=replace(
            classifier,
            intents_file=below(classifier.intents_file),
            model=replace(model, artefact=below(model.artefact), base=model_base),
        ),
    )


def _with_defaults(settings: Settings, environment: Environment, problems: Problems) -> Settings:
    """Add the shipped rows, except those the file replaces; a replaced model keeps the shipped one's place."""
    own_rows = {row.name: row for row in settings.providers}
    rows = [own_rows.pop(row.name, row) for row in shipped_providers()]
    rows = [with_addresses(row, environment, problems) for row in (*rows, *own_rows.values())]
    if not settings.routing.shipped_models:
        return replace(settings, providers=tuple(rows))
    own = {model.name: model for model in reversed(settings.models)}
    shipped = [own.get(model.name, model) for model in shipped_models()]
    taken = {model.name for model in shipped}
    mine = [model for model in settings.models if model.name not in taken]
    return replace(settings, providers=tuple(rows), models=(*mine, *shipped))


def _with_secrets(settings: Settings, environment: Environment, problems: Problems) -> Settings:
    names = [name for row in settings.providers for name in row.api_key_env]
    names += [each.api_key_env for model in settings.models for each in model.deployments if each.api_key_env]
    names += [name for each in (settings.retrieval.embedder, settings.retrieval.reranker) if (name := each.api_key_env)]
    server = settings.server
    own = secrets_of(server.api_keys_env, environment, problems)
    keys = dict.fromkeys(key for secret in own.values() for key in split_keys(secret.reveal()))
    return replace(
        settings,
        secrets=secrets_of(names, environment, problems),
        server=replace(server, api_keys=tuple(Secret(key) for key in keys)),
    )


def _error(problems: Problems, path: Path | None, lines: dict[KeyPath, int], environment: Environment) -> SettingsError:
    places = [_place(problem, path, lines, environment) for problem in problems.found]
    first_file, first_line, first = places[0]
    rest = [
        f"{file}:{line}: {text}" if file and line else f"{file}: {text}" if file else text
        for file, line, text in places[1:]
    ]
    return SettingsError("\n".join([first, *rest]), file=first_file, line=first_line)


def _place(
    problem: Problem, path: Path | None, lines: dict[KeyPath, int], environment: Environment
) -> tuple[str | None, int | None, str]:
    """Return file, line and words of a problem of the file, of the .env file, or of the environment."""
    head = problem.path[0] if problem.path else None
    if head == ".env":
        line = problem.path[1] if len(problem.path) > 1 else None
        return str(environment.dotenv), cast("int | None", line), problem.message
    if isinstance(head, str) and head.startswith("$"):
        line = environment.lines.get(head[1:])
        return str(environment.dotenv) if line else None, line, f"{head[1:]}: {problem.message}"
    line = nearest_line(lines, problem.path)
    return str(path) if path else None, line, problem.message

"""What must hold between settings that are each valid: names that exist, once; pairs that belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.forms import EMBEDDED, is_shown
from config.patterns import PatternError, compile_regex
from config.reading import Problems, nearest, shown
from config.reflex_settings import PIN, PLAIN_RESPONSES, RISK_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.model_settings import DeploymentSettings, ModelSettings, PriceOverride, ProviderSettings
    from config.settings import Settings
    from config.toml_lines import Path

_DEVICE = re.compile(r"auto|cpu|mps|cuda(?::[0-9]{1,3})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
TRIAL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
RESERVED = frozenset({"auto", "collab"})
"""Names that mean a way of choosing, not a model."""


def check(settings: Settings, mine: Settings, problems: Problems) -> None:
    """Note every problem. `mine` is what the file alone says, in its order; the shipped rows are known to be right."""
    _check_server(settings, problems)
    _check_library(settings, mine, problems)
    _check_classifier(settings, problems)
    _check_learning(settings, problems)
    _check_telemetry(settings, problems)
    _check_providers(mine, problems)
    _check_models(settings, mine.models, problems)
    _check_aliases(settings, problems)
    _check_routing(settings, problems)
    _check_reflex(settings, problems)
    _check_trials(settings, problems)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def may_be_discovered(name: str) -> bool:
    """Return whether a name is of the kind that only servers know, such as `llama3.2:latest`."""
    return ":" in name or "/" in name


def _check_server(settings: Settings, problems: Problems) -> None:
    server = settings.server
    if server.require_key == "never" and not is_loopback(server.host):
        problems.note(
            ("server", "require_key"),
            f"'server.require_key' cannot be 'never' while 'server.host' is {server.host!r}: anybody there could "
            "spend your money",
        )
    if (server.tls_cert_file is None) != (server.tls_key_file is None):
        given, missing = ("tls_cert_file", "tls_key_file")[:: 1 if server.tls_cert_file else -1]
        problems.note(("server", given), f"'server.{given}' needs 'server.{missing}'")
    if server.admin_port and server.admin_port == server.port:
        problems.note(
            ("server", "admin_port"),
            "'server.admin_port' must differ from 'server.port', which serves the dashboard anyway",
        )


def _check_library(settings: Settings, mine: Settings, problems: Problems) -> None:
    library = settings.retrieval.library
    if library is not None and settings.retrieval.enabled and not library.is_dir():
        path: Path = ("retrieval", "library") if mine.retrieval.library else ("$THALAMUS_RETRIEVAL__LIBRARY",)
        problems.note(path, f"'retrieval.library' must be a folder; there is none at '{library}'")


def _check_learning(settings: Settings, problems: Problems) -> None:
    learning = settings.learning
    if learning.starting_values is not None and not learning.starting_values.is_file():
        message = f"'learning.starting_values' must be a file; there is none at '{learning.starting_values}'"
        problems.note(("learning", "starting_values"), message)
    if learning.policy_dir is not None and not learning.policy_dir.is_dir():
        message = f"'learning.policy_dir' must be a folder; there is none at '{learning.policy_dir}'"
        problems.note(("learning", "policy_dir"), message)


def _check_classifier(settings: Settings, problems: Problems) -> None:
    own, model = settings.classifier.intents_file, settings.classifier.model
    if own is not None and not own.is_file():
        problems.note(
            ("classifier", "intents_file"), f"'classifier.intents_file' must be a file; there is none at '{own}'"
        )
    if model.backend == "ollama" and model.artefact is not None:
        problems.note(
            ("classifier", "model", "artefact"),
            "Ollama serves no trained head: leave out 'classifier.model.artefact', or take another backend",
        )
    if model.backend == "onnx" and model.artefact is None:
        problems.note(("classifier", "model", "backend"), "the backend 'onnx' needs 'classifier.model.artefact'")
    if _DEVICE.fullmatch(model.device) is None:
        problems.note(
            ("classifier", "model", "device"),
            f"'classifier.model.device' must be 'auto', 'cpu', 'cuda', 'cuda:<n>' or 'mps', not {shown(model.device)}",
        )


def _check_telemetry(settings: Settings, problems: Problems) -> None:
    endpoint = settings.telemetry.otlp_endpoint
    address = urlsplit(endpoint)
    if endpoint and (address.scheme not in {"http", "https"} or not address.hostname or address.username):
        problems.note(
            ("telemetry", "otlp_endpoint"),  # it may hold a password, so it is not repeated
            "'telemetry.otlp_endpoint' must be an http:// or https:// address without user and password, such as "
            "http://127.0.0.1:4318",
        )


def _check_providers(mine: Settings, problems: Problems) -> None:
    _check_unique([row.name for row in mine.providers], "provider", problems)
    for position, row in enumerate(mine.providers):
        path: Path = ("provider", position)
        if row.base_url == EMBEDDED and row.dialect != "extractive":
            problems.note((*path, "base_url"), f"'base_url' can be {EMBEDDED!r} for the dialect 'extractive' only")
        for n, name in enumerate(row.api_key_env):
            _check_variable(name, (*path, "api_key_env", n), problems)


def _check_models(settings: Settings, mine: Sequence[ModelSettings], problems: Problems) -> None:
    providers = {row.name: row for row in settings.providers}
    _check_unique([model.name for model in mine], "model", problems)
    known = _known_names(settings)
    for position, model in enumerate(mine):
        path: Path = ("model", position)
        if model.name in RESERVED:
            problems.note((*path, "name"), f"{model.name!r} cannot be a model's name")
        if not model.deployments:
            problems.note(path, f"the model '{model.name}' needs a [[model.deployment]]")
        for n, fallback in enumerate(model.fallbacks):
            _check_known(fallback, known - RESERVED, (*path, "fallbacks", n), "fallback", problems)
        for n, deployment in enumerate(model.deployments):
            _check_deployment(deployment, providers, (*path, "deployment", n), problems)


def _check_deployment(
    deployment: DeploymentSettings, providers: Mapping[str, ProviderSettings], path: Path, problems: Problems
) -> None:
    row = providers.get(deployment.provider)
    if row is None:
        hint = nearest(deployment.provider, providers)
        problems.note((*path, "provider"), f"there is no provider '{deployment.provider}'; {hint}")
    elif deployment.base_url is None and row.base_url is None and not row.base_url_env:
        problems.note(path, f"a deployment of '{row.name}' needs 'base_url'")
    if deployment.api_key_env is not None:
        _check_variable(deployment.api_key_env, (*path, "api_key_env"), problems)
    _check_price(deployment.price, (*path, "price"), problems)


def _check_variable(name: str, path: Path, problems: Problems) -> None:
    if not _VARIABLE.fullmatch(name):  # most likely the key itself, so it is not repeated
        problems.note(path, "'api_key_env' must be the name of an environment variable, such as OPENAI_API_KEY")


def _check_price(price: PriceOverride, path: Path, problems: Problems) -> None:
    given = [price.input_usd_per_mtok, price.output_usd_per_mtok, price.cached_usd_per_mtok]
    if any(each is not None for each in given):
        if price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
            problems.note(path, "a price needs both 'input_usd_per_mtok' and 'output_usd_per_mtok'")
        if price.source_date is None:
            problems.note(path, "a price needs 'source_date', the day on which it was read off")


def _check_aliases(settings: Settings, problems: Problems) -> None:
    known = _known_names(settings)
    models = {model.name for model in settings.models}
    for alias, target in settings.aliases.items():
        path: Path = ("aliases", alias)
        if not alias.strip() or not is_shown(alias):
            problems.note(path, f"the alias {shown(alias)} must be a name, not empty and without control characters")
        elif alias in RESERVED or alias in models:
            problems.note(path, f"'{alias}' is a model's name already and cannot be an alias")
        elif target not in settings.aliases:
            _check_known(target, known, path, "alias target", problems)
        elif _runs_in_a_circle(alias, settings.aliases):
            problems.note(path, f"the alias '{alias}' leads back to itself")


def _runs_in_a_circle(alias: str, aliases: Mapping[str, str]) -> bool:
    seen = {alias}
    name = aliases[alias]
    while name in aliases:
        if name in seen:
            return True
        seen.add(name)
        name = aliases[name]
    return False


def _check_routing(settings: Settings, problems: Problems) -> None:
    routing, known = settings.routing, _known_names(settings)
    if routing.default_model is not None:
        path: Path = ("routing", "default_model")
        _check_known(routing.default_model, known - RESERVED, path, "default model", problems)
    for n, name in enumerate(routing.chain):
        _check_known(name, known - RESERVED, ("routing", "chain", n), "model of the chain", problems)
    for n, rule in enumerate(routing.rules):
        path = ("routing", "rules", n)
        _check_known(rule.model, known - RESERVED, (*path, "model"), "model of a rule", problems)
        if not rule.pattern.strip():
            problems.note((*path, "pattern"), "'pattern' must not be empty")
        elif rule.kind == "regex":
            try:
                compile_regex(rule.pattern)
            except PatternError as error:
                problems.note(
                    (*path, "pattern"),
                    f"'pattern' is not RE2 syntax (look-around and back-references are not supported): {error}",
                )


def _check_reflex(settings: Settings, problems: Problems) -> None:
    for name in ("on_risk", *RISK_ACTIONS):
        response: str | None = getattr(settings.reflex, name)
        if response is None or response in PLAIN_RESPONSES:
            continue
        path: Path = ("reflex", name)
        if response.startswith(PIN):
            known = _known_names(settings) - RESERVED
            _check_known(response.removeprefix(PIN), known, path, "model to pin", problems)
        else:
            wanted = "'tag', 'confirm', 'block' or 'pin:<model>'"
            problems.note(path, f"'reflex.{name}' must be {wanted}, not {shown(response)}")
    for n, rule in enumerate(settings.reflex.rules):
        if not rule.text.strip():
            problems.note(("reflex", "rules", n, "text"), "'text' must not be empty")


def _check_trials(settings: Settings, problems: Problems) -> None:
    names: set[str] = set()
    for n, trial in enumerate(settings.experiment.trial):
        path: Path = ("experiment", "trial", n)
        if not TRIAL_NAME.fullmatch(trial.name):
            problems.note((*path, "name"), "'name' must be 1 to 64 letters, digits, '-', '_' or '.'")
        if trial.name in names:
            problems.note((*path, "name"), f"there are two experiments {shown(trial.name)}; a new one needs a new name")
        names.add(trial.name)
        if (trial.policy_a, trial.dial_a) == (trial.policy_b, trial.dial_b):
            problems.note(path, "both arms choose alike; set 'policy_b' or 'dial_b'")


def _known_names(settings: Settings) -> frozenset[str]:
    return frozenset({model.name for model in settings.models} | set(settings.aliases) | RESERVED)


def _check_known(name: str, known: Iterable[str], path: Path, what: str, problems: Problems) -> None:
    if name not in known and not may_be_discovered(name):
        problems.note(path, f"there is no model '{name}' ({what}); {nearest(name, known)}")


def _check_unique(names: Sequence[str], table: str, problems: Problems) -> None:
    for n, name in enumerate(names):
        if name in names[:n]:
            problems.note((table, n, "name"), f"there are two {table}s named '{name}'")

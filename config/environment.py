"""What environment variables and a .env file say: settings, usual names, keys and `NAME_FILE` variants of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from config.forms import is_web_address
from config.reading import Problems, nearest, read_text, settable_fields, shown
from config.secret import Secret
from config.settings import Settings

if TYPE_CHECKING:
    from config.model_settings import ProviderSettings

AREAS = (
    "server", "timeouts", "streaming", "routing", "retrieval", "storage", "logging", "health", "balancing", "breaker",
    "telemetry", "dashboard",
)  # fmt: skip
USUAL_NAMES = {"CLAUDE_PROXY_PORT": ("server", "port"), "ADMIN_DASHBOARD_PORT": ("server", "admin_port")}
"""Variables other tools set; a `THALAMUS_` one wins over them."""

OLLAMA_PORT = 11434
_AREA_VARIABLE = re.compile(r"THALAMUS_([A-Z]+(?:_[A-Z]+)*)__([A-Z0-9]+(?:_[A-Z0-9]+)*)")
_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables of the process over those of a .env file; `lines` says where the latter stand."""

    variables: Mapping[str, str]
    dotenv: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict[str, int])

    def get(self, name: str) -> str | None:
        """Return a variable's text, `None` where it is missing or empty."""
        return self.variables.get(name, "").strip() or None


def read_environment(env: Mapping[str, str], dotenv: Path | None, problems: Problems) -> Environment:
    """Put `env` over the variables of the .env file; a missing .env file is an empty one."""
    if dotenv is None:
        return Environment(dict(env))
    try:
        text = dotenv.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Environment(dict(env))
    except (OSError, UnicodeDecodeError) as error:
        problems.note((".env",), f"cannot be read: {_reason(error)}")
        return Environment(dict(env), dotenv)
    found, lines = _parse_dotenv(text, problems)
    own = {name: line for name, line in lines.items() if name not in env}
    return Environment({**found, **env}, dotenv, own)


def with_variables(settings: Settings, environment: Environment, problems: Problems) -> Settings:
    """Return the settings with what `THALAMUS_AREA__FIELD` and the usual names say in place of the file."""
    for name, (area, key) in USUAL_NAMES.items():
        settings = _with_field(settings, area, key, name, environment.get(name), problems)
    for name in sorted(environment.variables):
        match = _AREA_VARIABLE.fullmatch(name)
        if match is None:
            continue
        area, key = match[1].lower(), match[2].lower()
        if area not in AREAS:
            known = [f"THALAMUS_{each.upper()}__..." for each in AREAS]
            problems.note(variable(name), f"unknown setting; {nearest(name, known)}")
        elif (area, key) == ("storage", "url_file"):  # the URL may hold a password
            settings = _with_field(settings, area, "url", name, secret_text(environment, name[:-5], problems), problems)
        else:
            settings = _with_field(settings, area, key, name, environment.get(name), problems)
    state_dir = environment.get("THALAMUS_STATE_DIR")
    return replace(settings, state_dir=_home(state_dir)) if state_dir else settings


def with_addresses(row: ProviderSettings, environment: Environment, problems: Problems) -> ProviderSettings:
    """Return the provider row with the address its variable names; naming a local server also asks for its models."""
    for name in row.base_url_env:
        text = environment.get(name)
        if text is None:
            continue
        url = ollama_url(text) if row.dialect == "ollama" else text.rstrip("/")
        if not is_web_address(url):
            problems.note(variable(name), f"must be an http:// or https:// address with a host, not {shown(text)}")
        return replace(row, base_url=url, discover=row.discover or row.local)
    return row


def secrets_of(names: Iterable[str], environment: Environment, problems: Problems) -> dict[str, Secret]:
    """Return the keys in the named variables, `NAME_FILE` variants included; missing ones are left out."""
    found = {name: secret_text(environment, name, problems) for name in dict.fromkeys(names)}
    return {name: Secret(text) for name, text in found.items() if text}


def secret_text(environment: Environment, name: str, problems: Problems) -> str | None:
    """Return the text of `NAME`, or of the file that `NAME_FILE` names; `None` where neither is set."""
    text, source = environment.get(name), name
    path = environment.get(f"{name}_FILE")
    if text is None and path is not None:
        source = f"{name}_FILE"
        try:
            text = _home(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no path
            problems.note(variable(source), f"the file {path!r} cannot be read: {_reason(error)}")
            return None
    if text and not all(_KEY.fullmatch(part) for part in split_keys(text)):
        problems.note(variable(source), "holds white space or characters that no key has (the value is not shown)")
        return None
    return text or None


def split_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a variable that may hold several, separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def variable(name: str) -> tuple[str]:
    """Return the path under which problems of an environment variable are noted."""
    return (f"${name}",)


def ollama_url(text: str) -> str:
    """Return the address Ollama's clients would use for an `OLLAMA_HOST`: `host`, `host:port`, `:port` or a URL.

    An address to listen on (`0.0.0.0`, `::`) means this machine.
    """
    scheme, mark, rest = text.strip().rpartition("://")
    scheme = scheme.lower() or "http"
    authority, slash, path = rest.partition("/")
    default = {"http": 80, "https": 443}.get(scheme, OLLAMA_PORT) if mark else OLLAMA_PORT
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.lstrip(":")
    elif authority.count(":") > 1:
        host, port = authority, ""
    else:
        host, _, port = authority.partition(":")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # read, not bound
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port or default}{slash}{path}".rstrip("/")


def _with_field(settings: Settings, area: str, key: str, name: str, text: str | None, problems: Problems) -> Settings:
    if text is None:
        return settings
    current: Any = getattr(settings, area)  # one of AREAS
    kind = cast("type[object]", type(current))
    known = {toml: each for toml, each in settable_fields(kind).items() if not _holds_tables(kind, each.name)}
    if key not in known:
        in_file = key in {"rules", "trial"}
        wrong = "stands in the file only" if in_file else f"unknown setting; {nearest(key, known)}"
        problems.note(variable(name), wrong)
        return settings
    found = Problems()
    value = read_text(get_type_hints(kind, include_extras=True)[known[key].name], text, (area, key), found)
    for each in found.found:
        problems.note(variable(name), each.message)
    changed: Any = current if found.found else replace(current, **{key: value})
    return replace(settings, **{area: changed})


def _holds_tables(kind: type, name: str) -> bool:
    return any(is_dataclass(arg) for arg in get_args(get_type_hints(kind)[name]))


def _parse_dotenv(text: str, problems: Problems) -> tuple[dict[str, str], dict[str, int]]:
    """Read `NAME=value` lines; quotes are taken off, `#` after white space begins a comment of an unquoted value."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            problems.note((".env", number), "is no NAME=value line")
            continue
        found[match[1]] = _unquoted(match[2])
        lines[match[1]] = number
    return found, lines


def _unquoted(text: str) -> str:
    quoted = re.fullmatch(r"""(["'])(.*?)\1\s*(?:#.*)?""", text)
    if quoted:
        return quoted[2]
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def _home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        return Path(text)


def _reason(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8 text"

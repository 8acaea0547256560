"""The command line: which verbs there are, and how they end. Each verb lives in a file of its own beside this one.

Exit codes: 0 done, 1 it failed, 2 the command or the settings are wrong. An error is one clear sentence.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from config.errors import SettingsError, ThalamusError
from proxy.version import product_version

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build", "main"]

FAILED = 1
WRONG_USE = 2


class _Command(NamedTuple):
    name: str
    """Also of the function."""
    module: str
    """Below `proxy.cli`."""
    example: str


class _Group(NamedTuple):
    name: str
    modules: tuple[str, ...]
    """Below `proxy.cli`; their `VERBS` are the commands."""
    about: str


COMMANDS = (
    _Command("init", "first_settings", "thalamus init --yes"),
    _Command("serve", "serving", "thalamus serve --config thalamus.toml --port 9000"),
    _Command("stop", "serving", "thalamus stop --now"),
    _Command("check", "checking", "thalamus check --config thalamus.toml"),
    _Command("models", "checking", "thalamus models --json"),
    _Command("chat", "chatting", 'thalamus chat "How do I add a provider key?" --model auto'),
    _Command("upstream", "upstream", "thalamus upstream --script faults.json --port 9100"),
    _Command("route", "route", 'thalamus route "证明素数有无穷多个"'),
    _Command("intent", "intents", 'thalamus intent "支付成功后发送通知"'),
    _Command("savings", "savings", "thalamus savings --days 7"),
    _Command("understand", "intents", 'thalamus understand "Where is my parcel?"'),
)
GROUPS = (
    _Group("intents", ("intent_catalogue",), "List what a text may ask for, and add to it."),
    _Group("docs", ("library", "documents"), "Add documents, search them, and measure what is found."),
    _Group("keys", ("keys",), "Make, list and revoke the proxy keys that clients send."),
    _Group("dashboard", ("dashboard",), "Make the passwords with which people log in to the dashboard."),
    _Group("db", ("books",), "Upgrade, back up and prune the database."),
    _Group("classifier", ("classifier",), "Train, export, try and measure the Qwen3 intent classifier."),
    _Group("foundry", ("foundry",), "Make small models that read a text in a fraction of a millisecond."),
    _Group("judge", ("judge", "judge_templates"), "Ask which model should answer, and try the words it is asked by."),
    _Group(
        "policy",
        ("policy", "policy_label", "policy_label_learn", "policy_versions", "policy_evaluate", "policy_simulate"),
        "What is expected of each model: label, fit, learn, list versions, promote, roll back, judge on old traffic.",
    ),
    _Group("experiments", ("experiments", "experiments_compare"), "Compare ways to choose, or two models' answers."),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` replaces the process's arguments."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = build(words[0] if words else None)(args=words or ["--help"], prog_name="thalamus", standalone_mode=False)
    except (ThalamusError, typer.TyperException, typer.Abort, OSError) as error:
        typer.echo(f"thalamus: {_sentence(error, words)}", err=True)
        return WRONG_USE if isinstance(error, SettingsError) or _is_wrong_use(error) else FAILED
    return code if isinstance(code, int) else 0


def build(wanted: str | None = None) -> typer.Typer:
    """Return the whole command line, or only the part that a first word needs: a start does not wait for the others."""
    known = {each.name for each in (*COMMANDS, *GROUPS)}
    app = typer.Typer(no_args_is_help=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    app.callback(epilog="Begin with: thalamus init")(_thalamus)
    for each in COMMANDS:
        if wanted not in known or wanted == each.name:
            command = getattr(import_module(f"proxy.cli.{each.module}"), each.name)
            app.command(each.name, epilog=f"Example: {each.example}")(command)
    for each in GROUPS:
        if wanted not in known or wanted == each.name:
            verbs = tuple(verb for module in each.modules for verb in import_module(f"proxy.cli.{module}").VERBS)
            app.add_typer(_group(verbs, each.about), name=each.name)
    return app


def _group(verbs: tuple[tuple[str, str, typer.models.CommandFunctionType], ...], about: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=about)
    for name, example, command in verbs:
        group.command(name, epilog=f"Example: {example}")(command)
    return group


def _version(wanted: bool) -> None:  # noqa: FBT001  # typer hands it over so
    if wanted:
        typer.echo(f"thalamus {product_version()}")
        raise typer.Exit


def _thalamus(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Thalamus: an OpenAI-compatible LLM gateway that thinks before it relays."""


def _sentence(error: Exception, words: Sequence[str]) -> str:
    if isinstance(error, typer.TyperException):
        said = error.format_message() or "One of its commands is missing."
        return f"{said} See: {' '.join(('thalamus', *_command(words)))} --help"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}"
    return str(error) or "nothing was changed."  # an abort says nothing


def _command(words: Sequence[str]) -> tuple[str, ...]:
    """Return the known words that a command line begins with: a command, or a group and one of its verbs."""
    first = words[0] if words else ""
    if first in {each.name for each in COMMANDS}:
        return (first,)
    for each in GROUPS:
        if each.name == first:
            verbs = {verb[0] for module in each.modules for verb in import_module(f"proxy.cli.{module}").VERBS}
            return (first, words[1]) if len(words) > 1 and words[1] in verbs else (first,)
    return ()


def _is_wrong_use(error: Exception) -> bool:
    return isinstance(error, typer.TyperException) and error.exit_code == WRONG_USE

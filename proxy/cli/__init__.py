"""The command line: which verbs there are, and how they end. Each verb lives in a file of its own beside this one.

Exit codes: 0 done, 1 it failed, 2 the command or the settings are wrong. An error is one clear sentence.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from config.errors import SettingsError, ThalamusError
from proxy.cli import books, chatting, checking, classifier, first_settings, foundry, intents, keys, serving, upstream
from proxy.version import product_version

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build", "main"]

FAILED = 1
WRONG_USE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` replaces the process's arguments."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = build()(args=words or ["--help"], prog_name="thalamus", standalone_mode=False)
    except (ThalamusError, typer.TyperException, typer.Abort, OSError) as error:
        typer.echo(f"thalamus: {_sentence(error)}", err=True)
        return WRONG_USE if isinstance(error, SettingsError) or _is_wrong_use(error) else FAILED
    return code if isinstance(code, int) else 0


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(no_args_is_help=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    app.callback(epilog="Begin with: thalamus init")(_thalamus)
    app.command("init", epilog="Example: thalamus init --yes")(first_settings.init)
    app.command("serve", epilog="Example: thalamus serve --config thalamus.toml --port 9000")(serving.serve)
    app.command("stop", epilog="Example: thalamus stop --now")(serving.stop)
    app.command("check", epilog="Example: thalamus check --config thalamus.toml")(checking.check)
    app.command("models", epilog="Example: thalamus models --json")(checking.models)
    app.command("chat", epilog='Example: thalamus chat "How do I add a provider key?" --model auto')(chatting.chat)
    app.command("upstream", epilog="Example: thalamus upstream --script faults.json --port 9100")(upstream.upstream)
    app.command("intent", epilog='Example: thalamus intent "支付成功后发送通知"')(intents.intent)
    app.command("understand", epilog='Example: thalamus understand "Where is my parcel?"')(intents.understand)
    app.add_typer(_group(intents.VERBS, "List what a text may ask for."), name="intents")
    app.add_typer(_group(keys.VERBS, "Make, list and revoke the proxy keys that clients send."), name="keys")
    app.add_typer(_group(books.VERBS, "Upgrade, back up and prune the database."), name="db")
    app.add_typer(
        _group(classifier.VERBS, "Train, export, try and measure the Qwen3 intent classifier."), name="classifier"
    )
    app.add_typer(
        _group(foundry.VERBS, "Make small models that read a text in a fraction of a millisecond."), name="foundry"
    )
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


def _sentence(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        return f"{error.format_message() or 'One of its commands is missing.'} See: thalamus --help"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}"
    return str(error) or "nothing was changed."  # an abort says nothing


def _is_wrong_use(error: Exception) -> bool:
    return isinstance(error, typer.TyperException) and error.exit_code == WRONG_USE

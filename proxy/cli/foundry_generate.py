"""`thalamus foundry generate`: asks any catalogue model for rows under a blueprint's constitution."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from config.errors import CorpusError, NotFoundError
from proxy.cli.asking import words_of
from proxy.cli.bars import Bars
from proxy.cli.blueprints import Home, one_blueprint
from proxy.cli.checking import probed
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, note, print_json, say
from proxy.cli.stored_weights import with_stored_weights
from router.snapshot import AUTO
from router.words import candidate_of

if TYPE_CHECKING:
    from classifier.foundry.blueprint import Blueprint
    from classifier.foundry.generate import Generated
    from config.settings import Settings
    from config.types import Json
    from router.snapshot import Catalog, Deployment, Model
    from router.words import Spent

EXTRACTIVE: Final = "extractive"


def generate(
    name: Annotated[str, typer.Argument(help="Blueprint to write rows for.")],
    *,
    model: Annotated[str, typer.Option(help="Model or alias that writes them; auto takes the first live one.")] = AUTO,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows to ask for, in all.")] = 1_000,
    per_minute: Annotated[float, typer.Option("--rpm", min=0.1, help="Requests a minute, for each key.")] = 30.0,
    blueprints: Home = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask a model for more rows of a blueprint: each label and language in turn, under its constitution.

    Every key of the model works side by side, with a limit of its own. Answers are kept as they come: a run that broke
    off is taken up by the same command, and where all is there nothing is asked. `thalamus foundry forge` reads the
    rows from then on.
    """
    blueprint = one_blueprint(blueprints, name)
    if blueprint.task == "sequence":
        raise CommandError(
            f"{name} learns where names stand in a text, and rows that models write say only labels; "
            f"add marked rows to {blueprint.folder / 'corpus'} instead."
        )
    if not blueprint.constitution.strip():
        raise CommandError(f"{blueprint.folder / 'constitution.md'} is missing or empty: a model would not know what")
    settings = read_settings(config)
    catalog = with_stored_weights(asyncio.run(probed(settings)), settings.database_url)
    found = _chosen(catalog, model)
    usable = _that_can_write(found, settings)
    note(f"{name}: asking {found.name} with {len(usable)} {'key or server' if len(usable) == 1 else 'keys or servers'}")
    generated, spent = asyncio.run(_run(blueprint, found.name, usable, n_rows=rows, per_minute=per_minute))
    if as_json:
        print_json(_told(found.name, generated, spent))
        return
    say(_sentence(generated, spent))


async def _run(
    blueprint: Blueprint, model: str, deployments: tuple[Deployment, ...], *, n_rows: int, per_minute: float
) -> tuple[Generated, Spent]:
    from classifier.foundry.generate import Source  # noqa: PLC0415  # offline only
    from classifier.foundry.generate import generate as carry_out  # noqa: PLC0415

    candidates = {each.id: (candidate_of(model, each),) for each in deployments}
    async with words_of(candidates.__getitem__) as (words, _):
        sources = tuple(Source(words, each.id, per_minute) for each in deployments)
        try:
            with Bars() as bars:
                return await carry_out(blueprint, sources, n_rows=n_rows, progress=bars), words.spent
        except CorpusError:
            if words.spent.n_answers:
                note(f"{words.spent.n_answers} requests were answered: {_cost(words.spent)}.")
            raise


def _chosen(catalog: Catalog, name: str) -> Model:
    if catalog.canonical(name) != AUTO:
        try:
            return catalog.resolve(name)
        except NotFoundError as error:
            raise CommandError(f"{error} See: thalamus models") from error
    live = [each for each in catalog.live_models() if each.origin != "last_resort"]
    if not live:
        raise CommandError("no model is live that could write rows: set a provider's key, or start Ollama.")
    return live[0]


def _that_can_write(model: Model, settings: Settings) -> tuple[Deployment, ...]:
    """Return the deployments that may be asked, a key each."""
    found = tuple(each for each in model.deployments if each.usable and each.weight > 0 and each.dialect != EXTRACTIVE)
    if found:
        return tuple(each for each in found if each.live) or found
    if all(each.dialect == EXTRACTIVE for each in model.deployments):
        raise CommandError(f"the model '{model.name}' only quotes documents; it writes no rows.")
    if any(each.usable for each in model.deployments):
        raise CommandError(f"all deployments of the model '{model.name}' are drained: give one a weight.")
    providers = {each.target.provider for each in model.deployments}
    own = [each for row in settings.models if row.name == model.name for each in row.deployments]
    named = dict.fromkeys(each.api_key_env for each in own if each.api_key_env)
    usual = dict.fromkeys(key for row in settings.providers if row.name in providers for key in row.api_key_env)
    names = named or usual
    mend = f"set {' or '.join(names)}" if names else f"say where {', '.join(sorted(providers))} is"
    raise CommandError(f"the model '{model.name}' has no key or address: {mend}.")


def _told(model: str, generated: Generated, spent: Spent) -> Json:
    return {
        "model": model,
        "asked": generated.asked,
        "rows": generated.rows,
        "unreadable": generated.unreadable,
        "other_language": generated.other_language,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost_usd": None if spent.n_unpriced else round(spent.usd, 6),
    }


def _sentence(generated: Generated, spent: Spent) -> str:
    counts = {"lines were none": generated.unreadable, "were in another language": generated.other_language}
    told = ", ".join(f"{n} {reason}" for reason, n in counts.items() if n)
    dropped = f" ({told})" if told else ""
    if not generated.asked:
        return f"All was there already: {generated.rows} rows{dropped}; nothing was asked."
    return f"{generated.rows} rows after {generated.asked} requests{dropped}; {_cost(spent)}."


def _cost(spent: Spent) -> str:
    cost = f"{spent.usd:.4f} USD" + (" and what has no known price" if spent.n_unpriced else "")
    counted = " (partly counted here)" if spent.n_estimated else ""
    return f"{spent.input_tokens} tokens in, {spent.output_tokens} out{counted}, {cost}"

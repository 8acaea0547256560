"""`thalamus policy learn`: labelled prompts go into what was learned, as a version that can be rolled back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

import typer

from config.database import open_database
from config.errors import UnavailableError
from proxy.choosing import offers, weights_of
from proxy.cli.bars import Bars
from proxy.cli.checking import probed
from proxy.cli.languages import ToldIn, usual_language
from proxy.cli.logs import events_on_stderr
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.policy_label_words import sentence
from proxy.cli.printing import CommandError, note, print_json, say
from proxy.learning import trust_of
from router.catalog import build_catalog
from router.choosing.stored import question_from
from router.learning.intake import caught_up
from router.learning.labels import MOST_LESSONS, Labelled, digest_of, id_of, lessons_of
from router.learning.versions import ACTIVE, SHADOW, VersionStore
from router.policy.rows import read_labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.database import Database
    from config.settings import Settings
    from config.types import Json
    from proxy.cli import languages
    from proxy.library_async import AsyncRouter
    from router.learning.told import Told
    from router.learning.versions import Version
    from router.policy.rows import Prompt

ACTOR: Final = "command line"
TRIES: Final = 5
MARK: Final = "labelled prompts"
"""What a version made here says of why it was made, before the digest of its labels."""


def learn(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Labelled prompts, as `thalamus policy label` writes them.")
    ],
    *,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Learn labelled prompts: every model's grade on every prompt counts as a rating; `policy rollback` takes it back.

    The rows are those of `thalamus policy fit --train`. The same labels never count twice.
    """
    told = asyncio.run(learn_file(read_settings(config), file))
    if as_json:
        print_json(told)
    else:
        tell_learned(told, language or usual_language())


VERBS = (("learn", "thalamus policy learn labelled.jsonl", learn),)


async def learn_file(settings: Settings, file: Path) -> Json:
    """Learn the rows of a file, and return the version that holds them. Raises `CorpusError` and `CommandError`."""
    if settings.learning.mode == "off":
        raise CommandError('nothing is learned with learning.mode = "off"; set it to "on".')
    prompts = list({id_of(each): each for each in read_labelled(file)}.values())
    digest = digest_of(prompts)
    database = open_database(settings.database_url, busy_timeout_s=30.0)
    try:
        await database.upgrade()
        store = VersionStore(database)
        known = _holding(await store.all(), await _base(settings, store), digest)
        if known is not None:
            return _told(settings, known, 0, len(prompts))
        labelled = await _understood(settings, prompts)
        lessons = lessons_of(labelled, now=datetime.now(UTC))
        if len(lessons) > MOST_LESSONS:
            raise CommandError(
                f"{file} holds {len(lessons)} grades, and {MOST_LESSONS} can be learned at once; fit a policy to so "
                "many: thalamus policy fit"
            )
        why = f"{len(labelled)} {MARK} {digest}"
        version, n = await _learned(settings, database, lessons, why=why)
        return _told(settings, version, n, len(labelled))
    finally:
        await database.aclose()


def tell_learned(told: Json, language: languages.Told) -> None:
    """Say which version holds the labels."""
    name = "known" if not told["lessons"] else "in_shadow" if told["state"] == SHADOW else "in_force"
    say(sentence(language, name, **told))


async def _understood(settings: Settings, prompts: Sequence[Prompt]) -> list[Labelled]:
    """Return the prompts as a gateway of these settings sees them, with the grades of the models that it has."""
    from proxy.library_async import AsyncRouter  # noqa: PLC0415  # it brings the server, which other verbs need not

    quiet = replace(settings, judge=replace(settings.judge, mode="never"))
    names = {model for each in prompts for model in each.quality}
    catalog = await probed(settings)
    unknown = sorted(name for name in names if catalog.canonical(name) not in catalog.models)
    ours = sorted(names - set(unknown))
    if unknown:
        note(f"Left out: {', '.join(unknown)}; the gateway has no such model.")
    if not ours:
        raise CommandError("this gateway has none of the models that are labelled. See: thalamus models")
    with events_on_stderr(), Bars() as bars:
        async with AsyncRouter(quiet, reachable=ours) as router:
            bars.begin("prompts", len(prompts))
            found = [each for prompt in prompts if (each := await _one(router, prompt, bars)) is not None]
    return found


async def _one(router: AsyncRouter, prompt: Prompt, bars: Bars) -> Labelled | None:
    house = router.house
    graded: dict[str, float] = {}
    for name, grade in prompt.quality.items():
        if (known := house.catalog.canonical(name)) in house.catalog.models:
            graded[known] = grade
    bars.advance()
    if not graded:
        return None
    route = await router.route(prompt.text)
    router.forget(route.id)
    question = question_from(route.features)
    models = [house.catalog.models[name] for name in graded]
    weights = weights_of(house.catalog, models)
    expected = house.learning.prior.expect(replace(question, text=prompt.text), await offers(house, models, weights))
    return Labelled(id_of(prompt), question, graded, {each.model: each.quality for each in expected})


async def _learned(settings: Settings, database: Database, lessons: Sequence[Told], *, why: str) -> tuple[str, int]:
    """Write a version that knows the lessons, and return it with how many were new.

    It is put in force, but with `learning.mode = "shadow"` it waits beside.
    """
    store = VersionStore(database)
    for _ in range(TRIES):
        base = await _base(settings, store)
        trust = await trust_of(build_catalog(settings), database)
        now, _ = await caught_up(database, await store.load(base), until=datetime.now(UTC), trust=trust)
        n = await asyncio.to_thread(now.learner.learn, lessons)
        if n == 0:
            return base, 0
        kept = await store.keep(now, parent=base, as_state=_state(settings), by=ACTOR, why=why)
        if kept is not None:
            return kept, n
    raise UnavailableError("The server wrote versions at the same time; try again.", code="busy")


async def _base(settings: Settings, store: VersionStore) -> str:
    """Return the version that what is learned now grows out of."""
    active = await store.begin()
    return (await store.newest_shadow_id() if _state(settings) == SHADOW else None) or active


def _state(settings: Settings) -> Literal["active", "shadow"]:
    return SHADOW if settings.learning.mode == "shadow" else ACTIVE


def _holding(versions: Sequence[Version], base: str, digest: str) -> str | None:
    """Return the version that holds these labels: the one that is grown out of, or one of those before it."""
    by_id = {each.id: each for each in versions}
    at = by_id.get(base)
    while at is not None:
        if str(cast("Any", at.recipe)["why"]).endswith(f"{MARK} {digest}"):
            return at.id
        at = by_id.get(at.parent_id) if at.parent_id is not None else None
    return None


def _told(settings: Settings, version: str, n_lessons: int, n_prompts: int) -> Json:
    return {"version": version, "state": _state(settings), "lessons": n_lessons, "learned_prompts": n_prompts}

"""`thalamus policy label`: one's own prompts, answered by every model and graded: the fast way past the cold start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.asking import live_in, words_of
from proxy.cli.bars import Bars
from proxy.cli.checking import probed
from proxy.cli.languages import ToldIn, usual_language
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.policy_label_input import prompts_of
from proxy.cli.policy_label_learn import learn_file, tell_learned
from proxy.cli.policy_label_plan import confirm, plan_of
from proxy.cli.policy_label_rate import rate
from proxy.cli.policy_label_words import WORDS, sentence
from proxy.cli.printing import CommandError, print_json, print_table, say
from proxy.cli.stored_weights import with_stored_weights
from router.labels.answering import AnswerBook, Asked, Asking
from router.labels.judging import Judged, Judging
from router.labels.purse import Purse
from router.labels.rows import LabelBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from config.types import Json
    from proxy.cli.languages import Told
    from proxy.cli.policy_label_plan import Plan
    from router.labels.prompts import Wanted
    from router.labels.rows import Standing
    from router.snapshot import Catalog

USUAL_PROMPTS = 200
KEPT = "what was done is kept, and the same command goes on from there."


@dataclass(frozen=True, slots=True)
class _Wishes:
    """Who answers and who grades, and what is done with the grades."""

    models: tuple[str, ...]
    judge: str | None
    rates: bool
    learns: bool
    is_sure: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """What one command works on."""

    prompts: Sequence[Wanted]
    answers: AnswerBook
    labels: LabelBook
    purse: Purse
    seed: int
    at_once: int


def label(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help='Prompts: JSON Lines with "prompt", or a prompt on each line.'),
    ] = None,
    from_log: Annotated[
        int | None,
        typer.Option("--from-log", min=1, metavar="N", help="The newest recorded questions; bodies must be stored."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Labelled rows; appended to.")] = Path(
        "labelled.jsonl"
    ),
    models: Annotated[
        str, typer.Option("--models", metavar="NAMES", help="Who answers, by comma; without it all that `auto` draws.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Prompts at most.")] = USUAL_PROMPTS,
    judge: Annotated[str | None, typer.Option("--judge", metavar="MODEL", help="Grades the answers, blindly.")] = None,
    by_hand: Annotated[bool, typer.Option("--rate", help="Rate the answers here yourself, blindly.")] = False,
    answers_only: Annotated[bool, typer.Option("--answers-only", help="Only ask; grade in a later run.")] = False,
    learn: Annotated[bool, typer.Option("--learn", help="Learn the labels at once, as `policy learn` does.")] = False,
    max_usd: Annotated[float | None, typer.Option("--max-usd", min=0, help="Stop before more is spent.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before spending.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the order in which answers are shown.")] = 0,
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=64, help="Answers asked for at once.")] = 8,
    language: ToldIn = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let every model answer your own prompts, and have the answers judged or rate them: labels to fit and to learn.

    Give --input or --from-log, and --judge, --rate or --answers-only. Answers are kept beside the rows as they come:
    the same command goes on where it ended, and nothing is paid twice.
    """
    if (file is None) is (from_log is None):
        raise typer.BadParameter("give either --input FILE or --from-log N.")
    if (judge is not None) + by_hand + answers_only != 1:
        raise typer.BadParameter("give one of --judge MODEL, --rate and --answers-only.")
    if learn and answers_only:
        raise typer.BadParameter("--learn needs grades: give --judge MODEL or --rate.")
    settings = read_settings(config)
    work = _work(prompts_of(settings, file, from_log=from_log, limit=limit), out, file, Purse(max_usd), seed, at_once)
    catalog = with_stored_weights(asyncio.run(probed(settings)), settings.database_url)
    wishes = _Wishes(tuple(each.strip() for each in models.split(",") if each.strip()), judge, by_hand, learn, yes)
    _carry_out(settings, work, catalog, wishes, language=None if as_json else language or usual_language())


VERBS = (("label", "thalamus policy label --input prompts.txt --judge gpt --out labelled.jsonl", label),)


def _carry_out(settings: Settings, work: _Work, catalog: Catalog, wishes: _Wishes, *, language: Told | None) -> None:
    """Ask, grade and tell: in a language, or with `None` as JSON."""
    spoken = language or "en"
    plan = plan_of(catalog, wishes.models, wishes.judge, language=spoken)
    confirm(
        plan,
        work.prompts,
        answers=work.answers,
        labels=work.labels,
        purse=work.purse,
        sure=wishes.is_sure,
        language=spoken,
    )
    try:
        asked, judged = asyncio.run(_asked(work, plan, catalog))
    except KeyboardInterrupt as error:
        raise CommandError(f"stopped; {KEPT}") from error
    if wishes.rates:
        judged.n_graded = rate(
            work.prompts, plan.models, answers=work.answers, labels=work.labels, seed=work.seed, language=spoken
        )
    work.labels.tidy()
    standings = work.labels.standings(work.prompts, plan.models)
    told = _told(work, asked, judged, standings)
    if wishes.learns and standings[0].n:
        told |= asyncio.run(learn_file(settings, work.labels.path))
    print_json(told) if language is None else _tell(told, work, standings, language)
    _complain(asked, judged)


def _work(prompts: Sequence[Wanted], out: Path, file: Path | None, purse: Purse, *bounds: int) -> _Work:
    answers = out.with_name(f"{out.stem}.answers.jsonl")
    for each in (out, answers):
        if file is not None and each.resolve() == file.resolve():
            raise typer.BadParameter(f"{each} holds the prompts; write to another file.", param_hint="--out")
    seed, at_once = bounds
    return _Work(prompts, AnswerBook(answers), LabelBook(out), purse, seed, at_once)


async def _asked(work: _Work, plan: Plan, catalog: Catalog) -> tuple[Asked, Judged]:
    async with words_of(live_in(catalog)) as (words, _):
        with Bars() as bars:
            asking = Asking(words, plan.tariffs, work.purse, at_once=work.at_once)
            asked = await asking.run(work.prompts, work.answers, bars)
            if plan.judge is None:
                return asked, Judged()
            judging = Judging(words, plan.judge, plan.judge_tariff, plan.models, work.purse, seed=work.seed)
            return asked, await judging.run(work.prompts, work.answers, work.labels, bars)


def _told(work: _Work, asked: Asked, judged: Judged, standings: Sequence[Standing]) -> Json:
    return {
        "out": str(work.labels.path),
        "answers": str(work.answers.path),
        "prompts": len(work.prompts),
        "labelled": standings[0].n,
        "new_answers": asked.n_answers,
        "failed_answers": asked.n_failed,
        "new_labels": judged.n_graded,
        "unreadable": judged.n_unreadable,
        "spent_usd": round(work.purse.spent_usd, 6),
        "models": {
            each.model: {
                "mean_quality": round(each.mean, 4),
                "best": each.n_best,
                "cost_usd": None if each.cost_usd is None else round(each.cost_usd, 6),
            }
            for each in standings
        },
        "failures": dict(asked.why),
    }


def _tell(told: Json, work: _Work, standings: Sequence[Standing], language: Told) -> None:
    n, file = standings[0].n, work.labels.path
    spent = {"answers": told["new_answers"], "usd": told["spent_usd"]}
    say(sentence(language, "labelled", n=n, prompts=len(work.prompts), file=file, **spent))
    if n:
        words = WORDS[language]
        rows = [
            (
                each.model,
                f"{each.mean:.3f}",
                str(each.n_best),
                words["unknown"] if each.cost_usd is None else f"{each.cost_usd:.4f}",
            )
            for each in standings
        ]
        print_table((words["model"], words["quality"], words["best"], "USD"), rows)
    if "version" in told:
        tell_learned(told, language)
    elif n:
        say(sentence(language, "next_learn", file=file))
        say(sentence(language, "next_fit", file=file))


def _complain(asked: Asked, judged: Judged) -> None:
    """Raise `CommandError` where something is missing that another run may bring."""
    stopped = asked.stopped or judged.stopped
    if stopped is not None:
        raise CommandError(f"{stopped}; {KEPT}")
    if asked.n_failed or judged.n_failed or judged.n_unreadable:
        why = "".join(f"; {model}: {reason}" for model, reason in asked.why.items())
        raise CommandError(
            f"{asked.n_failed} answers failed, {judged.n_failed} grades failed and {judged.n_unreadable} could not be "
            f"read{why}. The same command tries these again."
        )

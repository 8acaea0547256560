"""Who answers and who grades when prompts are labelled, and what that may cost; asked for before it is spent."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import typer

from config.errors import NotFoundError
from proxy.cli.policy_label_words import sentence
from proxy.cli.printing import CommandError, note
from router.labels.grading import GRADE_TOKENS, MAX_MODELS
from router.labels.purse import USUAL_OUTPUT_TOKENS, Tariff, tariff_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.cli.languages import Told
    from router.labels.answering import AnswerBook
    from router.labels.prompts import Wanted
    from router.labels.purse import Purse
    from router.labels.rows import LabelBook
    from router.snapshot import Catalog, Model

EXTRACTIVE: Final = "extractive"
FEWEST: Final = 2
SYSTEM_TOKENS: Final = 200
"""What a judge is told beside the answers."""


NOBODYS: Final = Tariff(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who answers at which price, and who grades; `judge=None` where nobody or a person does."""

    tariffs: dict[str, Tariff]
    judge: str | None = None
    judge_tariff: Tariff = NOBODYS

    @property
    def models(self) -> tuple[str, ...]:
        """Who answers."""
        return tuple(self.tariffs)

    @property
    def unpriced(self) -> list[str]:
        """Models whose price nobody knows."""
        paid = self.tariffs | ({} if self.judge is None else {self.judge: self.judge_tariff})
        return [name for name, tariff in paid.items() if not tariff.is_known]


def plan_of(catalog: Catalog, names: Sequence[str], judge: str | None, *, language: Told = "en") -> Plan:
    """Return who is to answer and to grade: the named models, else those that `auto` draws. Raises `CommandError`."""
    models = [_model(catalog, name) for name in names] if names else _drawn(catalog)
    found = {each.name: tariff_of(each) for each in models}
    if not FEWEST <= len(found) <= MAX_MODELS:
        told = ", ".join(found) or "none"
        raise CommandError(
            f"labels compare {FEWEST} to {MAX_MODELS} models, and there would be {len(found)} ({told}); "
            "name them with --models. See: thalamus models"
        )
    if judge is None:
        return Plan(found)
    by = _model(catalog, judge)
    if by.name in found:
        note(sentence(language, "own_judge", judge=by.name))
    return Plan(found, by.name, tariff_of(by))


def confirm(
    plan: Plan,
    prompts: Sequence[Wanted],
    *,
    answers: AnswerBook,
    labels: LabelBook,
    purse: Purse,
    sure: bool,
    language: Told = "en",
) -> None:
    """Say what is asked and about what it costs, and ask whether to go on. Raises `CommandError` and `typer.Abort`."""
    missing = [(each, name) for each in prompts for name in plan.models if answers.get(each, name) is None]
    to_grade = [each for each in prompts if plan.judge is not None and not labels.has(each, plan.models)]
    if not missing and not to_grade:
        return
    usd = sum(plan.tariffs[name].estimate(each.text) for each, name in missing)
    n_more = SYSTEM_TOKENS + USUAL_OUTPUT_TOKENS * len(plan.models)
    usd += sum(plan.judge_tariff.estimate(each.text, n_more=n_more, n_output=GRADE_TOKENS) for each in to_grade)
    unknown = plan.unpriced
    if unknown and purse.most_usd is not None:
        raise CommandError(
            f"--max-usd cannot be kept: nobody knows what {', '.join(unknown)} costs; give its price in the settings, "
            "or leave it out with --models."
        )
    parts = [sentence(language, "asks", n=len(missing), models=", ".join(plan.models))]
    if plan.judge is not None:
        parts.append(sentence(language, "graded_by", n=len(to_grade), judge=plan.judge))
    parts.append(sentence(language, "costs", usd=usd))
    if unknown:
        parts.append(sentence(language, "unknown_costs", names=", ".join(unknown)))
    note("".join((*parts, sentence(language, "assumed", n=USUAL_OUTPUT_TOKENS))))
    if sure or (usd == 0 and not unknown):
        return
    if not sys.stdin.isatty():
        raise CommandError("nothing was asked: say --yes to spend this.")
    typer.confirm(sentence(language, "go_on"), abort=True, err=True)


def _drawn(catalog: Catalog) -> list[Model]:
    weighed = zip(catalog.live_models(), catalog.auto_weights(), strict=True)
    return [each for each, weight in weighed if weight > 0 and not _only_quotes(each)]


def _model(catalog: Catalog, name: str) -> Model:
    try:
        model = catalog.resolve(name)
    except NotFoundError as error:
        raise CommandError(f"{error} See: thalamus models") from error
    if not model.live or _only_quotes(model) or "chat" not in model.capabilities:
        raise CommandError(f"the model '{model.name}' cannot be asked now. See: thalamus models")
    return model


def _only_quotes(model: Model) -> bool:
    return any(each.dialect == EXTRACTIVE for each in model.deployments)

"""The English rules of the reflex: which clauses of a sentence speak to us, and which lean on others that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from classifier import reflex_en_forms as forms
from classifier import reflex_en_shapes as shapes
from classifier.reflex_commands import command_in
from classifier.reflex_en_orders import order_of, plain, words_of
from classifier.reflex_en_verbs import GERUNDS, PASTS, TRIGGERS

if TYPE_CHECKING:
    import re

    from classifier.reflex_action import Found

MAX_CLAUSE_CHARS: Final = 300
_MORE_THAN_ACCESS: Final = TRIGGERS - {"access"}


def introduces_material(sentence: str) -> bool:
    """Return whether what follows is a text to be worked on, such as after `Translate into German:`."""
    return forms.MATERIAL_MARKS.search(sentence) is not None and forms.MATERIAL.match(sentence) is not None


def works_on(text: str) -> bool:
    """Return whether the text asks for work on its own words: `... Translate that into German`."""
    return not forms.WORK_WORDS.isdisjoint(words_of(text)) and forms.WORK_ON_TEXT.search(text) is not None


def order_in(sentence: str, text: str, *, commands: bool) -> Found | None:
    """Return the action, the clause and the rule's name of the first order in a folded sentence."""
    triggered = not TRIGGERS.isdisjoint(words_of(sentence))
    if not triggered and not commands:
        return None
    sentence = _simplified(sentence)
    if forms.TITLE.search(sentence[-24:]) or " vs " in sentence or " versus " in sentence:
        return None
    clauses = _clauses(sentence)
    said = [words_of(clause) for _, clause in clauses]
    last = len(clauses) - 1
    while last >= 0 and not commands and TRIGGERS.isdisjoint(said[last]):
        last -= 1
    questioned = forms.ASKED.match(sentence) is not None or (
        sentence.endswith("?") and forms.TAGGED.search(sentence) is None
    )
    polite, hold, before = False, "", ""
    weaker: Found | None = None
    for n, (joint, clause) in enumerate(clauses[: last + 1]):
        requested = _requests(clause)
        polite = polite or requested
        if forms.GENERIC.match(clause) if requested else clause.startswith(shapes.RULED) and forms.RULE.match(clause):
            return None
        hold = _still_held(hold, joint, clause, before) if n else ""
        if not hold and (polite or not questioned):
            heads = n == 0 and len(clauses) > 1
            found = (
                (command_in(clause) if commands else None)
                or order_of(clause, said[n], (sentence, text), heads=heads)
                or _alongside(clause, before)
            )
            if found is not None and (found[0] != "modify" or n + 1 == len(clauses)):
                return found
            weaker = weaker or found
        if not hold and n < last:
            hold = _begins_to_hold(clause)
        before = clause
    return weaker


def _simplified(sentence: str) -> str:
    """Return the sentence in the forms that the rules know: `can you delete` for `would you mind deleting`."""
    sentence = (
        sentence.replace(" & ", " and ")
        .replace("right now", "now")
        .replace("right away", "now")
        .replace("right to ", "rights to ")
    )
    if " mind " in sentence:
        sentence = shapes.MIND.sub(_without_ing, sentence)
    return shapes.IF_YOU.sub(_without_past, sentence) if " if " in sentence else sentence


def _requests(clause: str) -> bool:
    return not shapes.ASKING.isdisjoint(clause.split(maxsplit=6)[:6]) and forms.REQUEST.match(clause) is not None


def _alongside(clause: str, before: str) -> Found | None:
    """Read `Save this as report.docx, overwriting the one that is there`."""
    if shapes.ALONGSIDE.match(clause) and shapes.IMPERATIVE_OF_COPY.match(plain(before)):
        return "overwrite", clause, "en:overwrite:alongside"
    return None


def _without_past(found: re.Match[str]) -> str:
    """Return `can you delete` for `I'd be obliged if you deleted`."""
    verb = PASTS.get(found[1])
    return f"can you {verb}" if verb else found[0]


def _without_ing(found: re.Match[str]) -> str:
    """Return `can you delete` for `would you mind deleting`, and the words themselves for a verb of no risk."""
    verb = GERUNDS.get(found[1])
    return f"can you {verb}" if verb else found[0]


def _clauses(sentence: str) -> list[tuple[str, str]]:
    """Return the clauses, each with what joined it to the one before."""
    clauses: list[tuple[str, str]] = []
    start, joint = 0, ""
    for found in shapes.CLAUSES.finditer(sentence):
        if sentence[start : found.start()].strip():
            clauses.append((joint, sentence[start : found.start()]))
            joint = ""
        start, joint = found.end(), found[0].strip() or joint
    clauses.append((joint, sentence[start:]))
    return _joined(
        [(joint, clause.strip(" .!?\t\n*->#()•")[:MAX_CLAUSE_CHARS]) for joint, clause in clauses if clause.strip()]
    )


def _joined(clauses: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the clauses with those put back that only went on listing objects: `his mail and building access`."""
    joined: list[tuple[str, str]] = []
    for joint, clause in clauses:
        if joined and joint in {"and", "or"} and _lists_on(clause):
            joined[-1] = (joined[-1][0], f"{joined[-1][1]} {joint} {clause}")
        else:
            joined.append((joint, clause))
    return joined


def _lists_on(clause: str) -> bool:
    if _MORE_THAN_ACCESS.isdisjoint(words_of(clause)):
        return forms.FRAME.match(clause) is None and forms.NO.search(clause) is None and command_in(clause) is None
    return clause.startswith(
        ("the ", "all ", "my ", "his ", "her ", "their ", "our ", "every ")
    ) and not shapes.MUST_BE.search(clause)


def _still_held(hold: str, joint: str, clause: str, before: str) -> str:
    """Return what keeps a clause from being an order: the clause it leans on."""
    if (joint == "," and not shapes.FLOOR.isdisjoint(before.split()[-2:]) and forms.SPEECH.search(before)) or (
        joint == ":" and forms.MENTION.search(before)
    ):
        return "speech"
    if joint == ":" and " " not in before and before.isalpha() and plain(before).strip():
        return "speech"  # `alice: delete it` is a chat that somebody pasted
    if hold == "made" or (hold and joint in {"and", "or"}):
        return hold
    if joint in {"and", "or"}:
        told = forms.TOLD.match(before) or forms.MODAL.match(before)
        return "told" if told and not forms.COURTESY.match(before + " ") and not forms.ADDRESSED.match(clause) else ""
    open_still = hold == "open no" or (hold == "no" and " " not in clause)
    if open_still and joint == ",":
        return hold  # `please don't, whatever happens, restart it`
    return "" if hold != "speech" or "then" in joint else hold


def _begins_to_hold(clause: str) -> str:
    bare = plain(clause)
    if forms.FICTION.match(clause) or ("once upon" in clause and forms.ONCE.search(clause)):
        return "made"
    if forms.MAKES.match(bare):
        return "made"
    if forms.FRAME.match(bare):
        return "frame"
    if clause.endswith(("t", "never")) and forms.OPEN_NO.search(clause):
        return "open no"
    if forms.NO.search(clause[:60]):
        return "no"
    return "if" if forms.IF.match(clause) else ""

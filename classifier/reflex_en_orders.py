"""Reads one English clause: a bare verb once courtesy is taken off, or one of the other shapes of an order."""

# Each early return is one reason to fire or not to fire; patterns are read a line at a time.
# ruff: noqa: PLR0911, E501

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier import reflex_en_forms as forms
from classifier import reflex_en_shapes as shapes
from classifier import reflex_everyday as everyday
from classifier.reflex_en_objects import holds
from classifier.reflex_en_verbs import GERUNDS, NOUNS, PARTICIPLES, PASTS, PHRASAL, SURE, TRIGGERS, TYPOS, VERBS
from classifier.reflex_matters import MACHINES, MATTERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from classifier.reflex_action import Action, Found

MAX_ELLIPTIC_CHARS: Final = 40
_EVERYWHERE: Final = frozenset({"all", "every", "everywhere", "other"})
_IN_RECORD: Final = re.compile(
    r"\b(?:spelling|typos?|name)\b.*\b(?:on|in) (?:the|my|our|his|her) (?:booking|account|profile|tickets?|order|reservation|passport|record|policy|licen[cs]e)\b"
)
"""A name that is misspelt in a booking is no work on a text."""


_KEPT_IN: Final = re.compile(
    r"\b(?:from|on|in) (?:(?:all|every|the|our|my|their|his|her) )*(?:[\w-]+ )?(?:accounts?|users?|databases?|servers?|prod|production|repos?|repositor(?:y|ies)|clusters?)\b"
)


def order_of(clause: str, words: Sequence[str], around: tuple[str, str], *, heads: bool) -> Found | None:
    """Return the action, the clause and the rule's name, or `None` where it orders nothing.

    `words`: those of the clause; `around`: the sentence and the text that it stands in. `heads`: other clauses
    follow it in the sentence, so that a verb alone is a heading (`Update: ...`).
    """
    if TRIGGERS.isdisjoint(words):
        return None
    sentence, text = around
    bare = plain(clause).strip()
    if not bare:
        return None
    if len(bare) < len(clause) and clause.startswith(("i ", "i'd", "we ")) and forms.TRAILING_HELP.search(sentence):
        return None  # `I want to delete it but can't find the button` asks for help
    action = _by_form(bare, clause, sentence, frozenset(words))
    if action is not None:
        return action, clause, f"en:{action}:form"
    doing = bare.startswith(shapes.BEGINS) and shapes.DOING.match(bare)
    if doing and doing[1] in GERUNDS:
        bare = f"{GERUNDS[doing[1]]}{bare[doing.end() :]}"
    elif bare.startswith(shapes.LETS) and (let := shapes.LET.match(bare)) and let[1] in SURE:
        bare = bare[let.end() :]
    elif forms.FRAME.match(bare) and not shapes.OVERWRITES.match(bare):
        return None
    action = _imperative(bare, text, heads=heads)
    if action is None and shapes.PREPOSITION.match(bare):
        action = _after_preamble(bare.split(), text)
    if action is not None:
        return action, clause, f"en:{action}:verb"
    action = _wished(clause, bare, words) or _performed(clause, sentence, words)
    return None if action is None else (action, clause, f"en:{action}:wish")


def _by_form(bare: str, clause: str, sentence: str, words: frozenset[str]) -> Action | None:
    """Read orders that are more than a verb and its object; the words tell which forms are worth a look."""
    if not words.isdisjoint(shapes.NOUN_WORDS):
        if found := shapes.LIGHT.match(bare) or shapes.LIGHT.match(clause):
            spared = forms.NO.search(clause) or forms.UNDOES.match(bare) or everyday.wants_own(clause)
            return None if spared else NOUNS[found[1]]
        if (found := shapes.NOMINAL.match(bare)) and shapes.URGENT.search(sentence):
            return NOUNS.get(found[1], "transfer")
    if (
        not words.isdisjoint(shapes.ENTRY)
        and shapes.NO_LONGER.match(bare)
        and not forms.OPINION.search(bare.removeprefix("make sure"))
    ):
        return "revoke"
    if not words.isdisjoint(shapes.ONTO) and shapes.OVERWRITES.match(bare) and not forms.TEXTUAL.search(bare):
        return "overwrite"
    first = bare.partition(" ")[0]
    if first not in shapes.FORMED:
        return None
    if shapes.LET_GO.match(bare):
        return "shutdown"
    if shapes.OWNER.match(bare):
        return "transfer"
    if shapes.ROTATE.match(bare):
        return "modify"
    return "modify" if shapes.ROLE.match(bare) and not forms.TEXTUAL.search(bare) else None


def _imperative(bare: str, text: str, *, heads: bool) -> Action | None:
    first, _, rest = bare.partition(" ")
    first = first.strip("'\"▢")
    first = TYPOS.get(first, first)
    if first not in VERBS and first not in PHRASAL:
        return None
    bare = f"{first} {rest}".strip()
    if rest.startswith(("no ", "nothing", "none", "nobody", "not ")) or (heads and not rest):
        return None
    if bare == "drop it" and not shapes.TABLES.search(text):
        return None
    if bare in {"kill it", "stop it"}:
        return "shutdown" if holds("host", words_of(text), first, text) else None
    if first in {"replace", "change", "swap"} and rest.startswith("▢ "):
        return None  # a quoted word is exchanged in a text
    if (
        forms.UNDOES.match(bare)
        or forms.IDIOM.match(bare)
        or everyday.is_harmless(bare, text)
        or (first in {"set", "shut", "cut", "put", "reset"} and shapes.PAST.search(bare))
    ):
        return None
    if forms.NOUNISH.match(bare) or forms.COMPOUND.match(bare) or forms.SUBJECT.match(bare):
        return None
    action = _with_particle(first, rest) or _with_object(first, rest, text)
    if action == "modify" and (
        rest.startswith("your ")
        or (everyday.POINTS_BACK.match(bare) and everyday.ABOUT_TEXT.search(text) and MATTERS.search(text) is None)
    ):
        return None
    if (
        action in {"delete", "modify", "overwrite"}
        and not forms.TEXT_WORDS.isdisjoint(words_of(rest))
        and (textual := forms.TEXTUAL.search(rest)) is not None
        and MATTERS.match(rest, textual.end() + 1) is None
        and _KEPT_IN.search(rest) is None
        and _IN_RECORD.search(rest) is None
    ):
        return None
    return action


def _with_particle(verb: str, rest: str) -> Action | None:
    if verb not in PHRASAL:
        return None
    words = words_of(rest)
    for particles, kind, action in PHRASAL[verb]:
        if (
            not particles.isdisjoint(words)
            and holds(kind, words, verb, rest)
            and not (action == "revoke" and words[:1] == ["me"] and _EVERYWHERE.isdisjoint(words))
        ):
            return action
    return None


def _with_object(verb: str, rest: str, text: str) -> Action | None:
    words = words_of(rest)
    aimed_at = _first_object(words)
    for kind, action in VERBS.get(verb, ()):
        if holds(kind, aimed_at if kind in shapes.DIRECT else words, verb, rest):
            return action
        if (
            kind in shapes.POINTED
            and words[:1] in (["it"], ["them"], ["that"])
            and holds(kind, words_of(text), "", text)
        ):
            return action  # `I no longer want her to have access. Withdraw it.`
        if kind == "money" and words[:1] in shapes.POINTING and holds(kind, words_of(text), "", text):
            named = [word for word in words[1:4] if word not in {"it", "them", "all"}]
            if not holds("data", named, verb, rest):
                return action  # `I owe Ben forty bucks, send it to him`
    return None


def _first_object(words: Sequence[str]) -> Sequence[str]:
    """Return what stands before the first preposition: `a pin at the meeting point` is no meeting that is dropped."""
    cut = next((at for at, word in enumerate(words) if word in shapes.PREPOSITIONS), len(words))
    return words[:cut] if cut else words


def _after_preamble(words: Sequence[str], text: str) -> Action | None:
    """Read `on the staging server delete ...`: a sure verb that no subject stands before."""
    for at in range(2, len(words)):
        verb = TYPOS.get(words[at], words[at])
        if (verb in SURE or verb in PHRASAL) and words[at - 1] not in shapes.NOT_BEFORE and at + 1 < len(words):
            rest = " ".join(words[at:])
            if shapes.AIMED.match(rest):
                return _imperative(rest, text, heads=False)
    return None


def _wished(clause: str, bare: str, words: Sequence[str]) -> Action | None:
    """Read what shall be done without saying by whom: `must be deleted`, `I want it gone`, `both furnaces off`."""
    if shapes.WISHED.isdisjoint(words):
        return None
    action = _wish(clause, bare, words)
    if action is not None and (
        everyday.wants_own(clause)
        or forms.NO.search(clause)
        or forms.BACK.search(clause)
        or forms.OPINION.search(clause)
        or forms.TEXTUAL.search(clause)
    ):
        return None
    return action


def _wish(clause: str, bare: str, words: Sequence[str]) -> Action | None:
    if found := shapes.MUST_BE.search(clause):
        return next(_done(found[1].split(), words), None)
    if shapes.NEEDS.search(clause) and (found := shapes.NEEDS_DOING.match(clause)):
        return SURE.get(GERUNDS.get(found[1], ""))
    if (
        shapes.GOES.search(clause)
        and shapes.MUST_GO.search(clause)
        and holds("data", words, "", clause)
        and not re.search(r"\b(?:is|are|was|were|has|have|had|all)\b.* gone\b", clause)
    ):
        return "delete"
    if (found := shapes.WANTED.match(clause) or shapes.WANTED.match(bare)) and (
        action := next(_done(found[1].split(), words), None)
    ):
        return action
    if (
        shapes.ELLIPTIC.search(clause)
        and holds("host", words, "", clause)
        and len(clause) < MAX_ELLIPTIC_CHARS
        and (everyday.ODDS.search(clause) is None or MACHINES.search(clause) is not None)
        and not re.search(
            r"\b(?:is|are|was|were|went|goes|keeps|been|reads|says|shows|marked|labell?ed|means)\b", clause
        )
    ):
        return "shutdown"
    return None


def _performed(clause: str, sentence: str, words: Sequence[str]) -> Action | None:
    """Read `with immediate effect his access is revoked`: to say it is to order it."""
    done = shapes.IS_DONE.search(clause) if forms.PERFORMATIVE.search(sentence) else None
    return next(_done([done[1]], words), None) if done else None


def _done(words: Sequence[str], clause: Sequence[str]) -> Iterator[Action]:
    """Yield what the participles stand for that no noun follows: `the deleted files` is no wish."""
    for at, word in enumerate(each.strip(".,!") for each in words):
        if word not in PASTS or (at + 1 < len(words) and words[at + 1] not in shapes.AFTER_PARTICIPLE):
            continue
        about = " ".join([*words[at + 1 :], *(each for each in clause if each != word)])
        action = _with_particle(PASTS[word], about) or _with_object(PASTS[word], about, "") or PARTICIPLES.get(word)
        if action is not None:
            yield action


def plain(clause: str) -> str:
    """Return a clause, and a space, without the courtesy that it begins with."""
    clause += " "
    courtesy = forms.COURTESY.match(clause)
    return clause if courtesy is None else clause[courtesy.end() :]


def words_of(clause: str) -> list[str]:
    """Return the words of a clause without the marks around them."""
    return shapes.BETWEEN.sub(" ", clause).split()

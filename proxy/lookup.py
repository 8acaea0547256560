"""What the documents have for one question: passages for its intents, and which of them are worth placing before it.

How passages are found is `retrieval`'s; that an intent says where to look, and how many are sent, is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.intents import NONE
from retrieval.context import fit_passages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from config.settings import RetrievalSettings
    from config.types import Intent, Passage
    from retrieval.scoped import Looked, Scope, ScopedSearch, Shelf

MIN_GUESS: Final = 0.5
"""An intent that the classifier only guesses still says where to look first, from this confidence on.

A wrong one costs little: where its documents are weak, all are searched.
"""


@dataclass(frozen=True, slots=True)
class Library:
    """What is looked into: a search, the documents it is over, and whether they hold an answer at all."""

    search: ScopedSearch
    shelf: Shelf
    holds: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found. Tokens are estimated; of two twins only the one in the question's language counts."""

    passages: tuple[Passage, ...] = ()
    """Best first, scores 0 to 1, within the token budget."""
    placed: tuple[Passage, ...] = ()
    """Those that are worth placing before the question."""
    scope: Scope = "none"
    n_documents: int = 0
    n_all_tokens: int = 0
    """Of all documents together."""
    n_intent_tokens: int | None = None
    """Of the documents that serve the intents together; `None` where no intent has any."""


def look_up(
    library: Library,
    question: str,
    *,
    intent: Intent | None,
    named: Mapping[str, Collection[str]],
    settings: RetrievalSettings,
) -> Lookup:
    """Return what the library has. `named` are the file names that the catalogue gives each intent.

    An intent with documents, be it a guess, sends passages; a question without one only where an answer stands in them,
    and `none` nothing out of documents that are tied to an intent. Raises `OSError` where documents cannot be read.
    """
    shelf = library.shelf
    labels = _decisive(intent)
    tied = shelf.serving(labels, named)
    untied = shelf.untied(named)
    most = _most(labels, settings)
    looked = library.search.look(question, most=most, scope=tied | untied if tied else None)
    passages = _within(looked.passages, settings.token_budget)
    if tied or (intent is not None and shelf.serving(intent.labels, named)):
        placed = passages
    elif labels == (NONE,):
        placed = _of_untied(library, question, untied, most=most, budget=settings.token_budget)
    else:
        placed = passages if passages and library.holds(question) else ()
    return Lookup(
        passages,
        placed,
        scope=looked.scope,
        n_documents=len(shelf.documents),
        n_all_tokens=shelf.tokens(question),
        n_intent_tokens=shelf.tokens(question, tied) if tied else None,
    )


def believed(intent: Intent | None) -> tuple[str, ...]:
    """Return the intents that are known, or guessed with some confidence."""
    if intent is None or (intent.abstained and intent.confidence < MIN_GUESS):
        return ()
    return intent.labels


def _decisive(intent: Intent | None) -> tuple[str, ...]:
    """Return the intents that say where to look.

    That a text asks for nothing is not believed of a guess: who guesses wrong there sends nothing at all.
    """
    labels = believed(intent)
    return () if intent is not None and intent.abstained and labels == (NONE,) else labels


def _most(labels: tuple[str, ...], settings: RetrievalSettings) -> int:
    """Return how many passages are sent at most."""
    if labels == (NONE,):
        return min(settings.top_k, settings.top_k_without_intent)
    return min(settings.top_k, settings.top_k_one_intent) if len(labels) == 1 else settings.top_k


def _of_untied(
    library: Library, question: str, untied: Collection[str], *, most: int, budget: int
) -> tuple[Passage, ...]:
    """Return passages of documents that belong to no intent, where they hold an answer."""
    if not untied:
        return ()
    looked: Looked = library.search.look(question, most=most, scope=untied)
    return _within(looked.passages, budget) if looked.scope == "kept" and library.holds(question) else ()


def _within(passages: tuple[Passage, ...], budget: int) -> tuple[Passage, ...]:
    return fit_passages(passages, budget) if passages else ()

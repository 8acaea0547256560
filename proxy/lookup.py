"""What the documents have for one question: passages for its intents, and which of them are worth placing before it.

How passages are found is `retrieval`'s; that an intent says where to look, and how many are sent, is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from config.intents import NONE
from retrieval.codes import IDENTIFIER, codes
from retrieval.context import fit_passages
from retrieval.scoped import Naming, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from config.settings import RetrievalSettings
    from config.types import Intent, Mention, Passage
    from retrieval.scoped import DenseOf, Lifted, Looked, Scope, ScopedSearch, Shelf

MIN_GUESS: Final = 0.5
"""An intent that the classifier only guesses still says where to look first, from this confidence on.

A wrong one costs little: where its documents are weak, all are searched.
"""


MIN_LIKELY: Final = 0.2
"""From here on an intent with documents is likely enough that passages are sent without a further look."""
FRAME_TOKENS: Final = 110
"""About what the frame around all passages costs, with room for long headings."""
MIN_NOTHING: Final = 0.8
"""From this probability on it is believed that a text asks for nothing in the catalogue."""
MIN_LEAN: Final = 0.02
"""An intent that is less likely makes no document likelier."""


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
    degraded: str | None = None
    """Which model of the search had no say, and why."""
    lifted: tuple[Lifted, ...] = ()
    """What came of each thing that the question names."""
    dense: DenseOf | None = field(default=None, compare=False, repr=False)
    """What plain search by vectors would have sent instead, for a thread to reckon; `None` where nothing can say."""


def look_up(
    library: Library,
    question: str,
    *,
    intent: Intent | None,
    named: Mapping[str, Collection[str]],
    settings: RetrievalSettings,
    mentions: tuple[Mention, ...] = (),
) -> Lookup:
    """Return what the library has. `named` are the file names that the catalogue gives each intent.

    `mentions` are what the question names; passages that hold one rise a little.

    An intent with documents, be it a guess, sends passages; a question without one only where an answer stands in them,
    and `none` nothing out of documents that are tied to an intent, unless it names a code that only few passages hold.
    Raises `OSError` where documents cannot be read.
    """
    shelf = library.shelf
    labels = _decisive(intent)
    tied = shelf.serving(labels, named)
    untied = shelf.untied(named)
    most = _most(labels, settings, is_sure=intent is not None and not intent.abstained)
    lean = _leaning(intent, shelf, named, untied) if labels != (NONE,) else {}
    naming = _naming(question, mentions, settings.entity_boost)
    scope = tied | untied if tied else None
    wanted = Wanted(most, _for_text(settings.token_budget), scope=scope, lean=lean or None, naming=naming)
    looked = library.search.look(question, wanted)
    passages = _within(looked.passages, settings.token_budget)
    if (
        tied
        or _names_a_code(looked)
        or max(lean.values(), default=0.0) >= MIN_LIKELY
        or (intent is not None and shelf.serving(intent.labels, named))
    ):
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
        degraded=looked.degraded,
        lifted=looked.lifted,
        dense=looked.dense,
    )


def _naming(question: str, mentions: tuple[Mention, ...], boost: float) -> Naming | None:
    """Return what the question names, codes that the tagger passed over included; `None` where that counts nothing."""
    said = {each.text for each in mentions}
    named = (*mentions, *(each for each in codes(question) if each.text not in said))
    return Naming(named, boost) if named and boost > 0 else None


def _names_a_code(looked: Looked) -> bool:
    """Return whether the question names a code that few passages hold: no classifier knows the codes of a library."""
    return any(each.lift > 0 and each.mention.type == IDENTIFIER for each in looked.lifted)


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
    if intent is None or labels != (NONE,):
        return labels
    is_sure = not intent.abstained and intent.probabilities.get(NONE, 1.0) >= MIN_NOTHING
    return labels if is_sure else ()


def _leaning(
    intent: Intent | None, shelf: Shelf, named: Mapping[str, Collection[str]], untied: Collection[str]
) -> dict[str, float]:
    """Return how likely it is that each document serves what is asked; one that is tied to nothing serves all.

    A guess that is too weak to say where to look still makes its documents likelier than others.
    """
    if intent is None:
        return {}
    likely = dict.fromkeys(intent.labels, intent.confidence) | dict(intent.probabilities)
    lean: dict[str, float] = {}
    for name, p in likely.items():
        if name != NONE and p >= MIN_LEAN:
            lean |= {each: max(p, lean.get(each, 0.0)) for each in shelf.serving([name], named)}
    most = max(lean.values(), default=0.0)
    return lean | dict.fromkeys(untied, most) if lean else {}


def _most(labels: tuple[str, ...], settings: RetrievalSettings, *, is_sure: bool) -> int:
    """Return how many passages are sent at most: fewer only where it is sure that one thing, or nothing, is asked."""
    if labels == (NONE,):
        return min(settings.top_k, settings.top_k_without_intent)
    return min(settings.top_k, settings.top_k_one_intent) if len(labels) == 1 and is_sure else settings.top_k


def _of_untied(
    library: Library, question: str, untied: Collection[str], *, most: int, budget: int
) -> tuple[Passage, ...]:
    """Return passages of documents that belong to no intent, where they hold an answer."""
    if not untied:
        return ()
    looked = library.search.look(question, Wanted(most, _for_text(budget), scope=untied))
    return _within(looked.passages, budget) if looked.scope == "kept" and library.holds(question) else ()


def _for_text(budget: int) -> int:
    """Return what of a budget the frame leaves for passages."""
    return max(0, budget - FRAME_TOKENS)


def _within(passages: tuple[Passage, ...], budget: int) -> tuple[Passage, ...]:
    return fit_passages(passages, budget) if passages else ()

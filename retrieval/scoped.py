"""Looks for passages where the intents point, and everywhere where that is weak; and says how large the library is.

What searches is handed in, so that the lexical index and the hybrid one can stand in each other's place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, Protocol

from config.tokens import estimate_tokens
from retrieval.search import LANGUAGE_FOLDERS
from retrieval.segment import language_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from config.types import Citation, Mention, Passage, PassageSearch
    from retrieval.equal_coverage import DenseTopK

WEAK_SCOPE_SHARE: Final = 0.5
"""A scope whose best passage scores less than this share of the library's best is weak; all is searched then."""
N_CANDIDATES: Final = 60
"""Passages among which those of the scope are looked for."""

_NOBODY: Final[frozenset[str]] = frozenset()

Scope = Literal["none", "kept", "weak"]
DenseOf = Callable[[Sequence["Passage"]], "DenseTopK | None"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What a question names, and how much that counts."""

    mentions: tuple[Mention, ...]
    boost: float
    """A window that surely holds the rarest form scores this share more; none gains more, whatever it holds."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """What came of one mention."""

    mention: Mention
    n_windows: int
    """Windows of the library that hold its form."""
    lift: float
    """By which share those score more; 0 where none holds it, or too many do."""
    passages: tuple[Citation, ...] = ()
    """Those of the found passages that it lifted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a search gave. Scores are 0 to 1, shares of the library's best."""

    passages: tuple[Passage, ...] = ()
    scope: Scope = "none"
    """Whether the given scope was searched, or was too weak, so that the whole library was."""
    degraded: str | None = None
    """Which model had no say in it, and why."""
    lifted: tuple[Lifted, ...] = ()
    """What came of each thing that the question names."""
    dense: DenseOf | None = field(default=None, compare=False, repr=False)
    """What plain search by vectors would have sent to hold given passages; takes about a millisecond, so call it in a
    thread. `None` where there are no vectors."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search is to bring."""

    most: int
    """Passages; pieces that touch each other are one."""
    token_budget: int | None = None
    scope: Collection[str] | None = None
    """Names of the documents that are looked into first; the others where those are weak."""
    lean: Mapping[str, float] | None = None
    """How likely it is that a document serves what is asked, 0 to 1, by its name; others are 0. No document is barred
    then, `scope` only brings its own besides."""
    naming: Naming | None = None
    """What the question names: what holds it counts a little more. Only hybrid search heeds it."""


class ScopedSearch(Protocol):
    """Finds passages for a question, in some documents or in all."""

    def look(self, question: str, wanted: Wanted) -> Looked:
        """Return passages or pieces of them, best first."""
        ...


class LexicalScopedSearch:
    """A `ScopedSearch` over any ranking of the whole library."""

    def __init__(self, search: PassageSearch) -> None:
        self._search = search

    def look(self, question: str, wanted: Wanted) -> Looked:
        """Return at most as many passages as wanted, best first, of the scope where that is not weak."""
        most, scope = wanted.most, wanted.scope
        found = self._search.search(question, top_k=max(N_CANDIDATES, most))
        if not found or found[0].score <= 0:
            return Looked(scope="none" if scope is None else "weak")
        best = found[0].score
        shares = tuple(replace(each, score=each.score / best) for each in found)
        if scope is None:
            return Looked(shares[:most])
        inside = tuple(each for each in shares if each.doc in scope)
        if not inside or inside[0].score < WEAK_SCOPE_SHARE:
            return Looked(shares[:most], "weak")
        return Looked(inside[:most], "kept")


@dataclass(frozen=True, slots=True)
class ShelvedDocument:
    """A document as far as scopes and sums need it."""

    name: str
    n_tokens: int
    """Of its whole text, estimated."""
    intents: frozenset[str] = frozenset()
    """Names of the intents that its own first lines tie it to."""


class Shelf:
    """The documents of a library by name, and which of them serve which intent."""

    __slots__ = ("_of_file", "_of_intent", "_silent", "documents")

    def __init__(self, documents: Mapping[str, ShelvedDocument]) -> None:
        self.documents = documents
        self._of_intent: dict[str, set[str]] = defaultdict(set)
        self._of_file: dict[str, set[str]] = defaultdict(set)
        self._silent = frozenset(each.name for each in documents.values() if not each.intents)
        for each in documents.values():
            for intent in each.intents:
                self._of_intent[intent].add(each.name)
            self._of_file[each.name].add(each.name)
            self._of_file[each.name.rpartition("/")[2]].add(each.name)

    @classmethod
    def of(cls, documents: Iterable[tuple[str, str, Collection[str]]]) -> Shelf:
        """Return the shelf of `(name, text, intents)`. Counts tokens: about 8 ms a megabyte."""
        return cls(
            {
                name: ShelvedDocument(name, estimate_tokens(text), frozenset(intents))
                for name, text, intents in documents
            }
        )

    def serving(self, intents: Collection[str], named: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Return the documents of these intents, by their own word or by that of `named`: file names by intent."""
        files = {file for intent in intents for file in named.get(intent, ())}
        own = (self._of_intent.get(intent, _NOBODY) for intent in intents)
        return _NOBODY.union(*own, *(self._of_file.get(file, _NOBODY) for file in files))

    def untied(self, named: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Return the documents that are tied to no intent; they serve all."""
        files = {file for files in named.values() for file in files}
        return self._silent.difference(*(self._of_file.get(file, _NOBODY) for file in files))

    def tokens(self, question: str, names: Collection[str] | None = None) -> int:
        """Return the tokens of these documents, or of all; of two twins only the one in the question's language.

        Nobody would send both, so counting both would make savings look larger than they are.
        """
        language = language_of(question)
        counted = self.documents if names is None else {name: self.documents[name] for name in names}
        return sum(each.n_tokens for each in counted.values() if not self._has_twin(each.name, language))

    def _has_twin(self, name: str, language: str) -> bool:
        folder, _, rest = name.partition("/")
        return folder in LANGUAGE_FOLDERS and folder != language and f"{language}/{rest}" in self.documents

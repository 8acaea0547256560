"""Misspellings of the words that matter, made once: a letter left out, doubled, swapped with the next, or replaced."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

from classifier.reflex_lists import words as listed

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL_WORDS: Final = frozenset(
    listed(
        "adust chance charge clabber clubber cobber counterman deist delict delint delis demist desist discord doable "
        "doubly eradiate evoke expend extent hut lobber overbite overwrote papal preppy prolog rebook remise remote "
        "repaint repay repeat repel reprint reprise reseal reticle reveal revile revive rewove scut scutter shat "
        "shatter shit shorted shorter shot shotten shul shun slut smut sputter stutter subset trifle tripe triply "
        "unset uprate"
    )
)
"""Every English word that one slip makes of a verb of risk: nobody who types `repeat` has misspelt `repeal`.

Found by making all slips of all verbs that `reflex_en_verbs.TYPOS` is made of and keeping those among the 118,622
lower-case words of the SCOWL lists of size 70, American and British; `delate` and `shpt` were taken out by hand, for
they are seen as slips far oftener than as words.
"""


def misspellings(words: tuple[str, ...]) -> dict[str, str]:
    """Return every misspelling by one slip with the word it stands for; real words are left out."""
    made: dict[str, str] = {}
    for word in words:
        for slip in _slips(word):
            if slip not in REAL_WORDS and slip not in words:
                made.setdefault(slip, word)
    return made


def _slips(word: str) -> Iterator[str]:
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
        yield word[:at] + word[at] + word[at:]
        if at + 1 < len(word):
            yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if at:  # the first letter is rarely the wrong one
            for letter in ascii_lowercase:
                yield word[:at] + letter + word[at + 1 :]

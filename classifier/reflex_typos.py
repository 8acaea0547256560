"""Misspellings of the words that matter, made once: a letter left out, doubled, swapped with the next, or replaced."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REAL_WORDS = frozenset(
    [
        "remote",
        "removed",
        "deleted",
        "updated",
        "wiped",
        "erased",
        "charge",
        "chance",
        "evoke",
        "revoked",
        "resent",
        "rest",
        "preset",
        "depose",
        "discord",
        "transferred",
        "transfers",
        "deletes",
        "removes",
        "updates",
        "modified",
        "deplete",
        "relate",
        "elate",
        "renamed",
        "resets",
        "resat",
        "adjusts",
        "purged",
        "shredded",
        "swapped",
        "wired",
        "overwrites",
        "shutdowns",
        "modifies",
        "cancels",
        "alters",
        "aliter",
        "annual",
        "shout",
        "shot",
        "hut",
        "shuts",
        "sht",
        "amends",
        "amended",
        "hat",
        "halts",
        "edits",
        "edited",
        "changed",
        "changes",
        "upgraded",
        "refunds",
        "trashy",
        "trashed",
        "revises",
        "revised",
        "uprate",
        "remover",
        "deleter",
        "updater",
        "resend",
        "preset",
        "tracey",
        "crush",
        "brush",
        "truncated",
        "reboots",
        "rebooted",
        "proxy",
        "repel",
        "repels",
        "unplugs",
    ]
)
"""What one slip makes of them and is a word of its own."""


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

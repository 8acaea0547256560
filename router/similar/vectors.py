"""A question as 256 small numbers: its words and pairs of words, hashed with a key and a sign. Pure.

Without the key no word can be tried against a vector; with it, words and their order can be.

The words are those of `router/policy/features.py`: Han, kana and hangul one by one, and in pairs. `FORM` names how it
is done; a change of anything here, or of those words, is another form: vectors of other forms are never compared.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log2
from typing import TYPE_CHECKING, Final

import numpy as np

from router.policy.features import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORM: Final = "keyed-words-2"
"""Stored with a fingerprint of the key: vectors of another key are of another form."""
N_DIMENSIONS: Final = 256
PAIR_WEIGHT: Final = 0.7
"""What a pair of words counts beside a word."""
COMMON_WEIGHT: Final = 0.25
"""What a word counts that stands in every other question, and a pair with such words alone."""
LARGEST: Final = 127
_COMMON_WORDS: Final = """
a an and are as at be by can could do does for from give has have how i if in is it its me my of on or please should
tell that the this to was what when where which who why will with would you your
"""
_COMMON_SIGNS: Final = "的了是吗呢吧我你您请什么怎样如何为在有和与个一这那哪给把被就都也很会能要帮下"
_COMMON: Final = frozenset(_COMMON_WORDS.split()).union(_COMMON_SIGNS)


@dataclass(frozen=True, slots=True)
class Hashing:
    """How a gateway makes vectors, under its own secret."""

    secret: bytes = field(repr=False)
    """Of any length; what hashes is derived from it."""
    form: str = field(init=False)
    """What such vectors are stored as: `FORM` and eight hex digits by which the key is told from others."""
    _key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive the key: the secret may serve others too."""
        key = hmac.digest(self.secret, b"thalamus similar questions", "sha256")
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "form", f"{FORM}:{blake2b(key=key, digest_size=4).hexdigest()}")

    def vector_of(self, text: str) -> bytes | None:
        """Return a text as 256 signed bytes, the largest ±127; `None` where no word stands in it.

        Reads the first 1,100 and the last 500 characters. A word or pair that stands n times counts 1 + log2(n).
        """
        slots = [0.0] * N_DIMENSIONS
        for code, weight in weighed(text).items():
            place, sign = blake2b(code, digest_size=2, key=self._key).digest()
            slots[place] += weight if sign & 1 else -weight
        most = max(map(abs, slots))
        if most == 0.0:
            return None
        return np.array([round(each / most * LARGEST) for each in slots], np.int8).tobytes()


def weighed(text: str) -> dict[bytes, float]:
    """Return what each word, and each pair of neighbouring words, of a text counts.

    One that stands n times counts 1 + log2(n) times as much.
    """
    counts: dict[bytes, int] = {}
    weights: dict[bytes, float] = {}
    before, was_common = b"\x02", True
    for word in words(text):
        if not (word[0] == "#" or word.isalnum()):
            continue  # a question mark makes no two questions alike
        is_common = word in _COMMON
        code = word.encode()
        pair = before + b" " + code
        counts[code] = counts.get(code, 0) + 1
        weights[code] = COMMON_WEIGHT if is_common else 1.0
        counts[pair] = counts.get(pair, 0) + 1
        weights[pair] = PAIR_WEIGHT * (COMMON_WEIGHT if is_common and was_common else 1.0)
        before, was_common = code, is_common
    return {code: weights[code] * (1.0 + log2(count)) for code, count in counts.items()}


def direction_of(vector: bytes) -> NDArray[np.float32] | None:
    """Return a vector at length 1; `None` for bytes that are none: of another size, or all zero."""
    if len(vector) != N_DIMENSIONS:
        return None
    found = np.frombuffer(vector, np.int8).astype(np.float32)
    length = float(np.sqrt(found @ found))
    return found / np.float32(length) if length > 0 else None

"""Takes out of a document's text what could be read as the structure of a conversation, and leaves the rest as it is.

A document may be written by somebody who wants to be obeyed. Three things help him: a tag that ends the block his text
stands in, a marker that begins a turn of somebody else, and letters that only a model sees. See OWASP LLM01:2025,
https://genai.owasp.org/llmrisk/llm01-prompt-injection/.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u206a-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"
)
"""Letters without a shape: zero-width ones, those that turn the direction, tags, controls. Joiners are kept, for
scripts and emoji need them."""
_JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")
_ALIKE: Final = str.maketrans(
    "аеорсхуіјѕԁһкмтвнοερτυνικαԛԝɑɡıⅼ‹〈⟨«≺ᐸ❮❬⧼›〉⟩»≻ᐳ❯❭⧽⁄∕⧸⟋ǀ∣❘⏐│┃",
    "aeopcxyijsdhkmtbhoeptuvikaqwagil" + "<" * 9 + ">" * 9 + "/" * 4 + "|" * 6,
)
"""Letters of other scripts, and signs, that look like ASCII's (Unicode TS 39); what NFKC knows is left to it."""
_TURN: Final = r"(?:system|user|human|assistant|developer|tool|function)"
_STRUCTURE: Final = re.compile(
    r"<\s*/?\s*reference[\s_-]*documents?"  # our own block
    r"|<\s*\|"  # <|im_start|>, <|eot_id|>, <|system|>
    r"|\|\s*>"
    r"|<\s*<\s*/?\s*sys"  # Llama 2
    r"|\[\s*/?\s*(?:inst|system_prompt|available_tools|tool_calls|tool_results)\s*\]"  # Llama 2, Mistral
    r"|<\s*/?\s*(?:s|bos|eos|start_of_turn|end_of_turn|" + _TURN[3:-1] + r"|think|tool_call)\s*>"
    r"|^[\s>#*]*" + _TURN + r"\s*:",
    re.IGNORECASE | re.MULTILINE,
)


@lru_cache(maxsize=512)
def harmless(text: str) -> str:
    """Return the text without invisible letters, and with every marker of turns or of our block broken by a `·`.

    Nothing is left out that can be seen. A text without markers comes back as it is.
    A thousand Chinese letters take 0.7 ms, plain ASCII a tenth of that; the last texts are remembered, for passages
    come again.
    """
    seen = _INVISIBLE.sub("", text)
    places = {_letter(found.start(), found.group(), back) for back, found in _found(seen)}
    if not places:
        return seen
    return "".join(f"{letter}·" if at in places else letter for at, letter in enumerate(seen))


def harmless_line(text: str) -> str:
    """Return the same as one line, for names and headings."""
    return " ".join(harmless(text).split())


def _found(text: str) -> list[tuple[tuple[int, ...], re.Match[str]]]:
    """Return the markers of the text as it looks, with the place in `text` of every letter that was matched in."""
    plain, back = text, tuple[int, ...]()
    if not text.isascii():
        pairs = [(shape, at) for at, letter in enumerate(text) for shape in _shape(letter)]
        plain, back = "".join(shape for shape, _ in pairs), tuple(at for _, at in pairs)
    return [(back, found) for found in _STRUCTURE.finditer(plain)]


def _letter(start: int, matched: str, back: tuple[int, ...]) -> int:
    """Return the place of the marker's first visible letter in the text; a role is broken before its colon."""
    at = start + len(matched) - 2 if matched.endswith(":") else start + len(matched) - len(matched.lstrip())
    return back[at] if back else at


@lru_cache(maxsize=4096)
def _shape(letter: str) -> str:
    """Return what a letter looks like, in lower-case ASCII where possible; nothing for a joiner or an accent."""
    if letter in _JOINERS:
        return ""
    apart = unicodedata.normalize("NFKD", letter)
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold().translate(_ALIKE)

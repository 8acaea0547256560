"""Takes secrets out of texts that are stored, logged or shown. It errs on the side of taking too much.

RE2 only, and input is capped: neither a hostile prompt nor a hostile upstream can stall the loop here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from config.patterns import compile_regex

if TYPE_CHECKING:
    from config.patterns import Pattern

MAX_CHARS = 64 * 1024
"""Longest text that is looked at; the rest is cut off, since what was not looked at cannot be shown."""
PREVIEW_LOOK_CHARS = 4 * 1024
"""How much of a text is redacted for its preview, so that a secret that begins in the preview is known by its shape."""
MASK = "[redacted]"

_NAMES = r"(?:api[_ -]?key|access[_ -]?key|secret|token|passwd|password|credential|cookie)s?"
_RULES = (
    # Private keys, also cut off ones.
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", MASK),
    # Keys of known shapes: OpenAI, Anthropic, DeepSeek, OpenRouter and ours; Groq, xAI, Hugging Face, Replicate,
    # Perplexity; Google; GitHub, GitLab; Slack; AWS; Stripe.
    (r"\b(?:sk|pk|rk|tk|thal|thalamus|xai|pplx|nvapi|glpat)[-_][A-Za-z0-9][A-Za-z0-9_-]{7,}", MASK),
    (r"\b(?:gsk|hf|r8|ghp|gho|ghu|ghs|ghr|github_pat|npm|key|dsk)_[A-Za-z0-9_]{10,}", MASK),
    (r"\bAIza[0-9A-Za-z_-]{20,}", MASK),
    (r"\bxox[a-z]-[0-9A-Za-z-]{8,}", MASK),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}", MASK),
    # JSON web tokens.
    (r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?", MASK),
    # Headers, and whatever is called a key or a password, in English and Chinese.
    (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", rf"\1 {MASK}"),
    (rf"""(?i)({_NAMES}["']?\s*(?:=>|[:=])\s*["']?)([^\s"',;&{{}}\[\]]{{4,}})""", rf"\1{MASK}"),
    (rf"(?i)({_NAMES}\s+is\s+)[!-~]*[0-9][!-~]*", rf"\1{MASK}"),
    (r"""((?:密码|口令|密钥|秘钥|令牌)["'”]?\s*(?:[:=：＝]|是|为)\s*["'“]?)[!#-&(-+\--:<-~]{4,}""", rf"\1{MASK}"),
    # Passwords in addresses.
    (r"([A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@]*):[^\s/@]+@", rf"\1:{MASK}@"),
    # Persons: mail addresses, and long numbers as of cards and identity papers.
    (r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", "[email]"),
    (r"\b(?:\d{14,18}[0-9Xx]|(?:\d{4}[ -]){3}\d{1,7})\b", "[number]"),
    # Anything long and without a word in it.
    (r"\b[0-9a-fA-F]{32,}\b", MASK),
    (r"[A-Za-z0-9+/]{40,}={0,2}", MASK),
    (r"[A-Za-z0-9][A-Za-z0-9_-]{38,}[A-Za-z0-9]", MASK),
)


def redact(text: str) -> str:
    """Return the text without keys, tokens, passwords, mail addresses and long numbers; at most 64 Ki characters.

    Telephone numbers, names and street addresses stay: no pattern tells them apart well enough in two languages.
    """
    head = text if len(text) <= MAX_CHARS else _without_last_word(text[:MAX_CHARS]) + " […]"
    if _any_rule().search(head) is None:  # most texts hold nothing: one look instead of one per rule
        return head
    for pattern, replacement in _compiled():
        head = pattern.sub(replacement, head)
    return head


def preview(text: str, limit: int = 160) -> str:
    """Return the beginning of the text on one line of at most `limit` characters, redacted, without control marks."""
    head = text if len(text) <= PREVIEW_LOOK_CHARS else _without_last_word(text[:PREVIEW_LOOK_CHARS])
    line = " ".join(_printable(redact(head)).split())
    if len(line) <= limit and len(head) == len(text):
        return line
    return line[: max(0, limit - 1)].rstrip() + "…" if limit > 0 else ""


def _printable(text: str) -> str:
    """Blank what a terminal or a page might obey: control characters, and marks that turn the reading direction."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def _without_last_word(text: str) -> str:
    """Drop the word that the cut went through: half a key has no shape to know it by."""
    last = text[-512:]
    spaces = [last.rfind(space) for space in " \n\t,;\"'，。"]
    return text[: len(text) - len(last) + max(spaces)] if max(spaces) >= 0 else text[:-512]


@cache
def _any_rule() -> Pattern:
    return compile_regex("|".join(f"(?:{pattern})" for pattern, _ in _RULES))


@cache
def _compiled() -> tuple[tuple[Pattern, str], ...]:
    return tuple((compile_regex(pattern), replacement) for pattern, replacement in _RULES)

"""What an English verb of risk is aimed at: money, rights, machines, data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier.reflex_en_verbs import ANY, OBJECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_MONEY: Final = re.compile(
    r"[$€£¥₿]|\b\d[\d,.]*\s?(?:k|m|usd|eur|gbp|chf|cad|aud|dollars?|euros?|pounds?|yen|yuan|rmb|btc|eth|usdt|bucks|quid|grand|cents?|"
    r"percent|%|francs?|kronor|rupees?|pesos?)\b|\b(?:dollars?|euros?|pounds|yen|yuan|francs?|funds?|money|payments?|balance|savings|coins?|"
    r"bitcoins?|btc|eth|usdt|cash|salary|salaries|rent|invoices?|deposit|stake|shares|crypto|wages|fees?|bonus|bonuses|tuition|tip|debts?|loan|"
    r"amount|sum|ownership|credits|points|bucks|quid|grand|rupees|fiver|tenner|refund|bill|dividends?|royalties|escrow|paycheck|commission)\b"
)
_SENT: Final = re.compile(
    r"^(?:[\w'@]+ ){0,3}[\d,.]+(?:k|m)?"
    r"(?=$| (?:for|to|from|via|by|on|out|asap|now|please|today|over|into|using|through)\b)"
)
_TO: Final = re.compile(r"\b(?:to|by|at|from|with)\b|=|[\d.]+ ?%")
MIN_CHANGE_CHARS: Final = 4
MAX_POINTED: Final = 2
"""`it` alone, or with a particle, is an object; `that` before a noun is none."""
_POINTERS: Final = frozenset({"it", "them", "this", "that"})
_GIVERS: Final = frozenset(
    {"send", "move", "give", "shoot", "ping", "slide", "lend", "charge", "deposit", "withdraw", "tip", "credit"}
)


def holds(kind: str, words: Sequence[str], verb: str, rest: str) -> bool:
    """Return whether the words after a verb name such an object; `any` is named by any word."""
    if kind == ANY:
        return True
    if kind == "money":
        return _MONEY.search(rest) is not None or (verb in _GIVERS and _SENT.match(rest) is not None)
    if kind == "to":
        return len(rest) >= MIN_CHANGE_CHARS and _TO.search(rest) is not None
    if (
        kind == "scalar"
        and verb in {"set", "put", "bring", "push", "ramp", "turn", "cut", "drop"}
        and _TO.search(rest) is None
        and verb != "turn"
    ):
        return False
    named = OBJECTS[kind]
    if words and words[0] in _POINTERS and (kind == "data" or words[0] in named):
        return len(words) <= MAX_POINTED or any(word in named and word not in _POINTERS for word in words)
    return not named.isdisjoint(words) or any(word[:-2] in named for word in words if word.endswith("'s"))

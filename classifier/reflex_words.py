"""The English words of the reflex: verbs of each action, those that need no second look, and how they are misspelt."""

# Word lists and patterns are read a line at a time; each early return of a rule is one reason not to fire.
# ruff: noqa: E501, PLR2004, SIM905, PIE800

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier.reflex_typos import misspellings

if TYPE_CHECKING:
    from classifier.reflex import Action

VERBS: Final[dict[str, Action]] = {
    **dict.fromkeys(
        "delete remove erase wipe purge drop discard destroy shred nuke truncate trash uninstall clear empty ditch axe scrap nix kick yank scrub expunge "
        "obliterate prune format bin zap eradicate dump deregister unregister evict dispose eliminate "
        "incinerate flush burn rm unlink".split(),
        "delete",
    ),
    **dict.fromkeys(
        "modify change update edit alter adjust amend correct set rename reset raise lower increase decrease reduce swap "
        "reconfigure revise upgrade downgrade reschedule extend shorten cap bump double halve tweak relabel retitle "
        "switch rewrite patch migrate rotate fix postpone reassign redirect move turn toggle".split(),
        "modify",
    ),
    **dict.fromkeys("overwrite replace clobber supersede force-push".split(), "overwrite"),
    **dict.fromkeys(
        "transfer wire pay send remit venmo paypal zelle donate deposit refund reimburse assign sign hand "
        "shoot chuck ping slide fling move withdraw convert forward give credit settle".split(),
        "transfer",
    ),
    **dict.fromkeys(
        "revoke rescind invalidate withdraw cancel deauthorize deauthorise strip suspend unshare annul repeal void "
        "blacklist decertify ban terminate disable pull".split(),
        "revoke",
    ),
    **dict.fromkeys(
        "shutdown halt stop kill terminate poweroff decommission unplug deactivate reboot restart hibernate quit "
        "suspend disable".split(),
        "shutdown",
    ),
}
SURE: Final[dict[str, Action]] = {
    **dict.fromkeys(
        "delete remove erase wipe purge discard destroy shred nuke truncate trash uninstall scrub expunge obliterate "
        "prune eradicate deregister unregister evict eliminate incinerate zap drop rm".split(),
        "delete",
    ),
    **dict.fromkeys(
        "modify change update edit alter adjust amend rename reset reconfigure reschedule upgrade downgrade relabel "
        "retitle swap revise tweak".split(),
        "modify",
    ),
    **dict.fromkeys("overwrite clobber supersede force-push".split(), "overwrite"),
    **dict.fromkeys("transfer wire pay remit venmo paypal zelle donate refund reimburse".split(), "transfer"),
    **dict.fromkeys("revoke rescind invalidate deauthorize deauthorise unshare annul repeal".split(), "revoke"),
    **dict.fromkeys("shutdown poweroff decommission unplug deactivate reboot halt".split(), "shutdown"),
}
SLANG: Final = frozenset({"ditch", "axe", "scrap", "nix", "kick", "yank"})
PHRASAL: Final = ("shut", "power", "switch", "turn", "take", "push", "bring", "cut", "pull", "throw", "get", "save", "write",
                   "make", "force", "paste", "copy", "close", "clean", "kick", "sign", "hand", "clear", "put", "let",
                   "both", "lock", "log", "spin", "scale", "mark", "toss", "off")  # fmt: skip
TYPOS = misspellings((*tuple(verb for verb in SURE if len(verb) > 5), "shut"))
PARTICIPLES: Final[dict[str, Action]] = {
    **{verb + ("d" if verb.endswith("e") else "ed"): action for verb, action in SURE.items()},
    **{"shut": "shutdown", "stopped": "shutdown", "dropped": "delete", "overwritten": "overwrite", "halted": "shutdown",
       "replaced": "overwrite", "set": "modify", "reset": "modify", "paid": "transfer", "sent": "transfer",
       "wired": "transfer", "transferred": "transfer", "remitted": "transfer", "withdrawn": "revoke", "cancelled": "revoke", "cleared": "delete", "emptied": "delete",
       "terminated": "shutdown", "killed": "shutdown", "raised": "modify", "lowered": "modify", "reduced": "modify",
       "increased": "modify", "moved": "modify", "corrected": "modify", "swapped": "modify", "modified": "modify",
       "switched": "modify", "turned": "shutdown", "taken": "shutdown", "powered": "shutdown", "gone": "delete",
       "disabled": "revoke", "suspended": "revoke", "refunded": "transfer"},
}  # fmt: skip
GERUNDS: Final = {verb.removesuffix("e") + "ing" for verb in VERBS}
TRIGGERS: Final = frozenset({*VERBS, *PHRASAL, *TYPOS, *PARTICIPLES, *GERUNDS})
IDIOM: Final = re.compile(
    r"^(?:drop (?:me|us|by|in|out|it$)|(?:update|correct) (?:me|us)\b|move on|move over|(?:change|changing) (?:my|your|his|her|our|the) (?:mind|subject|topic|"
    r"perspective|life|world|ways)|kill time|set (?:the (?:scene|mood|stage|table|bar)|\w\s*=|up|out|off|sail|aside)|pay (?:attention|heed|a visit|"
    r"close attention|tribute|homage)|turn (?:this|it|the following|these|that|▢) .*into|move (?:it )?along|clear (?:up|explanation|things)|"
    r"send (?:me|us) (?:a|an|some|the|your|my|more)\b(?: (?!money|payment|funds|refund))|give (?:me|us|an?|it|some|examples)\b|correct me|kill two birds|"
    r"stop (?:here|there|for|by|being|acting|saying|and|with the)|pull (?:up|together)|fix (?:this|my|the) (?:code|bug|sentence|function|error)|"
    r"remove (?:the )?(?:noise|ambiguity|duplicates? from this)|raise (?:awareness|a question|the question)|format (?:this|it|the|your|my)? ?"
    r"(?:answer|output|response|reply|text|as|in|table|list|code|json|following)|change of|delete key|switch (?:to (?:english|chinese|german|french|"
    r"spanish|a different)|gears|sides|roles)|extend (?:my|our) (?:thanks|sympathy)|reduce (?:the fraction|fractions|to)|"
    r"edit (?:this|my) (?:text|code|essay|email|paragraph|cv|resume)|wire(?:less|d)|clear enough)"
)
"""What begins with such a verb and orders nothing of the kind."""

"""The English words of the reflex: verbs of each action, those that need no second look, and how they are misspelt."""

# Word lists and patterns are read a line at a time; each early return of a rule is one reason not to fire.
# ruff: noqa: E501, PLR2004, SIM905, PIE800

from __future__ import annotations

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

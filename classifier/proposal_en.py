"""What an English sentence of an assistant proposes to do."""

from __future__ import annotations

import re
from typing import Final

_SAYS: Final = (
    r"(?:i|we)(?:(?:'ll|'d| will| would| could| can| may| shall| should)|(?:'m|'re| am| are) (?:going|about|ready) to|"
    r" (?:plan|intend|want|need) to| propose(?: to)?| suggest(?: that i)?| recommend| found .{1,80} and propose to)"
)
_OFFER: Final = re.compile(
    r"(?:^|[,;:—–-] ?|\b(?:and|so|then|but|now|next|first|like|want|wish|agree|prefer) )"
    rf"(?:{_SAYS}|(?:shall|should|may|can|could|must) (?:i|we)|let me(?! know)|"
    r"(?:would you (?:like|prefer)|(?:do you )?(?:want|wish|need))(?: me| us)?(?: to)?|"
    r"(?:is it |are you |would it be )?(?:ok|okay|fine|alright|all right|good|ready)(?: for me to| if i| to| with)|"
    r"(?:shall we )?(?:proceed (?:with|to)|go ahead (?:and|with))|please (?:confirm|approve)(?: that| the| to)?|"
    r"are you (?:really |absolutely )?sure (?:that )?you (?:want|wish|would like)(?: me)? to|do you confirm(?: that)?|"
    r"(?:type|reply|say|enter|answer|send|press)(?: with)? [\"'“‘]?(?:yes|y|ok|okay|confirm|go)[\"'”’]?,? "
    r"(?:to(?: confirm)?|if you want me to|and i(?:'ll| will))|"
    r"(?:here is |here's )?(?:my|the|our) (?:plan|proposal|suggestion|next step)(?: is)?(?: to|:)|"
    r"(?:plan|proposal|next steps?|steps):)"
    r"(?=[^\w']|$)[ :]{0,3}(?P<rest>.*)",
    re.IGNORECASE,
)
_LEADS: Final = re.compile(
    r"^(?:then|now|also|first|next|just|simply|please|gladly|that|to|like to|love to|be (?:happy|glad|able) to|suggest|"
    r"propose|recommend|go ahead(?: and| with)?|proceed (?:with|to)|instead|you want(?: me)? to|i (?:should|can)|"
    r"\d{1,2}[.)])\b[ ,:.)]{0,3}",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(
    r"(?:[,;:—–-] ?|\s)(?:but (?:i|we|not|leave|nothing)\b|if (?:that|you|it|this|so)\b|is (?:that|this|it) |"
    r"(?:shall|should|may|can) (?:i|we)\b|do you\b|would you\b|let me know\b|does (?:that|this)\b|"
    r"unless\b|"
    r"(?:ok|okay|right|agreed|confirm|proceed|yes|please confirm|what do you .{1,20}|sounds? good)(?=\W*$)).*$",
    re.IGNORECASE,
)
_NO_ORDER: Final = re.compile(
    r"^(?:(?:(?:like|advise|urge|ask|encourage) )?you\b(?!')|"
    r"not|never|no longer|only|rather not|see|tell|understand|imagine|know|think|say|help|assist|be|have)\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(
    r"^(?:(?:and|so|but|or|well)[ ,]+)?(?:is|are|am|was|were|do|does|did|have|has|had|will|would|can|could|should|"
    r"shall|may|might|must|what|why|how|who|whom|whose|which|when|where|in|if|any|anything|isn't|aren't|don't|doesn't|the|"
    r"didn't|won't|can't|couldn't|shouldn't|you|your|i|we|it|that|this|there|really|not|maybe|perhaps|he|she|they)\b",
    re.IGNORECASE,
)
_EMPTY_WORDS: Final = (
    "a an and anything all at back begin by carry change changes confirm confirmation continue do doing done else "
    "first for further get go going ahead good have help assist it its keep let make more my next now of ok okay "
    "on one or perform please proceed ready right same so start started step such that the them then these this "
    "those to today together try with work write you your run execute yes agreed sounds sound fine approve apply "
    "implement know if me us i we be handle take care question questions other another thing things action way "
    "plan proposal approach answer no above everything something is are look looks okay "
    "following statement command query script code"
)
_MANNER: Final = re.compile(
    r"(?:use|using|(?:start|begin)(?= (?:right|now|at|immediately|with)|$)|"
    r"try|keep|stick|switch to|go|work|back (?:it|them|up)|wait)\b",
    re.IGNORECASE,
)
_GRANTS: Final = re.compile(
    r"(?:ok|okay|yes|sure|sure thing|of course|certainly|absolutely|will do|no problem|gladly|happy to|right away|"
    r"i(?:'ll| will) (?:start|begin|do (?:it|that|so)|take care))\b",
    re.IGNORECASE,
)
_ALSO: Final = re.compile(r"\b(?:also|too|as well|in addition|on top)\b", re.IGNORECASE)
_CONSEQUENCE: Final = re.compile(
    r"\b(?:(?:this|that|it|which)(?: (?:action|operation|step|command|change))? (?:will|would)|"
    r"(?:you|we|i)(?:'re|'m| are| am) about to|(?:we|i) (?:need|have) to|the next step (?:would be|will be|is) to)\b ?",
    re.IGNORECASE,
)
_LEAVE: Final = re.compile(
    r"^(?:(?:continue|proceed|confirm|ok|okay|agreed|do it|go ahead)|"
    r"(?:are you sure|shall i|should i|do you want to|would you like to|is that ok|do you)\b.{0,30})\s?\?$",
    re.IGNORECASE,
)
_RUNS: Final = re.compile(r"\b(?:run|execute|apply|issue)\b", re.IGNORECASE)
_NOUNS: Final = {
    "the transfer of": "transfer", "deletion of": "delete", "the deletion of": "delete", "the removal of": "remove",
    "the cancellation of": "cancel", "the revocation of": "revoke", "the shutdown of": "shut down",
    "deleting": "delete", "removing": "remove", "wiping": "wipe", "dropping": "drop", "transferring": "transfer",
    "overwriting": "overwrite", "revoking": "revoke", "cancelling": "cancel", "canceling": "cancel",
}  # fmt: skip
_NOUN: Final = re.compile("(?:" + "|".join(_NOUNS) + r")\b", re.IGNORECASE)
_MAX_LEADS: Final = 12
_END_MARKS: Final = " .!?,:;\t"
_EMPTY: Final = frozenset(_EMPTY_WORDS.split())
_WORD: Final = re.compile(r"[a-z][a-z'./-]{0,40}", re.IGNORECASE)
_PLANS: Final = re.compile(
    rf"{_SAYS}|\b(?:plan|proposal|propose|steps?|let me|going to)\b|following (?:changes|actions)", re.IGNORECASE
)
_ADVISES: Final = re.compile(
    r"\b(?:suggest|recommend|propose|advise|urge|like)(?: to you)?(?: that)? you\b|"
    r"\b(?:follow|try) (?:the|these|this)\b|\byou (?:should|can|could|may|might|need|must|have to|would)\b",
    re.IGNORECASE,
)
"""What the user is to do is no plan of the assistant."""
_REFUSES: Final = re.compile(r"\b(?:not|never|can't|cannot|won't|don't)\b", re.IGNORECASE)


def offer_in(sentence: str) -> str:
    """Return what a sentence offers to do, empty where it offers nothing."""
    best = ""
    for found in (_OFFER.search(sentence), _last(sentence)):
        if found is not None and (order := _order(found["rest"])):
            best = best or order
    return best


def bare_question(sentence: str) -> str:
    """Return what a question without a verb of asking names: `Delete the old branch?`."""
    return "" if _ASKS.match(sentence) else _order(sentence)


def announces(sentence: str) -> bool:
    """Return whether a sentence before a list says that its points will be done."""
    no_plan = _REFUSES.search(sentence) is not None or _ADVISES.search(sentence) is not None
    return sentence.endswith(":") and not no_plan and _PLANS.search(sentence) is not None


def asks_leave(sentence: str) -> bool:
    """Return whether a last sentence only asks for leave: `Continue?`."""
    return _LEAVE.match(sentence) is not None


def consequence_in(sentence: str) -> str:
    """Return what a sentence says will come of it, an offer where leave is asked: `This will wipe the disk.`."""
    found = _CONSEQUENCE.search(sentence)
    return "" if found is None or _REFUSES.search(sentence) else _order(sentence[found.end() :])


def runs(sentence: str) -> bool:
    """Return whether a sentence before a command offers to run it."""
    found = _OFFER.search(sentence)
    return found is not None and _RUNS.search(sentence) is not None and _REFUSES.search(sentence) is None


def is_manner(order: str) -> bool:
    """Return whether an offer says only how or when something is done: `use the original card`."""
    return _MANNER.match(order) is not None


def names_object(order: str) -> bool:
    """Return whether an offer says what is done and to what."""
    return sum(word.casefold() not in _EMPTY for word in _WORD.findall(order)) > 1


def grants(words: str) -> bool:
    """Return whether a turn takes up what was asked, so that what it offers comes on top."""
    return _GRANTS.match(words) is not None or _ALSO.search(words) is not None


def _last(sentence: str) -> re.Match[str] | None:
    """Return a second offer in what stands behind the first: `That is stale, and I am sure, so shall I delete it?`."""
    first = _OFFER.search(sentence)
    return None if first is None else _OFFER.search(sentence, first.start("rest"))


def _order(rest: str) -> str:
    rest = _TAIL.sub("", rest.strip(), count=1).rstrip(_END_MARKS)
    for _ in range(_MAX_LEADS):
        if (lead := _LEADS.match(rest)) is None:
            break
        rest = rest[lead.end() :]
    if _NO_ORDER.match(rest) or all(word.casefold() in _EMPTY for word in _WORD.findall(rest)):
        return ""
    rest = rest.rstrip(_END_MARKS)
    return _NOUN.sub(lambda noun: _NOUNS[noun[0].casefold()], rest, count=1) if _NOUN.match(rest) else rest

"""The English rules of the reflex: an order is a clause that begins with a bare verb once courtesy is taken off."""

# Word lists and patterns are read a line at a time; each early return of a rule is one reason not to fire.
# ruff: noqa: E501, C901, PLR0911, PLR2004, RUF028

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier.reflex_words import IDIOM, PARTICIPLES, PHRASAL, SLANG, SURE, TYPOS, VERBS

if TYPE_CHECKING:
    from classifier.reflex import Action

MAX_CLAUSE_CHARS: Final = 300

_COURTESY = re.compile(
    r"^(?:(?:please|plese|pleas|plase|pelase|plaese|kindly|pls|plz|yo|alright|dude|mate|um|uh|listen|perfect|great|thanks|thx|sure|right|cool|well|ok|okay|hey|hi|hello|so|now|then|and|but|just|first|next|finally|also|lastly|simply|"
    r"immediately|permanently|completely|quickly|right away|right now|at once|today|tonight|tomorrow|yes|yeah|no|"
    r"go ahead and|go and|be so kind as to|be sure to|make sure to|make sure you|remember to|afterwards|after that|"
    r"once done|when done|do|it is time to|time to|you (?:must|should|need to|have to|can|may|are to|will)|let'?s|let us|"
    r"i(?: would|'d)? (?:want|need|like|order|ask|expect|request|command|would like|demand|am asking)(?: for)?(?: that)? you to|"
    r"i(?:'m| am) asking you to|i(?:'d| would) (?:like|love|appreciate)(?: it if)? you(?: to| could)?|"
    r"i (?:want|need|would like|wish) to|i'd like to|we (?:want|need|have) to|we'd like to|feel free to|"
    r"(?:can|could|would|will) (?:you|someone|somebody|anyone|u)(?: all)?(?: be so kind as to| be able to| mind)?|"
    r"i (?:authori[sz]e|instruct) you to|as discussed|as agreed|urgent|quick|guys|team|finally|instead|only|safely|"
    r"may i ask you to|your task is to|don't hesitate to|we need you to|we want you to|forcibly|"
    r"ask \w+ to|have \w+ to)\b[\s,:!-]*)+"
)
_REQUEST = re.compile(r"^(?:\W*(?:please|hey|hi|hello|ok|so|and|then|now)\b[\s,]*)*(?:(?:can|could|would|will) (?:you|someone|somebody|u)\b|"
                      r"may i ask you to)(?! (?:show|tell|explain|teach|describe|say|know|see|help me understand|mind explaining))")  # fmt: skip
_ASKED = re.compile(
    r"^\W*(?:(?:and|but|so|ok|hey|hi|then)\b[\s,]*)?(?:how|what|what's|whats|which|who|whose|who's|where|when|why|is|are|was|were|do|does|"
    r"did|has|have you|has anyone|had|should|shall|may|might|am|isn't|aren't|don't you|doesn't|didn't|can (?:i|we|a|an|the|he|she|"
    r"they|it|my|anyone|\w+s)|could (?:i|we|it|this|he|she|they|the|a)|would (?:it|i|we|he|she|they|the|a)|"
    r"will (?:it|my|the|this|i|we|he|she|they|a|an))\b"
)
_FRAME = re.compile(
    r"^(?:(?:please|kindly|pls|just|can you|could you|would you|will you|hey|help me|i want you to|i need you to|now)[\s,]+)*"
    r"(?:write|compose|implement|explain|describe|translate|classify|summari[sz]e|review|proofread|paraphrase|rephrase|"
    r"document|complete|tell|show|teach|give(?: me| us)? (?:an?|some|the|me an?)|convert (?:this|the following)|spell|define|"
    r"discuss|compare|analy[sz]e|find|sort|count|list|suggest|refactor|debug|imagine|suppose|assume|pretend|draft|"
    r"create (?:a|an)|generate|design|build (?:a|an)|code|sketch|outline|label|quote|continue|finish the|correct (?:the )?"
    r"(?:grammar|spelling|sentence)|rewrite|evaluate|rate|critique|remind|recommend|parse|i wonder|what if|"
    r"name|mention|pronounce|conjugate|rhyme|make (?:a|an|up)|add (?:a|an)|rank|extract|advise|think|discuss|help me understand|"
    r"is|mock|prove|calculate|estimate|test|unit[- ]test|lint)\b"
)
_MATERIAL = re.compile(
    r"^(?:please |can you |could you |kindly )*(?:translate|classify|summari[sz]e|proofread|paraphrase|rephrase|rewrite|"
    r"convert|explain|complete|correct|review|analy[sz]e|continue|debug|label|refactor|document|spell|polish|improve|"
    r"what does|what do|fix|in \w+,? how do you say)\b[^:]*:|^(?:log|error|traceback|subject|output|stderr|quote|"
    r"the (?:log|error|message|email|sign|ticket|note) (?:says|reads|said|read))\b[^:]*:"
)
_SEARCH = re.compile(r"^(?:please )?(?:find|list|sort|count|extract|show)\b")
_SEARCHED = re.compile(r"^\w+ (?:them|those|it|these|the ones|all|any|each|every)\b")
_WORDING = re.compile(
    r"\b(?:resume|cv|paragraph|sentence|tone|essay|wording|adjectives?|adverbs?|phrase|poem|stanza|verse|comma|punctuation|"
    r"grammar|synonyms?|this text|my text|the text to|cover letter|haiku|lyrics|word count|in this word|first person|"
    r"past tense|bullet points?|passive voice|active voice|typos?|spelling|conclusion|introduction|intro|abstract|"
    r"this email|my email to be|the ending|this letter|my letter|story|rhyme|subject line|headline|this draft|metaphor|clich\w+)\b"
)
_THINGS = re.compile(
    r"\b(?:access|permissions?|rights?|privileges?|authority|authori[sz]ation|clearance|consent|delegation|licen[cs]e|"
    r"certificates?|credentials?|tokens?|keycard|badge|admin role|roles?|membership|mandate|power of attorney|"
    r"api keys?|keys?|visa|permit|pass|passes|warrant|invitation|invite|sessions?|grants?|approval|contract)\b"
)
_TAKEN = re.compile(r"\b(?:access|permissions?|rights?|privileges?|authority|authori[sz]ation|clearance|consent)\b")
_MONEY = re.compile(
    r"[$€£¥₿]|\b(?:\d[\d,.]*\s?(?:k|usd|eur|gbp|dollars?|euros?|pounds?|yen|yuan|rmb|btc|eth|usdt|bucks|quid|grand|cents?|"
    r"percent|%)|dollars?|euros?|pounds?|yen|yuan|francs?|funds?|money|payments?|balance|savings|coins?|bitcoins?|btc|eth|"
    r"cash|salary|salaries|rent|invoices?|deposit|stake|shares|crypto|tokens to|bill|budget|wages|fee|bonus|tuition|"
    r"amount|sum|ownership|credits|points)\b|^(?:send|move|give)\s+(?:[a-z]+\s+)?[\d,.]+(?:k|m)?\b"
)
_HOST = re.compile(
    r"\b(?:servers?|service|machines?|cluster|process(?:es)?|jobs?|database|db|instances?|containers?|vms?|nodes?|pods?|"
    r"prod|production|staging|pumps?|engines?|motors?|belt|line|reactor|furnace|turbine|daemon|workers?|network|router|"
    r"deployment|system|plant|elevators?|generator|camera|cameras|nginx|redis|postgres|mysql|kafka|docker|app|site|"
    r"website|api|gateway|build|pipeline|everything|all|conveyor|furnaces|pumps|lights?|lamps?|heaters|boilers|heater|heating|fan|fans|pc|computer|laptop|device|"
    r"scheduler|queue|backend|bot|tasks?|program|threads?|stack|robot|robots|mixer|oven|boiler|press|crane|drone|"
    r"ventilation|compressors?|backup|stream|broadcast|recording|production|trading|listener|proxy|firewall|alarm)\b"
)
_PHRASES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "shutdown",
        re.compile(
            r"^(?:shut|shutt|power|turn|switch|bring|take|spin|close|cut|go)\b(?:.*?)\b(?:down|donw|off|offline)\b"
        ),
    ),
    (
        "shutdown",
        re.compile(
            r"^(?:pull the plug|(?:cut|kill) (?:the |all )?(?:power|electricity|engines?|current)|scale .* to (?:zero|0)\b)"
        ),
    ),
    (
        "delete",
        re.compile(
            r"^(?:get rid of|throw (?:away|out)|throw .* (?:away|out)|clean out|toss|kick .* (?:out|off)|do away with|"
            r"take .* off the|rm -)"
        ),
    ),  # fmt: skip
    (
        "overwrite",
        re.compile(
            r"^(?:save .*\bover\b|write .*\bover\b|write over|paste .*\bover\b|copy .*\bover\b|force[- ]push|"
            r"push .*--force|git push (?:-f|--force))"
        ),
    ),  # fmt: skip
    (
        "transfer",
        re.compile(
            r"^(?:(?:deposit|refund|payment|transfer) of .*\b(?:to|for)\b|sign .*\bover\b|hand .*\bover\b|make .*\b(?:owner|proprietor)\b|give .*\b(?:ownership)\b|"
            r"assign .*\bto\b|cash out|pay\b(?! (?:is|are|was|rises?|gap|scale)\b)|put .*\b(?:in|into) .*\b(?:account|name)\b)"
        ),
    ),  # fmt: skip
    (
        "modify",
        re.compile(
            r"^(?:make .*\b(?:public|private|admin|administrator|read-only|visible|default)\b|mark .* as\b|put .* up to)"
        ),
    ),
    (
        "revoke",
        re.compile(
            r"^(?:take away|take .*\b(?:away|back)\b|pull .*\b(?:access|permissions?|rights?|keys?|licen[cs]e)\b|"
            r"cut (?:off )?.*\baccess\b|lock .*\bout\b|kick .*\bout of the session)"
        ),
    ),  # fmt: skip
)
_CLAUSES = re.compile(r"[,;:]\s*|\s[-–—]+\s|\.\s|\b(?:and then|then|and|but|so)\b\s*|\.$")
_HOLDS = re.compile(r"^(?:and|but|so)$")
_PASSIVE = re.compile(
    r"\b(?:must|should|needs?|has|have|is|are|shall|ought|want|like|need|will need)\b.*\b(?:to be|be|'s|\w+)\s+"
    r"(?:\w+ly |now |all )?(\w+)\b"
)
_MUST_BE = re.compile(
    r"\b(?:must|should|shall|needs? to|has to|have to|is to|are to|ought to|had better)\s+(?:now |all )?be\s+(?:\w+ly |all )?(\w+)"
)
_WANTED = re.compile(r"^(?:please )?(?:i|we)(?:'d| would)? (?:want|need|like)\b(.*)")
_NO = re.compile(r"\b(?:not|never|no|nothing|nobody|none|without|don'?t|dont|doesn'?t|shouldn'?t|mustn'?t|cannot|can'?t|won'?t|neither|nor|"
                 r"avoid|refuse|unless|instead of|rather than)\b")  # fmt: skip
_GERUND_OR_UNDO = re.compile(r"^(?:stop|quit|cancel|halt|reverse|undo) (?:\w+ing\b|(?:the |that |my |this |all )*(?:\w+ )?"
                             r"(?:delet|shutdown|transfer|remov|overwrit|restart|reboot|update|wipe|revoc|migration\b)|it\b|that$|this$)")  # fmt: skip
_NOUNISH = re.compile(r"^(?:\w+) (?:is|are|was|were|means|has|costs?|takes?|pricing|learning|rate|key|button|of|in|or|protocol|fee|fees|log|logs|history|"
                      r"policy|notes?|statement|markers?|control|management|agent)\b")  # fmt: skip
_MIND = re.compile(r"^(?:would|do) you mind (\w+)ing\b")
_WRITE_OVER = re.compile(
    r"^write (?:the|this|that|my|it|our|these|those)\b.* over (?:the|this|that|my|it|our|these|those|all)\b"
)
_TITLE = re.compile(
    r"\b(?:explained|meaning|vs|tutorial|examples?|cheat ?sheet|syntax|walkthrough|definition|basics)\W*$"
)
_BACK = re.compile(r"\b(?:recover|restore|undelete|undo|get back|bring back|reinstate)\b")
_IF = re.compile(r"^(?:if|suppose|supposing|assuming|imagine|what if|when|whenever|after|before|once|in case|had)\b")

Found = tuple["Action", str, str]


def introduces_material(sentence: str) -> bool:
    """Return whether what follows is a text to be worked on, such as after `Translate into German:`."""
    return _MATERIAL.match(sentence) is not None


def order_in(sentence: str, text: str) -> Found | None:
    """Return the action, the clause and the rule's name of the first order in a folded sentence."""
    sentence = _MIND.sub(_without_ing, sentence)
    if _TITLE.search(sentence):
        return None
    asked = sentence.endswith("?") or _ASKED.match(sentence) is not None
    polite = _REQUEST.match(sentence) is not None
    if not polite and (_ASKED.match(sentence) or (asked and not _tagged(sentence))):
        return None
    held = searching = False
    weaker: Found | None = None
    for joint, clause in _clauses(sentence):
        if not _HOLDS.match(joint):
            held = False
        if held and not (searching and _SEARCHED.match(clause)):
            continue
        searching = _SEARCH.match(clause) is not None
        held = _FRAME.match(clause) is not None or _NO.search(clause[:60]) is not None or _IF.match(clause) is not None
        found = _order(clause, text, heads=not joint and len(sentence) > len(clause) + 2)
        if found is not None and found[0] != "modify":
            return found
        weaker = weaker or found
    return weaker


def _without_ing(found: re.Match[str]) -> str:
    """Return `can you delete` for `would you mind deleting`, and the words themselves for a verb of no risk."""
    stem = found[1]
    verb = next((each for each in (stem, stem + "e", stem[:-1]) if each in VERBS or each in PHRASAL), None)
    return f"can you {verb}" if verb else found[0]


def _tagged(sentence: str) -> bool:
    """Return whether a question mark only asks for assent: `..., ok?`."""
    return (
        re.search(r",?\s*(?:ok|okay|please|will you|would you|pls|alright|now|yeah|could you|can you)\?+$", sentence)
        is not None
    )


def _clauses(sentence: str) -> list[tuple[str, str]]:
    """Return the clauses, each with what joined it to the one before."""
    clauses: list[tuple[str, str]] = []
    start, joint = 0, ""
    for found in _CLAUSES.finditer(sentence):
        clauses.append((joint, sentence[start : found.start()]))
        start, joint = found.end(), found[0].strip()
    clauses.append((joint, sentence[start:]))
    return [(joint, clause.strip(" .!?\t\n*->#()")[:MAX_CLAUSE_CHARS]) for joint, clause in clauses if clause.strip()]


def _order(clause: str, text: str, *, heads: bool) -> Found | None:
    bare = _COURTESY.sub("", clause)
    if _FRAME.match(bare) and not _WRITE_OVER.match(bare):
        return None
    word = bare.partition(" ")[0].strip("'\"▢")
    word = TYPOS.get(word, word)
    rest = bare.partition(" ")[2]
    bare = f"{word} {rest}".strip()
    if _WORDING.search(bare) or _GERUND_OR_UNDO.match(bare) or IDIOM.match(bare):
        return None
    for action, pattern in _PHRASES:
        if pattern.match(bare):
            return action, clause, f"en:{action}:phrase"  # pyright: ignore[reportReturnType]
    if _NOUNISH.match(bare):
        return None
    found = _by_verb(word, rest, text) if rest or not heads else None
    if found is not None:
        return found, clause, f"en:{found}:verb"
    found = _passive(clause)
    if found is not None:
        return found, clause, f"en:{found}:passive"
    if re.search(r"\b(?:off|down)$", bare) and _HOST.search(bare) and not _NO.search(bare) and len(bare) < 40:
        return "shutdown", clause, "en:shutdown:elliptic"
    return None


def _by_verb(word: str, rest: str, text: str) -> Action | None:
    sure = SURE.get(word)
    if word in SLANG and rest:
        return "revoke" if _TAKEN.search(rest) else None if word in {"kick", "yank"} else "delete"
    if word in {"shoot", "chuck", "ping", "slide", "fling"} and _MONEY.search(rest):
        return "transfer"
    if sure is not None:
        return "revoke" if sure == "delete" and _TAKEN.search(rest) and word in {"remove", "drop", "strip"} else sure
    if word not in VERBS or not rest:
        return None
    if word in {
        "withdraw",
        "cancel",
        "strip",
        "suspend",
        "void",
        "ban",
        "disable",
        "pull",
        "terminate",
        "blacklist",
    } and _THINGS.search(rest):
        return "revoke"
    if word in {"stop", "kill", "terminate", "disable", "suspend", "restart"} and (
        _HOST.search(rest) or word in {"kill", "terminate"}
    ):
        return "shutdown"
    if word in {"send", "deposit", "withdraw", "move", "forward", "give", "credit", "settle"} and (
        _MONEY.search(f"{word} {rest}") or (re.match(r"(?:it|them|all)\b", rest) and _MONEY.search(text))
    ):
        return "transfer"
    if word in {"clear", "empty", "format", "flush", "dump", "bin"}:
        return "delete"
    if word == "replace":
        return "overwrite"
    if word in {"set", "switch", "raise", "lower", "increase", "decrease", "reduce", "cap", "bump", "double", "halve", "extend",
                "shorten", "rotate", "correct", "move", "turn", "postpone", "reassign", "redirect", "migrate", "patch", "toggle"} and len(rest) > 3:  # fmt: skip
        return "modify"
    return None


def _passive(clause: str) -> Action | None:
    if _NO.search(clause) or _BACK.search(clause):
        return None
    if found := _MUST_BE.search(clause):
        return _participle(found[1], clause)
    if found := _WANTED.match(clause):
        for word in found[1].split():
            action = _participle(word, clause)
            if action is not None:
                return action
    return None


def _participle(word: str, clause: str) -> Action | None:
    action = PARTICIPLES.get(word)
    if action == "delete" and word in {"removed", "dropped"} and _TAKEN.search(clause):
        return "revoke"
    return action

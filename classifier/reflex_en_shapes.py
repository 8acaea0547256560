"""The English shapes of an order that are more than a verb and its object, and the words that lead to them."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

from classifier.reflex_en_verbs import GERUNDS, NOUNS, PASTS
from classifier.reflex_heads import worded
from classifier.reflex_lists import words

CLAUSES: Final = re.compile(
    r"[,;:.()\s→](?:(?<=\s)(?:[-–—]+>?\s|→\s?|(?:and then|then|and|but|so(?! (?:kind|much|many|that|far|long|as)\b)|or|otherwise)\b\s*)|"
    r"(?<!\s)(?:(?<=[,;:])\s+|(?<=[;:])$|(?<=,)(?=\D)|(?<=→)\s?|(?<=\.)(?:(?<!\bmr\.)(?<!\bms\.)(?<!\bmrs\.)(?<!\bdr\.)\s|$)|(?<=[()])))"
)
"""Begins with one set, so that a search skips ahead to the next of its characters."""
MIND: Final = re.compile(r"\b(?:would|do) (?:you|u|ya) mind (\w+ing)\b")
IF_YOU: Final = re.compile(r"^(?:i|we|it)(?:'d| would|'ll| will)\b[^,]{2,30}\bif (?:you|someone|somebody) (\w+)\b")
LET: Final = re.compile(
    r"^(?:let|have|make) (?!me\b|us\b|you\b|him\b|her\b|sure\b)(?:(?!not|never|to\b)[\w'-]+ ){1,4}?(?=(\w+) (?:the|all|every|my|our|his|her|their|any|this|that|these|those|it|them|everything|whatever|what|yesterday)\b)"
)
LETS: Final = ("let ", "have ", "make ")
ALONGSIDE: Final = re.compile(
    r"^(?:overwriting|replacing|clobbering|superseding) (?:the|any|what|every|all|my|our|existing|whatever|it|them|old)"
)
IMPERATIVE_OF_COPY: Final = re.compile(
    r"^(?:save|copy|restore|import|export|load|deploy|sync|upload|write|dump|move|merge|push|paste|download|extract|install|apply|put|render|run|rename|publish|store|send)\b"
)
DOING: Final = re.compile(
    r"^(?:start|begin|proceed with|go ahead with|go ahead|continue with|get on with|carry on with|get started on|get going on|commence|try|"
    r"how about|consider it urgent:?) (\w+ing)\b"
)
BEGINS: Final = ("start", "begin", "proceed", "go", "continue", "get", "carry", "commence", "try", "how", "consider")
"""What `DOING` begins with."""
PREPOSITION: Final = re.compile(
    r"^(?:on|in|at|for|from|by|before|after|as of|effective|starting|until|till|with|within|during|across|over|under|inside|per|"
    r"given|regarding|concerning|about|via|using|every|this|next|if|once|when|because|since|due to|to be safe)\b"
)  # fmt: skip
NOT_BEFORE: Final = frozenset(words("to i we you they he she it that who which can could will would should must may might not never don't didn't does doesn't did do "
    "the a an my your our his her its their this these those of and or for in with by no any some each every recent last new "
    "is are was were be been being from on at as every-time's auto"))  # fmt: skip
LIGHT: Final = re.compile(
    r"^(?:initiate|perform|do|execute|start|begin|trigger|carry out|process|make|issue|request|requesting|arrange(?: for)?|schedule|"
    r"proceed with|go ahead with|complete|put through|put in|set up|action|approve|authori[sz]e|order|kick off|run|commence|force|demand|apply|"
    r"i(?:'m| am)? (?:hereby )?(?:request|requesting|demand|demanding|order|want|need|authori[sz]e|approve)|"
    r"we (?:hereby )?(?:request|demand|order|want|need|require)|this is (?:a|my) (?:formal )?(?:request|order) for)\s+"
    r"(?:(?:[\w'-]+|▢)\s+){0,4}?("
    + "|".join(NOUNS)
    + r")(?=$| (?:of|to|for|on|from|now|in|by|at|tonight|today|immediately|right|"
    r"asap|please|against|sequence|over|before|as|with|the|between|into)\b)"
)
NOMINAL: Final = re.compile(
    r"^(?:(?:an? |the )?(?:immediate|full|complete|emergency|permanent|urgent) )?("
    + "|".join([*NOUNS, "deposit"])
    + r") (?:of|to|for) "
)
MUST_BE: Final = worded(
    "must|should|shall|needs? to|has to|have to|is to|are to|ought to|had better|can now|may now|can safely",
    r"\s+(?:now |all )?be\s+(?:\w+ly |all |now )*(.+)",
)
NEEDS_DOING: Final = re.compile(
    r"^(?!(?:i|you|he|she|we|they)\b).*\b(?:needs?|wants?|requires?|could do with)\s+(\w+ing)\b"
)
NEEDS: Final = re.compile("need|want|require|could do with")
"""Stands in whatever `NEEDS_DOING` finds."""
MUST_GO: Final = re.compile(
    r"^(?!(?:i|we|you|he|she|they|people|life|show)\b).*\b(?:must|has to|have to|needs? to|should|gotta|can|got to) (?:all )?(?:go|be gone|disappear|vanish)"
    r"(?: (?:now|today|tonight|immediately|away|for good|asap|by .*|from .*|before .*))?$|\bgone(?: (?:from .*|by .*|before .*|now|today|for good|please|pls|asap|tonight))?$"
)
GOES: Final = re.compile("go|disappear|vanish")
"""Stands in whatever `MUST_GO` finds."""
WANTED: Final = re.compile(
    r"^(?:please )?(?:(?:i|we)(?:'d| would)?(?: really| just)? (?:want|need|like|prefer|expect|demand)(?! to\b)|get|have|make sure|ensure|see to it|see that|arrange for|"
    r"(?:can|could|may) (?:i|we) (?:please )?(?:get|have)|i'd love|let|leave|keep)\b(.*)"
)
AFTER_PARTICIPLE: Final = frozenset(words("now today tonight immediately asap from by before after please pls completely right as in at on off down out to with too for "
    "and permanently forever again within within until entirely fully over back away offline everywhere across straight this if "
    "into onto under upon using via only tomorrow instantly properly securely first then altogether once"))  # fmt: skip
NO_LONGER: Final = re.compile(
    r"^.*\b(?:should|must|may|can|is|are|shall)(?: (?:no longer|not)|n't)(?: to)? (?:be (?:able|allowed|permitted)|have (?:any )?(?:more )?\w*\s?(?:access|rights?|permissions?))\b|"
    r"^(?:make sure|ensure|see to it|fix it so)\b.*\b(?:can't|cannot|can no longer|no longer|doesn't|won't be able to)\b.*"
    r"\b(?:access|log ?in|sign in|get in|enter|read|view|open|edit|push|reach|connect)\b|"
    r"^(?:stop|prevent|block|bar|keep) .*\bfrom (?:accessing|logging|signing|entering|using|reading|seeing|connecting|getting in|pushing)\b|"
    r"^(?:no one|nobody|none of) .*\b(?:should|must|may|shall|is to|are to)\b.*\b(?:access|log ?in|sign in|get in|enter|read|view|open|edit|push|reach|connect)\b|"
    r"^(?:stop|quit) (?:sharing|showing) (?:my|our|the|any)\b.*\b(?:with|to)\b|"
    r"^(?:don't|do not|dont|never) let (?!me\b|us\b).*\b(?:see|access|log ?in|enter|use|view|open|read|edit)\b.*\b(?:any ?more|again|any longer)\b|"
    r"^(?:end|kill|close|terminate|log out|sign out) (?:all|every|his|her|their|the) .*\bsessions?\b"
)
OVERWRITES: Final = re.compile(
    r"^(?:restore|copy|import|load|deploy|sync|upload|dump|flash|mirror|export|save|push|write|paste|record|burn|move|put|drop|apply|install|force|force|"
    r"use|let|extract|unpack|merge|take|download|store|stick|keep)\b.*\b(?:on top of (?:the|my|our|whatever|what|this|that|it|his|her)|"
    r"over (?:the (?:running|published|shared|deployed|whole|entire|other|others|existing|old|current|previous|live|production|remote|local|original|top|file|one|first|last|master|main)|my|our|whatever|what|any|"
    r"existing|mine\b|yours\b|theirs\b|hers\b|it\b|that\b|them\b|main|master|prod|production|staging|dev|test|qa|firmware|those|these|his|her|their|(?:the )?[\w.-]+ (?:database|db|server|branch|file|copy|version|snapshot|folder|sheet|one)\b)|overwriting|replacing|overwrite\b|in place of (?:the|my|our))|"
    r"^write (?:the|this|that|my|it|our|these|those)\b.* over (?:the|this|that|my|it|our|these|those|all)\b|^force[- ]push\b|^push .*--force|^force (?:a |the )?push|^push .*\bby force\b|^substitute\b|"
    r"^(?:write|paste|copy|save|record) over (?!ssh|the (?:phone|net|air|wire))|^swap out\b"
)
ROLE: Final = re.compile(r"^(?:make .*\b(?:public|private|admin|administrator|read-only|visible|default|primary|mandatory|optional|world-readable|editable)\b|"
                   r"mark .* as\b|put .* up to|open (?:up )?(?:the )?port|have (?!.*\b(?:a|fun|you)\b).*\b(?:run|start|expire|point|renew)\b.* (?:at|to|every|instead)\b)")  # fmt: skip
OWNER: Final = re.compile(r"^(?:make .*\b(?:the )?(?:owner|proprietor|beneficiary)\b|put .*\b(?:in|into|under) .*\bname\b|give .*\bownership\b|"
                    r"put .*\b(?:in|into) .*\baccount\b)")  # fmt: skip
LET_GO: Final = re.compile(
    r"^scale .* to (?:zero|0)\b|^pull the plug|^hit the kill ?switch|^lights out$|^kill the (?:lights?|power|engines?)"
)
ELLIPTIC: Final = re.compile(r"\b(?:off|down)$")
ROTATE: Final = re.compile(
    r"^(?:rotate|roll over|roll|cycle|renew) .*\b(?:keys?|secrets?|credentials?|tokens?|passwords?|certs?|certificates?|logs?)\b"
)
AIMED: Final = re.compile(
    r"\w+ (?:up |off |down |out )?(?:the|all|every|my|our|his|her|their|its|this|that|these|those|it|them|everything|any|▢|\S+'s|\d)"
)
IS_DONE: Final = re.compile(r"\b(?:is|are) (?:now |hereby |to be )?(\w+)$")
DIRECT: Final = frozenset({"host", "data", "disk", "own"})
POINTED: Final = frozenset({"right", "pass"})
POINTING: Final = (["it"], ["them"], ["all"], ["that"], ["the"])
PREPOSITIONS: Final = frozenset(
    words("at in for with to by before after until so because if when while as on from via into onto")
)
URGENT: Final = re.compile(r"\b(?:please|requested|required|needed|asap|immediately|today|effective)\b")
NOUN_WORDS: Final = frozenset({*NOUNS, "deposit"})
ENTRY: Final = frozenset(words("access accessing log login logging sign signing sessions session enter entering get getting read reading view seeing open "
                          "edit push pushing reach connect connecting using rights right permission permissions able allowed permitted see sharing showing use"))  # fmt: skip
ONTO: Final = frozenset(
    words("over top overwriting replacing overwrite place force push substitute swap force-push force-pushed")
)
FORMED: Final = frozenset(words("make mark put open have give pull scale hit lights kill rotate roll cycle renew"))
WISHED: Final = frozenset({*PASTS, *GERUNDS, "gone", "go", "off", "down", "disappear", "vanish"})
TABLES: Final = re.compile(r"\b(?:table|index|collection|database|schema|view|column|db|partition|topic)\b")
PAST: Final = re.compile(
    r"\b(?:yesterday|ago|last (?:night|week|month|year)|(?:but|and) (?:it|now) (?:is|it)|this morning)\b"
)
RULED: Final = ("you ", "one ", "users ", "we ")
FLOOR: Final = frozenset(words("says said saying told tells reads shout shouts shouted yell yells yelled wrote writes claims suggests recommends ordered "
                          "goes scream screams screamed whisper whispers whispered thinks replies replied tell orders commands demands begs pleads"))  # fmt: skip
ASKING: Final = frozenset(words("can could would will cud wud may might is any do"))
BETWEEN: Final = re.compile(r"""[.,;:!?()\[\]{}<>/\\"*_=+|#@&~→]""")

"""The English forms of the reflex: what stands before an order, and what shows that there is none."""

# Patterns and word lists are read a line at a time.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

from classifier.reflex_heads import worded
from classifier.reflex_lists import words

_CAN_YOU: Final = (
    r"(?:can|could|would|will|cud|wud)(?: (?:you|someone|somebody|anyone|u|ya|one of you|we have someone))"
    r"(?: (?:all|guys|please|pls|kindly|maybe|possibly|perhaps|just|also|then|now|quickly|go ahead and|help me(?: to)?|"
    r"help us(?: to)?|be so kind as to|be able to|mind|go|try to|try and))*"
)
_WISH: Final = (
    r"(?:i|we)(?:'d| would| should)?(?: really| just| also| now| only)? (?:want|need|like|order|ask|expect|request|command|"
    r"authori[sz]e|instruct|direct|demand|require|insist|beg|trust|urge|prefer|am asking|am telling|are asking|appreciate it if|"
    r"be grateful if|be glad if|be happy if|be thankful if|love it if|love for|be obliged if|appreciate if|rather|rely on|"
    r"hereby \w+)(?: for)?(?: that)? (?:you|someone|somebody|the (?:team|bot|assistant|system|agent)|it)"
    r"(?: all)?(?: to| could| would| can| please)?"
)
_OWN_WISH: Final = (
    r"(?:i|we)(?:'d| would)?(?: really| just| also| now)? (?:want|need|like|wish|love|prefer|intend|wanna)"
    r"(?: to)?|i(?:'d| would) (?:like|love|prefer) to|i(?:'m| am) (?:asking|telling|ordering|instructing) you to|"
    r"i've decided to|we(?:'ve| have) (?:decided|agreed) to"
)
_SMALL: Final = (
    r"please|plese|pleas|plase|pelase|plaese|plz+|pls+|pl[sz]|kindly|yo|alright|dude|mate|man|bro|um|uh|er|hmm|listen|look|perfect|great|"
    r"thanks|thx|ty|sure|right|cool|well|ok|okay|k|hey|hi|hello|hiya|sorry|so|now|then|and|but|just|first|next|finally|"
    r"also|lastly|simply|quick|quickly|immediately|permanently|completely|fully|entirely|properly|promptly|manually|securely|"
    r"temporarily|automatically|remotely|gracefully|forcibly|forcefully|silently|carefully|irrevocably|irreversibly|kinda|"
    r"seriously|honestly|actually|obviously|definitely|ffs|omg|asap|right away|right now|at once|today|tonight|"
    r"tomorrow|this instant|yes|yeah|yep|no(?! one)|nah|nope|go|do|dear|gosh|damn|dammit|lol|guys|team|folks|all|everyone|again|"
    r"instead|only|safely|afterwards|afterward|after that|after this|as well|too|urgent|urgently|anyway|still|already|"
    r"alexa|siri|google|cortana|assistant|bot|claude|gpt|chatgpt|computer|jarvis|copilot|gemini|sir|madam|ma'am|buddy|pal|"
    r"once done|when done|when ready|when finished|as discussed|as agreed|as planned|as promised|as usual|as requested|"
    r"per policy|for me|for us|for good|if you (?:can|could|would|will|please|don't mind)|if possible|if that's ok|when you can|"
    r"when you get a (?:chance|minute|moment|sec)|at your (?:earliest )?convenience|whenever you can|let's just|"
    r"step \d+|\d+[.)]|[ivx]+\)|[a-d]\)|todo|task|reminder|action|ps|fyi|note|important|reason|"
    r"by the way|btw|one more thing|last thing|in that case|never mind|nevermind|on second thought|change of plans?|done|good|fine"
)
COURTESY: Final = re.compile(
    r"^\W*(?:(?:" + _WISH + "|" + _OWN_WISH + "|" + _CAN_YOU + r"|"
    r"go ahead and|go and|go on and|come and|be so kind as to|be kind enough to|be a (?:dear|darling|star|pal|sport|hero|good \w+) and|"
    r"be sure to|make sure (?:to|you)|remember to|don'?t forget to|do not forget to|don'?t hesitate to|do not hesitate to|"
    r"don'?t fail to|it is time to|it's time to|time to|you (?:must|should|need to|have to|can|may|are to|will|might as well|"
    r"had better|now need to|should now|can now|may now|are authori[sz]ed to|are instructed to|are free to|have my permission to|could)|"
    r"you'd better|better|let'?s|lets|let us|feel free to|may i ask you to|might i ask you to|your task is to|your job is to|"
    r"do me a (?:favou?r|solid) and|do us a favou?r and|help me(?: to)?|help us(?: to)?|help(?: to)?|ask \w+ to|have \w+ to|"
    r"try to|try and|proceed to|get ready to|start to|begin to|move to|take a (?:minute|moment) to|take care to|see to it that you|"
    r"would it be (?:(?!better|worse|safer|wise|smart|bad|legal)\w+ ){1,5}?(?:to|if (?:you|someone)(?: could| would)?)|is it possible for you to|any chance (?:you|u|someone) (?:could|can|might)(?: please)?|"
    r"is there any chance (?:you|someone) (?:could|can)|do you think you could|if you (?:could|would)(?: please)?|"
    r"i was (?:hoping|wondering if) (?:you|someone) (?:could|would|can)|i was going to ask you to|i must ask you to|"
    r"it would be (?:great|nice|good|lovely|best|wonderful|helpful) if you (?:could|would)?|would you be (?:able|willing|so kind as) to|"
    r"would you be (?:a dear|so kind|kind enough)(?: and| as to| to)|i(?:'ll| will) need you to|i(?:'m| am) going to need you to|"
    + _SMALL
    + r")(?!['-]\w)\b[\s,:!.-]*)+"
)
REQUEST: Final = re.compile(
    r"^(?:\W*(?:please|pls|hey|hi|hello|ok|okay|so|and|then|now|yo|sorry|also|well|thanks|great|or|but)\b[\s,]*)*(?:" + _CAN_YOU + r"\b|"
    r"may i ask you to|might i ask you to|would it be (?:(?!better|worse|safer|wise|smart|bad|legal)\w+ ){1,5}?(?:to|if (?:you|someone))|is it possible for you to|any chance (?:you|u|someone)|"
    r"is there any chance (?:you|someone)|do you think you could|could i (?:get|ask) you to|can i (?:get|have|ask) you to|"
    r"would you be (?:able|willing|so kind|a dear)|do you mind \w+ing|would you mind|"
    r"(?:can|could|may) (?:i|we) (?:please )?(?:get|have) (?:the|my|all|this|that|these|those|our|his|her|their|every|\w+'s)\b)"
    r"(?! (?:please )?(?:show|tell|explain|teach|describe|say|know|see|help me understand|mind explaining|think|believe|imagine|"
    r"remember|recommend|suggest|advise|confirm whether|check (?:if|whether)|even|actually|still|ever|really|usually|legally)\b)"
)  # fmt: skip
GENERIC: Final = re.compile(
    r"^\W*can (?:you|u|someone|anyone) (?:\w+ly )?\w+ (?:(?:off|out|down|up|away) )?(?!(?:all|those|these|his|this|its|everyone's)\b)[a-z-]+s (?:on|in|from|after|before|without|when|if|once|while|to|between|with|that|using|through|via)\b"
    r"(?!.*(?:\bplease\b|\bpls\b|\bplz\b|\bfor (?:me|us)\b|\d|\bmy\b|\bour\b|\bnow\b|\btoday\b|\basap\b|\btonight\b|\bthis\b))|"
    r"^\W*(?:can|could|would) (?:you|u|someone|anyone) (?:\w+ly )?\w+ (?:(?:off|out|down|up|away) )?(?:an?|someone's|somebody's|one's|your own|your)\b"
    r"(?!.*(?:\bplease\b|\bpls\b|\bplz\b|\bfor me\b|\bfor us\b|\d|\bmy\b|\bour\b|\bnow\b|\btoday\b|\basap\b|\btonight\b|\bto the\b))"
)
"""`Can you delete a tag after pushing?` asks what is possible; with `please`, a number or `my` it asks for it."""
RULE: Final = re.compile(
    r"^\W*(?:you|one|users|we) (?:can|may|must|should|need to|have to|could)\b.*\b(?:up to \d|(?:a|per|each|every) (?:day|week|month|year)|by (?:clicking|going|pressing|tapping|using)|"
    r"in (?:the )?settings|at any ?time|whenever|only if|before you|until you|unless|in order to|yourself)\b"
)
"""What anybody may do is said of nobody: `you can delete up to 50 messages a day`."""
TOLD: Final = re.compile(
    r"^(?:he|she|they|it|we|i|people|someone|everyone|nobody|who|which)\b(?!'d like| need you| want you)"
)
ADDRESSED: Final = re.compile(r"^(?:please|pls|kindly|can you|could you|now)\b")
OPEN_NO: Final = re.compile(r"\b(?:don'?t|do not|never|must not|mustn't|should not|shouldn't|not)$")
PERFORMATIVE: Final = worded(
    r"effective immediately|hereby|with immediate effect|as of (?:now|today|this moment)|effective (?:today|now)", r"\b"
)
ASKED: Final = re.compile(
    r"^\W*(?:(?:and|but|so|ok|okay|hey|hi|then|um|also|quick question|question)\b[\s,:]*)*(?:how|how's|what|what's|whats|what're|which|who|whose|who's|whom|"
    r"where|where's|when|when's|why|why's|is|are|was|were|do(?! (?:an?|the|it|not|this|that|so|me|us|my)\b)|does|did|has|have you|has anyone|had|should|shall|may|might|am|isn't|"
    r"aren't|wasn't|weren't|don't you|don't i|doesn't|didn't|haven't|hasn't|shouldn't|wouldn't|won't|couldn't|can't|"
    r"can (?:i|we|an?|the|he|she|they|it|my|your|this|that|these|those|anyone else|people|users|\w+s)\b|"
    r"could (?:i|we|it|this|he|she|they|the|an?|that|my|your|there)|would (?:it(?! be)|it be (?:better|worse|safer|wise|smart|bad|legal)|i|we|he|she|they|the|an?|this|that|there|\w+ing)|"
    r"will (?:it|my|the|this|i|we|he|she|they|an?|that|there|\w+ing)|must (?:i|we)|any (?:idea|thoughts|advice|tips|reason)|"
    r"thoughts on|curious|wondering|anyone know|does anyone)\b"
)
FRAME: Final = re.compile(
    r"^(?:write|compose|implement|explain|describe|translate|classify|summari[sz]e|review|proofread|paraphrase|rephrase|reword|"
    r"document|complete|tell|show|teach|give (?!.*[$€£\d])(?:me|us|an?|some|the|it|examples?)\b|convert (?:this|the following|these)|spell|define|"
    r"discuss|compare|contrast|analy[sz]e|suggest|refactor|debug|imagine|suppose|assume|pretend|draft|word|phrase|"
    r"create|generate|design|build (?:an?|me)|code|sketch|outline|label|quote|continue|finish (?:the|this|my)|correct (?:the |this |my )?"
    r"(?:grammar|sentence|text|essay|translation|following)|evaluate|rate (?:this|the|my)|critique|remind|recommend|parse|i wonder|what if|"
    r"name|mention|pronounce|conjugate|rhyme|make (?:an? (?!payment|transfer|donation|deposit|wire)|up|me|this (?:text|sentence|sound|email))|"
    r"add (?:an?|some|the|tests?|error|docs?|comments?)|rank|advise|think|help (?:me |us )?(?:understand|figure|decide|write|with|find|draft|learn|word|phrase|choose|remember)|"
    r"mock|prove|calculate|compute|estimate|unit[- ]test|lint|brainstorm|role-?play|act (?:as|like)|play|simulate|guess|predict|visuali[sz]e|"
    r"fix (?:the|this|my)|decode|decipher|interpret|improve|polish|read|warn|inform|email|ask (?!\w+ to (?:delete|remove))|say|"
    r"provide|walk me|talk me|guide|simplify|demonstrate|illustrate|plot|draw|paint|sing|print|echo|note|"
    r"optimi[sz]e|elaborate|expand on|comment|answer|respond|reply|let me know|consider|picture|model|prepare (?:an?|the)|come up with)\b"
)
FICTION: Final = re.compile(
    r"^(?:in|at|for|imagine) (?:my|the|this|that|his|her|our|a|an) (?:\w+ ){0,2}(?:novel|film|movie|game|book|play|scene|script|dream|story|series|episode|chapter|comic|"
    r"cartoon|poem|song|screenplay|dialogue|essay|sketch|thriller|fairy ?tale|parody|fanfic|campaign setting)\b"
)
ONCE: Final = re.compile(r"\bonce upon a time\b")
MAKES: Final = re.compile(
    r"^(?:write|compose|implement|create|generate|design|build|code|draft|add|make|sketch|outline|explain|describe|show|teach|"
    r"tell|give|provide|walk|talk|guide|suggest|imagine|suppose|pretend|prepare|discuss|help|complete|document|demonstrate|come|"
    r"simulate|remind|warn|ask|email|model|role-?play|inform|word|phrase|summari[sz]e|translate)\b"
)
"""What is made may itself be told to do something: such a clause speaks for the whole sentence."""
MATERIAL: Final = re.compile(
    r"^\W*(?:please |can you |could you |kindly |help me |hey |would you |now )*(?:translate|classify|summari[sz]e|proofread|paraphrase|rephrase|rewrite|reword|"
    r"convert|explain|complete|correct|review|analy[sz]e|continue|debug|label|refactor|document|spell|polish|improve|edit (?:this|the following)|simplify|"
    r"what does|what do|what's wrong|what is wrong|is this|is the following|does this|how would you say|how do you say|fix|check the grammar|"
    r"grammar|turn (?:this|the following)|in \w+,? how do you say|tl;?dr|here(?:'s| is| are)|this is (?:the|an?|what|from)|"
    r"make this (?:\w+ )?(?:sound|more)|which of|sentiment|parse|extract|answer the|interpret|decode|transcribe)\b[^:]*:|"
    r"^\W*(?:please |can you |could you |kindly )*(?:translate|summari[sz]e|proofread|rephrase|reword|classify|explain|review|analy[sz]e|correct|polish) "
    r"(?:the|this|my|that)\b[^:]{0,40}\b(?:below|that follows|underneath|following)\b|"
    r"^(?:log|error|traceback|subject|output|stderr|quote|transcript|excerpt|from|lyrics|poem|script|dialogue|prompt|example|"
    r"the (?:log|error|message|email|sign|ticket|note|story|text|script) (?:says|reads|said|read|goes|starts|begins))\b[^:]*:"
)
MATERIAL_MARKS: Final = re.compile(":|below|that follows|underneath|following")
"""One of these stands in whatever `MATERIAL` finds."""
WORK_ON_TEXT: Final = re.compile(
    r"(?:^|[.!?\n(]\s*|\s-+\s)(?:please |can you |could you |now |then |and |how (?:do|would) (?:i|you) )*(?:translate|summari[sz]e|proofread|rephrase|reword|paraphrase|explain|"
    r"classify|rewrite|polish|improve|analy[sz]e|correct(?! it| that)|say|shorten) (?:this|that|it|the above|these|the (?:text|sentence|line|message|paragraph|email) above|"
    r"the (?:previous|preceding|last) \w+|my (?:sentence|text|email))\b|"
    r"(?:^|[.!?\n]\s*)(?:is (?:this|that) (?:sentence |phrase )?(?:correct|grammatical|polite|too \w+|imperative)|what does (?:this|that|it) mean|"
    r"what (?:tone|mood|tense) )|\b(?:in|into) (?:french|german|spanish|italian|chinese|mandarin|japanese|korean|russian|latin|english|"
    r"portuguese|dutch|polish|swedish|arabic|hindi|klingon|pirate speak)\W*$|"
    r"\b(?:he|she|they|it|who|the \w+|my \w+|\w+ing) (?:said|says|told (?:me|us|him|her|them)|wrote|screamed|whispered|yelled|shouted|insists|insisted|"
    r"claims|keeps saying|goes|muttered|texted me|demanded|replied)\W*$|[,:] (?:says|said|goes|quips|writes|sings|quoth) \w+|"
    r"\b(?:recipe|simmer|tablespoons?|teaspoons?|preheat|knead)\b"
)
"""Said after a text, or of it: the text was material."""
WORK_WORDS: Final = frozenset(
    words(
        "translate summarise summarize proofread rephrase reword paraphrase explain classify rewrite polish improve analyse analyze correct say shorten "
        "grammatical polite imperative mean tone mood tense french german spanish italian chinese mandarin japanese korean russian latin english "
        "portuguese dutch swedish arabic hindi klingon speak said says told texted wrote screamed whispered yelled shouted insists insisted "
        "claims saying goes muttered demanded replied quips writes sings quoth recipe simmer tablespoon tablespoons teaspoon teaspoons preheat "
        "knead sentence"
    )
)
"""One of these stands in whatever `WORK_ON_TEXT` finds."""
TEXTUAL: Final = worded(
    r"resume|cv|paragraphs?|sentences?|tone|essay|wording|adjectives?|adverbs?|phrase|phrasing|poem|stanza|verse|chorus|comma|commas|punctuation|"
    r"grammar|synonyms?|this text|my text|the text to|the following (?:text|sentence|list|words?|numbers?|code|json|paragraph|string)|"
    r"cover letter|haiku|lyrics|word count|in this word|first person|third person|(?:past|present|future) tense|bullet points?|bullets?|"
    r"passive voice|active voice|typos?|spelling|conclusion|introduction|intro|abstract|outro|"
    r"this email|my email to (?:be|sound)|the ending|this letter|my letter|story|rhyme|subject line|headline|this draft|metaphors?|clich\w+|"
    r"your (?:answer|last|previous|response|reply|explanation|tone|style)|the (?:answer|summary|response|reply|tone|style|wording|plot|narrator|protagonist|dialogue|exclamation)|"
    r"(?:missing|wrong|right|last|first|second|third|bold|underlined|highlighted|rude|swear) words?|the words? ▢|blanks?|brackets?|parenthes[ie]s|letters? (?!of|from|to)|recipe|equation|expression|fraction|formula|hyphens?|whitespaces?|vowels?|consonants?|capital letters|uppercase|lowercase|"
    r"this function|the function|v(?<!env v)(?<!environment v)ariables?|for[- ]loop|while[- ]loop|comprehension|imports|import (?:statements?|lines?)|docstrings?|indentation|semicolons?|type hints?|"
    r"this code|the code|this snippet|this class|this method|this (?:python|sql|bash|javascript|js|java|regex|query|component|react)\b.*|parameter names?|"
    r"this list|this string|this array|this json|these words|these numbers|slide \w+|my slides?|this speech|my speech|caption|"
    r"the font|margins?|formatting|jargon|filler words|contractions|acronyms?|british spelling|american spelling|css|"
    r"thesis|screenplay|limerick|toast|blog post|footnotes?|citations?|references list",
    r"\b",
)
TEXT_WORDS: Final = frozenset(
    words(
        "resume cv paragraph paragraphs sentence sentences tone essay wording adjective adjectives adverb adverbs phrase phrasing poem stanza verse "
        "chorus comma commas punctuation grammar synonym synonyms text letter letters haiku lyrics count word words person tense bullet bullets "
        "voice typo typos spelling conclusion introduction intro abstract outro email ending story rhyme line headline draft metaphor metaphors "
        "cliché cliche cliches clichés answer last previous response reply explanation style summary plot narrator protagonist dialogue exclamation "
        "blank blanks bracket brackets parentheses parenthesis recipe equation expression fraction formula hyphen hyphens whitespace whitespaces "
        "vowel vowels consonant consonants uppercase lowercase function variable variables loop for-loop while-loop comprehension import imports "
        "docstring docstrings indentation semicolon semicolons hint hints code snippet class method python sql bash javascript js java regex query "
        "component react name names list string array json numbers number slide slides speech caption font margin margins formatting jargon "
        "contraction contractions acronym acronyms css thesis screenplay limerick toast post footnote footnotes citation citations"
    )
)
"""One of these stands in whatever `TEXTUAL` finds."""
TITLE: Final = re.compile(
    r"(?:explained(?: \w+ly)?|meaning|vs|tutorials?|examples?|cheat ?sheet|syntax|walkthrough|definition|basics|pros and cons|best practices|"
    r"how to|guide|faq|synonyms?|etymology|overview|in a nutshell|for (?:beginners|dummies))\W*$"
)
"""Looked for from the last words on: a heading, not an order."""
NOUNISH: Final = re.compile(
    r"^\w+ (?:is|are|was|were|means|has|costs?|takes?|of|in|or|failed|fails|failing|keeps|kept|isn't|doesn't|didn't|won't|wasn't|"
    r"can|can't|would|could|should|will|vs)\b"
)
COMPOUND: Final = re.compile(
    r"^(?!(?:remove|erase|destroy|revoke|modify|overwrite|replace|disable|terminate|send|pay|cancel|rename|adjust|alter|raise|lower|"
    r"reduce|increase|decrease|uninstall|discard|deactivate|empty|stop|kill|drop|clear|restart|reboot|suspend|purge|wipe)\b)"
    r"\w+ (?:pricing|learning|rate|rates|key|keys|button|protocol|fees?|history|policy|policies|statement|markers?|control|management|agent|"
    r"students?|functions?|window|speed|station|requests?|procedures?|gap|day|slip|roll|log|logs|notes?|and|for|with|by|on|resistor|sequence|"
    r"operation|command|method|endpoint|transfers?|time|problem|error|issue|player|credits?)\b(?! (?:\d|to \d))"
)
SUBJECT: Final = re.compile(
    r"^\w+ (?!(?:the|an?|all|every|each|any|my|our|your|his|her|their|its|this|that|these|those|it|them|him|everything|anything|"
    r"everyone|whatever|both|up|off|down|out|over|away)\b)(?:[\w'-]+ ){0,3}?(?:is|are|was|were|has|had|does|did|will|would|can|could|"
    r"should|keeps|isn't|doesn't|didn't|won't|wasn't|means|fails|failed|takes|took|costs|seems|looks|works|sounds|makes|happens|happened|went|came)\b"
)
"""A bare noun before a finite verb is a subject: `update failed`, `transfer students are ...`."""
IDIOM: Final = re.compile(
    r"^(?:drop (?:me|us|him|her|them|by|in|out|off|it$|dead|everything|anchor|hints?|a (?:line|hint|beat|note)|the (?:ball|mic|subject|act|attitude|formalities|topic|matter|idea|bass|beat))\b|"
    r"(?:update|correct) (?:me|us)\b|move (?:on|over|out|aside|along|back|forward|mountains|in with)\b|"
    r"chang(?:e|ing) (?:my|your|his|her|our|the|their) (?:mind|view|opinion|subject|topic|perspective|life|world|ways|course|attitude|tune|habits|diet)|"
    r"kill (?:(?:some )?time|the (?:mood|vibe|pain|buzz|dragon|boss|bill|messenger|conversation)|two birds|it$|for|me|him|her|off the (?:character|hero|villain))|"
    r"set (?:the (?:scene|mood|stage|table|bar|tone|record straight)|\w\s*=|up|out|off|sail|aside|foot|fire|an? (?:timer|alarm|reminder|goal|example|date|countdown)|my alarm|goals|boundaries|the alarm for)\b|"
    r"pay (?:attention|heed|an? visit|close|more attention|special|tribute|homage|respects?|lip|no mind|no attention|it forward|dearly|the (?:toll|price|ultimate))\b|"
    r"turn (?:this|it|the following|these|that|▢|my|the) .*\binto\b|turn (?:over a new|around|left|right|down the (?:offer|job|invitation))|move (?:it )?along|"
    r"clear (?:up(?! (?:the|my|some) (?:disk|space|storage))|explanation|things|the air|my (?:head|mind|throat|schedule)|enough|my name)|"
    r"send (?:me|us) (?:an?|some|the|your|my|more|over)\b(?!.*(?:money|payment|funds|refund|[$€£]))|correct me|"
    r"stop (?:here|there|for|by|being|acting|saying|and|with the|it|that|me|him|worrying|talking|using|when|if|asking|\w+ing\b(?! (?:machine|line|process|job)))|"
    r"pull (?:up|together|through|over|yourself|strings|my leg)|raise (?:awareness|an? question|the question|the bar|an? eyebrow|kids|children|chickens|money)|"
    r"remove (?:the )?(?:noise from|ambiguity|duplicates? from|stains?|the stain|rust|makeup)|get rid of (?:stains?|hiccups|acne|ants|mold|mould|headaches?|\w+ stains?)|"
    r"change (?:of|is|in)|delete (?:key|button|method)|pay (?:gap|rises?|scale|slip|phone|check|raise|day)\b|transfer (?:students?|learning|function)|"
    r"update (?:on|regarding|about)\b|switch (?:to (?:english|chinese|german|french|spanish|a different|another topic)|gears|sides|roles|it up|things up)|"
    r"(?:extend|convey|pass on) (?:my|our) (?:thanks|sympathy|best|regards|condolences)|reduce (?:the fraction|fractions|stress|anxiety|my|your|waste)|"
    r"wire(?:less|d)|burn (?:calories|fat|bridges|the midnight|me)|cut (?:to the chase|corners|down on|it out|me some|the crap|the small|the onions?)|"
    r"shut (?:up|your)|bring (?:it on|up|me|along|a |the house)|take (?:care|a (?:look|break|guess|breath|moment|seat)|it easy|your time|notes|part|me )|"
    r"throw (?:a party|in|some light|shade|me)|wipe (?:the (?:slate|smile|table|floor|counter)|(?:my|your|his|her|its|the) (?:face|eyes|nose|hands|tears|brow|shoes|glasses|mouth)|that smile|away (?:your|my|the) tears)|"
    r"(?:sweep|clean) (?:the (?:floor|kitchen|house|room)|my (?:room|house))|turn the heat (?:up|down) on|wipe that (?:\w+ )?(?:grin|smirk|look)|lose (?:weight|yourself|the attitude|hope)|"
    r"break a leg|hit me|close (?:your eyes|the door|the window|the deal)|edit (?:this|my) (?:text|code|essay|email|paragraph|photo)|"
    r"transfer (?:me|us) (?:to|over)|put (?:me|us) through|give (?:me|us) (?:a|an|some|examples|your)|set me|kick (?:back|the bucket|off|the habit|things off)|"
    r"format (?:this|it|the|your|my)? ?(?:answer|output|response|reply|text|as|in|table|list|code|json|following)|"
    r"forget (?:it|about it|that$|what i said)|settle (?:down|in|this|an argument|the argument|a bet)|block out|freeze (?:the (?:dough|soup|meat))|"
    r"reset (?:my|your) (?:mind|life|sleep)|swap (?:stories|seats)|purge (?:my|your) (?:mind|soul)|update (?:your|my) (?:knowledge|beliefs)|switch off (?:my|your) (?:brain|mind)|"
    r"assign (?:a (?:label|category|score)|each|labels?)|map (?:each|the|this)|close (?:ly|to)|quit (?:my|your|his|her|the|this) (?:job|school|team)|quit (?:smoking|drinking)|double (?:check|down|click|tap)|"
    r"empty (?:my|your) mind|lock (?:in|the door)|wind down(?: (?:after|before|for|with|at|now).*)?$|let (?:me|go|it)|make (?:it|this|that|me|sure|sense)\b(?!.*(?:disappear|vanish)))(?!\w)"
)
"""What begins with such a verb and orders nothing of the kind."""
UNDOES: Final = re.compile(
    r"^(?:stop|quit|cancel|halt|reverse|undo|abort|prevent|pause|skip|postpone|delay|suspend|(?:bring|get|roll|put)(?= back\b)) (?:back\b|(?!(?:job|process|server|service)\b)\w+ing\b|"
    r"(?:the |that |my |this |all |any |today's |tonight's |tomorrow's )*(?:[\w-]+ )?(?:delet|shutdown|shut-down|transfer|remov|overwrit|restart|reboot|"
    r"update|wipe|revoc|migration\b|payment|erasure|purge|change|reset|terminat)(?!\w*\s(?:service|server|gateway|job|system|process|api|pod|page|app|worker|queue))|it\b|that$|this$)"
)
NO: Final = worded(
    r"not|never|no|nothing|nobody|none|without|don'?t|dont|doesn'?t|shouldn'?t|mustn'?t|cannot|can'?t|won'?t|neither|nor|"
    r"isn'?t|aren'?t|ain'?t|avoid|refuse|refrain|hardly|instead of|rather than|hold off|wait|stop short of",
    r"\b",
)
BACK: Final = worded("recover|restore|undelete|undo|get back|bring back|reinstate|back", r"\b")
IF: Final = re.compile(
    r"^(?:(?:and|but|so|only|even) )?(?:if|suppose|supposing|assuming|imagine|what if|when|whenever|after|before|once|in case|had|unless|"
    r"as soon as|the moment|until|while|since|because|provided|given that|should you|now that|though|although)\b"
)
SPEECH: Final = re.compile(
    r"(?<!\bi )\b(?:says|said|saying|told|tells|reads|shouts?|shouted|yells?|yelled|wrote|writes|claims|suggests|recommends|"
    r"ordered|goes|screams?|screamed|whispers?|whispered|thinks|replies|replied|orders|commands|demands|begs|pleads|(?:told|tell) \w+)$"
)
"""Before a comma or a colon, these give the floor to somebody else."""
MENTION: Final = re.compile(
    r"(?<!\bi )\b(?:says|said|saying|told|tells|tell|reads|shouts?|shouted|yells?|yelled|wrote|writes|claims|suggests|recommends|"
    r"ordered|goes|titled|called|named|phrase|sentence|word|button|label|message|warning|sign|slogan|quoted?|lyrics?|"
    r"line|command|example|e\.g|means|headline|screams?|screamed|whispers?|whispered|begins|starts|caption|joke|riddle|password hint|"
    r"prompt|text|tattoo|motto|option|menu|checkbox|dialog|instructions?|heading|subtitle|chapter|thinks|replies|replied|orders|commands|demands|begs|pleads|email|whispering|chat|meme|tweet|rule|scene)\b[^,:]{0,40}$"
)
"""Before a colon, these name what is only quoted."""
OPINION: Final = worded(
    r"think|thinks|believes?|feel|feels|doubt|wonder|whether|if|says|said|say|argues?|debates?|opinion|agrees?|claims?|suggests?|"
    r"recommends?|every \d|always|usually|generally|according|policy|law|rules?|ever|someday|afraid|worried|heard|hope|sure|why|how|"
    r"story|novel|nobody|surely|people|society|government|parents|students?|children|schools?",
    r"\b",
)
MODAL: Final = re.compile(
    r"^(?:i|we|he|she|they|it|people|users?|someone|everyone|the|my|our|his|her|their|this|that|these|those|some|an?|\w+s)\b.*\b"
    r"(?:will|would|can|could|must|may|might|to|did|do|does|let|lets|'ll|'d|should|used)\b"
)
TAGGED: Final = re.compile(
    r"[\s,](?:ok|okay|please|will you|would you|pls|plz|alright|now|yeah|could you|can you|right away|thanks|if you don't mind|"
    r"won't you|can ya|will ya|would ya|for me|deal|yes|k|got it|understood|all right|will u|wouldya)\?+$"
)
TRAILING_HELP: Final = worded(
    r"how|where do|can't|cannot|can not|couldn't|what should|is there (?:a|any) way|any way|help$|don't know|not sure|keeps? failing|"
    r"without (?:losing|paying)|what happens|is it|afraid|unsure|wondering|it won't|but it",
    r"\b",
)

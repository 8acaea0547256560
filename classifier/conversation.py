"""Reads a conversation: what its last user turn says once the harness's own words are gone, and what a yes answers.

Only messages are read, nothing is kept. Time is linear in what is read, and how much is read is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

from classifier.proposal import Stands, proposed, stands
from classifier.proposal_done import only_more_help, reports_done
from classifier.text import MAX_CHARS, language_of

if TYPE_CHECKING:
    from config.types import Language

TaskState = Literal["new", "followup", "confirmed", "tool_loop"]

MAX_EDGE_CHARS: Final = 32_000
"""What is read of a long turn: so much of its beginning and of its end."""
MAX_MESSAGES: Final = 400
"""What is read of a long conversation: so many messages at its end."""
MAX_PARTS: Final = 64
MAX_YES_CHARS: Final = 32
MAX_QUESTION_CHARS: Final = 300
"""A plan asks at its end; so much of it is searched for the question."""

_HARNESS: Final = (
    "system-reminder|environment_details|environment_context|user_instructions|ide_opened_file|ide_selection|"
    "ide_diagnostics|open_and_recently_viewed_files|additional_data|attached_files|command-name|command-message|"
    "command-args|command-contents|local-command-stdout|local-command-stderr|local-command-caveat|bash-input|"
    "bash-stdout|bash-stderr|user-prompt-submit-hook|tool_result|tool_results|function_results|function_calls|"
    "post-tool-use-hook|editorContext|reminderInstructions|environment_info|workspace_info"
)
_TAG: Final = re.compile(rf"<(/?)({_HARNESS})(?=[\s>])[^<>]{{0,300}}>")
_WRAPPER: Final = re.compile(r"<(/?)(task|user_query|userRequest|user_message|user_task|feedback)>")
_CONTEXT_BEFORE: Final = re.compile(r"\s*(?:<[A-Za-z][\w-]*(?=[\s>])|# Context from my IDE)")
_IDE_REQUEST: Final = re.compile(r"^#{1,3} My request(?: for \w+)?:[ \t]*$", re.MULTILINE)
_TOOL_OUTPUT: Final = re.compile(r"\s*\[[a-z][\w-]{1,40}(?: for [^\n]{0,500}?)?\] Result:")
_TEXT_TYPES: Final = ("text", "input_text", "output_text")  # no set: what stands there may be unhashable
_MODELS_SIDE: Final = ("assistant", "tool", "function")
_NAMES: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]++(?:[-._/:\\]++[A-Za-z0-9]++)+")
"""Paths, addresses and names of packages: one word each, whatever language is around them.

It begins where a run of letters begins and never gives back, so that a long run without a break is read once.
"""
_BREAKS: Final = re.compile(r"\n{2,}")
_PUNCTUATION: Final = re.compile(r"[\s,.!~;:，。！～；：、…\U0001F3FB-\U0001F3FF\uFE0F]+")
_PARTICLES: Final = "吧啊呀哦呢哈啦喔噢"
_YES_PHRASES: Final = (
    "yes|y|yeah|yep|yup|ya|aye|sure|sure thing|ok|okay|k|okey|alright|all right|right|correct|fine|agreed|approved|"
    "go|go ahead|go for it|go on|do it|do that|do so|please do|please|proceed|continue|carry on|keep going|start|begin|"
    "confirm|confirmed|i confirm|sounds good|looks good|looks good to me|lgtm|perfect|great|of course|absolutely|"
    "definitely|ship it|make it so|yes please|let's go|let's do it|that works|works for me|"
    "是|是的|对|对的|好|好的|好滴|好嘞|行|可以|可以的|嗯|嗯嗯|恩|中|成|没问题|没错|确认|确定|同意|批准|继续|接着|接着做|"
    "继续做|继续执行|开始|开始做|动手|执行|做|去做|就这么办|就这样|就这样做|就这么做|照做|照办|按这个来|按你说的做|请继续|"
    "请开始|麻烦了|弄|搞|来|干|改|写|当然|当然可以|必须的|"
    "👍|👌|✅|🆗|💯|🙆|✔"
)
_YES: Final = frozenset(_YES_PHRASES.split("|"))
_OFFERS: Final = re.compile(
    r"[?？]|\b(?:let me know|shall i|should i|if you agree|say the word|awaiting your|your (?:approval|confirmation)|"
    r"please confirm)\b|请确认|请批准|等你确认|等您确认|需要您确认|是否继续|可以的话|同意的话|没问题的话",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class State:
    """What a conversation asks for now."""

    text: str
    """The last user turn that says something, without harness blocks; empty where nobody said anything."""
    inherits: str | None
    """The earlier request that a bare yes goes on with, `None` where the turn speaks for itself."""
    language: Language
    """Of what is meant."""
    n_turns: int
    """User turns that say something, among the messages read."""
    in_tool_loop: bool
    """Whether something other than a user's words stands behind the last turn: a model at work with its tools."""
    task_state: TaskState
    plan: int | None = None
    """Index of the message that holds the plan which a bare yes agrees to."""
    proposal: str | None = None
    """What that plan offers to do, as an order; an assistant's word, which is less to be trusted than a person's."""

    stands: Stands = "alone"
    """Whether that plan stands for itself, beside the inherited request, or only says how it is done."""

    @property
    def meant(self) -> str:
        """What classifiers should read first: the plan that a yes answers or the request before it, else the turn."""
        return self.readings[0]

    @property
    def readings(self) -> tuple[str, ...]:
        """What may say what is asked, in order: each but the first counts where those before it give nothing sure."""
        if self.inherits is None or self.proposal is None:
            return (self.orders[0],)
        if self.stands == "below":
            return (self.inherits,)
        alone, both = self.proposal, self.whole
        return (both, self.inherits, alone) if self.stands == "beside" else (alone, both, self.inherits)

    @property
    def orders(self) -> tuple[str, ...]:
        """What the turn orders, each maybe risky: the plan and the request that it stands for, else the turn itself."""
        return tuple(each for each in (self.proposal, self.inherits) if each is not None) or (self.text,)

    @property
    def whole(self) -> str:
        """What says how hard a request is and what it is about: the inherited request with the plan below it."""
        return "\n".join(reversed(self.orders))


def read(messages: Sequence[object]) -> State:
    """Return the state of a conversation of OpenAI chat messages, oldest first. Never raises; anything odd is empty."""
    offset = max(0, len(messages) - MAX_MESSAGES)
    recent = messages[offset:]
    turns = [(at, said) for at, message in enumerate(recent) if (said := _user_words(message))]
    if not turns:
        return State("", None, "en", 0, in_tool_loop=False, task_state="new")
    last, text = turns[-1]
    plan, proposal = _plan_before(recent, last) if is_bare_yes(text) else (None, None)
    inherits = None
    if plan is not None:
        inherits = next((said for at, said in reversed(turns) if at < plan and not is_bare_yes(said)), None)
        inherits = _still_open(inherits, without_harness(_words(recent[plan])), proposal)
    answers = proposal or inherits
    in_tool_loop = any(_role(message) in _MODELS_SIDE for message in recent[last + 1 :])
    return State(
        text,
        inherits,
        spoken(answers or text),
        len(turns),
        in_tool_loop=in_tool_loop,
        task_state=_task_state(len(turns), answers, in_tool_loop=in_tool_loop),
        plan=None if plan is None or answers is None else plan + offset,
        proposal=proposal,
        stands="alone" if proposal is None or plan is None else stands(without_harness(_words(recent[plan])), proposal),
    )


def without_harness(text: str) -> str:
    """Return what a person typed, without the blocks that editors and agents put around it. Bounded and linear.

    A block counts only where it is closed: a question about such a tag stays whole.
    """
    text = _edges(text)
    if _TOOL_OUTPUT.match(text):
        return ""
    if "<" in text:
        text = _unwrapped(_BREAKS.sub("\n", _without_blocks(text)).strip())
    if text.startswith("# Context from my IDE"):
        headings = [heading.end() for heading in _IDE_REQUEST.finditer(text)]
        text = text[headings[-1] :] if headings else ""
    return text.strip()


def spoken(text: str) -> Language:
    """Return the language of a turn; the names of files, packages and addresses in it do not decide."""
    return language_of(_NAMES.sub("x", text[:MAX_CHARS]))


def is_bare_yes(text: str) -> bool:
    """Return whether a turn agrees and says nothing else."""
    if len(text) > MAX_YES_CHARS:
        return False
    words = [word for word in _PUNCTUATION.split(text.casefold().replace("’", "'")) if word]
    while words:
        for n_words in range(min(4, len(words)), 0, -1):
            phrase = " ".join(words[:n_words])
            if phrase in _YES or (phrase.rstrip(_PARTICLES) or phrase) in _YES:
                words = words[n_words:]
                break
        else:
            return bool(_only_emoji(words[0])) and len(words) == 1
        if not words:
            return True
    return False


def _only_emoji(word: str) -> bool:
    return bool(word) and all(char in _YES for char in word)


def _task_state(n_turns: int, answers: str | None, *, in_tool_loop: bool) -> TaskState:
    if in_tool_loop:
        return "tool_loop"
    if answers is not None:
        return "confirmed"
    return "new" if n_turns == 1 else "followup"


def _plan_before(messages: Sequence[object], at: int) -> tuple[int | None, str | None]:
    """Return the index of the assistant's words that a turn answers, where they ask or offer something, and what."""
    for index in range(at - 1, -1, -1):
        words = _words(messages[index]).strip() if _role(messages[index]) == "assistant" else ""
        if words:
            offer = proposed(without_harness(words))
            asks = offer is not None or _OFFERS.search(words[-MAX_QUESTION_CHARS:])
            return (index, offer) if asks else (None, None)
    return None, None


def _still_open(request: str | None, words: str, proposal: str | None) -> str | None:
    """Return a request unless the assistant says that it is done, or only asks what else there is to do."""
    if request is None or (proposal is None and only_more_help(words)) or reports_done(words, request):
        return None
    return request


def _without_blocks(text: str) -> str:
    tags = list(_TAG.finditer(text))
    last_close = {tag[2]: tag.end() for tag in tags if tag[1]}
    kept: list[str] = []
    end, depth, name, begun = 0, 0, "", 0
    for tag in tags:
        if tag.start() < end:
            continue
        if depth == 0:
            if not tag[1] and last_close.get(tag[2], 0) > tag.end():
                depth, name, begun = 1, tag[2], tag.start()
                kept.append(text[end:begun])
                end = begun
        elif tag[2] == name:
            depth += -1 if tag[1] else 1
            end = tag.end() if depth == 0 else end
    if depth:  # one was opened more often than closed
        end = last_close[name]
    return "".join((*kept, text[end:]))


def _unwrapped(text: str) -> str:
    """Return the inside of a request's wrapper, where the turn begins with tags, as a harness writes them."""
    if not _CONTEXT_BEFORE.match(text):
        return text
    opened: dict[str, int] = {}
    inside: list[str] = []
    for tag in _WRAPPER.finditer(text):
        if not tag[1]:
            opened.setdefault(tag[2], tag.end())
        elif tag[2] in opened:
            inside.append(text[opened.pop(tag[2]) : tag.start()].strip())
    return inside[-1] if inside else text


def _user_words(message: object) -> str:
    return without_harness(_words(message)) if _role(message) == "user" else ""


def _role(message: object) -> object:
    return cast("Mapping[str, object]", message).get("role") if isinstance(message, Mapping) else None


def _words(message: object) -> str:
    content = cast("Mapping[str, object]", message).get("content")
    if isinstance(content, str):
        return _edges(content)
    if not isinstance(content, Sequence) or isinstance(content, bytes | bytearray):
        return ""
    parts = cast("Sequence[object]", content)[-MAX_PARTS:]
    return "\n".join(_edges(text) for part in parts if (text := _part_text(part)))


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return ""
    fields = cast("Mapping[str, object]", part)
    text = fields.get("text")
    return text if isinstance(text, str) and fields.get("type") in _TEXT_TYPES else ""


def _edges(text: str) -> str:
    return text if len(text) <= 2 * MAX_EDGE_CHARS else f"{text[:MAX_EDGE_CHARS]}\n{text[-MAX_EDGE_CHARS:]}"

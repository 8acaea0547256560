"""The Chinese rules of the reflex: a clause with a verb of risk is an order, unless something in it says otherwise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from classifier import reflex_everyday as everyday
from classifier import reflex_zh_forms as forms
from classifier.reflex_commands import command_in
from classifier.reflex_matters import MATTERS_ZH, THINGS_ZH
from classifier.reflex_zh_verbs import SHUTS_OUT, VERB, refined

if TYPE_CHECKING:
    from classifier.reflex_action import Action, Found

MAX_CLAUSE_CHARS: Final = 160
MAX_BARE_CHARS: Final = 6

_CLAUSES = re.compile(r"[,:;、\s—](?:(?<=[,:;、])\s*|(?<=\n)\n*|(?<=\s)(?:\s+|-+>?\s)|(?<=—)—*)")
_POINTS_BACK = frozenset(
    {"改过来", "改一下", "改掉", "改正", "改回来", "换掉", "纠正过来", "修正一下", "帮我改过来", "请改正"}
)
_OWN_WISH = ("我要", "我想", "我需要", "我希望", "我命令", "我请")
_MARKED = re.compile(r"把|将|给我|帮|给|请|用|拿")
_GIVEN = re.compile(r"^(?:给|到|入|进)?了(?!吧|呗|$)(?=[^,]*[^吧呗]$)")
_PLEADS = re.compile(r"请|帮|给我|麻烦|你|赶紧|马上|立刻|直接|先|再|都|全")
_ALL = re.compile(r"(?:都|全|全部|统统|通通|一律|一并|一起|直接|立刻|马上|赶紧|快|现在|先|再)(?:给\w{1,3})?$")
_MENTIONS = re.compile(r"(?:说|道|喊|喊道|写着|写道|回|嚷|问|念叨|命令|下令|吼|提示|显示|指示|口令|台词是|唱)$")


def introduces_material(sentence: str) -> bool:
    """Return whether what follows is a text to be worked on, such as after `翻译成德语:`."""
    return ":" in sentence and forms.MATERIAL.match(sentence) is not None


def works_on(text: str) -> bool:
    """Return whether the text asks for work on its own words: `这句话怎么翻译`."""
    return forms.WORK_ON_TEXT.search(text) is not None


def order_in(sentence: str, text: str, *, commands: bool) -> Found | None:
    """Return the action, the clause and the rule's name of the first order in a folded sentence."""
    del text
    parts = [part.strip(" .!?。;…~()*->#") for part in _CLAUSES.split(sentence)]
    clauses = [part for part in parts if part]
    verbs = [VERB.search(clause[:MAX_CLAUSE_CHARS]) for clause in clauses]
    last = len(clauses) - 1 if commands else _last_with_a_verb(clauses, verbs)
    polite, hold, before = False, "", ""
    asked = False
    weaker: Found | None = None
    for n, clause in enumerate(clauses[: last + 1]):
        polite = polite or forms.POLITE.match(clause) is not None
        if "了" in clause and forms.GOES_ON.match(before) and not forms.ASKS_FOR.search(clause):
            before = clause  # `她把头发剪了，换了个造型`: the story goes on
            continue
        if hold == "frame" and forms.CHAINED.match(clause):
            hold = ""
        if not hold or (hold == "report" and _resumes(clause)):
            helpless = clause.startswith(("我想", "我要")) and forms.HELPLESS.search(sentence) is not None
            found = command_in(clause) if commands else None
            if found is None and not helpless:
                found = _order(clause[:MAX_CLAUSE_CHARS], verbs[n], before[-MAX_CLAUSE_CHARS:], polite=polite)
            if found is not None and not asked:
                asked = True
                asks = not polite and not any(forms.POLITE.match(each) for each in clauses[n + 1 :])
                if asks and _asks(sentence, parts) and not forms.ASSENT.search(sentence):
                    return None
            if found is not None and found[0] != "modify":
                return found
            weaker = weaker or found
        if n < last:
            hold = hold or _begins_to_hold(clause, polite=polite)
        before = clause
    return weaker


def _last_with_a_verb(clauses: list[str], verbs: list[re.Match[str] | None]) -> int:
    """Return the number of the last clause that may order something, or -1: most sentences end here."""
    for n in range(len(clauses) - 1, -1, -1):
        if verbs[n] is not None or (n and _completes(clauses[n - 1][-MAX_CLAUSE_CHARS:], clauses[n])):
            return n
    return -1


def _completes(before: str, clause: str) -> bool:
    """Return whether a short clause makes a verb together with the one before: `小吴的审批权，取消`."""
    return len(clause) <= MAX_BARE_CHARS and VERB.search(before + clause) is not None and VERB.search(before) is None


def _asks(sentence: str, clauses: list[str]) -> bool:
    """Return whether the sentence is a question, as a whole or by its last clause."""
    if sentence.rstrip(" .!…~").endswith("?"):
        return True
    plain = forms.HARMLESS_ASK.sub("", sentence)
    if forms.ASKS.search(plain) is None:
        return False
    chained = any(
        forms.CHAINED.match(clause) and not forms.ASKS.search(forms.HARMLESS_ASK.sub("", clause))
        for clause in clauses[1:]
    )
    return not chained or forms.ASKS.search(forms.HARMLESS_ASK.sub("", clauses[-1])) is not None


def _resumes(clause: str) -> bool:
    """Return whether a clause after a report speaks to us again."""
    return re.match(
        r"(?:那|所以|你|您|请|麻烦|帮我|赶紧|马上|立刻|快|给我|现在)", clause
    ) is not None or clause.endswith("吧")


def _begins_to_hold(clause: str, *, polite: bool) -> str:
    if forms.FRAME.match(clause):
        return "made" if forms.PRODUCT.search(clause) else "frame"
    if _MENTIONS.search(clause) and not clause.endswith(("我说", "跟你说", "听我说")):
        return "said"
    if forms.REPORT.search(clause) and not polite and not forms.APPROVED.search(clause):
        return "report"
    return ""


def _order(clause: str, first: re.Match[str] | None, before: str, *, polite: bool) -> Found | None:
    about = ""
    if first is None:
        if not before or not _completes(before, clause):
            return None
        clause = before + clause  # what it is about was said before the comma
    elif first.end() == len(clause) and _plain(clause[: first.start()]) in {"", "挂失"}:
        about = before
    read = clause
    if _is_condition(clause):
        then = forms.THEN.search(clause)
        if then is None:
            return None
        clause = clause[then.end() :]
    clause = forms.IDIOM.sub("▢", clause)
    if _says_otherwise(clause) or (not polite and _speaks_of_others(clause)):
        return None
    if polite and forms.DIRECT_ASK.search(forms.HARMLESS_ASK.sub("", clause)):
        return None
    return _verb_of(clause, first if clause == read else None, (about, before), polite=polite)


def _is_condition(clause: str) -> bool:
    if clause.endswith(forms.IF_ENDS) and not clause.endswith("小时"):
        return True
    return forms.IF.match(clause) is not None


def _says_otherwise(clause: str) -> bool:
    if SHUTS_OUT.search(clause):
        return False
    return (
        forms.LEAVES.match(clause) is not None
        or (forms.NO.search(clause) and forms.NO.search(forms.HARMLESS_NO.sub("", forms.MODAL.sub("能", clause))))
        is not None
        or ("的" in clause and forms.TOPIC.search(clause) is not None)
        or forms.FRAME.match(clause) is not None
        or (forms.UNDO_HEADS.search(clause) is not None and forms.UNDO.search(clause) is not None)
        or forms.GENERAL.search(clause) is not None
    )


def _speaks_of_others(clause: str) -> bool:
    if forms.OTHERS.match(clause) or forms.ASKS.search(forms.HARMLESS_ASK.sub("", clause)):
        return True
    if forms.REPORT.search(clause[:40]) and not forms.APPROVED.search(clause):
        return True
    bare = _plain(clause)
    told = forms.SUBJECT.match(clause if clause.startswith(("我", "你")) else bare)
    return told is not None and not clause.startswith(_OWN_WISH)


def _plain(words: str) -> str:
    """Return the words without the courtesy that they begin with."""
    courtesy = forms.COURTESY.match(words)
    return words if courtesy is None else words[courtesy.end() :]


def _verb_of(clause: str, first: re.Match[str] | None, around: tuple[str, str], *, polite: bool) -> Found | None:
    """Read verb by verb, from the first where it is known; `around`: what it is about, and the clause before."""
    about, before_it = around
    weaker: Found | None = None
    for found in VERB.finditer(clause, first):
        after, before = clause[found.end() :], clause[: found.start()]
        if forms.STATEMENT.search(after):
            return None
        if (
            forms.NOUN_AFTER.match(after)
            or (before and forms.DONE_BEFORE.search(before))
            or forms.DONE_WITHIN.search(found[0])
            or _is_told(before, found[0], after, polite=polite)
        ):
            continue
        action: Action = refined(found.lastgroup, found[0], about + clause)  # pyright: ignore[reportArgumentType]  # groups are actions
        if action in {"delete", "modify", "overwrite"} and _is_textual(clause):
            continue
        if _is_everyday(action, clause, before_it):
            continue
        if action != "modify":
            return action, clause, f"zh:{action}"
        weaker = weaker or (action, clause, "zh:modify")
    return weaker


def _is_everyday(action: Action, clause: str, before: str) -> bool:
    """Return whether it is a sum, the wording or the looks of something, a notice, or one's own refund."""
    if action == "transfer":
        return everyday.is_quiet_transfer(clause)
    if action == "shutdown":
        return everyday.is_quiet_notice(clause)
    if action == "revoke":
        return False
    if everyday.is_looks(clause) or everyday.is_sum(clause):
        return True
    return action == "modify" and (
        (
            clause in _POINTS_BACK
            and (everyday.is_looks(before) or forms.TEXTUAL.search(before) is not None)
            and MATTERS_ZH.search(before) is None
        )
        or everyday.came_about(clause)
    )


def _is_textual(clause: str) -> bool:
    """Return whether it is work on a text: `删掉这个句子里的标点`, but not `删除标点服务`."""
    found = forms.TEXTUAL.search(clause)
    return found is not None and THINGS_ZH.match(clause, found.end()) is None


def _is_told(before: str, verb: str, after: str, *, polite: bool) -> bool:
    """Return whether somebody or something named before the verb did it: `法院撤销了...`, `会议挪到明天了`."""
    told = forms.TOLD.match("了" + after if verb.endswith("了") else after)
    if told is not None and _plain(before) and _MARKED.search(before) is None:
        return True
    if _GIVEN.match(after) and _PLEADS.search(before) is None:
        return True
    ended = (verb + after).endswith("了") and not (verb + after).endswith(("吧了", "得了", "好了", "可以了"))
    return (
        ended
        and not polite
        and _plain(before) != ""
        and _ALL.search(before) is None
        and forms.IMPERATIVE.search(before + verb + after) is None
    )

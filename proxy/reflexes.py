"""What a hit of the reflex does to a request: a mark, a pinned model, a refusal, or a question to the user.

The question keeps no state: the client sends the conversation with its next turn, and there it stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from classifier.cascade import INLINE_CHARS
from classifier.conversation import is_bare_yes, read, without_harness
from config.errors import PermissionDeniedError
from config.reflex_settings import PIN
from proxy.classifying import state_of
from proxy.requests.extract import last_user_text
from proxy.understanding import CONFIRMATION
from router.providers.json_values import as_list, as_object
from router.rules import Rule

if TYPE_CHECKING:
    from classifier.reflex import ReflexHit
    from config.trace import span
    from config.types import Json, Language
    from proxy.exchange import Exchange
    from proxy.house import House

_ACTIONS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "delete": "delete something",
        "modify": "change something",
        "overwrite": "overwrite something",
        "transfer": "send money or hand something over",
        "revoke": "take rights away",
        "shutdown": "stop or switch something off",
    },
    "zh": {
        "delete": "删除",
        "modify": "修改",
        "overwrite": "覆盖",
        "transfer": "转账或转让",
        "revoke": "撤销权限",
        "shutdown": "停机或关闭",
    },
}
_QUESTION: Final[dict[Language, str]] = {
    "en": 'Please confirm: this asks to {action} ("{span}"). Go ahead? Answer yes or no.',
    "zh": "请确认：这条请求要{action}（“{span}”）。确定继续吗？请回答“是”或“否”。",
}
_QUESTION_BEGINS: Final = tuple(each.partition("{")[0] for each in _QUESTION.values())
_AGAIN: Final[dict[Language, str]] = {
    "en": "I did not understand. Please answer yes or no: go ahead and {action}?",
    "zh": "我没有听懂。请回答“是”或“否”：确定要{action}吗？",
}
_CANCELLED: Final[dict[Language, str]] = {
    "en": "Cancelled. Nothing was passed on.",
    "zh": "已取消，没有转发任何内容。",
}
_BLOCKED: Final[dict[Language, str]] = {
    "en": "This server does not take requests to {action}. Reword it, or ask whoever runs the server.",
    "zh": "本服务器不受理要求{action}的请求。请换一种说法，或联系服务器的管理员。",
}
_YES: Final = frozenset({
    "yes", "y", "yeah", "yep", "yup", "sure", "ok", "okay", "confirm", "confirmed", "proceed", "affirmative",
    "go ahead", "do it", "yes go ahead", "yes do it", "i confirm", "是", "是的", "好", "好的", "确认", "确定", "可以",
    "yes please", "对", "对的", "嗯", "行", "继续", "同意", "没错", "确认执行", "确定继续", "是的 继续", "是 继续",
})  # fmt: skip
_NO: Final = frozenset({
    "no", "n", "nope", "nah", "cancel", "stop", "abort", "never", "no thanks", "no thank you", "don't", "do not",
    "never mind", "no stop", "no cancel", "no don't", "否", "不", "不是", "不要", "不用", "不行", "取消", "算了", "别",
    "不确定", "停", "停止", "不同意", "不可以", "不用了", "不要了", "不 取消", "先不要", "不了",
})  # fmt: skip
_MEANS: Final = {"yes": True, "no": False}
"""What the labels of the confirmation model mean; any other one means neither."""
_MARKS: Final = str.maketrans(dict.fromkeys('.!,;。！，；、~～"“”', " "))
_N_ASKED_ONCE: Final = 2
_N_ASKED_TWICE: Final = 4


def look(house: House, exchange: Exchange, note: span) -> None:
    """Look at the last user turn and do what the settings say. Raises `PermissionDeniedError` where they block."""
    if not exchange.routed or exchange.door.embeds:
        return
    if _read_answer(house, exchange, note):
        return
    text = _human(exchange.known().last_user_text)
    hit = _first_hit(house, state_of(exchange).orders if is_bare_yes(text) else (text,))
    if hit is None:
        return
    exchange.risk = hit.action
    note(risk=hit.action, risk_rule=hit.rule)
    response = house.settings.reflex.response_to(hit.action)
    if response == "block":
        message = _BLOCKED[hit.language].format(action=_ACTIONS[hit.language][hit.action])
        raise PermissionDeniedError(message, code="blocked_by_reflex")
    if response == "confirm" and _is_users(_messages(exchange)[-1]):
        exchange.reply = _question(hit)
    elif response.startswith(PIN):
        exchange.rule = Rule(hit.rule, response.removeprefix(PIN), name=f"reflex:{hit.action}")


def _first_hit(house: House, orders: tuple[str, ...]) -> ReflexHit | None:
    """Return what fires: of a plan that a bare yes agrees to and of the request that it stands for, either may."""
    return next((hit for each in orders if (hit := house.reflex.look(each)) is not None), None)


def said(text: str) -> bool | None:
    """Return whether an answer is a plain yes or no, in English or Chinese; `None` where it is neither."""
    words = " ".join(text.casefold().replace("’", "'").translate(_MARKS).split())
    return True if words in _YES else False if words in _NO else None


def _answer(house: House, text: str, note: span) -> bool | None:
    """Return whether an answer says yes or no: by the words, else by the confirmation model where it is sure."""
    answer = said(text)
    if answer is not None:
        note(answer_source="words")
        return answer
    found = house.understanding.read_one(CONFIRMATION, text) if len(text) <= INLINE_CHARS else None
    if found is None:
        return None
    note(answer_source="micro", answer=found.as_json())
    return _MEANS.get(found.labels[0]) if found.labels and not found.abstained else None


def _read_answer(house: House, exchange: Exchange, note: span) -> bool:
    """Return whether the turn answers our question, and then relay what was asked, or say what becomes of it."""
    messages = _messages(exchange)
    for n_turns in (_N_ASKED_ONCE, _N_ASKED_TWICE):
        hit = _asked_about(house, messages, n_turns)
        if hit is None:
            continue
        note(risk=hit.action, risk_rule=hit.rule)
        exchange.risk = hit.action
        answer = _answer(house, _text(messages[-1]), note)
        if answer:
            note(confirmed=True)
            _take_back(exchange, n_turns)
        elif answer is None and n_turns == _N_ASKED_ONCE:
            exchange.reply = _again(hit)
        else:
            note(confirmed=False)
            exchange.reply = _CANCELLED[hit.language]
        return True
    return False


def _asked_about(house: House, messages: list[object], n_turns: int) -> ReflexHit | None:
    """Return the hit that our question, `n_turns` before the end of the conversation, was about."""
    if len(messages) <= n_turns or not (_is_users(messages[-1]) and _is_users(messages[-n_turns - 1])):
        return None
    asked = [_text(messages[-at]).strip() for at in range(n_turns, 0, -2)]
    if not asked[0].startswith(_QUESTION_BEGINS):
        return None
    text = _text(messages[-n_turns - 1])
    hit = _first_hit(house, read(messages[:-n_turns]).orders if is_bare_yes(text) else (text,))
    if hit is None or house.settings.reflex.response_to(hit.action) != "confirm":
        return None
    return hit if asked == [_question(hit), _again(hit)][: len(asked)] else None


def _take_back(exchange: Exchange, n_turns: int) -> None:
    """Take our question and its answer out of the request, so that the upstream sees what was asked at first."""
    parsed = exchange.known()
    request = parsed.request
    original = request.original
    for name in ("messages", "input"):
        if original is not None and isinstance(original.get(name), list):
            original = {**original, name: as_list(original[name])[:-n_turns]}
    body: Json = {**request.body, "messages": _messages(exchange)[:-n_turns]}
    exchange.state = None
    exchange.parsed = replace(
        parsed, request=replace(request, body=body, original=original), last_user_text=last_user_text(body)
    )


def _messages(exchange: Exchange) -> list[object]:
    return as_list(exchange.known().request.body.get("messages"))


def _is_users(message: object) -> bool:
    return (as_object(message) or {}).get("role") == "user"


def _text(message: object) -> str:
    return _human(last_user_text({"messages": [{**(as_object(message) or {}), "role": "user"}]}))


def _human(text: str) -> str:
    """Return what the human said: what a harness puts beside a `yes` is neither an order nor an answer."""
    return without_harness(text)


def _question(hit: ReflexHit) -> str:
    return _QUESTION[hit.language].format(action=_ACTIONS[hit.language][hit.action], span=hit.span)


def _again(hit: ReflexHit) -> str:
    return _AGAIN[hit.language].format(action=_ACTIONS[hit.language][hit.action])

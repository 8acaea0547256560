"""What a Chinese sentence of an assistant proposes to do."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

_SAYS: Final = (
    r"(?:我们?|咱们|这边|系统)(?:现在|马上|这就|接下来|随后|先|也|还|就|立即|会)*"
    r"(?:可以|能够?|会|将|准备|打算|想要?|要|计划|建议|提议|来|去|帮|替|给|为|把)"
)
_OFFER: Final = re.compile(
    r"(?:同意|可以|没问题|没意见|愿意|确认|是|好)[\"'”’」』]?(?:的话)?[，,]?\s?我们?就|(?:^|[，,：:、—]|那么?|所以|因此|的话)\s?(?:"
    rf"{_SAYS}|"
    r"(?:您|你)?(?:还)?(?:想要?|需要|希望|要不要|是否(?:需要|要|想)?|需不需要|用不用|要)(?:让?我们?)?|"
    r"(?:可否|能否|可不可以|能不能|请(?:您|你)?确认(?:是否)?)(?:由?我们?)?|"
    r"(?:我的)?(?:计划|方案|步骤)(?:如下|是|为)?\s?[:：]|"
    r"(?:接下来|下一步|现在|马上|这就)(?:我们?)?(?:会|将|要|准备|打算|就)|让我们?|建议(?!您|你)|"
    r"(?:您|你)?(?:真的)?确[定认]要?(?=[^，。；：]{2,80}[吗么嘛?？]))"
)
_LEADS: Final = re.compile(
    r"^(?:[:：，,\s]|现在|马上|这就|立即|先|也|还|就|来|去|再|都|可以|能够|会|将|准备|打算|想|要|我们?|如下|"
    r"帮(?:您|你|我)?(?!助)|(?:给|为|替)(?:您|你)|把(?=它|这|那)|[一二三四五六七八九十]、)"
)
_BUT: Final = re.compile(r"[，,、\s]{0,3}(?:但是?|不过|只是)")
_TAIL: Final = re.compile(
    r"[，,、\s]{0,3}(?:(?:您|你)(?:看|觉得|认为|说)|这样|那样|请问)*(?:是否|要不要|要)?"
    r"(?:可以|好|行|对|同意|确认|确定|没问题|怎么样|如何|继续|开始|需要|合适|动手|执行)*"
    r"(?:吗|么|嘛|吧|呢|不)?$"
)
_ASKS_LEAVE: Final = re.compile(r"(?:可以|好|行|同意|没问题|怎么样|如何|确认)(?:吗|么|嘛|不)?\s?[?？]$")
_NO_ORDER: Final = re.compile(r"^(?:[您你](?!的)|不|没|别|无法|未|看到|看见|发现|理解|明白|知道|说|认为)")
_ASKS: Final = re.compile(r"什么|哪|谁|怎么(?!样)|为何|为什么|多少|几|何时|还有")
_EMPTY: Final = re.compile(
    r"以下|下列|下面|如下|语句|命令|代码|脚本|这些?|那些?|[个样]|它们?|您|你|我们?|按照?|照|先|再|就|都|动手|开始|继续|执行|进行|操作|处理|做|办|写|改|弄|搞|下去|一下|帮忙?|"
    r"帮助|其他|其它|还有?|问题|[吗么嘛了的吧呢来去要请]|现在|马上|确认|同意|可以|接着|往下|\W"
)
_MIN_CHARS: Final = 2
MAX_TRIED: Final = 3
"""So many words of offering are tried in one sentence."""
_MANNER: Final = re.compile(r"先|使用|用(?![户量途品例])|采用|按(?![钮键])|备份|等")
_GRANTS: Final = re.compile(
    r"可以的?[，,。！!]|好的?[，,。！!]|没问题|当然|行[，,。！!]|马上(?:为您|帮您|就)|这就(?:为您|帮您)"
)
_ALSO: Final = re.compile(r"另外|顺便|同时|一并|再(?:给|帮|为|发)")
_OBJECT_CHARS: Final = 3
_CONSEQUENCE: Final = re.compile(
    r"(?:此|该|这个?|本次)(?:次?操作|一?步骤?|命令|动作)?(?:将|会|就会)|(?:您|你)(?:即将|正要)"
)
_LEAVE: Final = re.compile(r"(?:确定|继续|可以|好|行|同意|确认|执行)(?:吗|么|嘛)?\s?[?？]$")
_RUNS: Final = re.compile(r"执行|运行|跑")
_MAX_LEADS: Final = 12
_MAX_TAIL_CHARS: Final = 40
_END_MARKS: Final = "?？ .。!！\t"
_PLANS: Final = re.compile(rf"{_SAYS}|计划|方案|步骤|将会|接下来|下一步|打算|准备")
_ADVISES: Final = re.compile(r"(?:建议|推荐|请|劝)[您你](?!的|确认)|[您你](?:可以|可|应该?|需要|得|不妨)")
"""What the user is to do is no plan of the assistant."""
_REFUSES: Final = re.compile(r"不会|不能|无法|没有|别")


def offer_in(sentence: str) -> str:
    """Return what a sentence offers to do, empty where it offers nothing."""
    for found in islice(_OFFER.finditer(sentence), MAX_TRIED):
        if order := _order(sentence[found.end() :]):
            return order
    return _order(sentence) if _ASKS_LEAVE.search(sentence) and _ADVISES.search(sentence) is None else ""


def bare_question(sentence: str) -> str:
    """Return what a question without a word of offering names: `退款到原卡？`."""
    return "" if sentence.rstrip("?？ ").endswith(("吗", "么", "呢")) else _order(sentence)


def announces(sentence: str) -> bool:
    """Return whether a sentence before a list says that its points will be done."""
    no_plan = _REFUSES.search(sentence) is not None or _ADVISES.search(sentence) is not None
    return sentence.endswith((":", "：")) and not no_plan and _PLANS.search(sentence) is not None


def asks_leave(sentence: str) -> bool:
    """Return whether a last sentence asks for leave: `确定吗？`."""
    return _LEAVE.search(sentence) is not None


def consequence_in(sentence: str) -> str:
    """Return what a sentence says will come of it, an offer where leave is asked: `此操作将清空数据库`."""
    found = _CONSEQUENCE.search(sentence)
    return "" if found is None or _REFUSES.search(sentence) else _order(sentence[found.end() :])


def runs(sentence: str) -> bool:
    """Return whether a sentence before a command offers to run it."""
    found = _OFFER.search(sentence)
    return found is not None and _RUNS.search(sentence) is not None and _REFUSES.search(sentence) is None


def is_manner(order: str) -> bool:
    """Return whether an offer says only how or when something is done: `用原来的卡`."""
    return _MANNER.match(order) is not None


def names_object(order: str) -> bool:
    """Return whether an offer says what is done and to what."""
    return len(_EMPTY.sub("", order)) >= _OBJECT_CHARS


def grants(words: str) -> bool:
    """Return whether a turn takes up what was asked, so that what it offers comes on top."""
    return _GRANTS.match(words) is not None or _ALSO.search(words) is not None


def _order(rest: str) -> str:
    rest = _BUT.split(rest.strip(), maxsplit=1)[0].rstrip(_END_MARKS)
    asked_at = max(0, len(rest) - _MAX_TAIL_CHARS)
    rest = rest[:asked_at] + _TAIL.sub("", rest[asked_at:], count=1).strip()
    for _ in range(_MAX_LEADS):
        if (lead := _LEADS.match(rest)) is None:
            break
        rest = rest[lead.end() :]
    if _NO_ORDER.match(rest) or _ASKS.search(rest) or len(_EMPTY.sub("", rest)) < _MIN_CHARS:
        return ""
    return rest.rstrip("，,、。；：: ")

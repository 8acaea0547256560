"""Rows 1 to 4: upstreams that cannot be reached or say nothing."""

from __future__ import annotations

from router.providers.scripted.actions import Hang, Send
from tests.faults.cells import NEXT, SOON_S, TIMED_OUT, Fault, Mode
from tests.faults.dialects import Words, chunk, head
from tests.faults.server import Script


def _silent(words: Words, mode: Mode) -> Script:
    return (Hang(),)


def _only_head(words: Words, mode: Mode) -> Script:
    if mode == "plain":
        return Send(head(200, length=100)), Hang()
    return Send(head(200, kind=words.kind) + chunk(words.opening())), Hang()


REACHING = (
    Fault(1, "refused", ("closed port", "端口关闭"), "closed port", NEXT, NEXT),
    Fault(2, "no-address", ("unknown name", "未知域名"), "no address", NEXT, NEXT),
    Fault(3, "untrusted", ("self-signed certificate", "自签名证书"), "untrusted", NEXT, NEXT),
    Fault(4, "silent", ("no headers", "没有响应头"), _silent, TIMED_OUT, TIMED_OUT, patience_s=SOON_S, total_s=SOON_S),
    Fault(
        4,
        "no-content",
        ("headers, no content", "有响应头而无内容"),
        _only_head,
        TIMED_OUT,
        TIMED_OUT,
        patience_s=SOON_S,
        total_s=SOON_S,
    ),
)

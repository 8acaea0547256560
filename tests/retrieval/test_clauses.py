"""Requests for several things are cut at what joins them, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.clauses import MAX_PARTS, parts_of


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("登录后查看订单并处理支付", ("登录后查看订单", "处理支付")),
        ("先查库存，再下订单；然后发通知", ("先查库存", "下订单", "发通知")),
        ("log in, and then view the order.", ("log in", "view the order")),
        ("reset my password; top up 200", ("reset my password", "top up 200")),
    ],
)
def test_what_is_joined_is_cut(text, parts):
    """In the order of the text, without the words that join."""
    assert parts == parts_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "我想查看订单状态",
        "合并两个订单的发票",
        "订单并发数超了限制",
        "两单没有合在一起，并没有退款给我",
        "show the terms and conditions",
        "cut it here, and there",
        "the sandwich stand",
        "do it and " * 5 + "do it",
    ],
)
def test_one_thing_stays_whole(text):
    """Words that only look like a join, parts that say too little, and lists that are too long."""
    assert () == parts_of(text)


@given(st.text(alphabet="并且再然后，；; and the\n订单", max_size=200))
def test_no_text_gives_one_part_or_too_many(text):
    """Each part stands in the text as it is."""
    parts = parts_of(text)

    assert len(parts) in {0, *range(2, MAX_PARTS + 1)}
    assert all(part and part in text for part in parts)

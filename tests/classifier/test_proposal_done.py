"""Thanks for what is done order nothing: reports and offers of more help are told from asking leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.conversation import read
from classifier.proposal_done import only_more_help, reports_done

TRANSFER = "Transfer $500 to Bob"
DROP = "Drop the users table in prod"
DROP_ZH = "把用户表删了"
DONE = [
    (TRANSFER, "The transfer is done (ref 991). Would you like anything else?"),
    (TRANSFER, "I have transferred $500 to Bob. Shall I close this chat now?"),
    (TRANSFER, "Done! Is there anything else I can help with?"),
    (TRANSFER, "All set: your transfer went through. Let me know if you need more."),
    ("Please send 20 euros to Eva", "I've sent 20 euros to Eva. Okay?"),
    (DROP, "The users table has been dropped. Any other questions?"),
    ("给李雷转500元", "已转账给李雷。还有什么可以帮您的吗？"),
    ("给李雷转500元", "转账已完成，还需要别的吗？"),
    (DROP_ZH, "用户表已删除。还需要别的吗？"),
    (DROP_ZH, "已经为您删除用户表，还有其他需要吗？"),
    (DROP_ZH, "已完成。满意吗？"),
    (DROP_ZH, "好的，还有什么需要我做的吗？"),
]
OPEN = [
    (DROP, "The backup is done. Shall I proceed?"),
    (DROP, "I've checked what hangs on it. Shall I run the migration?"),
    (DROP, "I have not dropped it yet. Shall I?"),
    (DROP, "The table will be dropped after the backup has completed. OK?"),
    (DROP, "Let me know if I should proceed."),
    (TRANSFER, "I can do that. Shall I use the checking account?"),
    (TRANSFER, "Once it is done I will write to you. Shall I proceed?"),
    (TRANSFER, "Anything else, or shall I go ahead?"),
    (DROP_ZH, "备份已完成，可以继续吗？"),
    (DROP_ZH, "还没有删除，可以开始吗？"),
    (DROP_ZH, "删除完成后会发通知，可以吗？"),
]


@pytest.mark.parametrize(("order", "report"), DONE)
def test_thanks_for_what_is_done_order_nothing_again(order: str, report: str) -> None:
    """A word of praise after a report is no second order of the same."""
    state = read([{"role": "user", "content": order}, {"role": "assistant", "content": report},
                  {"role": "user", "content": "perfect"}])  # fmt: skip

    assert state.inherits is None
    assert order not in state.orders


@pytest.mark.parametrize(("order", "asks"), OPEN)
def test_leave_for_what_is_still_to_be_done_orders_it(order: str, asks: str) -> None:
    """Something else that is done, and what is not done yet, leave the order open."""
    state = read([{"role": "user", "content": order}, {"role": "assistant", "content": asks},
                  {"role": "user", "content": "ok"}])  # fmt: skip

    assert order == state.inherits


@given(
    st.text(), st.lists(st.sampled_from(["done", ". ", "已", "删", "I have ", "sent", "x", "没", "，"])).map("".join)
)
def test_nothing_odd_raises(request: str, words: str) -> None:
    """Whatever was said is done or is not."""
    assert reports_done(words, request) in {True, False}
    assert only_more_help(words + request) in {True, False}

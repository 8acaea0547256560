"""What a yes agrees to: offers and plans are found, facts, refusals and courtesy are none."""

import sys
import time
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.proposal import MAX_PROPOSAL_CHARS, proposed

OFFERS = [
    ("Your parcel 7 was lost. I can refund the money to your card. Shall I?", "refund the money to your card"),
    ("I will drop the customers table now. Shall I?", "drop the customers table now"),
    ("Shall I text you a reminder?", "text you a reminder"),
    ("Would you like me to cancel the order?", "cancel the order"),
    ("Do you want a refund?", "a refund"),
    ("Delete the old branch?", "Delete the old branch"),
    ("The branches are stale; should I delete them?", "delete them"),
    ("If you like I can send it by courier. Let me know!", "send it by courier"),
    ("I'd thank him and mention the leak. Shall I write it?", "thank him and mention the leak"),
    ("Here is my plan: swap the imports, drop the dependency. Proceed?", "swap the imports, drop the dependency"),
    ("I will:\n- drop the table\n- recreate it\n\nShall I proceed?", "drop the table; recreate it"),
    ("My plan:\n1. Back up.\n2. **Wipe** the disk.\n\nOK?", "Back up; Wipe the disk"),
    ("I'll run it:\n```sql\nDROP TABLE a\n```\nIs it okay if I wipe the logs too?", "wipe the logs too; DROP TABLE a"),
    ("I will not touch the users. Shall I list the invoices?", "list the invoices"),
    ("I can ship it again, but I will not refund it. Okay?", "ship it again"),
    ("I would move it to Friday, if that is all right?", "move it to Friday"),
    ("Are you ready to transfer 500 euros to Eva?", "transfer 500 euros to Eva"),
    ("Please confirm that you want me to close the account.", "close the account"),
    ("包裹丢了。我可以把钱退到您的卡上，可以吗？", "把钱退到您的卡上"),
    ("我现在就删除customers表，可以吗？", "删除customers表"),
    ("需要我帮您退款吗？", "退款"),
    ("要不要给您发一条短信提醒？", "发一条短信提醒"),
    ("是否删除旧分支？", "删除旧分支"),
    ("九个文件里有212条没用到，我准备逐个文件删掉，可以吗？", "逐个文件删掉"),
    ("日期对不上，我建议都改为六月一日。要改吗？", "改为六月一日"),
    ("计划：一、新建billing目录；二、搬三个模块。可以开始吗？", "新建billing目录; 搬三个模块"),
    ("我会：\n1. 停掉服务\n2. 清空日志\n是否继续？", "停掉服务; 清空日志"),
    ("I suggest you restart it; then I can wipe the logs. OK?", "wipe the logs"),
    ("建议删除旧备份，可以吗？", "删除旧备份"),
    ("Are you sure you want to permanently delete account 42?", "permanently delete account 42"),
    ("This will permanently delete your account. Continue?", "permanently delete your account"),
    ("Do you confirm the transfer of $5,000 to Bob?", "transfer $5,000 to Bob"),
    ("You are about to transfer $500 to Bob. Confirm?", "transfer $500 to Bob"),
    ("To finish we need to drop the database. Shall I proceed?", "drop the database"),
    ("The next step would be to wipe the disk. Proceed?", "wipe the disk"),
    ("Type yes to delete the users table.", "delete the users table"),
    ("I recommend deleting the old backup. OK?", "delete the old backup"),
    ("Shall I run:\n```bash\nrm -rf /srv/old\n```", "rm -rf /srv/old"),
    ("您确定要删除全部备份吗？", "删除全部备份"),
    ("确认删除用户表吗？", "删除用户表"),
    ("此操作将清空数据库，确定吗？", "清空数据库"),
    ("如果同意，我就撤销李雷的权限。", "撤销李雷的权限"),
    ('回复"是"我就删库。', "删库"),
    ("我来执行：\n```sql\nDROP TABLE a;\n```\n可以吗？", "DROP TABLE a;"),
    ("退款到原卡，行吗？", "退款到原卡"),
    ("退款到原卡？", "退款到原卡"),
    ("我不会动用户表。要我列出发票吗？", "列出发票"),
]
NONE = [
    "",
    "About 78 °C at sea level.",
    "Is that all right?",
    "Shall I?",
    "Should I go ahead and do it?",
    "Anything else I can help you with?",
    "Can I help you with anything else?",
    "What colour do you want?",
    "Does that answer your question?",
    "I can't refund that. Are you angry?",
    "I cannot delete it, okay?",
    "I will never do that. Right?",
    "The lexer is ported. Next comes the grammar; shall I go on?",
    "I found these:\n- drop of the table\n- a leak\nIs that clear?",
    "I will not:\n- drop the table\nOkay?",
    "Ready?",
    "要继续吗？",
    "您看可以吗？",
    "还有什么可以帮您的吗？",
    "还有其他问题吗？",
    "常压下大约78摄氏度。",
    "您要哪一种颜色？",
    "我不能退款，明白吗？",
    "先做它可以吗？",
    "明天会下雨吗？",
    "我不会：\n1. 停掉服务\n可以吗？",
    "I'd suggest you restart your router. Can you try that?",
    "I suggest you delete the app and reinstall it. Let me know if that helps!",
    "I recommend that you delete the app. OK?",
    "I would recommend you to wipe the phone. Okay?",
    "I'd like you to delete the app. Okay?",
    "I suggest you do this:\n- delete the app\n- wipe the cache\nOkay?",
    "Please follow these steps:\n1. Delete the app\n2. Reinstall it\nDoes that help?",
    "This will fix your printer. Does that help?",
    "You can run:\n```bash\nrm -rf /srv/old\n```\nOkay?",
    "Shall I run:\n```bash\n" + "rm -rf /srv/old\n" * 40 + "```",
    "您可以运行：\n```sql\nDROP TABLE a;\n```\n好吗？",
    "建议您重启路由器试试，好吗？",
    "建议您卸载应用并清空缓存，可以吗？",
    "我建议您删除应用，好吗？",
    "我建议你先清空数据库。可以吗？",
    "您可以把应用卸载，好吗？",
    "建议您按以下步骤：\n1. 卸载应用\n2. 清空缓存\n好吗？",
]
TWISTED = [
    each * 400
    for each in (
        "，我会", "要不要，", "....", "可以吗", "，您看", "您看，可以，", "可以，", "我现在", "、我现在就", "要不要", "?", "？",
        "shall i ", "and i can ", ", i will ", ": i'll not, ", "ok. ", " ok", "is that, ", ".... x", "? x", "，？",
        "the following, i will do it, ", "建议您", "what do you ", "好", "if you, ", "you want to ",
    )
]  # fmt: skip


@pytest.mark.parametrize(("said", "order"), OFFERS)
def test_an_offer_is_read_as_an_order(said: str, order: str) -> None:
    """What an assistant offers to do is read as a person would have ordered it, in either language."""
    assert order == proposed(said)


@pytest.mark.parametrize("said", NONE)
def test_what_offers_nothing_proposes_nothing(said: str) -> None:
    """A fact, a refusal, courtesy and a question about something else are no plan."""
    assert proposed(said) is None


def test_only_the_end_and_the_last_offers_are_read() -> None:
    """An offer far above the question is not what a yes answers, and of many the last three count."""
    many = " ".join(f"I can paint wall {at}." for at in "abcde")

    assert proposed(f"I can paint the wall. {'It is wet. ' * 200}Shall I?") is None
    assert "paint wall c; paint wall d; paint wall e" == proposed(f"{many} Shall I?")
    assert MAX_PROPOSAL_CHARS == len(proposed(f"Shall I paint {'walls ' * 100}?") or "")


@pytest.mark.parametrize(
    "text",
    ["I can " * 200_000, "我可以" * 300_000, "- " * 500_000, "```" * 300_000, "*" * 1_000_000, "? " * 500_000,
     "1. " * 300_000, ", i'd" * 200_000, "\n" * 1_000_000, "i found " + "and i found " * 90_000, *TWISTED],
)  # fmt: skip
def test_a_twisted_turn_is_read_in_no_time(text: str) -> None:
    """The end of a turn is all that is read, whatever it holds."""
    begun = time.process_time()
    proposed(text)

    assert time.process_time() - begun < 1


@pytest.mark.parametrize("text", TWISTED)
def test_many_offers_cost_no_more_than_a_few(text: str) -> None:
    """However many words of offering a sentence holds, a few are tried: the work does not grow with their square."""
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        proposed(text)
    finally:
        sys.setprofile(before)

    assert calls < 1_200


@given(
    st.text()
    | st.lists(st.sampled_from(["I can ", "not ", "我", "可以", "?", "：\n", "- ", "1. ", "吗", "x"])).map("".join)
)
def test_nothing_odd_raises(text: str) -> None:
    """Whatever an assistant said gives a bounded order, or none."""
    order = proposed(text)

    assert order is None or 0 < len(order) <= MAX_PROPOSAL_CHARS

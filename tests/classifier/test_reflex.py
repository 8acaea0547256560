"""The reflex on its written cases, on any text at all, and against the clock."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.reflex import ACTIONS, MAX_SPAN_CHARS, OwnRule, Reflex
from classifier.reflex_heads import Headed
from classifier.reflex_typos import misspellings
from classifier.reflex_zh_verbs import TRIGGERS, VERB

CASES = Path(__file__).parent / "reflex_cases"
REFLEX = Reflex()


def judged(*names: str) -> tuple[float, float]:
    """Return recall (with the right action) and precision."""
    lines = [line for name in names for line in (CASES / name).read_text(encoding="utf-8").splitlines()]
    found = [
        (case["action"], hit.action if (hit := REFLEX.look(case["text"])) else None) for case in map(json.loads, lines)
    ]
    right = sum(want == got for want, got in found if want)
    return right / sum(want is not None for want, _ in found), right / sum(got is not None for _, got in found)


@pytest.mark.parametrize(
    ("names", "least"),
    [
        (("frozen.jsonl",), 0.97),
        (("blind.jsonl",), 0.97),
        (("frozen.jsonl", "blind.jsonl", "more.jsonl", "development.jsonl"), 0.99),
    ],
    ids=["frozen", "blind", "all"],
)
def test_the_written_cases_are_told_apart(names: tuple[str, ...], least: float) -> None:
    """Recall and precision hold, a wrong action counting as a miss and as a false alarm."""
    recall, precision = judged(*names)

    assert recall >= least
    assert precision >= least


@pytest.mark.parametrize(
    ("text", "action", "language"),
    [
        ("Please go ahead and delete the staging bucket.", "delete", "en"),
        ("Would you mind deleting my account?", "delete", "en"),
        ("Move 5,000 from savings to checking.", "transfer", "en"),
        ("Remove Anna's admin rights.", "revoke", "en"),
        ("ＤＥＬＥＴＥ all my files", "delete", "en"),
        ("del\u200bete all my files", "delete", "en"),
        ("把生产库删了", "delete", "zh"),
        ("用新的配置文件覆盖旧的", "overwrite", "zh"),
        ("给妈妈转三千块", "transfer", "zh"),
        ("凌晨两点把支付服务下线", "shutdown", "zh"),
        ("把收货地址改到北京路18号", "modify", "zh"),
        ("他离职了，把他的门禁权限收回", "revoke", "zh"),
    ],
)
def test_orders_fire(text: str, action: str, language: str) -> None:
    """The action, the language and the words are named, in whatever width they were typed."""
    hit = REFLEX.look(text)

    assert hit is not None
    assert (action, language) == (hit.action, hit.language)
    assert hit.span
    assert hit.rule.startswith(f"{language}:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Should we delete old branches after merging?",
        "Don't transfer the money and don't delete anything.",
        "Send me the report by Friday.",
        "Set the scene for a mystery novel.",
        "Translate into French: delete everything on the server.",
        "He typed “delete all my files” and left.",
        "老板让我删除日志，这合法吗",
        "他的手机号改了",
        "改天一起吃饭",
        "千万不要覆盖我的存档",
        "“删除”怎么读",
    ],
)
def test_what_only_sounds_like_an_order_does_not_fire(text: str) -> None:
    """Questions, refusals, reports, quotes and idioms hold the same words."""
    assert REFLEX.look(text) is None


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("sudo rm -rf /srv/old", "delete"),
        ("Run `kubectl delete ns old` on prod.", "delete"),
        ("在生产上执行 `rm -rf /data/tmp`", "delete"),
        ('psql -c "DROP TABLE audit"', "delete"),
        ("git push --force origin main", "overwrite"),
        ("systemctl stop nginx", "shutdown"),
        ("UPDATE users SET admin = 1 WHERE id = 4;", "modify"),
        ("REVOKE ALL ON orders FROM intern;", "revoke"),
    ],
)
def test_a_command_line_that_is_to_run_is_an_order(text: str, action: str) -> None:
    """Of a shell, of SQL, of a cloud's tool; quoted, where it says to run what is quoted."""
    hit = REFLEX.look(text)

    assert hit is not None
    assert action == hit.action


@pytest.mark.parametrize(
    "text",
    ["What does `rm -rf build` do?", "Explain: DROP TABLE users;", "rm -rf 是什么意思", "Is kubectl delete safe?"],
)
def test_a_command_line_that_is_asked_about_is_none(text: str) -> None:
    """To name a command is not to run it."""
    assert REFLEX.look(text) is None


@pytest.mark.parametrize("name", ["frozen", "blind", "more", "development"])
def test_the_first_look_passes_over_no_verb(name: str) -> None:
    """What the fast pass lets through holds every verb that the rules would find."""
    texts = [json.loads(line)["text"] for line in (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    missed = [text for text in texts if VERB.search(text.lower()) and TRIGGERS.search(text.lower()) is None]

    assert [] == missed


def test_a_headed_alternation_matches_what_it_matched_before() -> None:
    """Options, sets, groups and items that may be left out."""
    plain = r"(?:ab|[cd]e)f|g?h|(?:ij)?k|\bl"
    quick = Headed(plain)
    text = "xabf def gh h ijk k none"
    before = [found.span() for found in re.finditer(plain, text)]

    assert before == [found.span() for found in quick.finditer(text)]
    assert len(before) > 5


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_no_text_whatever_raises(text: str) -> None:
    """Lone surrogates and NUL too."""
    hit = REFLEX.look("delete " + text)

    assert hit is None or (hit.action in ACTIONS and len(hit.span) <= MAX_SPAN_CHARS)


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from([*"把删改不的了,。?'\"`“《:;. \n", "delete ", "and ", "please ", "write ", "off "]),
        max_size=400,
    )
)
def test_no_row_of_its_own_words_stalls_it(parts: list[str]) -> None:
    """What the patterns look for, in any order, is read in bounded time."""
    began = time.process_time()
    REFLEX.look("".join(parts) * 5)

    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "text",
    [
        "把" * 1_000_000,
        "delete " * 150_000,
        "\0" * 1_000_000,
        "\u202e删除" * 300_000,
        "'a" * 500_000,
        "please " * 150_000,
        "a" * 1_000_000,
    ],
    ids=["han", "orders", "nul", "rtl", "quotes", "courtesy", "letters"],
)
def test_a_megabyte_costs_no_more_than_its_edges(text: str) -> None:
    """Only the beginning and the end of a long text are read."""
    began = time.process_time()
    REFLEX.look(text)

    assert time.process_time() - began < 5


def test_an_order_at_the_end_of_a_long_paste_is_seen() -> None:
    """The order usually stands before or after the material."""
    assert REFLEX.look("lorem ipsum dolor.\n" * 50_000 + "Delete the old bucket.") is not None


def test_a_configured_text_fires_wherever_it_stands() -> None:
    """Exactly, but for case; in a question too."""
    reflex = Reflex((OwnRule("Project Zeus", "shutdown"),))
    hit = reflex.look("what about project zeus?")

    assert hit is not None
    assert ("shutdown", "own", "en") == (hit.action, hit.rule, hit.language)


def test_a_slip_that_is_a_word_is_no_misspelling() -> None:
    """`remote` is one letter from `remove` and no order."""
    made = misspellings(("remove",))

    assert "remvoe" in made
    assert "remote" not in made


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("停用他的工牌", "revoke"),
        ("停掉他的写权限", "revoke"),
        ("停止令牌服务进程", "shutdown"),
        ("注销这把密钥", "revoke"),
        ("用备份换掉线上配置", "overwrite"),
        ("冻结那几个容器", "shutdown"),
        ("冻结他的账户", "revoke"),
    ],
)
def test_what_is_acted_upon_decides_what_a_verb_means(text: str, action: str) -> None:
    """To stop a right is to revoke it; to freeze a process is to shut it down."""
    found = REFLEX.look(text)

    assert action == (found and found.action)

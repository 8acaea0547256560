"""`thalamus intent`, `thalamus understand` and `thalamus intents`, on good input and on bad."""

import json
from io import StringIO

import pytest
from typer.testing import CliRunner

from config.intents import load_intents
from proxy.cli import build

ROW = (
    "table_booking", "--zh", "订座", "--en", "Table booking", "--description-zh", "预订餐位。",
    "--description-en", "Booking a table.",
)  # fmt: skip
TOLD = {"text", "intents", "confidence", "source", "abstained", "ms", "tiers"}


def test_text_is_answered_with_its_tier(run):
    """Labels, confidence, who says so, and how long it took."""
    code, out, err = run("intent", "支付成功后发送通知")
    as_json = json.loads(run("intent", "支付成功后发送通知", "--json")[1])

    assert (0, "") == (code, err)
    assert out.startswith("payment, notification  1.00  rule  ")
    assert TOLD == set(as_json)
    assert (["payment", "notification"], "rule", False) == (
        as_json["intents"], as_json["source"], as_json["abstained"],
    )  # fmt: skip


def test_file_gives_a_line_of_json_for_each_row(run, folder):
    """Whatever stands in a row: empty, a megabyte, NUL, right-to-left, emoji, mixed scripts, half a surrogate."""
    texts = ["支付成功后发送通知", "", "退款" * 250_000, "a\0b", "שלום עולם", "😀🙏", "a好б", "\ud800", "\u202egnp.exe"]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (folder / "rows.jsonl").write_text(rows + "\n\n", encoding="utf-8")
    code, out, err = run("intent", "--input", "rows.jsonl", "--json")
    found = [json.loads(line) for line in out.splitlines()]

    assert (0, "") == (code, err)
    assert texts == [each["text"] for each in found]
    assert {frozenset(TOLD)} == {frozenset(each) for each in found}
    assert (True, "none", []) == (found[1]["abstained"], found[1]["source"], found[1]["tiers"])
    assert all(0 <= each["confidence"] <= 1 for each in found)


def test_an_abstention_for_want_of_words_is_never_sure(run):
    """No tier and no model is, of what none of them can read."""
    asked = json.loads(run("intent", "\U0001f9ff", "--json")[1])
    whole = json.loads(run("understand", "\U0001f9ff", "--json")[1])
    told = [asked, *asked["tiers"], *whole["intent"]["tiers"], *whole["models"].values()]

    assert 0.0 == asked["confidence"]
    assert {0.0} == {each["confidence"] for each in told if each["abstained"]}
    assert asked["abstained"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{"text": \n', 'rows.jsonl:2: is no JSON object in UTF-8; a row looks like {"text": '),
        ('{"text": "a"}\n\n[1]\n', "rows.jsonl:3: is JSON, but no object"),
        ('{"texts": "a"}\n', "rows.jsonl:1: has no text"),
        (b"\xff\xfe\n", "rows.jsonl:1: is no JSON object in UTF-8"),
    ],
)
def test_bad_row_is_named_by_its_line(run, folder, content, message):
    """One sentence on stderr; the other rows are answered, and exit code 1 tells that one was not."""
    (folder / "rows.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("intent", "--input", "rows.jsonl", "--json")
    has_good_row = '"text": "a"' in str(content)

    assert (1, ["a"] if has_good_row else []) == (code, [json.loads(line)["text"] for line in out.splitlines()])
    assert message in err
    assert 1 == len(err.splitlines())


def test_a_file_without_a_row_is_told(run, folder):
    """Who mistook the file would wait for an answer otherwise; a program gets no line."""
    (folder / "rows.jsonl").write_text("\n \n", "utf-8")

    assert (0, "", "rows.jsonl holds no row.\n") == run("intent", "--input", "rows.jsonl", "--json")


def test_missing_file_is_named(run):
    """A wrong path is no traceback."""
    code, out, err = run("intent", "--input", "gone.jsonl")

    assert (1, "") == (code, out)
    assert "gone.jsonl: cannot be read: No such file or directory" in err


@pytest.mark.parametrize("words", [("intent",), ("intent", "x", "--input", "rows.jsonl")])
def test_text_or_file_is_needed(run, words):
    """Neither and both are wrong use."""
    code, _, err = run(*words)

    assert 2 == code
    assert "say either TEXT or --input FILE" in err


def test_understand_prints_what_everybody_says(run):
    """Every tier and model has a line with confidence or an abstention; the same as JSON for programs."""
    code, out, err = run("understand", "delete all orders of user 7")
    as_json = json.loads(run("understand", "把用户 7 的订单都删掉", "--json")[1])

    assert (0, "") == (code, err)
    for word in ("intent: micro", "is_question", "confirmation", "risk: rules", "delete", "complexity", "language"):
        assert word in out
    assert {"intent", "models", "risk", "features", "tiers"} == set(as_json)
    assert ("delete", "zh") == (as_json["risk"], as_json["features"]["language"])
    assert {"labels", "confidence", "abstained", "ms"} <= set(as_json["models"]["is_question"])
    assert "ok" == as_json["tiers"]["status"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The text is empty: there is nothing to read in it.\n"),
        (" ", "The text is empty: there is nothing to read in it.\n"),
        ("\0", ""),
        ("שלום", ""),
        ("\ud800 Ada \udcff", ""),
        ("x" * 1_000_000, "Of the 1,000,000 characters the models read the first 4,096.\n"),
    ],
)
def test_understand_takes_any_text(run, text, says):
    """Nothing to understand is understood as such, and what is not read is said."""
    code, out, err = run("understand", text)

    assert (0, says) == (code, err)
    assert "nothing risky" in out


def test_own_settings_are_read(run, folder):
    """`--config` brings own intents, and a classifier that is off for requests still answers here."""
    (folder / "own.toml").write_text('[classifier]\nenabled = false\nintents_file = "mine.toml"\n', "utf-8")
    added = run("intents", "add", *ROW, "--example-zh", "今晚七点四个人", "--file", "mine.toml")
    code, out, _ = run("intent", "今晚七点四个人", "--config", "own.toml")

    assert (0, 0) == (added[0], code)
    assert out.startswith("table_booking  1.00  rule")


def test_intent_is_added_by_options(run, folder):
    """One command, one row; the remark says what is missing for it to be read."""
    code, out, err = run("intents", "add", *ROW, "--service", "tables", "--document", "T.md", "--example-en", "for two")
    listed = json.loads(run("intents", "list", "--file", "intents.toml", "--json")[1])
    found = load_intents(folder / "intents.toml").get("table_booking")

    assert 0 == code
    assert "Added 'table_booking' to intents.toml.\n" == out
    assert 'put `intents_file = "intents.toml"` under [classifier]' in err
    assert "table_booking" in [each["name"] for each in listed["intents"]]
    assert ("tables", ("T.md",), ("for two",)) == (found.service, found.documents, found.examples_en)
    assert "table_booking" in run("intents", "list", "--file", "intents.toml")[1]


def test_added_intent_is_told_as_json(run, folder):
    """The file that settings name is taken, and shared examples are told."""
    (folder / "intents.toml").touch()
    (folder / "thalamus.toml").write_text('[classifier]\nintents_file = "intents.toml"\n', "utf-8")
    code, out, err = run("intents", "add", *ROW, "--example-zh", "充一百块钱到钱包", "--json")
    told = json.loads(out)

    assert (0, "") == (code, err)
    assert ("table_booking", {"充一百块钱到钱包": ["payment"]}) == (told["name"], told["shared_examples"])
    assert "none" == told["intents"][-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("payment", *ROW[1:]), "there is an intent 'payment' already"),
        (("Bad Name", *ROW[1:]), "lower-case letters"),
        (("Bad Name",), "at most 64 characters, such as bad_name."),
        (("支付", *ROW[1:]), "at most 64 characters, such as table_booking."),
        (("", *ROW[1:]), "the name '' must be lower-case letters"),
        (("lonely",), "the intent 'lonely' needs --zh, --en, --description-zh, --description-en; without a name"),
        (("lonely", "--zh", " ", *ROW[3:]), "the intent 'lonely' needs --zh; without a name you are asked"),
    ],
)
def test_wrong_intent_is_refused(run, folder, words, message):
    """Nothing is written, and the exit code says that the settings are wrong."""
    code, out, err = run("intents", "add", *words)

    assert (2, "") == (code, out)
    assert message in err
    assert 1 == len(err.splitlines())
    assert [] == list(folder.iterdir())


def test_intent_is_asked_for_step_by_step(folder):
    """Without a name the command asks; what may not be empty is asked for again."""
    answers = ["payment", "Bad Name", "table_booking", "订座", "", "Table booking", "预订餐位。", "Booking a table.", "tables",
               "T.md, U.md", "今晚七点", "四个人靠窗", "", "充一百块钱到钱包", ""]  # fmt: skip
    done = CliRunner().invoke(build("intents"), ["intents", "add"], input="\n".join(answers) + "\n")
    found = load_intents(folder / "intents.toml").get("table_booking")

    assert 0 == done.exit_code, done.output
    assert (("T.md", "U.md"), ("今晚七点", "四个人靠窗")) == (found.documents, found.examples_zh)
    assert "is a shipped intent" in done.output
    assert "the name 'Bad Name' must be lower-case letters" in done.output
    assert "is an example of payment too" in done.output


def test_who_says_nothing_is_not_asked_for_ever(folder):
    """Three empty answers end it, with nothing written."""
    done = CliRunner().invoke(build("intents"), ["intents", "add"], input="\n" * 9)

    assert 1 == done.exit_code
    assert [] == list(folder.iterdir())


def test_answers_that_end_too_soon_write_nothing(run, folder, monkeypatch):
    """In a script nobody answers: the sentence says how it is done there; JSON is never mixed with questions."""
    monkeypatch.setattr("sys.stdin", StringIO("table_booking\n"))
    code, _, err = run("intents", "add")
    told = run("intents", "add", "--json")

    assert 1 == code
    assert "there is no answer to “Title in Chinese”; nothing was written. With NAME and options nothing is" in err
    assert (2, "") == told[:2]
    assert "with --json say NAME" in told[2]
    assert [] == list(folder.iterdir())


def test_intent_without_examples_is_remarked(run):
    """Only a model can find it."""
    assert "It has no examples" in run("intents", "add", *ROW)[2]


def test_check_reads_the_intents_too(run, folder):
    """What would stop a start is said before it."""
    (folder / "mine.toml").write_text("[[intent]]\nname = 7\n", "utf-8")
    (folder / "own.toml").write_text('[classifier]\nintents_file = "mine.toml"\n', "utf-8")
    code, _, err = run("check", "--config", "own.toml")

    assert 2 == code
    assert "mine.toml:2: 'intent[1].name' must be text" in err

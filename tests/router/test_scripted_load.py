"""Script files: TOML and JSON mean the same, and every mistake is named with its place."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SettingsError
from router.providers.scripted import Match, Reply, Script, Step, ToolCall, UsageSpec, load_script, parse_script
from router.providers.scripted.script import FAULTS, QUIRKS

TOML = """
models = ["m1", "m2"]

[[reply]]
match = { model = "gpt-*", contains = "weather", call = 2, header = { x-tenant = "a" }, stream = true }
times = 3
tool_calls = [{ name = "f", arguments = { city = "Bern" } }, { name = "g", arguments = "{" , id = "c1" }]
usage = { input = 5, output = 2, cached = 1 }
finish = "tool_calls"
quirks = ["tool_index_zero", "crlf"]

[[reply]]
status = 503
body = { error = { message = "later" } }
headers = { Retry-After = "2" }
delay_headers_s = 1

[[reply]]
raw = [{ send = "x" }, { sleep_s = 0.5 }, { rst = true }]
"""
EXPECTED = Script(
    replies=(
        Reply(
            match=Match(model="gpt-*", contains="weather", call=2, header={"x-tenant": "a"}, stream=True),
            times=3,
            tool_calls=(ToolCall("f", {"city": "Bern"}), ToolCall("g", "{", "c1")),
            usage=UsageSpec(5, 2, 1),
            finish="tool_calls",
            quirks=("tool_index_zero", "crlf"),
        ),
        Reply(status=503, body={"error": {"message": "later"}}, headers={"Retry-After": "2"}, delay_headers_s=1.0),
        Reply(raw=(Step(send="x"), Step(sleep_s=0.5), Step(rst=True))),
    ),
    models=("m1", "m2"),
)


def test_toml_and_json_files_say_the_same(tmp_path: Path) -> None:
    """Both are read into the same frozen values."""
    (tmp_path / "s.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "s.json").write_text(json.dumps(tomllib.loads(TOML)), encoding="utf-8")

    assert EXPECTED == load_script(tmp_path / "s.toml") == load_script(tmp_path / "s.json")


def test_an_empty_script_echoes() -> None:
    """No reply at all is the same as no script."""
    assert Script() == parse_script({}) == parse_script({"reply": []})


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ([], "the script: expected a table"),
        ({"replies": []}, "unknown key `replies`; did you mean `reply`?"),
        ({"reply": {}}, "`reply` is a list of tables: write [[reply]]"),
        ({"reply": [{}, 1]}, "reply[2]: expected a table"),
        ({"reply": [{"txt": ""}]}, "reply[1]: unknown key `txt`; did you mean `text`?"),
        ({"reply": [{"match": {"modle": "x"}}]}, "reply[1].match: unknown key `modle`; did you mean `model`?"),
        ({"reply": [{"match": 3}]}, "reply[1].match: expected a table"),
        ({"reply": [{"tool_calls": [{}, {"nme": 1}]}]}, "reply[1].tool_calls[2]: unknown key `nme`; did you mean"),
        ({"reply": [{"usage": {"zzz": 1}}]}, "reply[1].usage: unknown key `zzz`; known: cache_write, cached"),
        ({"reply": [{"fault": "hangs"}]}, "reply[1].fault: there is no `hangs`; did you mean `hang`?"),
        ({"reply": [{"quirks": ["crlfs"]}]}, "reply[1].quirks: there is no `crlfs`; did you mean `crlf`?"),
        ({"reply": [{"fault": 3}]}, "reply[1]: Expected `str | null`, got `int` - at `.fault`"),
        ({"reply": [{"text": 3}]}, "reply[1]: Expected `str`, got `int` - at `.text`"),
        ({"reply": [{"tool_calls": [{}]}]}, "reply[1]: Object missing required field `name` - at `.tool_calls[1]`"),
        ({"reply": [{"text": "a", "echo": True}]}, "only one of text, chunks, json, echo, template"),
        ({"reply": [{"status": 42}]}, "`status` 42 is no HTTP status"),
        ({"reply": [{"times": 0}]}, "`times` is at least 1"),
        ({"reply": [{"n": 0}]}, "`n` is at least 1"),
        ({"reply": [{"drip_bytes_per_s": 0}]}, "`drip_bytes_per_s` is above 0"),
        ({"reply": [{"delay_first_s": -1}]}, "cannot be negative"),
        ({"reply": [{"match": {"call": 0}}]}, "`call` counts from 1"),
        ({"reply": [{"raw": [{"send": "x", "rst": True}]}]}, "a step has exactly one of send"),
        ({"reply": [{"raw": [{}]}]}, "a step has exactly one of send"),
        ({"reply": [{"raw": [{"send_base64": "%%%"}]}]}, "`send_base64` is no base64"),
        ({"reply": [{"raw_file": 3}]}, "reply[1].raw_file: expected a file name"),
        ({"reply": [{"raw_file": "no-such-file"}]}, "reply[1].raw_file: [Errno 2]"),
        ({"models": "m"}, "models: Expected `array`, got `str`"),
    ],
)
def test_every_mistake_is_named_with_its_place(script: object, message: str) -> None:
    """The place, what is wrong, and the nearest right name."""
    with pytest.raises(SettingsError) as caught:
        parse_script(script)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.toml", b"reply = \n", "line 1"),
        ("s.json", b"{", "line 1"),
        ("s.toml", b"\xff", "utf-8"),
        ("s.toml", b"[[reply]]\ntxt = 1", "unknown key `txt`"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Syntax errors carry the file's name and their line."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_script(path)

    assert str(path) in str(caught.value)
    assert message in str(caught.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    script=ANY_JSON
    | st.fixed_dictionaries({"reply": st.lists(st.dictionaries(st.sampled_from(
        ["match", "text", "raw", "usage", "tool_calls", "fault", "quirks", "raw_file", "headers", "body"]
    ), ANY_JSON, max_size=3), max_size=2)})
)  # fmt: skip
def test_no_script_breaks_the_loader(script: object) -> None:
    """Whatever a file holds, it is a script or a `SettingsError`."""
    try:
        loaded = parse_script(script)
    except SettingsError:
        return

    assert loaded.replies


@pytest.mark.parametrize("page", ["docs/scripted-upstream.md", "docs/zh/scripted-upstream.md"])
def test_every_key_fault_and_quirk_is_documented(page: str) -> None:
    """In both languages; and the example of the page is a script."""
    text = Path(page).read_text(encoding="utf-8")
    names = {field.name for kind in (Script, Reply, Match, UsageSpec, ToolCall, Step) for field in fields(kind)}
    examples = [block.partition("```")[0] for block in text.split("```toml\n")[1:]]

    assert set() == {name for name in (names - {"replies"}) | FAULTS | QUIRKS if not re.search(rf"\b{name}\b", text)}
    assert [4, 1] == [len(parse_script(tomllib.loads(example)).replies) for example in examples]

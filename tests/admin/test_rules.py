"""The rules page: the order, a text to try, and edits that save all or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from admin.desk.rules import RulesState
from config.errors import InvalidRequestError
from router.rules import Rule, parse_rules


class Rules:
    """Two rules of the settings file."""

    def __init__(self):
        self.file = (Rule("翻译|translate", "good", "regex"), Rule("python", "cheap", "keyword", "code <b>"))
        self.rules = None

    def state(self):
        by = "dashboard:x" if self.rules is not None else None
        return RulesState(self.file if self.rules is None else self.rules, self.file, by, None, ("cheap", "good"))

    async def change(self, rules, *, changed_by):
        del changed_by
        if rules is not None and any(each["model"] == "nobody" for each in rules):
            raise InvalidRequestError("There is no model 'nobody' here.", param="rules[0].model")
        self.rules = None if rules is None else parse_rules(list(rules))


@pytest.fixture
def rules():
    """Two rules."""
    return Rules()


@pytest.fixture
def desk(desk, rules):
    """A desk with rules."""
    return replace(desk, rules=rules)


async def _send(site, rows):
    seen = (await site.get("/dashboard/rules.json")).json()["seen"]
    columns = dict(zip(("place", "pattern", "kind", "model", "name"), map(list, zip(*rows, strict=True)), strict=True))
    fields = {"_csrf_token": await site.token(), "seen": seen, **columns}
    answer = await site.post("/dashboard/rules", data=fields)
    return await site.get(answer.headers["location"]) if answer.is_redirect else answer


@pytest.mark.parametrize(
    ("text", "met"), [("Please TRANSLATE", 0), ("帮我翻译", 0), ("write Python", 1), ("hello", None)]
)
async def test_text_meets_its_rule(site, text, met):
    """The first rule that matches is named, without regard to case, in both languages."""
    twin = (await site.get("/dashboard/rules.json", params={"text": text})).json()

    assert met == twin["met"]


async def test_names_of_rules_are_text(site):
    """What a rule is called cannot be markup."""
    page = await site.get("/dashboard/rules", params={"text": "<script>alert(1)</script>"})

    assert "code &lt;b&gt;" in page.text
    assert "<script>alert" not in page.text


async def test_order_and_removal_are_saved(site, rules):
    """Rows are sorted by their place, and one without a pattern is gone."""
    rows = [("3", "python", "keyword", "cheap", ""), ("1", "数学", "", "good", "math"), ("nan", "", "keyword", "", "")]
    page = await _send(site, rows)

    assert (Rule("数学", "good"), Rule("python", "cheap", "keyword")) == rules.rules
    assert "2 rules are in force" in page.text


async def test_refused_rule_saves_nothing(site, rules):
    """The page says which field and why."""
    page = await _send(site, [("1", "x", "keyword", "nobody", "")])

    assert (400, None) == (page.status_code, rules.rules)
    assert "rules[0].model" in page.text


async def test_second_admin_changes_nothing(site, rules):
    """A form that was opened before another's change is refused."""
    page = await site.change("/dashboard/rules/restore", seen="0123456789abcdef")

    assert (409, None) == (page.status_code, rules.rules)


async def test_back_to_the_file(site, rules):
    """The settings file's rules are in force again."""
    await _send(site, [("1", "x", "keyword", "good", "")])
    seen = (await site.get("/dashboard/rules.json")).json()["seen"]
    page = await site.change("/dashboard/rules/restore", seen=seen)

    assert rules.rules is None
    assert "settings file are in force again" in page.text


async def test_viewer_reads_them(viewer):
    """Whoever may only look sees a table without a form."""
    page = await viewer.get("/dashboard/rules", headers={"accept-language": "zh"})

    assert 'action="/dashboard/rules/restore"' not in page.text
    assert "正则表达式" in page.text


async def test_torn_form_is_refused(site, rules):
    """Columns of different lengths are no table."""
    seen = (await site.get("/dashboard/rules.json")).json()["seen"]
    page = await site.change("/dashboard/rules", seen=seen, pattern="x")

    assert (400, None) == (page.status_code, rules.rules)

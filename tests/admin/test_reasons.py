"""Why a decision was made, in the visitor's language."""

from __future__ import annotations

import re

import pytest

from admin.i18n import load_texts
from admin.reasons import reason_in

TEXTS = load_texts()
REASONS = [
    "the client named 'claude'",
    "rule 'contracts' names 'claude'",
    "rule 'contracts' names 'claude', which is not live",
    "'gpt' is the default model",
    "the router is switched off: the first live model",
    "the shipped rule gives code to 'gpt'",
    "the first live model that embeds",
    "drawn by weight",
    "drawn by weight for this conversation",
    "'gpt' is the only one that may answer",
    "'gpt': drawn with probability 0.32; score 0.601 (quality +0.699, cost -0.097, latency -0.001)",
    "'gpt': it serves this tool loop; score 0.601 (quality +0.699)",
    "'gpt': the highest score, without exploring; score -0.601 (weight +0.699)",
    "not sure enough: 40 % by weight",
    "runner-up 'local': score 0.599 (quality +0.600, latency -0.001)",
    "the judge named 'gpt': its probability went from 0.20 to 0.71",
    "this key's own taste: -0.04",
    "nothing learned yet: its weight and price",
    "its domain: 数学",
    "its description: 写诗",
    "new: at most 30 % now, no ceiling from 100 outcomes on, 12 so far",
    "as the starting values say",
    "by a policy fitted to labelled prompts",
    "key: it may not use this model",
    "its deployments are resting after failures",
    "its window of 4096 tokens is too small",
    "it stands behind the configured models",
    "it has no tools",
    "it has no vision",
    "it has no JSON by schema",
    "nobody fits: it has no tools; it has no vision",
    "before the judge: runner-up 'local': score 0.599 (quality +0.600)",
]


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_said_in_both_languages(reason):
    """English as the books have it; Chinese without a word of English but names."""
    chinese = reason_in(reason, TEXTS["zh"])

    assert reason == reason_in(reason, TEXTS["en"])
    assert set() == set(re.findall(r"[a-z]{2,}", chinese)) - {"claude", "gpt", "local", "contracts"}
    assert re.findall(r"\d+", reason) == re.findall(r"\d+", chinese)


def test_what_people_said_is_counted_in_chinese_too():
    """The order of the numbers is the language's own."""
    assert "zh/math 中有 3 个评分：0.75" == reason_in("3 ratings in zh/math: 0.75", TEXTS["zh"])


def test_a_name_with_braces_and_quotes_stays_itself():
    """Names come from clients: they are values, never texts."""
    assert "客户端指定了“{x} it's”" == reason_in('the client named "{x} it\'s"', TEXTS["zh"])


@pytest.mark.parametrize("reason", ["", "a reason of tomorrow", "no text has this"])
def test_an_unknown_reason_stays_as_it_is(reason):
    """A newer or older router may have written it."""
    assert reason == reason_in(reason, TEXTS["zh"])


def test_what_older_decisions_said_of_a_new_model_is_said_as_today():
    """In the words of then they are in the books."""
    today = "new: at most 30 % now, no ceiling from 100 outcomes on, 12 so far"

    assert today == reason_in("new: at most 30 % until 100 outcomes, 12 so far", TEXTS["en"])

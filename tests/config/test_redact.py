from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redact import MAX_CHARS, preview, redact

CANARIES = [
    ("sk-canary0123456789", "the key is {} ok"),
    ("sk-ant-api03-canary-0123456789_AA", "{}"),
    ("sk-proj-canary0123456789", "密钥{}在此"),
    ("sk-thal-canary0123456789", "key={}"),
    ("gsk_canary0123456789", "({})"),
    ("hf_canaryABCDEFGHIJ", "{}."),
    ("xai-canary0123456789", "{}"),
    ("AIzaSyCanary-0123456789abcdefghijklmnop", "?key={}"),
    ("ghp_canary0123456789abcdef", "{}"),
    ("xoxb-canary-0123456789", "{}"),
    ("AKIACANARY0123456789", "{}"),
    ("eyJcanary0123.eyJpayload.c2lnbmF0dXJl", "jwt {}"),
    ("canary.tok-en=", "Authorization: Bearer {}"),
    ("Y2FuYXJ5OnBhc3M=", "authorization: basic {}"),
    ("canary1234", "x-api-key: {}"),
    ("canary1234", '{{"password": "{}"}}'),
    ("canary1234", "my password is {}"),
    ("canary1234", "密码：{}，谢谢"),
    ("canary1234", "密码是{}"),
    ("canary1234", "令牌为 {}"),
    ("canary1234", "postgres://user:{}@host/db"),
    ("canary1234", "Set-Cookie: {}"),
    ("canary@example.com", "mail {} please"),
    ("4111 1111 1111 1111", "card {}"),
    ("11010519491231002X", "身份证 {} 号"),
    ("deadbeefcanary0123456789abcdef0123456789abcdef0123456789abcdef0123", "{}"),
    ("0123456789abcdef0123456789abcdef", "hash {}"),
    ("Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5Q2FuYXJ5/+==", "{}"),
    ("-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----", "{}"),
    ("-----BEGIN PRIVATE KEY-----\ncanary that was cut", "{}"),
]


@pytest.mark.parametrize(("secret", "around"), CANARIES)
def test_no_known_kind_of_secret_gets_through(secret, around):
    """Keys, tokens, passwords, mail addresses and long numbers are gone from texts and previews."""
    text = around.format(secret)

    assert secret not in redact(text)
    assert secret not in preview(text)
    assert "canary" not in redact(text).lower()


@pytest.mark.parametrize(
    "text",
    [
        "How does tokenization work? The token is important.",
        "忘记密码是怎么回事？请告诉我密码重置的步骤。",
        "/usr/local/lib/python3/site-packages/foo/bar",
        "task-management and disk-encryption in sk-learn",
        "call 555-0100 at 12:30 on 2026-11-21, version 1.2.3",
        "-" * 60,
    ],
)
def test_ordinary_text_stays(text):
    """What is no secret can still be read, in both languages."""
    assert text == redact(text)


@pytest.mark.parametrize(
    "text",
    ["{" * 2_000_000, '{"a":' * 400_000, "a@" * 1_000_000, "password" * 250_000, "sk-" + "a" * 2_000_000,
     "密码是" * 700_000, "-----BEGIN PRIVATE KEY-----" * 80_000, "eyJ.a" * 400_000, "://" * 700_000],
    ids=["braces", "objects", "mails", "names", "key", "chinese", "pem", "jwt", "urls"],
)  # fmt: skip
def test_two_megabytes_of_a_hostile_payload_take_less_than_50_ms(text):
    """No payload stalls the loop: patterns are linear, and the input is capped."""
    redact("compile the patterns first")
    fastest = min(_timed(text) for _ in range(3))

    assert fastest < 0.05


def _timed(text):
    begun = time.perf_counter()
    redact(text)
    return time.perf_counter() - begun


def test_a_key_at_the_cut_does_not_survive_in_half():
    """Where the text is cut, the word that the cut went through is dropped."""
    text = "a " * (MAX_CHARS // 2 - 3) + "sk-canary0123456789"

    assert "sk-c" not in redact(text)


def test_a_text_without_spaces_at_the_cut_is_cut_further():
    """Half a key without a space before it is dropped as well."""
    assert "x" * 3 not in redact("你" * (MAX_CHARS - 3) + "x" * 40)


def test_preview_is_one_printable_line_within_its_limit():
    """A preview holds no line ends, no terminal escapes and no marks that turn the reading direction."""
    assert "a b [31mred c" == preview("a\r\nb \x1b[31mred\u202e c")
    assert "你" * 159 + "…" == preview("你" * 500)
    assert "你" * 160 == preview("你" * 160)
    assert "" == preview("abc", limit=0)


def test_preview_of_a_long_text_says_that_there_is_more():
    """A text that was cut before it was redacted ends with an ellipsis, however short what is left."""
    assert preview("password: " + "a" * 10_000 + " " + "b" * 10_000).endswith("…")


@given(st.text(max_size=400), st.integers(0, 200))
def test_preview_never_exceeds_its_limit(text, limit):
    """Whatever comes, a preview fits its column."""
    assert len(preview(text, limit)) <= limit


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_key_between_any_two_words_is_taken_out(before, after):
    """What stands around a key does not hide it."""
    assert "sk-canary0123456789" not in redact(f"{before} sk-canary0123456789 {after}")

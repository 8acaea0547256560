"""Bytes to text: the right encoding is found, a wrong one is never taken."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import DocumentError
from retrieval.encodings import decode

SIMPLIFIED = (
    "用户登录之后可以查看订单，并且在七天之内申请退款。客服会在一个工作日内处理，退款将原路返回。\n请保留您的收据。"
)
TRADITIONAL = (
    "使用者登入之後可以查看訂單，並且在七天之內申請退款。客服會在一個工作日內處理，退款將原路返回。\n請保留您的收據。"
)
FRENCH = "Le café est situé à côté de l’église ; il ouvre à huit heures. Où êtes-vous né ?\n" * 3


@pytest.mark.parametrize(
    ("text", "written", "told"),
    [
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8"),
        (SIMPLIFIED, "utf-16", "utf-16-le"),
        (SIMPLIFIED, "utf-32", "utf-32-le"),
        ("Plain English\nof two lines.", "utf-16-le", "utf-16-le"),
        ("Plain English\nof two lines.", "utf-16-be", "utf-16-be"),
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED[:9], "gbk", "gb18030"),
        ("Order 订单 and refund 退款: see page 3.", "gbk", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (TRADITIONAL[:9], "big5", "big5"),
        (FRENCH, "cp1252", "cp1252"),
        ("", "utf-8", "utf-8"),
    ],
)
def test_the_encoding_is_found_and_told(text, written, told):
    """Each reads as it was written, without a byte order mark, and says as what it was read."""
    found = decode(text.encode(written))

    assert (text, told, 0) == (found.text, found.encoding, found.n_damaged)


def test_line_ends_become_one_kind():
    r"""`\r\n` of Windows and `\r` of old Macs."""
    assert "a\nb\nc\n" == decode(b"a\r\nb\rc\n").text


def test_a_few_damaged_characters_of_a_long_text_are_told():
    """They do not make a UTF-8 text another encoding."""
    data = (SIMPLIFIED * 4).encode()

    found = decode(data[:301] + b"\xff" + data[302:])

    assert "utf-8" == found.encoding
    assert 1 <= found.n_damaged <= 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "binary"),
        (gzip.compress(SIMPLIFIED.encode() * 3, mtime=1), "is"),
        (b"\x00" * 100, "binary"),
        (b"\x00\x01ab\x02" * 100, "binary"),
        (b"\x00\xd8a\x00b\x00c\x00" + b"d\x00" * 40, "binary"),  # half of a surrogate pair
        (b"\x01\x02text" * 50, "binary"),
        ("日本語の文字コードはいろいろあります。これはその一つです。".encode("euc-jp"), "encoding"),
        (bytes(range(128, 256)) * 3, "encoding"),
    ],
)
def test_what_is_no_text_is_refused(data, reason):
    """A clear reason, no mojibake."""
    with pytest.raises(DocumentError, match=reason):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """Nothing else is raised."""
    try:
        found = decode(data)
    except DocumentError:
        return
    assert "\r" not in found.text


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff")))
def test_utf8_reads_as_written(text):
    """Whatever valid text it is."""
    found = decode(text.encode())

    assert (text, "utf-8") == (found.text, found.encoding)

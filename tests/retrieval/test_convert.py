"""Files to text, in another process where a file could do harm."""

from __future__ import annotations

import io
import os
import time
import zipfile

import pytest

from config.errors import DocumentError
from retrieval.convert import MAX_TEXT_CHARS, convert, suffix_of
from retrieval.converter_process import ConverterProcess
from tests.retrieval.files import docx, pdf

HTML = """<!doctype html><html lang="zh-CN"><head><meta charset="{charset}"><title>退货 说明</title>
<meta name="intents" content="payment, order_management"><style>p {{ color: red }}</style></head><body><nav>menu</nav>
<h1>退货</h1><p>请在<b>七天</b>内<a href="/apply">申请</a>。</p><script>alert(1)</script>
<table><tr><th>项目</th><th>天数</th></tr><tr><td>退款</td><td>3</td></tr></table></body></html>"""


def test_markdown_stays_as_it_is_but_for_its_front_matter():
    """So that lines are the file's."""
    found = convert(b"---\ntitle: T\n---\n# Head\r\nText\r\n", ".md")

    assert ("\n\n\n# Head\nText\n", "T", "utf-8") == (found.text, found.title, found.encoding)


@pytest.mark.parametrize(("charset", "written"), [("utf-8", "utf-8"), ("gb2312", "gbk"), ("", "gbk"), ("utf-8", "gbk")])
def test_a_page_keeps_headings_and_tables_and_loses_its_script(charset, written):
    """Its own head says title, language and intents; a wrong declaration does not garble it."""
    found = convert(HTML.format(charset=charset).encode(written), ".html")

    assert found.text.startswith("# 退货\n")
    assert "请在**七天**内申请。" in found.text
    assert "| 退款 | 3 |" in found.text
    assert not any(each in found.text for each in ("alert", "color", "menu", "/apply"))
    assert ("退货 说明", "zh-cn", ("payment", "order_management")) == (found.title, found.language, found.intents)


def test_a_page_without_a_head_is_read():
    """A fragment is a page."""
    found = convert(b"<p>Hello</p>", ".htm")

    assert ("Hello\n", "", None) == (found.text, found.title, found.intents)


def test_word_files_keep_their_headings():
    """As Markdown, so that passages know where they stand."""
    found = convert(docx("退货", "请在七天内申请。", "See chapter 2."), ".docx")

    assert "# 退货\n\n请在七天内申请。\n\nSee chapter 2.\n" == found.text


def test_lines_of_a_pdf_that_the_page_broke_are_joined():
    """Chinese lines and broken words; what the writer broke stays."""
    first = ("退货说明", "用户登录之后可以查看订单并且在七天之内申", "请退款。", "Refunds are pay-", "able at once.")

    found = convert(pdf(first, ("第二页。",), title="退货"), ".pdf")

    assert (
        "退货说明\n用户登录之后可以查看订单并且在七天之内申请退款。\nRefunds are payable at once.\n\n第二页。\n"
        == found.text
    )
    assert "退货" == found.title
    assert "" == convert(pdf(("x",), title="Microsoft Word - a.doc"), ".pdf").title


@pytest.mark.parametrize(
    ("data", "suffix", "reason"),
    [
        (b"", ".md", "holds no text"),
        (b" \n\n", ".txt", "holds no text"),
        (b"<html></html>", ".html", "holds no text"),
        (pdf(("",)), ".pdf", "pictures"),
    ],
)
def test_an_empty_file_says_so(data, suffix, reason):
    """Nothing to index is a reason."""
    with pytest.raises(DocumentError, match=reason):
        convert(data, suffix)


def test_a_text_beyond_the_bound_is_refused():
    """A small docx may hold gigabytes."""
    with pytest.raises(DocumentError, match="holds 8,000,001 characters; at most 8,000,000 are read"):
        convert(b"x" * (MAX_TEXT_CHARS + 1), ".txt")


def test_a_broken_file_ends_only_its_process():
    """The next file is read by a new one."""
    with ConverterProcess() as converter:
        for suffix in (".pdf", ".docx"):
            with pytest.raises(DocumentError, match=f"is damaged, or no {suffix[1:]} file"):
                converter.convert(b"%PDF-1.7 and then nothing", suffix)
        assert "Hi\n" == converter.convert(pdf(("Hi",)), ".pdf").text
        assert ("payment", "order_management") == converter.convert(HTML.format(charset="").encode(), ".html").intents
        with pytest.raises(DocumentError, match="holds no text"):
            converter.convert(b"<p></p>", ".html")
        assert "plain" == converter.convert(b"plain", ".txt").text


def test_a_file_that_takes_for_ever_is_given_up():
    """Its process is ended, and the reason told."""
    began = time.monotonic()
    deep = b"<table><tr><td>" * 200_000

    with ConverterProcess(max_s=0.5) as converter, pytest.raises(DocumentError, match=r"longer than 0\.5 s|damaged"):
        converter.convert(deep, ".html")
    assert time.monotonic() - began < 10


def test_a_bomb_is_stopped_by_the_memory_it_may_take():
    """Gigabytes of zeros in a Word file of some kilobytes."""
    file = io.BytesIO(docx("x", "y"))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("word/numbering.xml", "w") as part:
        for _ in range(64):
            part.write(b"\0" * (1 << 20))

    with ConverterProcess() as converter:
        try:
            found = converter.convert(file.getvalue(), ".docx").text
        except DocumentError as error:
            found = str(error)
    assert found in {"# x\n\ny\n", "is damaged, or no docx file"}


def test_a_process_that_died_between_two_files_is_told_as_damage_and_begun_anew():
    """Somebody else ended it."""
    with ConverterProcess() as converter:
        converter.convert(b"<p>a</p>", ".html")
        assert converter._process is not None
        os.kill(converter._process.pid, 9)
        converter._process.wait()
        with pytest.raises(DocumentError):
            converter.convert(b"<p>b</p>" * 100_000, ".html")
        assert "c\n" == converter.convert(b"<p>c</p>", ".html").text


@pytest.mark.parametrize(("name", "suffix"), [("a/b.MD", ".md"), ("x", ""), ("a.tar.GZ", ".gz")])
def test_the_suffix_says_how_a_file_is_read(name, suffix):
    """Whatever its case."""
    assert suffix == suffix_of(name)

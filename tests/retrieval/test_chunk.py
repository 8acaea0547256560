"""Documents to passages: structure, offsets, lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import HAN_SIZE, MAX_SIZE, chunk
from retrieval.ingest import Document

MARKDOWN = st.lists(
    st.sampled_from(["# A", "## 二", "### c ##", "= W =", " = = X = = ", "```", "~~~", "text here. More.", "中文。句子！", "", "- item",
                     "\t", "🙂", "#no", "====", "x" * 950, "字" * 500, "\r"]),
    max_size=30,
).map("\n".join)  # fmt: skip


@given(st.one_of(MARKDOWN, st.text(max_size=400)))
def test_every_passage_is_its_place_in_the_document(text):
    """Text, offsets and lines agree; passages follow each other without overlap and none is blank."""
    at = 0
    for passage in chunk(Document("d", text)):
        assert at <= passage.start < passage.end
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        assert text.count("\n", 0, passage.start) + 1 == passage.start_line
        assert text.count("\n", 0, passage.end - 1) + 1 == passage.end_line
        at = passage.end


def test_headings_lead_their_passages(documents):
    """A passage carries the path of its headings, outermost first, and a sibling replaces the one before."""
    titles = list(dict.fromkeys(passage.title for passage in chunk(documents[0])))

    assert ["Harbour › Ferries", "Harbour › Lighthouse"] == titles


def test_wiki_headings_and_a_given_title():
    """MediaWiki headings count too, and a document's own title leads where the text does not repeat it."""
    text = "= Ship =\nA ship.\n == Engine == \nIt has one.\n"
    titles = [passage.title for passage in chunk(Document("d", text, "Navy"))]

    assert ["Navy › Ship", "Navy › Ship › Engine"] == titles
    assert ["Navy"] == [passage.title for passage in chunk(Document("d", "Only text.", "Navy"))]


def test_a_code_fence_stays_whole_and_its_comments_are_no_headings():
    """A fence is never cut, however long, and `#` inside it is code."""
    fence = "```sh\n# not a heading\n" + "echo one\n\n" * 200 + "```"
    passages = chunk(Document("d", f"# Title\n\nBefore.\n\n{fence}\n\nAfter.\n"))

    assert [fence] == [passage.text for passage in passages if "```" in passage.text]
    assert {"Title"} == {passage.title for passage in passages}


def test_an_open_fence_runs_to_the_end():
    """A fence that is never closed holds the rest of the document."""
    assert ["Text.\n\n```\n# code"] == [passage.text for passage in chunk(Document("d", "Text.\n\n```\n# code\n"))]


def test_long_paragraphs_are_cut_between_sentences():
    """No passage of prose is larger than the limit, in either language, and every sentence is in one piece."""
    for sentence in ("The quick brown fox jumps over the lazy dog today.", "敏捷的棕色狐狸今天跳过了那只懒狗。"):
        passages = chunk(Document("d", " ".join([sentence] * 100)))
        sizes = [sum(HAN_SIZE if char > "\u2e80" else 1 for char in passage.text) for passage in passages]

        assert (True, True) == (len(passages) > 1, max(sizes) <= MAX_SIZE + 60)
        assert all(passage.text.startswith(sentence[:5]) for passage in passages)


def test_a_megabyte_and_odd_characters():
    """A megabyte on one line, NUL, emoji and right-to-left text are cut without complaint."""
    assert 1000 < len(chunk(Document("d", "a" * 1_000_000)))
    assert ["\0 🙂 مرحبا بالعالم."] == [passage.text for passage in chunk(Document("d", "\0 🙂 مرحبا بالعالم."))]
    assert () == chunk(Document("d", ""))

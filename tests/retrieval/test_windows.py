"""Search units: sliding windows of whole sentences."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.ingest import Document
from retrieval.windows import cut, windows

TEXT = st.text(alphabet="ab 。.!?\n#=`我是\u3000", max_size=300)


def windows_of(text, size=800, title=""):
    document = Document("d", text, title)
    return windows(text, cut(document), size=size)


def test_a_window_begins_at_each_sentence_until_the_end_is_reached():
    """Windows overlap; one that lies wholly within the one before is left out."""
    text = "One two. Three four. Five six. Seven eight."
    found = [text[each.start : each.end].strip() for each in windows_of(text, size=23)]

    assert ["One two. Three four.", "Three four. Five six.", "Five six. Seven eight."] == found


def test_han_characters_count_as_four_letters():
    """The same size holds a quarter as many Han characters as letters."""
    text = "一二三四五。六七八九十。"

    assert [(0, 12)] == [(each.start, each.end) for each in windows_of(text, size=42)]
    assert [(0, 6), (6, 12)] == [(each.start, each.end) for each in windows_of(text, size=41)]


def test_headings_are_in_the_text_and_in_the_title():
    """A heading's own line is searched too, and the sentences below it carry the whole path."""
    document = Document("d", "# Harbour\n\n## Ferries\nThe ferry leaves.", "Guide")
    sentences = cut(document)

    assert ("Guide › Harbour", "Guide › Harbour › Ferries") == (sentences.titles[0], sentences.titles[-1])
    assert "# Harbour" in document.text[windows_of(document.text)[0].start :]


def test_a_manual_of_short_sections_is_cut_by_its_sections():
    """No window of it crosses a heading; in a text of long sections windows slide across."""
    short = "# Ferry\nIt leaves.\n# Lamp\nIt shines.\n"
    long = "# Ferry\n" + "It leaves at noon. " * 6 + "\n# Lamp\nIt shines.\n"
    cuts = [short[each.start : each.end] for each in windows_of(short, size=30)]

    assert ["# Ferry\nIt leaves.\n", "# Lamp\nIt shines.\n"] == cuts
    assert any(
        "leaves" in (found := long[each.start : each.end]) and "# Lamp" in found for each in windows_of(long, 60)
    )


def test_a_text_before_the_first_heading_has_the_documents_title():
    """Without a heading above, the document's own title stands."""
    assert "Guide" == cut(Document("d", "Words first.\n\n# Later", "Guide")).titles[0]


def test_white_space_alone_gives_nothing():
    """An empty document has no window, and an endless line without an end mark has some."""
    assert () == windows_of(" \n\t ")
    assert len(windows_of("x" * 5000)) > 5


@given(TEXT, st.integers(1, 80))
@settings(max_examples=60)
def test_every_letter_is_in_a_window(text, size):
    """Windows ascend, end no later than the text, and leave nothing out."""
    found = windows_of(text, size)
    seen = set()
    for each in found:
        seen.update(range(each.start, each.end))
    starts = [each.start for each in found]

    assert starts == sorted(set(starts))
    assert all(each.start < each.end <= len(text) for each in found)
    assert not text.strip() or seen == set(range(len(text)))

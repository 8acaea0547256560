"""How many warnings become few headers without losing a name."""

from __future__ import annotations

from proxy.exchange import MAX_JOINED, MAX_JOINED_CHARS, MAX_WARNING_CHARS, MAX_WARNINGS, warning_texts


def lost(n: int, *, chars: int = 1) -> list[str]:
    return [f"field_{each}{'x' * chars} dropped: Ollama has no such parameter" for each in range(n)]


def test_the_first_warnings_are_told_whole() -> None:
    """Up to the bound each has a header with its reason."""
    assert lost(MAX_WARNINGS) == warning_texts(lost(MAX_WARNINGS))
    assert [] == warning_texts(())


def test_warnings_beyond_the_bound_keep_their_names() -> None:
    """A client must hear of every field, though not of every reason."""
    given = lost(40)
    texts = warning_texts(given)

    assert given[:MAX_WARNINGS] == texts[:MAX_WARNINGS]
    assert [each.partition(":")[0] for each in given[MAX_WARNINGS:]] == "; ".join(texts[MAX_WARNINGS:]).split("; ")
    assert MAX_WARNINGS + 2 >= len(texts)


def test_a_flood_of_warnings_stays_within_what_clients_read() -> None:
    """Thousands of unknown fields fill a few bounded headers, and the rest is counted."""
    texts = warning_texts(lost(5000, chars=60))
    n_named = sum(text.count(" dropped") for text in texts)

    assert MAX_WARNINGS + MAX_JOINED + 1 == len(texts)
    assert f"and {5000 - n_named} more" == texts[-1]
    assert max(map(len, texts)) <= MAX_JOINED_CHARS
    assert len(warning_texts(["y" * 5000])[0]) == MAX_WARNING_CHARS

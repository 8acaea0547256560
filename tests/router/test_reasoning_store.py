"""The store of what providers want back with a tool call."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from router.reasoning_store import ReasoningStore, call_key


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_comes_back_as_a_fresh_copy() -> None:
    """A reader that changes its copy changes nothing in the store."""
    store = ReasoningStore()
    store.put("call_1", {"reasoning_content": "想"})
    (store.get("call_1") or {}).clear()

    assert {"reasoning_content": "想"} == store.get("call_1")
    assert store.get("call_2") is None


def test_a_second_put_replaces_the_first() -> None:
    """The last value wins and is counted once."""
    store = ReasoningStore()
    store.put("a", {"x": "1" * 100})
    store.put("a", {"x": 2})

    assert {"x": 2} == store.get("a")
    assert (1, len('a{"x":2}')) == (store.n_entries, store.size_bytes)


def test_the_least_recently_used_goes_first() -> None:
    """Reading keeps an entry alive when room is short."""
    store = ReasoningStore(max_entries=2)
    store.put("a", {})
    store.put("b", {})
    store.get("a")
    store.put("c", {})

    assert ({}, None, {}) == (store.get("a"), store.get("b"), store.get("c"))


def test_entries_age_out() -> None:
    """After its time an entry is gone and its bytes are free."""
    clock = Clock()
    store = ReasoningStore(ttl_s=10, clock=clock)
    store.put("a", {"x": 1})
    clock.now = 10

    assert store.get("a") is None
    assert (0, 0) == (store.n_entries, store.size_bytes)


def test_a_value_larger_than_the_store_is_not_kept() -> None:
    """One huge value does not push everything else out."""
    store = ReasoningStore(max_bytes=50)
    store.put("a", {"x": 1})
    store.put("b", {"x": "y" * 100})

    assert ({"x": 1}, None) == (store.get("a"), store.get("b"))


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60)), max_size=60))
def test_count_and_bytes_never_exceed_their_bounds(puts: list[tuple[str, int]]) -> None:
    """Whatever is put, both bounds hold and the byte count is true."""
    store = ReasoningStore(max_entries=3, max_bytes=100)
    for key, size in puts:
        store.put(key, {"x": "y" * size})
        kept = {name: store.get(name) for name in "abcdef"}

        assert store.n_entries <= 3
        assert store.size_bytes <= 100
        assert store.size_bytes == sum(
            len(name) + len(f'{{"x":"{value["x"]}"}}') for name, value in kept.items() if value is not None
        )


def test_a_call_key_survives_rewritten_arguments_and_separates_conversations() -> None:
    """Clients re-encode JSON; another conversation with the same counted id has other arguments."""
    key = call_key("functions.f:0", "f", '{"a": 1, "b": [2]}')

    assert key == call_key("functions.f:0", "f", '{"b":[2],"a":1}')
    assert key != call_key("functions.f:0", "f", '{"a": 2}')
    assert key != call_key("functions.f:0", "g", '{"a": 1, "b": [2]}')
    assert call_key("c", "f", "raw \ud800 text") != call_key("c", "f", "other text")

"""Windows that grow into few, long passages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.choose import Candidate, Limits, Texts
from retrieval.stretches import HEADER_TOKENS, MAX_GAP_TOKENS, choose_stretches

SENTENCE = 10
TEXTS = Texts(lambda _: "x" * 10_000, lambda _: range(0, 10_000, SENTENCE), len)
"""Documents of a thousand sentences that cost 10 tokens each."""


def stretches(*candidates, **limits):
    """Return the chosen sentences by document, joined, in the order of the document."""
    found = choose_stretches(
        [Candidate(*each) for each in candidates], TEXTS, Limits(**{"most": 2, "least": 2} | limits)
    )
    taken = sorted((each.document, at) for each in found for at in range(each.start // SENTENCE, each.end // SENTENCE))
    runs = []
    for doc, at in taken:
        if runs and runs[-1][0] == doc and runs[-1][2] == at:
            runs[-1][2] = at + 1
        else:
            runs.append([doc, at, at + 1])
    return [tuple(run) for run in runs]


def test_windows_that_touch_are_one_stretch():
    """A third window joins though two stretches are all there may be; one that touches nothing is left out."""
    assert [(0, 0, 9), (1, 0, 3)] == stretches(
        (0, 0, 3, 0.9), (1, 0, 3, 0.8), (0, 3, 6, 0.7), (0, 5, 9, 0.6), (2, 0, 3, 0.5)
    )


def test_a_small_gap_is_filled_and_a_large_one_is_not():
    """The gap is sent too, so that no sentence is torn from its neighbours; both before and after what is chosen."""
    near = MAX_GAP_TOKENS // SENTENCE

    assert [(0, 48 - near, 53)] == stretches((0, 50, 53, 0.9), (0, 48 - near, 50 - near, 0.1), most=1)
    assert [(0, 50, 53 + near + 2)] == stretches((0, 50, 53, 0.9), (0, 53 + near, 55 + near, 0.1), most=1)
    assert [(0, 50, 53)] == stretches((0, 50, 53, 0.9), (0, 54 + near, 56 + near, 0.1), most=1)


def test_the_gap_is_filled_towards_the_nearer_side():
    """Between two stretches a window joins the one that costs less."""
    assert [(0, 0, 2), (0, 15, 22)] == stretches((0, 0, 2, 0.9), (0, 20, 22, 0.8), (0, 15, 17, 0.1))


def test_the_budget_holds_headers_and_text():
    """What does not fit is passed over, and the next is tried; nothing in a budget of 0."""
    assert [(0, 0, 3)] == stretches((0, 0, 3, 0.9), (1, 0, 9, 0.8), token_budget=30 + HEADER_TOKENS)
    assert [(0, 0, 3), (2, 0, 1)] == stretches(
        (0, 0, 3, 0.9), (1, 0, 9, 0.8), (2, 0, 1, 0.7), token_budget=40 + 2 * HEADER_TOKENS
    )
    assert [] == stretches((0, 0, 3, 0.9), token_budget=0) == stretches() == stretches((0, 0, 3, 0.0))


def test_beyond_the_least_a_stretch_begins_only_with_a_good_window():
    """A window of less than its share of the best joins, but begins nothing."""
    assert [(0, 0, 3)] == stretches((0, 0, 3, 0.9), (1, 0, 3, 0.4), least=1, extra_share=0.5)
    assert [(0, 0, 3), (1, 0, 3)] == stretches((0, 0, 3, 0.9), (1, 0, 3, 0.5), least=1, extra_share=0.5)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 90), st.integers(1, 9), st.floats(0.01, 1)), max_size=30),
    st.integers(0, 900),
    st.integers(1, 5),
)
def test_no_sentence_is_sent_twice_and_no_limit_is_crossed(windows, budget, most):
    """Whatever windows are found: stretches within their number, tokens within the budget, pieces without overlap."""
    candidates = [Candidate(doc, first, first + n, score) for doc, first, n, score in windows]
    found = choose_stretches(candidates, TEXTS, Limits(most, least=most, token_budget=budget))
    sent = [(each.document, at) for each in found for at in range(each.start, each.end)]

    assert len(sent) == len(set(sent)) == sum(each.n_tokens for each in found) <= budget
    assert len(stretches(*candidates, most=most, least=most, token_budget=budget)) <= most

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.choosing.values import Question
from router.learning.encoding import DOMAINS, N_SLOTS, encoded, topic_of
from tests.router.learning.doubles import CODE

texts = st.text(max_size=12)
questions = st.builds(
    Question,
    text=texts,
    language=st.sampled_from(["zh", "en", "", "xx"]),
    domain=st.sampled_from([*DOMAINS, "", "\ud800", "cooking"]),
    intents=st.lists(texts, max_size=5).map(tuple),
    complexity=st.integers(-5, 99),
    n_tokens=st.integers(-9, 10**12),
    has_code=st.booleans(),
    has_tools=st.booleans(),
    has_images=st.booleans(),
    wants_json=st.booleans(),
    task_state=st.sampled_from(["", "new", "followup", "tool_loop"]),
)


@given(questions)
def test_every_question_is_a_finite_vector_of_length_one(question):
    """Whatever it holds, however absurd."""
    x = encoded(question)

    assert (N_SLOTS,) == x.shape
    assert np.isfinite(x).all()
    assert 1.0 == pytest.approx(float(np.linalg.norm(x)))


def test_the_shipped_domains_are_kept_apart():
    """Each has a slot of its own."""
    vectors = [encoded(Question("", domain=domain)) for domain in DOMAINS]

    assert len(DOMAINS) == len({tuple(each.tolist()) for each in vectors})


@pytest.mark.parametrize(
    "other",
    [
        replace(CODE, language="zh"),
        replace(CODE, intents=()),
        replace(CODE, complexity=9),
        replace(CODE, n_tokens=9_000),
        replace(CODE, has_code=False),
        replace(CODE, has_tools=True),
        replace(CODE, has_images=True),
        replace(CODE, wants_json=True),
        replace(CODE, task_state="followup"),
    ],
)
def test_what_differs_is_told_apart(other):
    """Each mark has its place."""
    assert not np.allclose(encoded(CODE), encoded(other))


def test_the_text_is_not_read():
    """The books keep none, so nothing may rest on it."""
    assert np.array_equal(encoded(CODE), encoded(replace(CODE, text="anything else")))


def test_the_topic_is_the_first_intent_else_the_domain():
    """Nothing where neither is known."""
    assert ("code", "chat", "") == (
        topic_of(CODE),
        topic_of(Question("", domain="chat")),
        topic_of(Question("")),
    )

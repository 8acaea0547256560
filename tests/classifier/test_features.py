"""What a router may know without asking anyone."""

import time

import pytest

from classifier import conversation
from classifier.features import complexity_of, features_of

HARD = """Design a rate limiter. It must:
- hold at least 10,000 keys, without a lock
- ensure fairness, unless a key is blocked
- compare token bucket and sliding window, then prove the bound
```python
def take(key): ...
```
What are the trade-offs? Why? Which one should we refactor to?"""


@pytest.mark.parametrize("text", ["", "hi", "你好", "What is ethanol?", "\0", "😀"])
def test_a_greeting_is_easy(text: str) -> None:
    """Short turns without conditions are the easiest."""
    assert complexity_of(text) == 1


def test_conditions_around_code_are_hard() -> None:
    """A listed task with code and conditions is near the top, in both languages."""
    chinese = (
        "设计一个限流器，必须支持至少一万个键，不能加锁，同时确保公平；然后对比两种算法并且证明上界，逐步推导。" * 3
    )

    assert complexity_of(HARD) >= 8
    assert complexity_of(chinese) >= 6


def test_code_is_told_from_talk_about_code() -> None:
    """Fenced, statement-like and marked-up text is code; prose with a colon is not."""
    texts = [
        "```\nx\n```",
        "def f(x): return x",
        "<div class='a'>x</div>",
        "print(x);",
        "My class is fun.",
        "好的：明天",
    ]
    found = [features_of(conversation.read([{"role": "user", "content": text}])).has_code for text in texts]

    assert [True, True, True, True, False, False] == found


def test_what_the_request_carries_is_told() -> None:
    """Language, tools, images, domain and state of the task stand beside each other, by name."""
    state = conversation.read([{"role": "user", "content": "画一只猫"}])
    found = features_of(state, has_tools=True, has_images=True, domain="chat").as_json()

    assert {
        "language": "zh", "domain": "chat", "complexity": 1, "length": 4, "has_code": False,
        "has_tools": True, "has_images": True, "task_state": "new", "n_turns": 1,
    } == found  # fmt: skip


def test_a_megabyte_is_read_at_its_edges() -> None:
    """The length is told whole, and the time stays bounded."""
    state = conversation.State("x(" * 500_000, None, "en", 1, in_tool_loop=False, task_state="new")
    begun = time.process_time()
    found = features_of(state)

    assert found.length == 1_000_000
    assert time.process_time() - begun < 5


def test_a_long_run_without_a_break_is_searched_once_for_code() -> None:
    """A key or an encoded file is no call of a function, and finding that out takes no time to speak of."""
    state = conversation.State("zq" * 2_000, None, "en", 1, in_tool_loop=False, task_state="new")
    seconds: list[float] = []
    for _ in range(5):
        begun = time.process_time()
        found = features_of(state)
        seconds.append(time.process_time() - begun)

    assert not found.has_code
    assert min(seconds) < 0.2

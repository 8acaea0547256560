"""How often chance decides whether few words are alike: two words that the secret puts into one of the 256 places.

`python -m tests.bench.similar_chance` prints the table of `docs/reports/similar.md`. Under each of 20 secrets the
similarity of rewordings of three to six words (signs for Chinese), and of pairs that have nothing in common, is held
against what it is where no two words share a place.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from math import sqrt

import numpy as np

from router.similar.searching import LEAST_SIMILARITY
from router.similar.vectors import Hashing, direction_of, weighed

N_SECRETS = 20
PAIRS = (
    ("reset my password", "reset the old password"),
    ("reset my password please", "how to reset password"),
    ("cancel my subscription", "please cancel this subscription"),
    ("cancel subscription today", "cancel the subscription now"),
    ("track my order", "where is my order"),
    ("delete my account", "please delete this account"),
    ("sort a python list", "sort list in python"),
    ("capital city of France", "what is France's capital city"),
    ("book a table tonight", "book me a table"),
    ("translate this to French", "translate this text into French"),
    ("weather in Berlin tomorrow", "tomorrow's weather in Berlin"),
    ("refund my last invoice", "I want my invoice refund"),
    ("merge two sorted arrays", "merge sorted arrays in Go"),
    ("write a short poem", "write me a poem"),
    ("summarise this long article", "summarise the article"),
    ("change my email address", "update my email address"),
    ("install docker on Ubuntu", "how to install docker"),
    ("convert miles to kilometres", "miles in kilometres"),
    ("fix null pointer exception", "null pointer exception in Java"),
    ("explain quantum entanglement simply", "what is quantum entanglement"),
    ("重置密码", "怎么重置密码"),
    ("查询订单", "查询我的订单"),
    ("取消订阅", "请取消订阅"),
    ("翻译成英文", "翻译为英文"),
    ("明天天气", "明天的天气"),
    ("退款流程", "怎么退款"),
    ("删除账号", "如何删除账号"),
    ("安装软件", "软件的安装"),
    ("写一首诗", "写首诗"),
    ("修改邮箱", "更改邮箱"),
)
"""Three to six words or signs a side, beside those that every other question has."""


def exactly(one: str, other: str) -> float:
    """Return the cosine of two texts where each word and pair has a place of its own."""
    a, b = weighed(one), weighed(other)
    dot = sum(weight * b.get(code, 0.0) for code, weight in a.items())
    return dot / sqrt(sum(each * each for each in a.values()) * sum(each * each for each in b.values()))


def similarities(hashing: Hashing, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Return the cosines of pairs under one secret."""
    found: list[float] = []
    for one, other in pairs:
        a, b = direction_of(hashing.vector_of(one) or b""), direction_of(hashing.vector_of(other) or b"")
        found.append(0.0 if a is None or b is None else float(np.dot(a, b)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secrets", type=int, default=N_SECRETS)
    options = parser.parse_args()
    hashings = [Hashing(f"secret {n} of the benchmark".encode()) for n in range(options.secrets)]
    texts = [text for pair in PAIRS for text in pair]
    strangers = [pair for pair in combinations(texts, 2) if exactly(*pair) == 0.0]
    print(
        "| pairs | n x secrets | alike, though they are not | not alike, though they are | off by, 95 % below | most |"
    )
    print("|---|---|---|---|---|---|")
    for name, pairs in (("rewordings of few words", list(PAIRS)), ("nothing in common", strangers)):
        true = np.array([exactly(*pair) for pair in pairs])
        seen = np.array([similarities(each, pairs) for each in hashings])
        wrongly = ((seen >= LEAST_SIMILARITY) & (true < LEAST_SIMILARITY)).mean()
        missed = ((seen < LEAST_SIMILARITY) & (true >= LEAST_SIMILARITY)).mean()
        off = np.abs(seen - true)
        print(
            f"| {name} | {len(pairs):,} x {len(hashings)} | {wrongly:.2%} | {missed:.2%} "
            f"| {np.quantile(off, 0.95):.2f} | {off.max():.2f} |"
        )


if __name__ == "__main__":
    main()

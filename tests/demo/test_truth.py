"""The demo's truth: opinions follow it, with the noise that is told, and are the same for the same seed."""

from __future__ import annotations

from collections import Counter
from statistics import mean

from tests.demo.day import UPSTREAMS
from tests.demo.truth import KINDS, NOISE, asked

MANY = 4_000


def _is_good(said: dict[str, object]) -> bool:
    return said["thumbs"] == "up" if "thumbs" in said else int(str(said["rating"])) >= 4  # stars


def test_the_same_seed_asks_and_thinks_the_same() -> None:
    """Nothing is drawn from anywhere else."""
    one, other = ([asked(n, 7, share=0.8) for n in range(50)] for _ in range(2))

    assert one == other
    assert [each.opinion("gpt") for each in one] == [each.opinion("gpt") for each in other]
    assert one != [asked(n, 8, share=0.8) for n in range(50)]


def test_opinions_follow_the_truth_with_its_noise() -> None:
    """Of each model the share of good opinions is what the table says, a few of them turned round."""
    found: dict[str, list[bool]] = {name: [] for name in UPSTREAMS}
    expected: dict[str, list[float]] = {name: [] for name in UPSTREAMS}
    for n in range(MANY):
        question = asked(n, 1, share=1.0)
        for name in UPSTREAMS:
            said = question.opinion(name)
            assert said is not None
            found[name].append(_is_good(said))
            p = question.kind.p_good[name]
            expected[name].append(p * (1 - NOISE) + (1 - p) * NOISE)

    for name in UPSTREAMS:
        assert abs(mean(expected[name]) - mean(found[name])) < 0.03, name


def test_only_a_share_speaks_and_every_kind_is_asked_in_both_languages() -> None:
    """Who is silent says nothing; each kind has questions in English and in Chinese."""
    questions = [asked(n, 1, share=0.8) for n in range(MANY)]

    assert abs(0.8 - mean(each.opinion("gpt") is not None for each in questions)) < 0.03
    assert {kind.name for kind in KINDS} == set(Counter(each.kind.name for each in questions))
    for kind in KINDS:
        chinese = [any("\u4e00" <= letter <= "\u9fff" for letter in text) for text in kind.questions]
        assert {True, False} == set(chinese), kind.name

"""Sentences that were once read wrongly, or that a mend might have made so; and the words that are no misspellings."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from classifier.reflex import Reflex
from classifier.reflex_en_verbs import GERUNDS, PASTS, SURE, TYPOS, VERBS
from classifier.reflex_report import ORDERS_AMONG_THEM, ORDINARY
from classifier.reflex_typos import REAL_WORDS

HERE = Path(__file__).parent
CASES = HERE / "reflex_cases"
BLUEPRINTS = HERE.parents[1] / "classifier/foundry/blueprints"
REFLEX = Reflex()
SLIPS_THAT_WERE_READ = {"chagne", "chnage", "chnge", "delte", "refnd", "refnud", "refudn", "reufnd", "transfr"}


def rows(name: str) -> list[dict[str, str | None]]:
    """One case a line."""
    return [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("word", sorted(REAL_WORDS))
def test_no_english_word_is_taken_for_a_misspelt_order(word: str) -> None:
    """`repeat` is no slip of `repeal`, nor `rebook` one of `reboot`."""
    texts = (f"{word} after me: blue", f"{word} the last answer", f"please {word} my flight for tomorrow")

    assert word not in TYPOS
    assert word in VERBS or [None] * 3 == [REFLEX.look(text) for text in texts]


def test_no_word_of_our_own_corpora_is_taken_for_a_misspelt_order() -> None:
    """What stands in our written requests and counts as a slip is one; each was read."""
    seen = {
        word
        for file in BLUEPRINTS.rglob("*.jsonl")
        for word in re.findall(r"[a-z]+", file.read_text(encoding="utf-8").lower())
    }

    assert len(seen) > 5_000
    assert SLIPS_THAT_WERE_READ >= {word for word in TYPOS if word in seen}


def test_a_slip_of_every_longer_verb_is_still_known() -> None:
    """Two neighbouring letters swapped, which is how most slips are made."""
    long = [verb for verb in SURE if len(verb) > 6 and verb.isalpha()]
    swapped = [verb[:3] + verb[4] + verb[3] + verb[5:] for verb in long]

    assert [] == [slip for slip in swapped if slip not in TYPOS and slip not in VERBS]


def test_forms_of_other_verbs_are_not_read_as_orders() -> None:
    """To scrape is not to scrap, and `buried` comes of no `burn`."""
    assert set() == {"scraping", "scraped", "striping", "striped"} & {*GERUNDS, *PASTS}
    assert {"buried", "died"}.isdisjoint(PASTS)
    assert {"scrapping", "stripped", "paid"} <= {*GERUNDS, *PASTS}


@pytest.mark.parametrize("case", rows("regression"), ids=lambda case: str(case["text"])[:24])
def test_what_was_once_read_wrongly_is_read_rightly(case: dict[str, str | None]) -> None:
    """Each hard negative has an order beside it that a mend too broad would lose."""
    hit = REFLEX.look(case["text"] or "")

    assert case["action"] == (hit and hit.action)


def test_the_regression_cases_are_balanced_and_new() -> None:
    """At least sixty orders and sixty others, in both languages alike, none of them in another file."""
    cases = rows("regression")
    others = {row["text"] for name in ("frozen", "blind", "more", "development", "further") for row in rows(name)}
    counts = Counter((case["lang"], case["action"] is not None) for case in cases)

    assert all(counts[lang, orders] >= 55 for lang in ("zh", "en") for orders in (True, False))
    assert abs(counts["zh", True] - counts["en", True]) <= 5
    assert len(cases) == len({case["text"] for case in cases} - others)


def test_ordinary_rows_of_other_questions_seldom_fire() -> None:
    """Held-out rows of four other models: what fires there was read, and is an order."""
    files = [BLUEPRINTS / name / "test.jsonl" for name in ORDINARY]
    texts = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    assert len(texts) == 1_228
    assert ORDERS_AMONG_THEM >= {text for text in texts if REFLEX.look(text)}

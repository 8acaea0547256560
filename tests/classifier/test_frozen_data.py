"""The held-out data of the classifier: what it must hold, and that nobody edits the frozen parts unseen.

Reflex case: `text`, `lang`, `action` (what must fire, or null), `tags`. Intent row: `prompt`, `output`, `lang`,
`tags`. Conversation: `messages`; `text`, what the last human turn says without harness blocks (compare with runs of
white space as one); `inherits`, the human request whose `plan` (index of the assistant's message) a bare yes accepts,
else null; `lang`, of the request that counts.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
REFLEX = HERE / "reflex_cases" / "frozen.jsonl"
MORE = HERE / "reflex_cases" / "more.jsonl"
BLIND = HERE / "reflex_cases" / "blind.jsonl"
DEVELOPMENT = HERE / "reflex_cases" / "development.jsonl"
CONVERSATIONS = HERE / "conversations.jsonl"
INTENT = HERE.parents[1] / "classifier/foundry/blueprints/intent/test.jsonl"
DOMAIN = INTENT.parents[1] / "domain/test.jsonl"
RISK = INTENT.parents[1] / "risk/test.jsonl"
SENTIMENT = INTENT.parents[1] / "sentiment/test.jsonl"
COMPLEXITY = INTENT.parents[1] / "complexity/test.jsonl"
IS_QUESTION = INTENT.parents[1] / "is_question/test.jsonl"
CONFIRMATION = INTENT.parents[1] / "confirmation/test.jsonl"
INTENT_SECOND = INTENT.parent / "second_test.jsonl"
INTENT_THIRD = INTENT.parent / "third_test.jsonl"
ENTITIES = INTENT.parents[1] / "ner_core_entity/test.jsonl"
ACTIONS = {"delete", "modify", "overwrite", "transfer", "revoke", "shutdown"}
INTENTS = {"order_management", "user_auth", "payment", "inventory", "notification", "none"}


def rows(file: Path) -> list[dict[str, Any]]:
    """One object a line."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def folded(texts: list[str]) -> set[str]:
    """The texts without case and white space, which is how alike two of them may be at most."""
    return {"".join(text.casefold().split()) for text in texts}


@pytest.mark.parametrize(
    ("file", "digest"),
    [
        (REFLEX, "9b2304d51462d7961d2e2a8da2a44cf5af126a93e75ec12ff78eb85a441100da"),
        (BLIND, "c785f9c50d3b35fcfcb47584814c3e5f07d69d92ea632331c3cbb97eda3bd1ca"),
        (INTENT, "490057d6af664115fb93df565c447c1ac2b0f62e5faaf3c535c4b0e27f3e3101"),
        (DOMAIN, "4629142a224666d9bffb2c2f9e6bb609978861452417dad932cfcda756937895"),
        (RISK, "7785bc677aebfa1669a266e5d7b85cdbc9a72f4d4a211f58cbd92a547a75a865"),
        (SENTIMENT, "f26e7b7d480d3a1f66a32038bb70a152e231c67175ebde4c84cdca19d8a34327"),
        (COMPLEXITY, "4171373c4f32b946eee7d2b5d8f29f4c467cea7a88688407e5a125ce4c9b9ed5"),
        (ENTITIES, "c5e4ab33264df20c5fd878146986e4ea30c949055c83a157f870f6a41dbd793d"),
        (IS_QUESTION, "aa3448f98569cd264995d13823a8332b750f496b6b4a5c7d60ab1b652eb301dd"),
        (CONFIRMATION, "dcd6ff0d4c66b2b6f2aa6144f9e8f789c4ed542375d02b82d5fe746ed0645665"),
        (INTENT_SECOND, "17cbd96ba879046c84f9299d481a115e13d8b0c19eba69ad95c675726c9eb9e0"),
        (INTENT_THIRD, "1b432056f8478ec83752c2a98ba94e949ea4ffdcf388c209043eae5f0f14e21c"),
    ],
    ids=[
        "reflex",
        "blind",
        "intent",
        "domain",
        "risk",
        "sentiment",
        "complexity",
        "entities",
        "is_question",
        "confirmation",
        "second_intent",
        "third_intent",
    ],
)
def test_a_frozen_file_is_the_one_that_was_frozen(file: Path, digest: str) -> None:
    """A frozen file that is edited makes every figure reported on it worthless."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()

    assert digest == found


@pytest.mark.parametrize(
    ("file", "least"),
    [(REFLEX, 300), (MORE, 340), (BLIND, 320), (DEVELOPMENT, 500)],
    ids=["frozen", "more", "blind", "development"],
)
def test_reflex_cases_hold_each_action_in_each_language(file: Path, least: int) -> None:
    """Both languages are equals, every action occurs often enough, and about half of the cases must not fire."""
    cases = rows(file)
    by_language = Counter(case["lang"] for case in cases)
    by_action = Counter((case["lang"], case["action"]) for case in cases)
    quiet = by_action["zh", None] + by_action["en", None]

    assert len(cases) >= least
    assert abs(by_language["zh"] - by_language["en"]) <= 2
    assert all(by_action[lang, action] >= 12 for lang in ("zh", "en") for action in ACTIONS)
    assert {case["action"] for case in cases} == ACTIONS | {None}
    assert 0.45 <= quiet / len(cases) <= 0.55


def test_no_reflex_case_is_written_twice() -> None:
    """A case in two files would be counted twice."""
    texts = [case["text"] for file in (REFLEX, MORE, BLIND, DEVELOPMENT) for case in rows(file)]

    assert len(texts) == len(folded(texts))


def test_intent_rows_hold_the_promised_shares() -> None:
    """Each label in each language, single and several labels, hard none: as the figures presuppose."""
    found = rows(INTENT)
    by_language = Counter(row["lang"] for row in found)
    by_label = Counter((row["lang"], label) for row in found for label in row["output"])
    single = sum(len(row["output"]) == 1 for row in found) / len(found)
    nothing = sum(row["output"] == ["none"] for row in found) / len(found)

    assert len(found) >= 660
    assert by_language["zh"] == by_language["en"]
    assert all(by_label[lang, label] >= 60 for lang in ("zh", "en") for label in INTENTS)
    assert 0.60 <= single <= 0.65
    assert 0.16 <= nothing <= 0.20


def test_intent_rows_are_well_formed_and_distinct() -> None:
    """Known labels, none alone, at most three, and no prompt twice."""
    found = rows(INTENT)
    prompts = [row["prompt"] for row in found]

    assert {label for row in found for label in row["output"]} == INTENTS
    assert all(1 <= len(row["output"]) == len(set(row["output"])) <= 3 for row in found)
    assert all(row["output"] == ["none"] for row in found if "none" in row["output"])
    assert len(prompts) == len(folded(prompts))


def test_conversations_inherit_only_what_a_human_asked() -> None:
    """What a bare yes stands for is found in an earlier human turn, and its plan is the assistant's."""
    found = rows(CONVERSATIONS)
    heirs = [row for row in found if row["inherits"] is not None]
    asked = [[str(m["content"]) for m in row["messages"][: row["plan"]] if m["role"] == "user"] for row in heirs]

    assert len(found) >= 60
    assert len(heirs) >= 16
    assert len(found) == len({json.dumps(row["messages"]) for row in found})
    assert all(row["messages"][row["plan"]]["role"] == "assistant" for row in heirs)
    assert all(any(row["inherits"] in text for text in texts) for row, texts in zip(heirs, asked, strict=True))
    assert all(row["plan"] is None for row in found if row["inherits"] is None)


def test_conversations_expect_only_what_was_said() -> None:
    """The expected text is made of words of the human turns, in both languages about as often."""
    found = rows(CONVERSATIONS)
    by_language = Counter(row["lang"] for row in found)

    assert abs(by_language["zh"] - by_language["en"]) <= 4
    for row in found:
        said = json.dumps([m["content"] for m in row["messages"] if m["role"] == "user"], ensure_ascii=False)
        for word in row["text"].split():
            assert json.dumps(word, ensure_ascii=False)[1:-1] in said

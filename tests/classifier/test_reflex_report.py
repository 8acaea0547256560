"""The report on the reflex."""

import hashlib
from pathlib import Path

from classifier.reflex_report import CASES, main


def test_the_report_counts_a_wrong_action_as_both_faults(tmp_path: Path) -> None:
    """Written from any folder of cases; what history proves stands there, and how often ordinary rows fire."""
    rows = (
        '{"text": "Delete the folder.", "lang": "en", "action": "delete"}\n'
        '{"text": "把服务器关掉", "lang": "zh", "action": "delete"}\n'
        '{"text": "hello", "lang": "en", "action": null}\n'
    )
    for name in ("frozen.jsonl", "more.jsonl"):
        (tmp_path / name).write_text(rows, encoding="utf-8")
    page = tmp_path / "reflex.md"
    main(["--cases", str(tmp_path), "--out", str(page)])
    text = page.read_text(encoding="utf-8")

    assert "| frozen | 3 | 1/2 = 50.0%" in text
    assert "129/160" in text
    assert "cannot be made again" in text
    assert "| all held out | 1228 |" in text
    assert "| is_question, for training | 4270 |" in text
    assert "| shutdown | 0 | none | 0/2" in text


def test_the_further_look_is_the_one_that_was_frozen() -> None:
    """An edited file makes every figure reported on it worthless."""
    found = hashlib.sha256((CASES / "further.jsonl").read_bytes()).hexdigest()

    assert "c087a8d04029cd8be7fa9eecf4b0c509558edba8ef6309ab69276afbd6b4e432" == found

"""The report on the reflex."""

from pathlib import Path

from classifier.reflex_report import main


def test_the_report_counts_a_wrong_action_as_both_faults(tmp_path: Path) -> None:
    """Written from any folder of cases; the first figure on the frozen ones always stands there."""
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
    assert "127/150" in text
    assert "144/160" in text
    assert "| shutdown | 0 | none | 0/2" in text

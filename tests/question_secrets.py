"""One secret of questions for tests: under another one, chance moves similarities by some hundredths."""

from __future__ import annotations

from pathlib import Path

from proxy.question_secret import QUESTIONS_FILE


def settled(state_dir: Path) -> None:
    """Put the secret where a gateway looks for its own, before it starts."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state_dir / QUESTIONS_FILE).write_text("a secret of these tests 3")

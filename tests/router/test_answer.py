"""An answer up to its commit: what was lost for it is told with it, whenever it was found out."""

from __future__ import annotations

from typing import Any, cast

from router.answer import Answer
from router.events import Completion, Frame

ATTEMPT = cast("Any", None)
"""None of these tests looks at it."""


def test_what_the_upstream_taught_is_told_beside_what_was_known() -> None:
    """A provider may learn from a refusal, before the first content, what this model cannot be told."""
    plain = Answer(ATTEMPT, ("known",), completion=Completion((), b"", warnings=("learnt",)))
    streamed = Answer(ATTEMPT, ("known",), held_back=(Frame((), b"", ("learnt",)), Frame(())))

    assert [("known", "learnt")] * 2 == [plain.warnings, streamed.warnings]

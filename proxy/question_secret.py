"""The secret under which the words of questions are hashed; it lies apart from the database."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

from config.pepper import given_pepper
from config.stored_secret import stored_secret
from router.similar.vectors import Hashing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

QUESTIONS_FILE: Final = "question-secret"


def question_hashing(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Hashing:
    """Return how vectors are made: the same after a restart, and on replicas with one key pepper in the environment.

    Else under a file of its own, not the pepper's: making that says that there are keys. Raises `SettingsError`.
    """
    given = given_pepper(environment)
    if given is not None:
        return Hashing(hmac.new(given, b"thalamus questions", hashlib.sha256).digest())
    mend = "remove it; questions asked until now are then found no more"
    return Hashing(stored_secret(state_dir / QUESTIONS_FILE, what="the secret of similar questions", mend=mend))

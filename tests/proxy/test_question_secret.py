from __future__ import annotations

from config.pepper import PEPPER_ENV
from proxy.question_secret import QUESTIONS_FILE, question_hashing


def test_the_secret_is_made_once_for_its_owner_alone_and_says_nothing_of_keys(tmp_path):
    """A restart makes the same vectors, another folder others."""
    first, again = question_hashing(tmp_path / "a", {}), question_hashing(tmp_path / "a", {})
    other = question_hashing(tmp_path / "b", {})

    assert first == again
    assert first.form != other.form
    assert first.vector_of("reset my password") != other.vector_of("reset my password")
    assert [QUESTIONS_FILE] == [each.name for each in (tmp_path / "a").iterdir()]
    assert 0o600 == (tmp_path / "a" / QUESTIONS_FILE).stat().st_mode & 0o777


def test_replicas_with_one_pepper_in_the_environment_make_the_same_vectors(tmp_path):
    """And leave no file."""
    environment = {PEPPER_ENV: "a pepper of sixteen characters"}
    one, other = (question_hashing(tmp_path / each, environment) for each in "ab")

    assert one == other
    assert [] == list(tmp_path.iterdir())

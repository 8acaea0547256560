from __future__ import annotations

import copy
import pickle

import pytest

from config.bounds import Between
from config.secret import Secret
from config.settings import ServerSettings, Settings, StorageSettings


def test_secret_is_not_shown_by_any_way_of_printing():
    """A key that is logged by mistake stays a row of stars."""
    secret = Secret("sk-canary")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        repr([secret]),
        repr({"a": secret}),
    ]

    assert not [text for text in shown if "canary" in text]
    assert "sk-canary" == secret.reveal()


def test_secret_cannot_be_pickled_or_copied_by_pickle():
    """A secret does not travel in a cache or to a worker by accident."""
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            way(Secret("x"))


def test_secrets_compare_by_value():
    """Two secrets are equal when their texts are, and never equal to a plain text."""
    assert Secret("a") == Secret("a")
    assert {Secret("a")} == {Secret("a"), Secret("a")}
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_defaults_are_safe():
    """Without a file: loopback only, no bodies stored, no proxy headers believed, no foreign origins."""
    settings = Settings()

    assert "127.0.0.1" == settings.server.host
    assert not settings.storage.store_bodies
    assert () == settings.server.trusted_proxies
    assert () == settings.server.cors_origins


def test_settings_hide_keys_and_the_database_password():
    """Printing all settings shows neither a key nor the password in the database's URL."""
    settings = Settings(
        server=ServerSettings(api_keys=(Secret("canary-1"),)),
        storage=StorageSettings(url="postgresql://u:canary-2@h/db"),
        secrets={"OPENAI_API_KEY": Secret("canary-3")},
    )

    assert "canary" not in repr(settings)


def test_database_url_defaults_to_a_file_in_the_state_folder(tmp_path):
    """The books lie beside the other state, unless a URL says otherwise."""
    assert f"sqlite:///{tmp_path}/thalamus.sqlite" == Settings(state_dir=tmp_path).database_url
    assert "sqlite:///x" == Settings(storage=StorageSettings(url="sqlite:///x")).database_url


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0])
def test_limits_refuse_what_is_no_amount_of_time(value):
    """Not-a-number and infinity are refused like values that are too small."""
    assert not Between(0, above=True).holds(value)


def test_limits_are_said_in_words():
    """An error says which values are allowed."""
    assert "at least 0" == str(Between(0))
    assert "greater than 0" == str(Between(0, above=True))
    assert "at least 0 and at most 65535" == str(Between(0, 65_535))

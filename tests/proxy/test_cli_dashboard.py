from __future__ import annotations

import json

import pytest

from admin.passwords import Passwords
from admin.session_store import SessionStore
from config.database import open_database
from proxy.cli import main
from proxy.cli.dashboard import tell_first_password


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder of a gateway without settings, as working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def database(tmp_path):
    """The database that commands in that folder open."""
    opened = open_database(f"sqlite:///{tmp_path}/.thalamus/thalamus.sqlite")
    await opened.upgrade()
    yield opened
    await opened.aclose()


def said_json(capsys, *words):
    assert 0 == main(["dashboard", *words, "--json"])
    return json.loads(capsys.readouterr().out)


async def entered(database, name, password):
    opened = await SessionStore(database, passwords=Passwords()).log_in(name, password, address="::1")
    return None if opened is None else opened[1].user


def test_a_password_is_printed_once_and_only_there(there, capsys):
    """It stands alone on stdout, for a program to read; whose it is stands beside it."""
    assert 0 == main(["dashboard", "password"])
    said = capsys.readouterr()

    assert 1 == len(said.out.splitlines())
    assert 24 == len(said.out.strip())
    assert "The password of 'admin' (admin)." in said.err
    assert said.out.strip() not in said.err


async def test_a_printed_password_logs_in(database, there, capsys):
    """The real hash fits: `admin` is an administrator, others look only, unless it is said."""
    import asyncio  # noqa: PLC0415  # only here a command runs beside a loop

    def make():
        words = ([], ["--name", "mei"], ["--name", "ops", "--role", "admin"], ["--name", "mei"])
        return [said_json(capsys, "password", *each) for each in words]

    made = await asyncio.to_thread(make)
    users = [await entered(database, each["name"], each["password"]) for each in made]

    assert ["admin", "viewer", "admin", "viewer"] == [each["role"] for each in made]
    assert users[1] is None, "a new password ends the old one"
    assert [("admin", "admin"), ("ops", "admin"), ("mei", "viewer")] == [
        (each.name, each.role) for each in users if each is not None
    ]


def test_users_are_listed_and_removed(there, capsys):
    """Who may log in, as what; whoever is removed is gone, and cannot be removed twice."""
    main(["dashboard", "password", "--name", "王芳", "--role", "admin"])
    capsys.readouterr()
    listed = said_json(capsys, "users")["users"]
    main(["dashboard", "users"])
    table = capsys.readouterr().out
    removed = said_json(capsys, "remove", "王芳")
    again = main(["dashboard", "remove", "王芳"])
    error = capsys.readouterr().err
    main(["dashboard", "users"])

    assert [("王芳", "admin", 0)] == [(each["name"], each["role"], each["sessions"]) for each in listed]
    assert "王芳" in table
    assert {"removed": "王芳"} == removed
    assert 1 == again
    assert "there is no user '王芳'" in error
    assert "Nobody can log in yet" in capsys.readouterr().out


def test_removing_says_so(there, capsys):
    """For people in a sentence."""
    main(["dashboard", "password"])
    capsys.readouterr()

    assert 0 == main(["dashboard", "remove", "admin"])
    assert "Removed 'admin'.\n" == capsys.readouterr().out


@pytest.mark.parametrize("name", ["", " admin", "x" * 65, "a\x1b[31m"])
def test_names_that_cannot_be_are_refused(there, capsys, name):
    """Before anything is made, in one sentence."""
    assert 2 == main(["dashboard", "password", "--name", name])
    assert "1 to 64 printable characters" in capsys.readouterr().err


async def test_the_first_start_prints_a_password_once(database, capsys):
    """Whoever starts it sees it, be it through a pipe; the second start says nothing."""
    await tell_first_password(database)
    first = capsys.readouterr().out
    await tell_first_password(database)
    password = first.split("the password ")[1].split(" ")[0]

    assert first.startswith("  login      admin with the password ")
    assert "admin" == (await entered(database, "admin", password)).role
    assert "" == capsys.readouterr().out

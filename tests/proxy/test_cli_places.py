"""What `thalamus check` finds before a start does: databases and TLS files that cannot be used."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest

from config.settings import ServerSettings
from proxy.cli import main
from proxy.cli.places import database_troubles, tls_troubles


def pair(folder, name):
    """Make a certificate with its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the program openssl makes the certificates")
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            "-keyout",
            str(key),
            "-out",
            str(cert),
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_a_database_is_looked_for_and_never_made(tmp_path):
    """A place where it can be made is well, and stays empty."""
    assert [] == database_troubles(f"sqlite:///{tmp_path}/new/books.sqlite")
    assert [] == database_troubles("sqlite://")
    assert [] == list(tmp_path.iterdir())


def test_a_database_that_cannot_be_is_told(tmp_path):
    """A folder, a file in the way, a file that is no database: each in words that name the place."""
    (tmp_path / "file").write_text("this is no database, however long it may be" * 9)
    for place, said in (("", "not a file"), ("/file/books", "not a folder"), ("/file", "not a database")):
        (found,) = database_troubles(f"sqlite:///{tmp_path}{place}")

        assert said in found
        assert str(tmp_path) in found


def test_a_server_that_is_away_is_told():
    """PostgreSQL is asked; the URL with its password is not repeated."""
    pytest.importorskip("asyncpg")
    (found,) = database_troubles("postgresql://me:canary@127.0.0.1:1/books")

    assert "cannot be opened" in found
    assert "canary" not in found


def test_tls_files_are_tried(tmp_path):
    """A pair is well; one that is missing, mixed up or no certificate is named."""
    (cert, key), (_, foreign) = pair(tmp_path, "one"), pair(tmp_path, "two")
    server = replace(ServerSettings(), tls_cert_file=cert, tls_key_file=key)
    (tmp_path / "text").write_text("no certificate")

    assert [] == tls_troubles(ServerSettings())
    assert [] == tls_troubles(server)
    assert "does not belong" in tls_troubles(replace(server, tls_key_file=foreign))[0]
    assert "tls_key_file cannot be read" in tls_troubles(replace(server, tls_key_file=tmp_path / "none"))[0]
    assert "cannot be used" in tls_troubles(replace(server, tls_cert_file=tmp_path / "text"))[0]


def test_check_fails_in_one_sentence(tmp_path, monkeypatch, capsys):
    """The command ends with 1 and says what would fail."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thalamus.toml").write_text('[storage]\nurl = "sqlite:///thalamus.toml"\n')
    code = main(["check"])
    said = capsys.readouterr()

    assert (1, "") == (code, said.out)
    assert "not a database" in said.err
    assert 1 == len(said.err.splitlines())


@pytest.mark.parametrize("setting", ['policy_dir = "fitted"', 'starting_values = "fitted/table.json"'])
def test_check_tells_of_starting_values_that_cannot_be_used(tmp_path, monkeypatch, capsys, setting):
    """A server would begin without them; who checks before a start is told which file it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fitted").mkdir()
    (tmp_path / "fitted" / "table.json").write_text("{")
    (tmp_path / "thalamus.toml").write_text(f"[learning]\n{setting}\n")
    code = main(["check"])
    said = capsys.readouterr().err

    assert 1 == code
    assert "what models are believed to be worth cannot be used" in said
    assert "fitted" in said


def test_check_says_what_serve_would_say_of_an_open_door(tmp_path, monkeypatch, capsys):
    """Beyond loopback without a key both refuse in the same words; looking makes no database, and a key ends it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THALAMUS_API_KEY", raising=False)
    (tmp_path / "thalamus.toml").write_text('[server]\nhost = "0.0.0.0"\nport = 0\n')
    asked = (main(["check"]), capsys.readouterr().err)
    made = (tmp_path / ".thalamus").exists()
    served = (main(["serve"]), capsys.readouterr().err)
    keys = [main(["keys", "create", "ended", "--days", "1"]), main(["check"])]

    assert (1, 2) == (asked[0], served[0])
    assert served[1].removeprefix("thalamus: ") in asked[1]
    assert "on 0.0.0.0 anybody could spend your money" in asked[1]
    assert not made
    assert [0, 0] == keys


def test_a_revoked_key_leaves_the_door_open_and_a_static_one_does_not(tmp_path, monkeypatch, capsys):
    """A revoked key lets nobody in, so it is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THALAMUS_API_KEY", raising=False)
    (tmp_path / "thalamus.toml").write_text('[server]\nhost = "::"\n')
    assert 0 == main(["keys", "create", "one", "--json"])
    assert 0 == main(["keys", "revoke", json.loads(capsys.readouterr().out)["prefix"]])

    assert 1 == main(["check"])
    assert "no proxy key exists" in capsys.readouterr().err
    monkeypatch.setenv("THALAMUS_API_KEY", "sk-thal-static")
    assert 0 == main(["check"])

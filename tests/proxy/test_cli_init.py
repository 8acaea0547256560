from __future__ import annotations

import json
import stat
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typer.testing import CliRunner

from config.loader import load_settings, shipped_providers
from proxy.cli import build, main
from proxy.cli.first_settings import GivenKey, try_keys, with_variables


class _Provider(BaseHTTPRequestHandler):
    seen: list[dict[str, str]]

    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append({"path": self.path, **headers})
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        self.send_response({"good": 200, "odd": 500}.get(key, 401))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def provider():
    """A server that knows one key, `good`, and is confused by another, `odd`."""
    server = HTTPServer(("127.0.0.1", 0), _Provider)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, and an environment without keys."""
    for name in {each for row in shipped_providers() for each in row.api_key_env}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _row(name, server):
    row = next(each for each in shipped_providers() if each.name == name)
    return replace(row, base_url=f"http://127.0.0.1:{server.server_port}")


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_init_writes_valid_private_files(folder, capsys):
    """Without any key `--yes` writes both files, readable for their owner alone, and says how to go on."""
    assert 0 == main(["init", "--yes"])
    assert "Start with: thalamus serve" in capsys.readouterr().out
    assert (0o600, 0o600) == (_mode(folder / "thalamus.toml"), _mode(folder / ".env"))
    assert 8000 == load_settings(folder / "thalamus.toml", {}, folder / ".env").server.port


def test_init_replaces_nothing_unasked(folder, capsys):
    """Settings that are there stay, unless `--force` is said; then .env is kept all the same."""
    (folder / "thalamus.toml").write_text("[server]\nport = 1234\n")
    (folder / ".env").write_text("# mine\nOTHER=1\n")
    refused = main(["init", "--yes"])
    said = capsys.readouterr().err

    assert 1 == refused
    assert "thalamus init --force" in said
    assert "port = 1234" in (folder / "thalamus.toml").read_text()
    assert 0 == main(["init", "--yes", "--force"])
    assert "port = 8000" in (folder / "thalamus.toml").read_text()
    assert "# mine\nOTHER=1\n" == (folder / ".env").read_text()


def test_keys_of_the_environment_are_not_written(folder, monkeypatch, capsys):
    """A key that is set already stays where it is, and is not shown."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")

    assert 0 == main(["init", "--yes", "--offline", "--json"])
    said = capsys.readouterr().out
    assert [{"provider": "openai", "variable": "OPENAI_API_KEY", "verdict": "unreachable"}] == json.loads(said)["keys"]
    assert "canary" not in said + (folder / ".env").read_text() + (folder / "thalamus.toml").read_text()


def test_keys_are_asked_for_and_written(folder):
    """Typed keys land in .env under their variables; a blank one is skipped; none is echoed."""
    done = CliRunner().invoke(build(), ["init", "--offline"], input="sk-one\n\nsk-three\n\n\n\n\n")

    assert 0 == done.exit_code, done.output
    assert "sk-one" not in done.output
    found = load_settings(folder / "thalamus.toml", {}, folder / ".env").secrets
    assert {"OPENAI_API_KEY": "sk-one", "DEEPSEEK_API_KEY": "sk-three"} == {
        name: secret.reveal() for name, secret in found.items()
    }


def test_known_key_is_not_asked_for(folder, monkeypatch):
    """What the environment holds needs no question."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    done = CliRunner().invoke(build(), ["init", "--offline"], input="\n" * 8)

    assert 0 == done.exit_code
    assert "openai (" not in done.output
    assert "anthropic (ANTHROPIC_API_KEY)" in done.output


def test_pasted_rubbish_is_refused(folder):
    """A key with a blank in it was pasted wrongly; nothing is written."""
    done = CliRunner().invoke(build(), ["init", "--offline"], input="two words\n")

    assert 1 == done.exit_code
    assert not (folder / ".env").exists()


@pytest.mark.parametrize(("key", "verdict"), [("good", "works"), ("bad", "refused"), ("odd", "unreachable")])
async def test_key_is_tried_without_costs(provider, key, verdict):
    """Each provider is asked for its list of models, with its own header; only a refused key is not kept."""
    rows = [_row("openai", provider), _row("anthropic", provider)]
    tried = await try_keys([GivenKey(row, row.api_key_env[0], key) for row in rows])

    assert [verdict, verdict] == [each.verdict for each in tried]
    assert [verdict != "refused"] * 2 == [each.kept for each in tried]
    assert {"/models", "/v1/models"} == {each["path"] for each in provider.seen}
    assert [f"Bearer {key}"] == [each["authorization"] for each in provider.seen if each["path"] == "/models"]
    assert [key] == [each["x-api-key"] for each in provider.seen if each["path"] == "/v1/models"]


async def test_unreachable_provider_does_not_lose_the_key(provider):
    """Offline machines keep the key they were given."""
    row = replace(_row("openai", provider), base_url="http://127.0.0.1:9")
    (tried,) = await try_keys([GivenKey(row, "OPENAI_API_KEY", "k")])

    assert ("unreachable", True) == (tried.verdict, tried.kept)


def test_key_never_shows_in_a_repr():
    """A key in a traceback or a log would be a leak."""
    assert "canary" not in repr(GivenKey(shipped_providers()[0], "OPENAI_API_KEY", "canary"))


@pytest.mark.parametrize("key", ["plain", "with#hash", "with'quote", 'with"quote', "with$dollar=equals"])
def test_written_variable_is_read_back(tmp_path, key):
    """Whatever a key is made of, .env gives it back; other lines and other names stay."""
    before = "# mine\nexport OPENAI_API_KEY=old\nMY_OPENAI_API_KEY=other\n"
    (tmp_path / ".env").write_text(with_variables(before, {"OPENAI_API_KEY": key}))
    text = (tmp_path / ".env").read_text()

    assert "old" not in text
    assert text.startswith("# mine\nMY_OPENAI_API_KEY=other\n")
    assert key == load_settings(None, {}, tmp_path / ".env").secrets["OPENAI_API_KEY"].reveal()

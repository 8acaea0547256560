from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from config.errors import SettingsError
from config.loader import load_settings
from proxy.cli import main
from proxy.cli.serving import environment_with, refuse_open_door

COMMAND = [sys.executable, "-P", "-m", "proxy.cli"]
SETTINGS = """
[server]
drain_s = 5
admin_port = 0
[routing]
shipped_models = false
[health]
find_ollama = false
"""
MODEL = """
[[model]]
name = "{name}"
  [[model.deployment]]
  provider = "vllm"
  base_url = "{url}/v1"
  upstream_model = "scripted"
"""


@contextmanager
def _running(folder, *words):
    """A command that serves, and the JSON line it introduced itself with; it is gone afterwards."""
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        line = process.stdout.readline()
        assert line, (folder / "stderr").read_text()
        yield process, json.loads(line)
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@contextmanager
def _answering(answer):
    """A server that answers one request with these events, or drops the connection where there are none."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                if answer is not None:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):  # closing with bytes unread would reset the connection
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def _until(true, timeout_s=15.0):
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """The URL of a scripted upstream that echoes."""
    with _running(tmp_path_factory.mktemp("upstream"), "upstream", "--json") as (_, said):
        yield said["url"]


@pytest.fixture(scope="module")
def served(tmp_path_factory, upstream):
    """A folder in which a gateway runs, its process, and what it said."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "thalamus.toml").write_text(SETTINGS + MODEL.format(name="m", url=upstream))
    with _running(folder, "serve", "--port", "0", "--json") as (process, said):
        yield folder, process, said


@pytest.fixture
def there(served, monkeypatch):
    """The folder of the running gateway, as working folder."""
    monkeypatch.chdir(served[0])
    monkeypatch.delenv("THALAMUS_API_KEY", raising=False)
    return served[0]


@pytest.fixture
def nothing_there(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THALAMUS_API_KEY", raising=False)
    return tmp_path


def test_serve_tells_where_it_is(served):
    """The first line names base URL, process and live models, and requests are answered there."""
    _, process, said = served

    assert said["pid"] == process.pid
    assert ["m"] == said["models"]
    assert 200 == httpx.get(said["base_url"] + "/models", trust_env=False).status_code


def test_the_dashboard_has_a_port_of_its_own(served):
    """It is told of, and serves the pages alone; the first port has them too."""
    _, _, said = served
    own, first = said["dashboard"].removesuffix("/dashboard"), said["base_url"].removesuffix("/v1")
    found = [
        httpx.get(url, trust_env=False, timeout=60).status_code  # the first visit builds the site
        for url in (f"{own}/dashboard/login", f"{first}/dashboard/login", f"{own}/v1/models", f"{own}/")
    ]

    assert own != first
    assert [200, 200, 404, 303] == found


def test_a_taken_port_of_the_dashboard_is_one_sentence(served, nothing_there, capsys):
    """Nothing starts, and the mend is named."""
    port = served[2]["dashboard"].rpartition(":")[2].partition("/")[0]
    (nothing_there / "thalamus.toml").write_text(f"[server]\nport = 0\nadmin_port = {port}\n")
    code = main(["serve"])
    said = capsys.readouterr().err.splitlines()

    assert 1 == code
    assert 1 == len(said)
    assert f":{port} (Address already in use)" in said[0]
    assert "ADMIN_DASHBOARD_PORT" in said[0]


def test_chat_finds_the_gateway_that_runs_here(there, capsys):
    """`chat` prints the streamed answer, then the model and the decision on stderr."""
    code = main(["chat", "hello there", "--model", "m"])
    said = capsys.readouterr()

    assert 0 == code, said.err
    assert "hello there" in said.out
    assert "[m, decision " in said.err


def test_chat_prints_the_whole_answer_as_json(there, capsys):
    """`--json` gives the completion as the gateway sent it."""
    assert 0 == main(["chat", "hello", "--json"])
    assert "hello" in json.loads(capsys.readouterr().out)["choices"][0]["message"]["content"]


def test_chat_reads_a_long_question_from_standard_input(there, capsys, monkeypatch):
    """`-` takes the question from standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("从标准输入"))

    assert 0 == main(["chat", "-"])
    assert "从标准输入" in capsys.readouterr().out


def test_chat_tells_what_the_gateway_refuses(there, capsys):
    """A refused request is the gateway's own sentence, and code 1."""
    assert 1 == main(["chat", "hi", "--model", "nobody"])
    assert "nobody" in capsys.readouterr().err


def test_chat_without_a_gateway_says_how_to_start_one(nothing_there, capsys):
    """Where nothing listens, the sentence names the address and the command."""
    code = main(["chat", "hi", "--base-url", "http://127.0.0.1:9/v1"])

    assert 1 == code
    assert (
        "thalamus: no gateway answers on http://127.0.0.1:9/v1; start one with: thalamus serve\n"
        == capsys.readouterr().err
    )


@pytest.mark.parametrize("url", ["http://[", "nonsense"])
def test_chat_with_a_broken_address_is_one_sentence(nothing_there, capsys, url):
    """An address that is none is told without a traceback."""
    assert 1 == main(["chat", "hi", "--base-url", url])
    assert 1 == len(capsys.readouterr().err.splitlines())


def test_chat_to_something_that_is_no_gateway(upstream, nothing_there, capsys):
    """A server that answers something else is told apart from a gateway."""
    assert 1 == main(["chat", "hi", "--base-url", f"{upstream}/nothing"])
    assert 1 == len(capsys.readouterr().err.splitlines())


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b'data: {"choices":[{"delta":{"content":"so"}}]}\n\ndata: {"error":{"message":"gone"}}\n\n', "gone"),
        (b"data: nonsense\n\n", "is no gateway"),
        (None, "broke"),
    ],
)
def test_chat_tells_that_an_answer_broke_off(nothing_there, capsys, answer, sentence):
    """An error inside the stream, rubbish, and a lost connection each end with one sentence and code 1."""
    with _answering(answer) as url:
        code = main(["chat", "hi", "--base-url", url])

    assert 1 == code
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_chat_passes_over_events_without_text(nothing_there, capsys):
    """Usage and role events print nothing; an answer without any text prints no line."""
    events = b'data: {"choices":[]}\n\ndata: {"usage":{}}\n\ndata: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
    with _answering(events + b"data: [DONE]") as url:
        code = main(["chat", "hi", "--base-url", url])

    assert (0, "") == (code, capsys.readouterr().out)


def test_taken_port_is_one_sentence(served, nothing_there, capsys):
    """A port that is in use ends with the way out, before anything is built."""
    port = served[2]["base_url"].rpartition(":")[2].partition("/")[0]
    code = main(["serve", "--port", port])
    said = capsys.readouterr().err

    assert 1 == code
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port 0" in said


def test_unknown_address_is_one_sentence(nothing_there, capsys):
    """A host that is not ours cannot be bound; its key makes that the only reason."""
    (nothing_there / ".env").write_text("THALAMUS_API_KEY=sk-thal-x\n")

    assert 1 == main(["serve", "--host", "192.0.2.1", "--port", "0"])
    assert "cannot listen on 192.0.2.1:0" in capsys.readouterr().err


def test_a_host_that_cannot_be_is_told_before_any_key(nothing_there, capsys):
    """The address is wrong, whatever keys there are."""
    code = main(["serve", "--host", "300.1.1.1", "--port", "0"])
    said = capsys.readouterr().err

    assert 2 == code
    assert "an IP address or a host name" in said
    assert "proxy key" not in said


def test_open_door_is_refused_without_a_key(nothing_there, capsys):
    """Beyond loopback the gateway does not start before a proxy key exists."""
    code = main(["serve", "--host", "0.0.0.0", "--port", "0"])
    said = capsys.readouterr().err

    assert 2 == code
    assert "thalamus keys create NAME" in said
    assert "THALAMUS_API_KEY" in said


def test_open_door_is_allowed_once_a_key_exists(nothing_there):
    """A key of the database, or one of the environment, lets the gateway listen for others."""
    env = environment_with({}, host="0.0.0.0", port=None)
    with pytest.raises(SettingsError):
        refuse_open_door(load_settings(None, env), env)
    with_static_key = {**env, "THALAMUS_API_KEY": "sk-thal-x"}
    refuse_open_door(load_settings(None, with_static_key), with_static_key)
    assert 0 == main(["keys", "create", "somebody"])
    refuse_open_door(load_settings(None, env), env)


def test_open_door_is_refused_where_the_database_with_the_keys_is_lost(nothing_there):
    """A gateway that nobody could use says so at its start, and a key made now mends it."""
    env = environment_with({}, host="0.0.0.0", port=None)
    assert 0 == main(["keys", "create", "somebody"])
    settings = load_settings(None, env)
    for each in settings.state_dir.glob("thalamus.sqlite*"):
        each.unlink()

    with pytest.raises(SettingsError):
        refuse_open_door(settings, env)
    assert 0 == main(["keys", "create", "somebody"])
    refuse_open_door(settings, env)


def test_command_line_wins_over_file_and_environment():
    """What stands on the command line is checked like any other setting."""
    env = environment_with({"THALAMUS_SERVER__PORT": "1"}, host="::1", port=0)

    assert {"THALAMUS_SERVER__PORT": "0", "THALAMUS_SERVER__HOST": "::1"} == env


def test_stop_without_a_gateway_is_no_error(nothing_there, capsys):
    """What should not run does not run."""
    assert 0 == main(["stop"])
    assert "No gateway was running.\n" == capsys.readouterr().out
    assert 0 == main(["stop", "--json"])
    assert {"stopped": [], "still_running": []} == json.loads(capsys.readouterr().out)


def test_stop_passes_over_other_ports(there, served, capsys):
    """`--port` stops only the gateway on that port."""
    assert 0 == main(["stop", "--port", "1"])
    assert "No gateway was running.\n" == capsys.readouterr().out
    assert None is served[1].poll()


@pytest.mark.slow
def test_stop_ends_the_gateway_orderly(tmp_path, monkeypatch, capsys):
    """`stop` waits until the gateway has ended, with code 0 and nothing left behind."""
    (tmp_path / "thalamus.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    with _running(tmp_path, "serve", "--port", "0", "--json") as (process, said):
        code = main(["stop"])
        told = capsys.readouterr().out
        ended = process.wait(timeout=10)

    assert (0, 0) == (code, ended)
    assert f"Stopped: {said['base_url'].removesuffix('/v1')} (process {process.pid})\n" == told
    assert [] == list((tmp_path / ".thalamus" / "run").iterdir())


@pytest.mark.slow
def test_stop_now_cuts_open_streams(tmp_path, upstream, monkeypatch, capsys):
    """`--now` does not wait for a client that holds its connection."""
    (tmp_path / "thalamus.toml").write_text(SETTINGS.replace("drain_s = 5", "drain_s = 60"))
    monkeypatch.chdir(tmp_path)
    with _running(tmp_path, "serve", "--port", "0", "--json") as (process, said):
        host, _, port = said["base_url"].removeprefix("http://").removesuffix("/v1").rpartition(":")
        with socket.create_connection((host, int(port))) as held:
            held.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
            _until(lambda: 200 == httpx.get(said["base_url"] + "/models", trust_env=False).status_code)
            code = main(["stop", "--now", "--json"])
        process.wait(timeout=10)

    assert 0 == code
    assert [process.pid] == [each["pid"] for each in json.loads(capsys.readouterr().out)["stopped"]]


@pytest.mark.slow
def test_killed_gateway_is_not_taken_for_a_running_one(tmp_path, monkeypatch, capsys):
    """After SIGKILL the file is left, and its lock is not: `stop` clears it away."""
    (tmp_path / "thalamus.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    with _running(tmp_path, "serve", "--port", "0", "--json") as (process, _):
        process.kill()
        process.wait(timeout=10)
        left = list((tmp_path / ".thalamus" / "run").iterdir())
        code = main(["stop"])

    assert 1 == len(left)
    assert (0, "No gateway was running.\n") == (code, capsys.readouterr().out)
    assert [] == list((tmp_path / ".thalamus" / "run").iterdir())


@pytest.mark.slow
def test_changed_file_is_taken_up_and_a_wrong_one_is_not(tmp_path, upstream):
    """`--reload-on-change` follows the settings file; a mistake in it leaves the old settings running."""
    path = tmp_path / "thalamus.toml"
    path.write_text(SETTINGS + MODEL.format(name="one", url=upstream))

    def names():
        listed = httpx.get(said["base_url"] + "/models", trust_env=False).json()["data"]
        return {each["id"] for each in listed}

    with _running(tmp_path, "serve", "--port", "0", "--json", "--reload-on-change") as (process, said):
        assert "one" in names()
        path.write_text(SETTINGS + MODEL.format(name="two", url=upstream))
        _until(lambda: "two" in names())
        path.write_text("[server]\nprot = 1\n")
        _until(lambda: "reload_refused" in (tmp_path / "stderr").read_text())
        assert "two" in names()
        path.unlink()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) in {0, 130}


@pytest.mark.slow
def test_people_are_told_how_to_begin(tmp_path):
    """Without `--json` the start names base URL, models, documents, settings, a command to try, and the dashboard.

    The first start also tells the password of the first user.
    """
    (tmp_path / "thalamus.toml").write_text(SETTINGS)
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline() for _ in range(7)]
    process.terminate()
    process.stdout.close()
    log = process.stderr.read()
    process.stderr.close()

    assert 0 == process.wait(timeout=20)
    assert " serves on http://127.0.0.1:" in lines[0]
    assert ["models", "documents", "settings", "try", "dashboard", "login"] == [line.split()[0] for line in lines[1:]]
    assert lines[5].endswith("/dashboard\n")
    assert " with the password " in lines[6]
    assert lines[6].split("the password ")[1].split(" ")[0] not in log


@pytest.mark.slow
def test_people_are_told_which_documents_are_searched(tmp_path, monkeypatch):
    """What was added before the start is no longer the shipped guide."""
    (tmp_path / "thalamus.toml").write_text(SETTINGS)
    (tmp_path / "returns.md").write_text("# Returns\n\nA parcel is taken back within 14 days.\n")
    monkeypatch.chdir(tmp_path)
    assert 0 == main(["docs", "add", "returns.md"])
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    lines = [process.stdout.readline() for _ in range(3)]
    process.terminate()
    process.communicate(timeout=60)  # what it still has to say

    assert 0 == process.returncode
    assert "  documents  what thalamus docs add took in\n" == lines[2]


@pytest.mark.slow
def test_scripted_upstream_tells_people_where_it_is(tmp_path):
    """`upstream` without `--json` names the address for each dialect, and a wrong script is one sentence."""
    process = subprocess.Popen(
        [*COMMAND, "upstream"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=20)

    assert "The scripted upstream serves on http://127.0.0.1:" in line
    assert (
        "nowhere.json"
        in subprocess.run(
            [*COMMAND, "upstream", "--script", "nowhere.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        ).stderr
    )


def test_gateway_holds_a_file_that_only_its_owner_may_list(served):
    """The folder of the running gateways is private."""
    folder = served[0] / ".thalamus" / "run"

    assert 0o700 == folder.stat().st_mode & 0o777
    assert [f"{served[1].pid}.json"] == [each.name for each in Path(folder).iterdir()]

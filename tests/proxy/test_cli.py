from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
from contextlib import closing
from importlib import import_module

import pytest

from config.database import open_database
from config.overrides import OverrideStore
from proxy.cli import COMMANDS, GROUPS
from proxy.weights import WEIGHTS_AREA


def _json(result):
    code, out, err = result
    assert (0, "") == (code, err)
    return json.loads(out)


def test_version_is_printed(run):
    """`--version` prints one line and succeeds."""
    code, out, _ = run("--version")

    assert 0 == code
    assert out.startswith("thalamus ")


def test_no_words_show_the_commands(run):
    """`thalamus` alone teaches which commands there are."""
    code, out, _ = run()

    assert 0 == code
    for verb in ("init", "serve", "stop", "check", "models", "chat", "keys", "db", "upstream"):
        assert verb in out


VERBS = [
    *(each.name for each in COMMANDS),
    *(
        f"{group.name} {verb[0]}"
        for group in GROUPS
        for module in group.modules
        for verb in import_module(f"proxy.cli.{module}").VERBS
    ),
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_teaches_by_example(run, verb):
    """Each command's help shows a command line that can be copied, and knows `--json`."""
    code, out, _ = run(*verb.split(), "--help")

    assert 0 == code
    assert f"Example: thalamus {verb}" in out
    assert "--json" in out


@pytest.mark.parametrize(
    ("words", "teaches"),
    [
        (("bogus",), "thalamus --help"),
        (("serve", "--port", "x"), "thalamus serve --help"),
        (("keys", "create"), "thalamus keys create --help"),
        (("keys",), "thalamus keys --help"),
        (("keys", "bogus"), "thalamus keys --help"),
        (("check", "-z"), "thalamus check --help"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_2(run, words, teaches):
    """A mistyped command is told in one sentence on stderr, with the help that teaches it."""
    code, _, err = run(*words)

    assert 2 == code
    assert 1 == len(err.splitlines())
    assert err.startswith("thalamus: ")
    assert f"See: {teaches}" in err


def test_wrong_settings_are_told_with_file_and_line(run, folder):
    """A wrong setting ends with code 2, naming file, line and the nearest valid name."""
    (folder / "thalamus.toml").write_text("[server]\nprot = 1\n")
    code, _, err = run("check")

    assert 2 == code
    assert "thalamus.toml:2" in err
    assert "port" in err


def test_missing_settings_file_is_an_error(run):
    """A file that was named must be there."""
    code, _, err = run("check", "--config", "nowhere.toml")

    assert 2 == code
    assert "nowhere.toml" in err


def test_settings_file_is_found_by_its_variable(run, folder, monkeypatch):
    """`THALAMUS_CONFIG` names the file where the command line does not."""
    (folder / "other.toml").write_text("[server]\nport = 4321\n")
    monkeypatch.setenv("THALAMUS_CONFIG", "other.toml")

    assert "127.0.0.1:4321" == _json(run("check", "--json"))["address"]


def test_check_shows_what_would_run(run, folder):
    """`check` tells address, places and each model's state, without asking any server."""
    (folder / "thalamus.toml").write_text("[server]\nport = 4321\n")
    code, out, _ = run("check")

    assert 0 == code
    assert "The settings are valid." in out
    assert "127.0.0.1:4321" in out
    assert "extractive" in out


def test_check_shows_no_secret(run, monkeypatch):
    """A key makes its models live, and stands nowhere in what is printed."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-123")
    _, plain, _ = run("check")
    told = _json(run("check", "--json"))

    assert "canary" not in plain + json.dumps(told)
    assert {"gpt": True, "claude": False} == {
        each["name"]: each["live"] for each in told["models"] if each["name"] in {"gpt", "claude"}
    }


def test_models_lists_prices_and_reasons(run, folder):
    """`models` says why a model is not live, and what an unknown price is."""
    (folder / "thalamus.toml").write_text(
        '[[provider]]\nname = "mine"\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = ["MINE_KEY"]\n'
        '[[model]]\nname = "m"\n[[model.deployment]]\nprovider = "mine"\nupstream_model = "x"\n'
    )
    code, out, _ = run("models", "--no-probe")

    assert 0 == code
    row = next(line for line in out.splitlines() if line.startswith("m "))
    assert "no key" in row
    assert "unknown" in row


def test_models_without_a_key_weigh_the_same_in_the_table_and_in_json(run):
    """A weight is what is set; whether a model is live is said apart."""
    told = {each["name"]: each for each in _json(run("models", "--no-probe", "--json"))["models"]}
    _, table, _ = run("models", "--no-probe")
    row = next(line for line in table.splitlines() if line.startswith("gpt "))

    assert (False, 1.0) == (told["gpt"]["live"], told["gpt"]["weight"])
    assert " 1 " in row


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\x1b[31mred", "a\u202eb", "a\u2028b"])
def test_a_key_whose_name_does_not_show_is_refused(run, name):
    """A name stands in lists and logs, where it must forge nothing."""
    code, _, err = run("keys", "create", name)

    assert 2 == code
    assert "control characters" in err


def test_a_backup_into_a_folder_is_one_sentence(run):
    """No traceback where a folder is given in the place of a file."""
    code, _, err = run("db", "backup", ".")

    assert 1 == code
    assert "name the file" in err
    assert 1 == len(err.splitlines())


def test_models_shows_the_weights_in_force(run, folder):
    """Those set at run time, from the database; where there is none, none is made, and a broken one is told."""
    (folder / "thalamus.toml").write_text(
        '[routing]\nshipped_models = false\n[[model]]\nname = "m"\n[[model.deployment]]\nprovider = "vllm"\n'
        'base_url = "http://127.0.0.1:9/v1"\nupstream_model = "m"\n'
    )
    books = folder / ".thalamus" / "thalamus.sqlite"
    assert [1.0] == [each["weight"] for each in _json(run("models", "--no-probe", "--json"))["models"]]
    assert not books.exists()
    asyncio.run(_set_weight(f"sqlite:///{books}", "m", 2.5))
    for verb in (("models", "--no-probe"), ("check",)):
        told = _json(run(*verb, "--json"))["models"]
        assert [[2.5]] == [[each["weight"] for each in model["deployments"]] for model in told]
    with closing(sqlite3.connect(books)) as connection:
        connection.execute("DROP TABLE setting_override")
    code, out, err = run("models", "--no-probe")

    assert 0 == code
    assert "m " in out
    assert "weights are those of the settings file" in err


async def _set_weight(url: str, name: str, weight: float) -> None:
    database = open_database(url)
    await database.upgrade()
    await OverrideStore(database, WEIGHTS_AREA).change({name: weight}, changed_by="test")
    await database.aclose()


def test_models_probes_local_servers(run, folder):
    """Where nothing answers at Ollama's address, its models are told to be away."""
    (folder / "thalamus.toml").write_text(
        '[routing]\nshipped_models = false\n[[model]]\nname = "m"\n[[model.deployment]]\nprovider = "ollama"\n'
        'base_url = "http://127.0.0.1:9"\nupstream_model = "x"\n[health]\nfind_ollama = false\n'
    )
    told = {each["name"]: each for each in _json(run("models", "--json"))["models"]}

    assert "away" == told["m"]["deployments"][0]["state"]


def test_key_is_made_listed_and_revoked(run):
    """A key is shown once; lists show its prefix, name and end."""
    code, key, note = run("keys", "create", "laptop", "--days", "90")
    prefix = key[:14]
    listed = run("keys", "list")[1]

    assert 0 == code
    assert key.startswith("sk-thal-")
    assert "not shown again" in note
    assert prefix in listed
    assert "laptop" in listed
    assert key.strip() not in listed
    assert (0, f"Revoked {prefix}… of 'laptop'.\n", "") == run("keys", "revoke", f"{prefix}…")
    assert "revoked" in run("keys", "list")[1]


def test_keys_speak_json(run):
    """Every verb of `keys` prints one JSON document."""
    made = _json(run("keys", "create", "robot", "--admin", "--json"))
    listed = _json(run("keys", "list", "--json"))["keys"]
    revoked = _json(run("keys", "revoke", made["prefix"], "--json"))

    assert ["admin", "chat"] == made["scopes"]
    assert [made["id"]] == [each["id"] for each in listed]
    assert "key" not in listed[0]
    assert revoked["revoked"] is not None


def test_a_key_can_be_made_with_limits(run):
    """What was said is kept and listed; what was not is left to the settings."""
    made = _json(run("keys", "create", "app", "--rpm", "60", "--tpm", "0", "--json"))
    other = _json(run("keys", "create", "other", "--json"))

    assert (60, 0) == (made["requests_per_minute"], made["tokens_per_minute"])
    assert (None, None) == (other["requests_per_minute"], other["tokens_per_minute"])
    assert 2 == run("keys", "create", "app", "--rpm", "-1")[0]


def test_a_key_can_be_limited_to_models_and_freed_again(run):
    """The list is shown; a name that the settings do not have is kept, and noted."""
    code, out, err = run("keys", "create", "app", "--models", "extractive, nobody ,extractive", "--json")
    made = json.loads(out)
    listed = run("keys", "list")[1]
    changed = run("keys", "allow", f"{made['prefix']}…", "--models", "extractive")
    freed = _json(run("keys", "allow", made["prefix"], "--all-models", "--json"))

    assert (0, ["extractive", "nobody"], None) == (code, made["models"], freed["models"])
    assert "The settings have no model nobody; " in err
    assert "extractive, nobody" in listed
    assert (0, f"{made['prefix']}… of 'app' may use extractive.\n", "") == changed
    assert "all" in run("keys", "list")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "app", "--models", ","), "1 to 256 models"),
        (("create", "app", "--models", "auto"), "is no model"),
        (("allow", "sk-thal-xxxxxx"), "--all-models"),
        (("allow", "sk-thal-xxxxxx", "--models", "a", "--all-models"), "--all-models"),
        (("allow", "sk-thal-xxxxxx", "--models", "auto"), "is no model"),
    ],
)
def test_a_list_of_models_that_cannot_be_is_wrong_use(run, words, told):
    """One sentence, and nothing is changed."""
    code, _, err = run("keys", *words)

    assert 2 == code
    assert told in err


def test_list_without_keys_teaches_how_to_make_one(run):
    """An empty list says what to do."""
    assert "thalamus keys create NAME" in run("keys", "list")[1]


def test_unknown_key_cannot_be_revoked(run):
    """Revoking what is not there fails in one sentence."""
    assert (1, "", "thalamus: There is no key 'sk-thal-xxxxxx'.\n") == run("keys", "revoke", "sk-thal-xxxxxx")


def test_key_needs_a_name(run):
    """A blank name is wrong use."""
    code, _, err = run("keys", "create", " ")

    assert 2 == code
    assert "name" in err


def test_database_is_upgraded_backed_up_and_pruned(run, folder):
    """The verbs of `db` work on a database that was not there before, and speak JSON."""
    assert (0, "The database is up to date.\n", "") == run("db", "upgrade")
    assert {"upgraded": True} == _json(run("db", "upgrade", "--json"))
    assert "Wrote copy.sqlite" in run("db", "backup", "copy.sqlite")[1]
    assert (folder / "copy.sqlite").stat().st_size == _json(run("db", "backup", "copy.sqlite", "--force", "--json"))[
        "size_bytes"
    ]
    assert "0 of decision" in run("db", "prune")[1]
    assert 0 == _json(run("db", "prune", "--json"))["deleted"]["decision"]
    with sqlite3.connect(folder / "copy.sqlite") as copy:
        assert 0 == copy.execute("SELECT count(*) FROM decision").fetchone()[0]
    copy.close()


def test_prune_keeps_everything_where_settings_say_so(run, folder):
    """Retention of 0 days deletes nothing, and says so."""
    (folder / "thalamus.toml").write_text("[storage]\nretention_days = 0\nbody_retention_days = 0\n")

    assert (0, "Everything is kept for ever.\n", "") == run("db", "prune")


def test_unusable_database_is_one_sentence(run, folder):
    """A file that is no database ends with code 1 and no traceback."""
    (folder / "thalamus.toml").write_text('[storage]\nurl = "sqlite:///thalamus.toml"\n')
    code, _, err = run("db", "upgrade")

    assert 1 == code
    assert 1 == len(err.splitlines())


def test_unwritable_place_is_one_sentence(run, folder):
    """An error of the system names the file."""
    (folder / "here").touch()
    code, _, err = run("init", "--yes", "--folder", "here/there")

    assert 1 == code
    assert "here" in err
    assert 1 == len(err.splitlines())


def test_backup_is_private(run, folder):
    """A copy of the books is for its owner alone."""
    run("db", "upgrade")
    run("db", "backup", "copy.sqlite")

    assert 0o600 == stat.S_IMODE((folder / "copy.sqlite").stat().st_mode)


def test_backup_spares_what_is_there(run, folder):
    """A file that stands in the place is kept as it is, and the sentence says how to replace it."""
    run("db", "upgrade")
    (folder / "copy.sqlite").write_text("dear")
    code, out, err = run("db", "backup", "copy.sqlite")

    assert (1, "") == (code, out)
    assert "--force" in err
    assert "dear" == (folder / "copy.sqlite").read_text()
    assert 0 == run("db", "backup", "copy.sqlite", "--force")[0]
    assert b"SQLite" == (folder / "copy.sqlite").read_bytes()[:6]

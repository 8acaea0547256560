"""`thalamus policy list | promote | rollback | reset | forget | profile`, on books that hold opinions."""

import asyncio
import json
import sqlite3
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from config.database import open_database
from config.errors import UnavailableError
from proxy.cli import main
from proxy.cli.options import read_settings
from proxy.cli.policy_versions import TRIES, _change
from router.choosing.values import Offer
from router.learning.beliefs import read_beliefs
from router.learning.experience import LearnedExperience
from router.learning.versions import VersionStore
from tests.router.learning.books import Books
from tests.router.learning.doubles import CODE, Fixed
from tests.router.learning.doubles import NOW as WRITTEN

NOW = datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder whose books hold twenty bad ratings of `bad`, five of them by a key, and ten good ones of `good`."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()

    async def write():
        database = open_database(f"sqlite:///{tmp_path / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        books = Books(database)
        for number in range(30):
            key = "sk-thal-one" if number < 5 else None
            model, score = ("bad", 0.0) if number < 20 else ("good", 1.0)
            made = books.decide(model, key_prefix=key, ts=NOW)
            books.say(made, score, seconds=(NOW - WRITTEN).total_seconds() + number / 100)
        await books.written()
        await books.writer.aclose()
        await database.aclose()

    asyncio.run(write())
    return tmp_path


def told(capsys, *words):
    """Return what a command prints as JSON, a line each."""
    assert 0 == main(["policy", *words, "--json"]), capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def active(folder):
    """Return the learner of the active version."""

    async def ask():
        database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
        store = VersionStore(database)
        learner = (await store.load(await store.active_id())).learner
        await database.aclose()
        return learner

    return asyncio.run(ask())


def quality(folder, model="bad"):
    """Return what the active version expects."""
    learner = active(folder)
    experience = LearnedExperience(Fixed(), "x", learner.heads(), {}, learner.preferences)
    return experience.expect(CODE, (Offer(model),))[0].quality


def test_a_profile_says_what_each_model_is_good_at(folder, capsys):
    """With n and interval, in words and as JSON; the JSON can be where another gateway begins."""
    assert 0 == main(["policy", "profile"])
    words = capsys.readouterr().out
    (report,) = told(capsys, "profile")
    (folder / "table.json").write_text(json.dumps(report))
    (only,) = told(capsys, "profile", "--model", "good")

    assert "bad" in words
    assert "0% to" in words
    assert [("bad", 20, 0.0), ("good", 10, 1.0)] == [
        (row["model"], row["n"], row["mean_reward"]) for row in report["rows"]
    ]
    assert ["good"] == [row["model"] for row in only["rows"]]
    assert 0.0 == read_beliefs(folder / "table.json").of("bad", CODE)


def test_a_record_can_be_reset_and_the_reset_taken_back(folder, capsys):
    """A model whose version changed begins anew; decayed, a part goes on counting; no row is lost."""
    (decayed,) = told(capsys, "reset", "bad", "--keep", "0.5")
    half = quality(folder)
    (gone,) = told(capsys, "reset", "bad")
    assert quality(folder) == 0.6 > half
    assert quality(folder, "good") > 0.6
    versions = told(capsys, "list")
    assert [gone["active"], decayed["active"]] == [each["id"] for each in versions[:2]]
    assert ["reset bad", "bad counts 0.5 of before", "start"] == [each["recipe"]["why"] for each in versions]
    (back,) = told(capsys, "rollback")
    assert half == pytest.approx(quality(folder))
    (again,) = told(capsys, "promote", gone["active"])

    assert 0.6 == quality(folder)
    assert back["active"] != again["active"]


def test_a_model_that_was_reset_is_new_again(folder, capsys):
    """Its share is bounded until it has data; one that only counts less is not new."""
    told(capsys, "reset", "good", "--keep", "0.5")
    told(capsys, "reset", "bad")
    learner = active(folder)

    assert learner.is_new("bad")
    assert not learner.is_new("good")


def test_a_model_of_which_nothing_was_learned_cannot_be_reset(folder, capsys):
    """A name with a typo makes no version, and is not told of as if it had been reset."""
    assert 1 == main(["policy", "reset", "bda"])

    assert "Nothing was learned of a model 'bda'" in capsys.readouterr().err
    assert ["start"] == [each["recipe"]["why"] for each in told(capsys, "list")]
    assert folder.is_dir()


def test_the_list_is_a_table_too(folder, capsys):
    """For people, with the share of successes and its interval."""
    assert 0 == main(["policy", "reset", "good", "--keep", "0.9"])
    assert "is in force. A running server takes it up within seconds." in capsys.readouterr().out
    assert 0 == main(["policy", "list"])
    words = capsys.readouterr().out

    assert "33% (19% to 51%)" in " ".join(words.split())
    assert "no opinions" in words


def test_a_key_is_forgotten(folder, capsys):
    """In every version; what others said stays."""
    told(capsys, "reset", "good", "--keep", "0.9")
    before = quality(folder)
    (answer,) = told(capsys, "forget", "sk-thal-one")
    assert 1 == answer["versions"]
    n_versions = len(told(capsys, "list"))
    assert 0 == main(["policy", "forget", "sk-thal-one"])

    assert "Nothing was learned of sk-thal-one" in capsys.readouterr().out
    assert n_versions == len(told(capsys, "list"))
    assert quality(folder) >= before


def test_a_key_that_never_was_is_told_of_and_changes_nothing(folder, capsys):
    """Most likely it is a typo: who forgets the wrong key must not take it for done."""
    assert 1 == main(["policy", "forget", "sk-thal-noe"])

    assert "no key 'sk-thal-noe'" in capsys.readouterr().err
    assert [] == told(capsys, "list")
    assert folder.is_dir()


def test_a_key_that_asked_nothing_yet_is_one(folder, capsys):
    """There is nothing to forget of it, and that is said."""
    assert 0 == main(["keys", "create", "idle", "--json"])
    prefix = json.loads(capsys.readouterr().out)["prefix"]
    (answer,) = told(capsys, "forget", prefix)

    assert (0, 0) == (answer["versions"], answer["questions"])
    assert ["start"] == [each["recipe"]["why"] for each in told(capsys, "list")]
    assert folder.is_dir()


def test_forgetting_learns_nothing_where_learning_is_off(folder, capsys):
    """Neither the books nor a version are touched for a key's sake that no version knows; one is forgotten in those."""
    (folder / "thalamus.toml").write_text('[learning]\nmode = "off"\n')
    assert 0 == main(["policy", "forget", "sk-thal-one"])
    spoken = capsys.readouterr()
    assert "Nothing was learned of sk-thal-one" in spoken.out
    assert "learning is off" in spoken.err
    assert [] == told(capsys, "list")
    (folder / "thalamus.toml").unlink()
    told(capsys, "reset", "good", "--keep", "0.9")
    before = active(folder)
    (folder / "thalamus.toml").write_text('[learning]\nmode = "off"\n')
    (answer,) = told(capsys, "forget", "sk-thal-one")
    after = active(folder)

    assert 1 == answer["versions"]
    assert ("sk-thal-one" in before.speakers, "sk-thal-one" in after.speakers) == (True, False)
    assert ["forgot a key", "good counts 0.9 of before", "start"] == [
        each["recipe"]["why"] for each in told(capsys, "list")
    ]
    assert before.n_lessons + 1 == after.n_lessons


@pytest.mark.parametrize("damaged", ['{"models": NaN}', '{"form": "other"}', '{"form": "lear'])
def test_a_damaged_version_is_left_behind_by_a_rollback(folder, capsys, damaged):
    """What is in force cannot be read, a NaN in it or half of it: the way back is still open, and it is told why."""
    told(capsys, "reset", "bad")
    with closing(sqlite3.connect(folder / ".thalamus" / "thalamus.sqlite")) as books:
        books.execute("UPDATE policy_version SET parameters = ? WHERE state = 'active'", (damaged,))
        books.commit()
    assert 1 == main(["policy", "profile"])
    assert "roll back to" in capsys.readouterr().err

    assert 0 == main(["policy", "rollback"])
    assert "roll back to" in capsys.readouterr().err
    assert 0.6 == quality(folder)
    assert 0 == main(["policy", "forget", "sk-thal-one"])


@pytest.mark.parametrize(("faster", "kept"), [(1, True), (99, False)])
async def test_a_server_that_is_faster_is_never_overwritten(folder, capsys, faster, kept):
    """The change is made again on what it wrote; where it is faster each time, the command says to try again."""
    settings, database = read_settings(None), open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
    rivals = [Thread(target=main, args=(["policy", "reset", "good", "--keep", f"0.{at + 1}"],)) for at in range(faster)]

    def change(learner):
        if rivals:
            rival = rivals.pop()
            rival.start()
            rival.join()
        learner.reset("bad")
        return True

    with nullcontext() if kept else pytest.raises(UnavailableError, match="at the same time; try again"):
        await _change(settings, database, change, why="reset bad")
    await database.aclose()
    capsys.readouterr()
    whys = [each["recipe"]["why"] for each in await asyncio.to_thread(told, capsys, "list")]

    assert kept == ("reset bad" in whys)
    assert min(faster, TRIES) == sum("good counts" in each for each in whys)


def test_there_is_nothing_to_go_back_to(folder, capsys):
    """In one sentence."""
    assert 1 == main(["policy", "rollback"])
    assert "no version before the active one" in capsys.readouterr().err
    assert 1 == main(["policy", "promote", "v-nothing"])

    assert "see `thalamus policy list`" in capsys.readouterr().err
    assert folder.is_dir()

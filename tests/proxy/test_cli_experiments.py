"""`thalamus experiments status`."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from config.database import open_database
from config.experiment_settings import TrialSettings
from proxy.cli import main
from router.experiments.drawing import arm_of
from tests.proxy.cli_settings import ALONE
from tests.router.experiments.test_status import record
from tests.router.offpolicy.books import NOW, booked, rated

TRIAL = '[[experiment.trial]]\nname = "dial"\ndial_b = 0.8\nleast = 20\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with settings, as the one the command is called in."""
    monkeypatch.delenv("THALAMUS_CONFIG", raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".thalamus").mkdir()
    (tmp_path / "thalamus.toml").write_text(ALONE + TRIAL)
    return tmp_path


def fill(folder, n):
    """Book n conversations of the trial, those of b rated higher."""
    trial = TrialSettings("dial", dial_b=0.8)

    async def go():
        database = open_database(f"sqlite:///{folder / '.thalamus' / 'thalamus.sqlite'}")
        await database.upgrade()
        ts = NOW - timedelta(hours=3)
        records = [record(f"{at}", f"c{at}", trial=trial, ts=ts + timedelta(seconds=at)) for at in range(n)]
        said = [rated(f"{at}", float(arm_of(f"c{at}".encode(), trial).arm == "b")) for at in range(n)]
        await booked(database, records, said)
        await database.aclose()

    asyncio.run(go())


def test_it_says_who_won_and_that_it_may_stop(folder, capsys):
    """In both languages, and as JSON."""
    fill(folder, 100)
    assert 0 == main(["experiments", "status"])
    english = capsys.readouterr().out
    assert 0 == main(["experiments", "status", "--language", "zh"])
    chinese = capsys.readouterr().out
    assert 0 == main(["experiments", "status", "--name", "dial", "--json"])
    (told,) = json.loads(capsys.readouterr().out)["experiments"]

    assert "Stop: arm b is rated higher" in english
    assert "0.8" in english
    assert "可以停止：b 组评分更高" in chinese
    assert ("won", "b", True) == (told["state"], told["winner"], told["draws"])
    assert 100 == sum(each["conversations"] for each in told["arms"].values())


def test_earlier_trials_are_still_told_of(folder, capsys):
    """The last one of the settings draws; the others do not any more."""
    (folder / "thalamus.toml").write_text(ALONE + TRIAL + TRIAL.replace('"dial"', '"next"'))
    assert 0 == main(["experiments", "status"])
    english = capsys.readouterr().out
    main(["experiments", "status", "--language", "zh"])

    assert "dial (draws nobody any more)\n" in english
    assert "\nnext\n" in english
    assert "No conversation of this experiment is over yet." in english
    assert "已不再分配对话" in capsys.readouterr().out


def test_wrong_use_is_one_sentence(folder, capsys):
    """No trial in the settings, or none of that name."""
    assert 1 == main(["experiments", "status", "--name", "x"])
    assert "there is no experiment 'x'; there are dial" in capsys.readouterr().err
    (folder / "thalamus.toml").write_text(ALONE)
    assert 1 == main(["experiments", "status"])
    assert "[[experiment.trial]]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ("", "needs 'name'"),
        ("name = 'a/b'\ndial_b = 0.5", "letters, digits"),
        ("name = 'a'", "both arms choose alike"),
        ("name = 'a'\ndial_b = 0.5\n[[experiment.trial]]\nname = 'a'\ndial_b = 0.5", "two experiments 'a'"),
        ("name = 'a'\ndial_b = 2", "at most 1"),
        ("name = 'a'\ndial_b = 0.2\nshare_b = 1", "at most 0.99"),
        ("name = 'a'\npolicy_b = 'best'", "policy_b"),
    ],
)
def test_wrong_trials_are_refused_with_their_line(folder, capsys, trial, said):
    """When the settings are read."""
    (folder / "thalamus.toml").write_text(f"{ALONE}[[experiment.trial]]\n{trial}\n")

    assert 2 == main(["experiments", "status"])
    assert said in capsys.readouterr().err

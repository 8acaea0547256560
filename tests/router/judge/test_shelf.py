from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.errors import SettingsError
from router.judge.shelf import MOST_BEFORE, POINTER, Shelf
from router.judge.templates import toml_of
from tests.router.judge.cases import PLAIN

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MINE = replace(PLAIN, name="mine", about="my own")


def write(folder, template, name=None):
    folder.mkdir(exist_ok=True)
    (folder / f"{name or template.name}.toml").write_text(toml_of(template), encoding="utf-8")


def test_default_is_in_charge_without_a_folder(tmp_path):
    """A new installation has no folder, and judges by the default template."""
    shelf = Shelf(tmp_path / "judge")

    assert PLAIN == shelf.in_charge(None).template
    assert not (tmp_path / "judge").exists()


def test_own_templates_stand_beside_the_shipped_ones_and_over_them(tmp_path):
    """A file in the folder is a template; one of a shipped name stands in its place."""
    write(tmp_path, MINE)
    write(tmp_path, replace(PLAIN, about="changed", shows_prices=False), "whatever")
    found, problems = Shelf(tmp_path).templates()

    assert ["mine", "plain", "record-first", "stepwise"] == [each.name for each in found]
    assert "changed" == found[1].about
    assert () == problems


def test_broken_template_costs_itself_only(tmp_path):
    """A file that cannot be read is told of; the others stay."""
    write(tmp_path, MINE)
    (tmp_path / "broken.toml").write_text("name =", encoding="utf-8")
    found, problems = Shelf(tmp_path).templates()

    assert 4 == len(found)
    assert "broken.toml" in problems[0]


def test_promotion_is_a_copy_and_can_be_taken_back(tmp_path):
    """What was promoted stays as it was though its file is edited; rollbacks lead back one by one."""
    shelf = Shelf(tmp_path)
    write(tmp_path, MINE)
    shelf.promote(MINE, ts=NOW, metrics={"gain": 0.1})
    write(tmp_path, replace(MINE, shows_prices=False))
    shelf.promote(shelf.named("stepwise"), ts=NOW, metrics={})

    assert ["stepwise", "mine"] == [each.version.partition("@")[0] for each in shelf.pointers().promotions]
    assert "stepwise" == shelf.in_charge(None).template.name
    assert MINE == shelf.rollback().template
    assert {"gain": 0.1} == shelf.pointers().promotions[0].metrics
    assert PLAIN == shelf.rollback().template
    with pytest.raises(SettingsError, match="nothing to take back"):
        shelf.rollback()


def test_settings_outrank_a_promotion(tmp_path):
    """A template that settings name is in charge, by its name or by the version of a promoted copy."""
    shelf = Shelf(tmp_path)
    shelf.promote(MINE, ts=NOW, metrics={})

    assert "stepwise" == shelf.in_charge("stepwise").template.name
    assert MINE == shelf.in_charge(MINE.version).template


@pytest.mark.parametrize("wanted", ["nobody", "../../etc/passwd", "@", "a/b@c"])
def test_unknown_template_is_told_and_the_default_takes_its_place(tmp_path, wanted):
    """A wrong name in the settings degrades to the default, visibly."""
    found = Shelf(tmp_path).in_charge(wanted)

    assert PLAIN == found.template
    assert "known are plain" in str(found.problem)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"promotions": [{"version": 3}]}', b"\xff"])
def test_broken_pointer_is_told_and_the_default_takes_its_place(tmp_path, content):
    """A damaged file of promotions costs the promotion, not the judge."""
    (tmp_path / POINTER).write_bytes(content)
    shelf = Shelf(tmp_path)

    assert PLAIN == shelf.in_charge(None).template
    assert POINTER in str(shelf.in_charge(None).problem)
    with pytest.raises(SettingsError):
        shelf.promote(MINE, ts=NOW, metrics={})


def test_lost_copy_is_told(tmp_path):
    """A promoted copy that went away leaves the default in charge."""
    shelf = Shelf(tmp_path)
    shelf.promote(MINE, ts=NOW, metrics={})
    (tmp_path / "versions" / f"{MINE.version}.toml").unlink()

    assert PLAIN == shelf.in_charge(None).template
    assert shelf.in_charge(None).problem


def test_stamp_differs_after_every_change(tmp_path):
    """Promotions, rollbacks and edits are seen from outside."""
    shelf = Shelf(tmp_path)
    stamps = [shelf.stamp()]
    shelf.promote(MINE, ts=NOW, metrics={})
    stamps.append(shelf.stamp())
    write(tmp_path, MINE)
    stamps.append(shelf.stamp())
    shelf.rollback()
    stamps.append(shelf.stamp())

    assert 4 == len(set(stamps))


def test_only_so_many_promotions_are_remembered(tmp_path):
    """The list of promotions does not grow without end."""
    shelf = Shelf(tmp_path)
    for _ in range(MOST_BEFORE + 5):
        shelf.promote(MINE, ts=NOW, metrics={})

    assert MOST_BEFORE + 1 == len(shelf.pointers().promotions)


def test_write_that_fails_leaves_no_trace(tmp_path):
    """Where the folder cannot be written, nothing changed."""
    shelf = Shelf(tmp_path)
    (tmp_path / "versions").write_text("a file in the way", encoding="utf-8")

    with pytest.raises(OSError, match="versions"):
        shelf.promote(MINE, ts=NOW, metrics={})
    assert ["versions"] == [each.name for each in tmp_path.iterdir()]

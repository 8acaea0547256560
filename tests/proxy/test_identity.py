from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.identity import ROOMS, find_intruder

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A folder with six empty rooms, as a checkout has them."""
    return _rooms(tmp_path / "checkout")


@pytest.fixture
def site(tmp_path):
    """An empty folder for installed packages."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def _rooms(folder):
    for room in ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").touch()
    return folder


def _install(site, name, files, **more):
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).touch()
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in files))
    for file, text in more.items():
        (info / f"{file}.json").write_text(text)


def _install_editable(site, checkout):
    direct = json.dumps({"dir_info": {"editable": True}, "url": checkout.as_uri()})
    _install(site, "thalamus-proxy", [], direct_url=direct)


def test_nothing_is_wrong_with_an_editable_install(checkout, site):
    """An editable install whose rooms are found in the checkout may start."""
    _install_editable(site, checkout)

    assert None is find_intruder([str(site), str(checkout)])


def test_nothing_is_wrong_with_a_wheel(site):
    """An installed wheel may start."""
    _install(site, "thalamus-proxy", [f"{room}/__init__.py" for room in ROOMS])

    assert None is find_intruder([str(site)])


def test_nothing_is_wrong_with_a_checkout_that_was_never_installed():
    """The rooms beside this file are ours where no distribution says otherwise."""
    assert None is find_intruder([str(HERE)])


def test_foreign_wheel_before_an_editable_install_is_named(checkout, site):
    """Installed packages come before an editable checkout, so that a foreign `proxy` wins: the start names it."""
    _install_editable(site, checkout)
    _install(site, "proxy.py", ["proxy/__init__.py"])

    found = find_intruder([str(site), str(checkout)])

    assert found is not None
    assert ("proxy", "proxy.py") == (found.room, found.owner)
    assert "pip uninstall proxy.py" in str(found)


def test_foreign_wheel_over_our_wheel_is_named(site):
    """Two wheels may write into one folder, pip lets them: the start names the other one."""
    _install(site, "thalamus-proxy", [f"{room}/__init__.py" for room in ROOMS])
    _install(site, "config", ["config/__init__.py"])

    found = find_intruder([str(site)])

    assert found is not None
    assert ("config", "config") == (found.room, found.owner)


def test_foreign_module_beside_our_wheel_is_named(site):
    """A distribution with a single file `config.py` collides just as well."""
    _install(site, "thalamus-proxy", [f"{room}/__init__.py" for room in ROOMS])
    _install(site, "some-config", ["config.py"])

    found = find_intruder([str(site)])

    assert found is not None
    assert "some-config" == found.owner


def test_working_directory_that_hides_a_room_is_named(checkout, tmp_path):
    """A `config.py` in the folder one happens to stand in is found first: the start says where it lies."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.py").touch()
    site = tmp_path / "site"
    site.mkdir()
    _install_editable(site, checkout)

    found = find_intruder([str(elsewhere), str(site), str(checkout)])

    assert found is not None
    assert (None, str(elsewhere / "config.py")) == (found.owner, found.found)
    assert "another folder" in str(found)


def test_missing_room_is_named(checkout, site):
    """A room that cannot be found at all is told as such."""
    _install_editable(site, checkout)
    (checkout / "router" / "__init__.py").unlink()

    found = find_intruder([str(site), str(checkout)])

    assert found is not None
    assert ("router", "nothing") == (found.room, found.found)


@pytest.mark.parametrize("direct_url", ['{"url": "https://example.org/thalamus.whl"}', '{"archive_info": {}}'])
def test_install_from_elsewhere_counts_as_the_folder_it_lies_in(site, direct_url):
    """A distribution without our files that points at no checkout falls back on this file's own place."""
    _install(site, "thalamus-proxy", [], direct_url=direct_url)

    assert None is find_intruder([str(site), str(HERE)])


def test_command_refuses_in_one_sentence(tmp_path):
    """Started where a `config.py` hides ours, the command prints one sentence and no traceback."""
    (tmp_path / "config.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", _ENTRY.format(path=str(HERE / "proxy" / "identity.py"))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == done.returncode
    assert done.stderr.startswith("Thalamus cannot start: Python finds 'config' in ")
    assert 1 == len(done.stderr.splitlines())


def test_entry_runs_the_command_line_where_all_is_well(tmp_path):
    """Started in a clean folder, the entry hands over to the command line."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "proxy.cli", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("thalamus ")


def test_module_form_hands_its_exit_code_on(monkeypatch, capsys):
    """`python -m proxy.cli` ends as the command does."""
    monkeypatch.setattr(sys, "argv", ["thalamus", "--version"])

    assert 0 == importlib.import_module("proxy.identity").main()
    assert capsys.readouterr().out.startswith("thalamus ")


_ENTRY = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("thalamus_entry", {path!r})
entry = importlib.util.module_from_spec(spec)
sys.modules["thalamus_entry"] = entry
spec.loader.exec_module(entry)
sys.exit(entry.main())
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
MAKEFILE = (HERE / "Makefile").read_text(encoding="utf-8")
TARGETS = [
    "run",
    "stop",
    "test",
    "test-ml",
    "check",
    "demo",
    "bench",
    "bench-extractive",
    "bench-classifier",
    "bench-router",
    "faults",
    "survive",
    "screenshots",
    "mutate",
    "format",
    "build",
    "lock",
    "clean",
]


def _run(*command, cwd=HERE, path=None):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    env |= {"PATH": path} if path else {}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def tools(tmp_path):
    """A folder for PATH with the shell's own programs and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "rm", "mkdir"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def _python(tools, name, version, *, has_venv):
    """Put a program in place that answers like a Python of this version when it is asked about itself."""
    ok = "exit 0" if has_venv else "exit 1"
    (tools / name).write_text(
        f"""#!/bin/sh
case "$*" in
  *sys.version_info*" < (3, 11)"*) [ {version} -ge 11 ] ;;
  *"import ensurepip"*) {ok} ;;
  *version_info*) echo 3.{version} ;;
  --version) echo Python 3.{version} ;;
  *) echo made with {name} "$@" ;;
esac
"""
    )
    (tools / name).chmod(0o755)


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _make_venv(tools, tmp_path):
    return _run(str(tools / "sh"), HERE / "tests/bin/make-venv", tmp_path / "venv", path=str(tools))


def test_make_alone_lists_every_command():
    """A newcomer types `make` and sees what there is, each with a sentence."""
    done = _run("make")

    assert 0 == done.returncode
    for target in TARGETS:
        assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE), target


@pytest.mark.parametrize("target", TARGETS)
def test_every_command_is_a_valid_recipe(target):
    """Each command can be read by make, whatever is installed."""
    done = _run("make", "--dry-run", target)

    assert 0 == done.returncode, done.stderr


def test_every_installation_is_pinned():
    """`make` and the image take files by their hash only; every line of constraints.txt is an exact version."""
    lines = [each for each in (HERE / "constraints.txt").read_text().splitlines() if not each.startswith("#")]

    assert "--require-hashes --requirement" in MAKEFILE
    assert [] == [line for line in MAKEFILE.splitlines() if "pip install" in line and not line.startswith("INSTALL :=")]
    assert [] == [each for each in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", each)]
    assert sorted(lines, key=str.lower) == sorted(set(lines), key=str.lower)


def test_every_requirement_has_a_pin():
    """A dependency added to pyproject.toml must be pinned too: run `make lock`, or add its line."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {_canonical(re.split(r"[\[<>=;~! ]", each)[0]) for each in wanted}
    pinned = {_canonical(line.partition("==")[0]) for line in (HERE / "constraints.txt").read_text().splitlines()}

    assert set() == names - pinned


@pytest.mark.parametrize(("lock", "extra"), [("", None), ("-scale", "scale"), ("-dev", "dev")])
def test_every_locked_file_has_its_hash(lock, extra):
    """Each requirement, and what builds the product, stands in its lock with the version of constraints.txt."""
    text = (HERE / f"requirements{lock}.lock").read_text(encoding="utf-8")
    blocks = [each for each in re.split(r"\n(?=\S)", text) if not each.startswith("#")]
    locked = {_canonical(each.partition("==")[0]): re.split(r"[ \\;]", each.partition("==")[2])[0] for each in blocks}
    pinned = dict(line.split("==") for line in (HERE / "constraints.txt").read_text().splitlines() if line[0] != "#")
    pinned = {_canonical(name): version for name, version in pinned.items()}
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]
    names = {_canonical(re.split(r"[\[<>=;~! ]", each)[0]) for each in wanted} | {"hatchling", "editables"}

    assert set() == names - set(locked)
    assert {} == {name: version for name, version in locked.items() if pinned.get(name, version) != version}
    assert [] == [each for each in blocks if "--hash=sha256:" not in each]
    assert [] == re.findall(r"https?://|file:|--(?:extra-)?index", text)
    assert "torch" not in locked


def test_ci_runs_exactly_what_people_run():
    """The gate is `make test`, so that red there is red here."""
    lines = (HERE / ".ci/run").read_text(encoding="utf-8").splitlines()

    assert ["#!/usr/bin/env bash", "set -euo pipefail"] == lines[:2]
    assert "make test" == lines[-1]
    assert os.access(HERE / ".ci/run", os.X_OK)


def test_newest_python_that_is_there_is_taken(tools, tmp_path):
    """python3.12 comes before python3.11, and before a python3 of any age."""
    _python(tools, "python3.12", 12, has_venv=True)
    _python(tools, "python3.11", 11, has_venv=True)
    _python(tools, "python3", 9, has_venv=True)
    done = _make_venv(tools, tmp_path)

    assert 0 == done.returncode
    assert "made with python3.12 -m venv" in done.stdout


def test_too_old_python_is_told(tools, tmp_path):
    """With Python 3.9 alone the message says what is needed and how to get it."""
    _python(tools, "python3", 9, has_venv=True)
    done = _make_venv(tools, tmp_path)

    assert 1 == done.returncode
    assert "Python 3.11 or newer" in done.stderr


def test_missing_ensurepip_is_told_with_its_package(tools, tmp_path):
    """Debian splits venv off: the message names the package for exactly this Python."""
    _python(tools, "python3.13", 13, has_venv=False)
    done = _make_venv(tools, tmp_path)

    assert 1 == done.returncode
    assert "apt-get install python3.13-venv" in done.stderr


def test_python_without_ensurepip_is_passed_over(tools, tmp_path):
    """An older Python that can make environments is better than a newer one that cannot."""
    _python(tools, "python3.13", 13, has_venv=False)
    _python(tools, "python3.11", 11, has_venv=True)
    done = _make_venv(tools, tmp_path)

    assert 0 == done.returncode
    assert "made with python3.11 -m venv" in done.stdout


def test_whole_environment_is_left_alone(tools, tmp_path):
    """An environment that works is not made anew."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    _python(tmp_path / "venv" / "bin", "python", 11, has_venv=True)
    done = _make_venv(tools, tmp_path)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)

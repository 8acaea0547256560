from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from proxy.identity import ROOMS

HERE = Path(__file__).resolve().parents[1]
SITE = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Our wheel, as users get it."""
    folder = tmp_path_factory.mktemp("dist")
    _call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, HERE)
    return next(folder.glob("*.whl"))


@pytest.fixture
def installed(wheel, tmp_path):
    """An environment with our wheel in it; what we depend on is borrowed from the environment of the tests."""
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    _call(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--no-deps", "-q", wheel)
    borrowed = [
        each
        for each in Path(sysconfig.get_path("purelib")).iterdir()
        if not each.name.lower().startswith(("thalamus", "_editable_impl_thalamus"))
        and each.name not in {*ROOMS, "__pycache__"}
        and each.suffix != ".pth"
    ]
    for each in borrowed:
        (folder / SITE / each.name).symlink_to(each)
    return folder


def _call(*command, cwd=None):
    done = subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def _thalamus(installed, *words):
    return subprocess.run(
        [installed / "bin" / "thalamus", *words], cwd=installed, capture_output=True, text=True, check=False
    )


def _plant(installed, name, package):
    """Install another distribution over ours, as pip does without a word."""
    site = installed / SITE
    (site / package).mkdir(exist_ok=True)
    (site / package / "__init__.py").write_text("raise ImportError('not ours')\n")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{package}/__init__.py,sha256=x,1\n")


def test_wheel_holds_everything_that_is_tracked(wheel):
    """Code, shipped data, templates and migrations of every room are inside, and nothing of the tests."""
    tracked = subprocess.run(
        ["git", "ls-files", *ROOMS, "migrations"], cwd=HERE, capture_output=True, text=True, check=False
    )
    if tracked.returncode != 0:
        files = [str(each.relative_to(HERE)) for room in ROOMS for each in (HERE / room).rglob("*.py")]
    else:
        files = [each for each in tracked.stdout.split("\n") if each and (HERE / each).exists()]
    inside = set(zipfile.ZipFile(wheel).namelist())
    moved = {"proxy/identity.py": "thalamus_entry.py"}
    expected = {moved.get(each, each.replace("migrations/", "config/_migrations/", 1)) for each in files}

    assert set() == expected - inside
    assert {"config/defaults/models.toml", "retrieval/library/zh/quickstart.md", "proxy/py.typed"} <= inside
    assert 10 == sum(each.startswith("retrieval/examples/") and each.endswith(".md") for each in inside)
    assert {*ROOMS, "thalamus_entry.py"} == {each.partition("/")[0] for each in inside if ".dist-info" not in each}


def test_wheel_holds_the_models_and_what_they_are_made_from(wheel):
    """Every artefact whole, and every blueprint with its constitution and corpus: `foundry forge` works from a wheel."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    artefacts = {each.name for each in (HERE / "classifier" / "artefacts").iterdir() if (each / "card.json").exists()}
    home = HERE / "classifier" / "foundry" / "blueprints"
    blueprints = {each.name for each in home.iterdir() if (each / "blueprint.toml").exists()}
    parts = ("model.onnx", "preproc.bin", "card.json", "golden.json")

    assert {"intent", "is_question", "confirmation"} <= artefacts & blueprints
    assert set() == {f"classifier/artefacts/{name}/{part}" for name in artefacts for part in parts} - inside
    for name in blueprints:
        folder = f"classifier/foundry/blueprints/{name}"
        assert {f"{folder}/blueprint.toml", f"{folder}/constitution.md"} <= inside
        assert any(each.startswith(f"{folder}/corpus/") for each in inside), name


def test_installed_cascade_understands(installed):
    """The command of the wheel answers by rule and loads every model that it holds."""
    answered = _thalamus(installed, "intent", "支付成功后发送通知", "--json")
    understood = json.loads(_thalamus(installed, "understand", "Where is my parcel?", "--json").stdout)

    assert ["payment", "notification"] == json.loads(answered.stdout)["intents"]
    assert {"ok"} == {understood["tiers"][name]["status"] for name in ("intent", "is_question", "confirmation")}


def test_installed_command_works(installed):
    """The command of the wheel runs, finds its defaults, and brings a database to the newest schema."""
    version = _thalamus(installed, "--version")
    checked = _thalamus(installed, "check")
    upgraded = _thalamus(installed, "db", "upgrade")

    assert (0, "") == (version.returncode, version.stderr)
    assert version.stdout.startswith("thalamus 0.")
    assert "extractive" in checked.stdout
    assert (0, "The database is up to date.\n") == (upgraded.returncode, upgraded.stdout)


def test_module_form_works_in_a_wheel(installed):
    """`python -m proxy.cli` is guarded too, where the guard has only its top-level name."""
    done = subprocess.run(
        [installed / "bin" / "python", "-P", "-m", "proxy.cli", "--version"],
        cwd=installed, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("thalamus 0.")


@pytest.mark.parametrize(("name", "package"), [("proxy.py", "proxy"), ("config", "config")])
def test_foreign_package_stops_the_start_in_one_sentence(installed, name, package):
    """Over a foreign `proxy` or `config` the command names the offender and the mend, and does not show a traceback."""
    _plant(installed, name, package)

    done = _thalamus(installed, "--version")

    assert 1 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert f"the distribution '{name}' has a package '{package}' too" in done.stderr
    assert "pipx install thalamus-proxy" in done.stderr

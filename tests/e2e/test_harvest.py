"""From a correction at the main door to a row of a corpus, and to a model that has learnt from it; with consent only."""

from __future__ import annotations

import asyncio
import json
import stat

import pytest

from config.errors import CorpusError
from proxy.cli import main
from proxy.harvest import add_to, rows_of
from router.corrections import Correction, labels_of
from tests.classifier.small_corpus import single_rows, written
from tests.e2e.gateway import HEAD, model, running_gateway, user

pytest_plugins = ("tests.upstream_fixtures",)
SETTINGS = "[storage]\nstore_bodies = {bodies}\n[classifier]\nharvest = {harvest}\n"
BLUEPRINT = """
name = "small"
task = "single"
languages = ["zh", "en"]
labels = ["payment", "inventory", "none"]
seeds = [1]
[features]
costs = [1.0]
"""
BODY = json.dumps({"model": "auto", "messages": user("退款给我, my key is sk-proj-abcdefgh12345678")}).encode()


@pytest.fixture
def run(tmp_path, capsys):
    """Runs one foundry command on the settings of the folder; returns its exit code, stdout and stderr."""

    async def go(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()  # what the gateway logged
        code = await asyncio.to_thread(main, ("foundry", *words, "--config", str(tmp_path / "thalamus.toml")))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


@pytest.fixture
async def talk(tmp_path, upstream):
    """Call what this gives with texts and their right labels: they are asked and corrected at a gateway's doors."""

    async def go(*said: tuple[str, str, str], bodies: bool = True, harvest: bool = True) -> None:
        more = SETTINGS.format(bodies=str(bodies).lower(), harvest=str(harvest).lower())
        async with running_gateway(tmp_path, model("m", f"{upstream.url}/v1"), head=HEAD + more) as gateway:
            for path, text, labels in said:
                body = {"model": "auto", "messages": user(text), "max_tokens": 9}
                answer = await gateway.http.post(path, json=body)
                decision = answer.headers["x-thalamus-decision-id"]
                told = {"decision_id": decision, "corrected_intent": labels}
                assert 200 == (await gateway.http.post("/v1/feedback", json=told)).status_code

    return go


async def test_corrections_become_rows_and_stay(run, talk, tmp_path) -> None:
    """Of every chat door, redacted, each decision once; what is there stays when the books forget."""
    await talk(
        ("/v1/chat/completions", "退款给我, my key is sk-proj-abcdefgh12345678", "payment"),
        ("/api/claude", "is the red one in stock, and charge me", "payment, inventory"),
    )
    code, out, err = await run("harvest")
    path = tmp_path / ".thalamus" / "corpus" / "intent.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    assert 0 == code, err
    assert f"{path}: 2 rows; " in out
    assert [["payment"], ["inventory", "payment"]] == [row["labels"] for row in rows]
    assert rows[0]["text"].startswith("退款给我, my key is [redacted]")
    assert "is the red one in stock, and charge me" == rows[1]["text"]
    assert "sk-proj" not in path.read_text("utf-8")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    (tmp_path / ".thalamus" / "thalamus.sqlite").unlink()
    assert "there are no books yet" in (await run("harvest"))[2]
    assert 2 == add_to(path, {})


@pytest.mark.parametrize("given", ["no_such_intent", "payment, 没有", "payment,,Inventory"])
async def test_an_intent_that_is_none_is_refused_at_the_door(tmp_path, upstream, given) -> None:
    """Who writes it wrong hears so at once, with the names there are, and not when nothing is harvested."""
    async with running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway:
        said = {"decision_id": "last", "corrected_intent": given}
        refused = await gateway.http.post("/v1/feedback", json=said)
    error = refused.json()["error"]

    assert (400, "corrected_intent", "unknown_intent") == (refused.status_code, error["param"], error["code"])
    assert "known are order_management, user_auth, payment, inventory, notification, none." in error["message"]


async def test_without_consent_nothing_is_read(run, talk, tmp_path) -> None:
    """Neither without the setting, nor of requests whose bodies were not stored."""
    said = ("/v1/chat/completions", "退款给我", "payment")
    await talk(said, harvest=False)
    code, out, err = await run("harvest")
    assert (1, "") == (code, out)
    assert "without consent: set classifier.harvest = true" in err
    await talk(said, bodies=False)
    told = json.loads((await run("harvest", "--json", "--out", str(tmp_path / "rows.jsonl")))[1])

    assert (1, 1) == (told["rows"], told["without_body"])
    assert "only intent can be harvested" in (await run("harvest", "sentiment"))[2]


async def test_a_model_learns_from_harvested_rows(tmp_path, capsys) -> None:
    """`--with` puts them beside the blueprint's own."""
    folder = tmp_path / "blueprints" / "small"
    (folder / "corpus").mkdir(parents=True)
    (folder / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    written(folder / "corpus" / "a.jsonl", [row for row in single_rows() if row.labels != ("none",)])
    extra = written(tmp_path / "more.jsonl", [row for row in single_rows() if row.labels == ("none",)])
    out = tmp_path / "made"
    words = ("forge", "small", "--blueprints", str(tmp_path / "blueprints"), "--with", str(extra), "--out", str(out))
    code = await asyncio.to_thread(main, ("foundry", *words, "--json"))
    told = json.loads(capsys.readouterr().out)

    assert 0 == code
    assert len(single_rows()) == told["data"]["train_rows"] + sum(told["data"]["dropped"].values())
    assert 2 == await asyncio.to_thread(main, ("foundry", "forge", "--all", "--with", str(extra)))


def test_rows_say_whether_they_confirm() -> None:
    """What cannot be made a row is counted by its reason."""
    found = rows_of(
        [
            Correction("a", ("payment",), ("payment",), "chat", BODY),
            Correction("b", ("payment",), ("inventory",), "chat", BODY),
            Correction("c", ("payment",), (), "chat", b"{"),
            Correction("d", ("payment",), (), "embeddings", BODY),
            Correction("e", (), (), "chat", BODY),
            Correction("f", ("payment",), (), "chat", None),
        ],
        labels=("payment", "inventory"),
    )

    assert (1, 1, 2, 1, 1) == (
        found.n_confirmed,
        found.n_corrected,
        found.unreadable,
        found.unknown_label,
        found.without_body,
    )
    assert [["harvested", "confirmed"], ["harvested", "corrected"]] == [row["tags"] for row in found.rows.values()]
    assert "zh" == found.rows["a"]["lang"]


def test_a_file_of_other_rows_is_left_alone(tmp_path) -> None:
    """The file and the line are named."""
    path = tmp_path / "mine.jsonl"
    path.write_text('\n{"text": "mine", "labels": []}\n', "utf-8")
    with pytest.raises(CorpusError, match=r"mine\.jsonl:2: is no harvested row"):
        add_to(path, {})

    assert "mine" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "labels"), [("a", ("a",)), (" a , b,a,", ("a", "b")), ("", ()), (None, ()), (",", ())]
)
def test_names_are_parted_by_commas(text, labels) -> None:
    """Each once, in order."""
    assert labels == labels_of(text)

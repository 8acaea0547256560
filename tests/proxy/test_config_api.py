"""Weights over the wire: in force at once, checked, audited, kept; and who may set them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, asked, model, running_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    import httpx

PATH = "/api/config/weights"
SECOND = """
  [[model.deployment]]
  provider = "vllm"
  base_url = "{base_url}"
  upstream_model = "scripted"
  weight = {weight}
"""
FIRST_ID, SECOND_ID = "m/vllm#1", "m/vllm#2"


@asynccontextmanager
async def two_servers(
    folder: Path, *, weights: tuple[float, float] = (1, 1), more: str = "", head: str = HEAD
) -> AsyncGenerator[tuple[Gateway, tuple[ScriptedUpstream, ...]], None]:
    """Run a gateway whose model `m` has two servers."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(scripted_upstream(Script((Reply(text="hi"),)))) for _ in range(2)]
        urls = [f"{each.url}/v1" for each in servers]
        toml = model("m", urls[0], weight=weights[0]) + SECOND.format(base_url=urls[1], weight=weights[1])
        yield await stack.enter_async_context(running_gateway(folder, toml, more, head=head)), tuple(servers)


async def set_weights(gateway: Gateway, key: str | None = None, **weights: float | None) -> httpx.Response:
    """Post weights; `_1` and `_2` stand for the two servers."""
    names = {"_1": FIRST_ID, "_2": SECOND_ID}
    body = {"weights": {names.get(name, name): weight for name, weight in weights.items()}}
    return await gateway.http.post(PATH, json=body, headers={"authorization": f"Bearer {key}"} if key else {})


async def answered_by(gateway: Gateway, servers: tuple[ScriptedUpstream, ...], n: int) -> list[int]:
    """Return how many of the next requests each server gets."""
    before = [len(asked(each)) for each in servers]
    statuses = Counter([(await gateway.chat()).status_code for _ in range(n)])
    assert {200: n} == statuses
    return [len(asked(each)) - count for each, count in zip(servers, before, strict=True)]


def entries(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """Return the weights by name."""
    return {each["name"]: each for each in response.json()["weights"]}


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Read the database as another process would."""
    with closing(sqlite3.connect(folder / ".thalamus" / "thalamus.sqlite")) as books:
        return books.execute(query).fetchall()


async def test_weights_take_effect_at_once_and_are_kept(tmp_path: Path) -> None:
    """With the next request, over a reload, and over a restart; cleared, the settings file counts again."""
    async with two_servers(tmp_path) as (gateway, servers):
        assert [10, 10] == await answered_by(gateway, servers, 20)
        response = await set_weights(gateway, _1=3)
        assert [15, 5] == await answered_by(gateway, servers, 20)
        assert 200 == (await gateway.http.post("/api/config/reload", json={})).status_code
        assert [15, 5] == await answered_by(gateway, servers, 20)
        drained = await set_weights(gateway, _2=0)
        assert [20, 0] == await answered_by(gateway, servers, 20)
    async with two_servers(tmp_path) as (gateway, servers):
        restarted = await gateway.http.get(PATH)
        assert [20, 0] == await answered_by(gateway, servers, 20)
        cleared = await set_weights(gateway, _1=None, _2=None)
        assert [10, 10] == await answered_by(gateway, servers, 20)

    first = entries(response)[FIRST_ID]
    assert (1.0, 3.0, 3.0, 0.75, "no key") == tuple(
        first[name] for name in ("file", "override", "effective", "share", "changed_by")
    )
    assert first["changed_at"].endswith("+00:00")
    assert (3.0, 1.0) == (entries(drained)["m"]["effective"], entries(drained)[FIRST_ID]["share"])
    assert drained.json() == restarted.json()
    assert [None] * 3 == [each["override"] for each in entries(cleared).values()]
    assert [] == rows(tmp_path, "SELECT * FROM setting_override")
    assert [
        ("set_override", f"balancing.weights.{FIRST_ID}", None, 3),
        ("set_override", f"balancing.weights.{SECOND_ID}", None, 0),
        ("clear_override", f"balancing.weights.{FIRST_ID}", 3, None),
        ("clear_override", f"balancing.weights.{SECOND_ID}", 0, None),
    ] == rows(tmp_path, "SELECT action, subject, before, after FROM audit ORDER BY id")


WRONG = [
    ('{"weights": {"m": 1, "nobody": 1}}', "weights.nobody", "unknown_name"),
    ('{"weights": {"m/vllm#1": 5, "m/vllm#2": -1}}', "weights.m/vllm#2", None),
    ('{"weights": {"m": 1000001}}', "weights.m", None),
    ('{"weights": {"m": 0}}', "weights", "nothing_left"),
    ('{"weights": {"m/vllm#1": 0, "m/vllm#2": 0}}', "weights", "nothing_left"),
    ('{"weights": {"m": NaN}}', None, "invalid_json"),
    ('{"weights": {"m": 1e999}}', None, "invalid_json"),
    ('{"weights": {"m": null, "m/vllm#1": "2"}}', "weights.m/vllm#1", None),
    ("", None, "invalid_json"),
]


async def test_a_body_with_anything_wrong_in_it_changes_nothing(tmp_path: Path) -> None:
    """All or none: 400 with the field at fault, the same weights, no row."""
    async with two_servers(tmp_path) as (gateway, servers):
        headers = {"content-type": "application/json"}
        refused = [await gateway.http.post(PATH, content=body, headers=headers) for body, _, _ in WRONG]
        assert [2, 2] == await answered_by(gateway, servers, 4)

    assert [(400, param, code) for _, param, code in WRONG] == [
        (each.status_code, each.json()["error"]["param"], each.json()["error"]["code"]) for each in refused
    ]
    assert [] == rows(tmp_path, "SELECT key FROM setting_override") + rows(tmp_path, "SELECT id FROM audit")


async def test_only_an_admin_key_may_look_and_set_where_keys_are_needed(tmp_path: Path) -> None:
    """A chat key gets 403, none 401; what was changed names the key by its shown part."""
    async with two_servers(tmp_path) as (gateway, _):
        chat, _ = await gateway.house.keys.create("laptop")
        admin, info = await gateway.house.keys.create("boss", scopes=("admin",))
        refused = [await set_weights(gateway, key, _1=2) for key in (None, chat)]
        looked = [
            await gateway.http.get(PATH, headers={"authorization": f"Bearer {key}"}) for key in ("wrong", chat, admin)
        ]
        done = await set_weights(gateway, admin, _1=2)

    assert [401, 403] == [each.status_code for each in refused]
    assert [401, 403, 200] == [each.status_code for each in looked]
    assert 200 == done.status_code
    assert info.prefix == entries(done)[FIRST_ID]["changed_by"]
    assert [(info.prefix, 2)] == rows(tmp_path, "SELECT actor, after FROM audit WHERE action = 'set_override'")
    assert admin not in done.text


async def test_a_page_of_another_origin_cannot_set_weights(tmp_path: Path) -> None:
    """What a browser sends there without asking first is refused: 415."""
    async with two_servers(tmp_path) as (gateway, servers):
        refused = [
            await gateway.http.post(PATH, content='{"weights": {"m/vllm#1": 0}}', headers=headers)
            for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"})
        ]
        assert [2, 2] == await answered_by(gateway, servers, 4)

    assert [415] * 3 == [each.status_code for each in refused]


async def test_a_database_that_is_away_changes_nothing(tmp_path: Path) -> None:
    """503 with a wait; the weights in force stay in force, and once it is back they can be set."""
    head = HEAD.replace("port = 0", 'port = 0\nrequire_key = "never"')
    async with two_servers(tmp_path, head=head) as (gateway, servers):
        assert 200 == (await set_weights(gateway, _1=3)).status_code
        books = tmp_path / ".thalamus" / "thalamus.sqlite"
        holder = sqlite3.connect(books, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(holder.execute, "begin exclusive")  # the gateway may be writing: let it end
        during = await set_weights(gateway, _1=0)
        shown = await gateway.http.get(PATH)
        assert [6, 2] == await answered_by(gateway, servers, 8)
        holder.execute("rollback")
        holder.close()
        after = await set_weights(gateway, _1=0)
        assert [0, 8] == await answered_by(gateway, servers, 8)

    assert (503, "database_unavailable") == (during.status_code, during.json()["error"]["code"])
    assert "retry-after" in during.headers
    assert 3.0 == entries(shown)[FIRST_ID]["effective"]
    assert 200 == after.status_code


async def test_an_override_of_a_name_that_is_gone_is_kept_shown_and_ignored(tmp_path: Path) -> None:
    """It counts again when the name is back; a value that is no weight counts for nothing."""
    async with two_servers(tmp_path, more=model("n", "http://127.0.0.1:9/v1")) as (gateway, _):
        assert 200 == (await set_weights(gateway, n=4, _1=3)).status_code
    with closing(sqlite3.connect(tmp_path / ".thalamus" / "thalamus.sqlite")) as books:
        books.execute("UPDATE setting_override SET value = '\"3\"' WHERE key LIKE '%#1'")
        books.commit()
    async with two_servers(tmp_path) as (gateway, servers):
        gone = await gateway.http.get(PATH)
        assert [2, 2] == await answered_by(gateway, servers, 4)
        refused = await set_weights(gateway, n=5)
    async with two_servers(tmp_path, more=model("n", "http://127.0.0.1:9/v1")) as (gateway, _):
        back = await gateway.http.get(PATH)
    async with two_servers(tmp_path) as (gateway, _):
        cleared = await set_weights(gateway, n=None)

    assert {FIRST_ID: "3", "n": 4.0} == {each["name"]: each["override"] for each in gone.json()["ignored"]}
    assert "n" not in entries(gone)
    assert 400 == refused.status_code
    assert 4.0 == entries(back)["n"]["effective"]
    assert [FIRST_ID] == [each["name"] for each in cleared.json()["ignored"]]


def another_process_writes(file: Path) -> None:
    """Not on the loop: who holds the lock there could not give it back."""
    with closing(sqlite3.connect(file)) as books:
        books.execute("UPDATE setting_override SET value = '7'")
        books.commit()


async def test_another_process_hears_of_it_with_its_next_reload(tmp_path: Path) -> None:
    """What stands in the database counts for all that share it."""
    async with two_servers(tmp_path) as (gateway, servers):
        assert 200 == (await set_weights(gateway, _1=3)).status_code
        await asyncio.to_thread(another_process_writes, tmp_path / ".thalamus" / "thalamus.sqlite")
        assert [6, 2] == await answered_by(gateway, servers, 8)
        assert 200 == (await gateway.http.post("/api/config/reload", json={})).status_code
        assert [7, 1] == await answered_by(gateway, servers, 8)


async def test_weights_set_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Two requests that each would leave the other's server cannot together leave none."""
    async with two_servers(tmp_path) as (gateway, _):
        both = await asyncio.gather(set_weights(gateway, _1=0), set_weights(gateway, _2=0))
        shown = await gateway.http.get(PATH)

    assert [200, 400] == sorted(each.status_code for each in both)
    assert [0.0, 1.0] == sorted(entries(shown)[name]["effective"] for name in (FIRST_ID, SECOND_ID))


async def test_a_probe_leaves_the_weights_in_force(tmp_path: Path) -> None:
    """A new snapshot of the servers is weighed like the last."""
    async with two_servers(tmp_path) as (gateway, _):
        await set_weights(gateway, m=6)
        gateway.house.take_catalog(gateway.house.prober.catalog())
        shown = entries(await gateway.http.get(PATH))

    assert (2.0, 6.0, 1.0) == (shown["m"]["file"], shown["m"]["effective"], shown["m"]["share"])
    assert (1.0, 3.0, 0.5) == tuple(shown[FIRST_ID][name] for name in ("file", "effective", "share"))

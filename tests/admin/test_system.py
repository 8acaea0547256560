"""The system page: the figures of the moment, and what is not well said in words."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

REPORT = {
    "status": "ok", "version": "1.2.3", "uptime_s": 3600.0, "draining": False, "reload_error": None,
    "components": {
        "database": {
            "status": "ok", "queued": 3, "spilled": 0, "dropped": 0, "skipped": 0, "last_error": None,
            "last_commit_ts": "2026-11-21T08:00:00+00:00", "size_bytes": 10_485_760,
        },
        "documents": {"status": "loading", "passages": 0},
        "judge": {"status": "odd <b>state</b>", "model": "llama3"},
        "deployments": {"m/<script>alert(1)</script>": {"state": "open"}},
        "process": {
            "status": "ok", "cpu_s": 900.0, "rss_bytes": 104_857_600, "loop_lag_ms": {"p50": 0.4, "max": 3.0},
            "open_fds": 40, "open_sockets": 7, "max_fds": 1024, "n_tasks": 12, "n_threads": 5, "n_cpus": 2,
        },
        "queues": {"status": "ok", "requests_in_flight": 4},
    },
}  # fmt: skip


class Reporting:
    """A house that tells what it was given."""

    def __init__(self):
        self.told = copy.deepcopy(REPORT)

    async def report(self):
        return self.told


@pytest.fixture
def house():
    """A gateway that is well."""
    return Reporting()


@pytest.fixture
def desk(desk, house):
    """A desk with a system."""
    return replace(desk, system=house)


async def test_figures_are_shown(site):
    """CPU as share of a core, memory and database in MiB, the parts with their states."""
    page, twin = await site.get("/dashboard/system"), (await site.get("/dashboard/system.json")).json()

    assert (0.25, 4, 3_600_000) == (twin["cores_used"], twin["in_flight"], twin["uptime_ms"])
    assert ["documents", "judge", "deployments"] == [part["name"] for part in twin["parts"]]
    assert ["info", "bad", None] == [part["state"] for part in twin["parts"]]
    for shown in ("25.0", "100 MiB", "10.0 MiB", "version 1.2.3", "Well", "Loading", "at most 3.00"):
        assert shown in page.text


async def test_names_and_states_are_text(site):
    """What a deployment is called cannot be markup, nor a state that nobody knows."""
    page = await site.get("/dashboard/system")

    assert "<script>alert" not in page.text
    assert "<b>state</b>" not in page.text
    assert "odd &lt;b&gt;state&lt;/b&gt;" in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_what_is_not_well_is_said(site, house, language):
    """A late loop, few descriptors left, a refused reload, lost records, a stop that has begun."""
    components = house.told["components"]
    house.told |= {"status": "degraded", "draining": True, "reload_error": "line 3 <i>"}
    components["process"] |= {"loop_lag_ms": {"p50": 50.0, "max": 2500.0}, "open_fds": 1000}
    components["database"] |= {"status": "degraded", "dropped": 12, "spilled": 5, "last_error": "disk <full>"}
    page = await site.get("/dashboard/system", headers={"accept-language": language})
    twin = (await site.get("/dashboard/system.json")).json()

    assert (True, True, "warn", "warn") == tuple(
        twin[name] for name in ("is_late", "is_short_of_files", "state", "books_state")
    )
    assert 4 == page.text.count('class="notice')
    assert "line 3 &lt;i&gt;" in page.text
    assert "disk &lt;full&gt;" in page.text


async def test_figures_that_nobody_knows_are_dashes(site, house):
    """A system without `/proc`, a database in memory, the first moment."""
    components = house.told["components"]
    house.told["uptime_s"] = 0.0
    components["process"] |= {
        "loop_lag_ms": {"p50": None, "max": None},
        "open_fds": None,
        "max_fds": None,
        "open_sockets": None,
    }
    components["database"] |= {"size_bytes": None, "last_commit_ts": None}
    page = await site.get("/dashboard/system")

    assert 200 == page.status_code
    assert "–" in page.text


async def test_without_a_system_there_is_no_page(open_site):
    """A gateway that offers none shows none."""
    async with open_site(system=None) as site:
        assert 404 == (await site.get("/dashboard/system")).status_code

"""How the application is served."""

from __future__ import annotations

import httpx

from config.settings import Settings
from proxy.app import create_app
from proxy.server import uvicorn_config


async def test_an_idle_connection_outlives_the_pools_of_the_official_clients(tmp_path):
    """Else a request may go out on a connection that is just being closed, and fails although nobody is ill."""
    settings = Settings(state_dir=tmp_path)
    kept_by_clients_s = httpx.Limits().keepalive_expiry
    app = create_app(settings)
    kept_s = uvicorn_config(settings, app).timeout_keep_alive
    await app.state.house.writer.aclose()

    assert kept_by_clients_s is not None
    assert kept_s > 2 * kept_by_clients_s

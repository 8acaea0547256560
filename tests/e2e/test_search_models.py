"""Models of the search that are away or wrongly named: the server is up, `/route` answers, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway
from tests.e2e.test_route import ready

AWAY = "http://127.0.0.1:9"
DOCUMENT = "# Refunds\n\nA refund goes back to the card within five working days.\n"


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        (f'[retrieval.reranker]\nkind = "server"\nmodel = "m"\nbase_url = "{AWAY}"\n', "searched without a model"),
        ('[retrieval.reranker]\nkind = "server"\n', None),
        (f'[retrieval.embedder]\nkind = "ollama"\nmodel = "m"\nbase_url = "{AWAY}"\n', None),
        ('[retrieval.embedder]\nkind = "folder"\n', None),
    ],
    ids=["reranker away", "reranker not named", "embedder away", "embedder not named"],
)
async def test_a_question_is_answered_all_the_same(tmp_path: Path, settings: str, warning: str | None) -> None:
    """By the passages that words find, or words and vectors; a changed embedder that is away costs no document."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "refunds.md").write_text(DOCUMENT)
    library = f'[retrieval]\nlibrary = "{tmp_path / "docs"}"\n'
    async with scripted_upstream(Script((Reply(text="In five days."),))) as upstream:
        async with running_gateway(tmp_path, library, model("m", upstream.url + "/v1")) as gateway:
            await ready(gateway)
        async with running_gateway(tmp_path, library + settings, model("m", upstream.url + "/v1")) as gateway:
            await ready(gateway)
            answer = await gateway.http.post("/route", json={"prompt": "When does a refund reach my card?"})
            health = await gateway.http.get("/health")

    assert (200, 200) == (answer.status_code, health.status_code), answer.text
    assert "In five days." == answer.json()["llm_response"]["response_text"]
    assert ["refunds.md"] == [each["doc"] for each in answer.json()["passages"]]
    told = [text.partition(":")[0] for text in answer.headers.get_list("x-thalamus-warning")]
    assert ([warning] if warning else []) == [text for text in told if "search" in text]

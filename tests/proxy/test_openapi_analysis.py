from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from router.providers.scripted import scripted_upstream
from tests.proxy.test_similar import LIKE, SCRIPT, analyzed, ask, rate, served


async def test_an_analysis_is_as_the_document_describes_it(tmp_path: Path) -> None:
    """Nothing that every answer has is undescribed, past questions rated and unrated included."""
    async with scripted_upstream(SCRIPT) as upstream, served(tmp_path, upstream) as gateway:
        await ask(gateway, name="dear")
        await rate(gateway, await ask(gateway), 4)
        found = await analyzed(gateway, LIKE)
        document = (await gateway.http.get("/schema/openapi.json")).json()
    answers = document["paths"]["/api/routing/analyze"]["post"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validator.validate(found)

    assert set(found) == set(schema["properties"]) == set(schema["required"])
    assert {None, 0.75} == {each["reward"] for each in found["similar"]}
    assert 1 == len(found["similar_by_model"])
    for part in ("similar", "similar_by_model"):
        described = schema["properties"][part]
        assert set(found[part][0]) == set(described["items"]["properties"])
        assert described["description"]
        with pytest.raises(jsonschema_rs.ValidationError):
            validator.validate(found | {part: [found[part][0] | {"model": 7}]})

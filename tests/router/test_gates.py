"""The gate of a dispatcher that was given none."""

from __future__ import annotations

from router.gates import OpenGate
from router.providers.base import Target


async def test_an_open_gate_lets_everybody_through() -> None:
    """Nobody is held back, on trial or waited for."""
    gate, target = OpenGate(), Target("a", "p", "http://h/v1", "m")
    await gate.news()

    assert (True, True, None, False) == (
        gate.try_acquire(target),
        gate.force(target),
        gate.refusal(target),
        gate.on_trial(target),
    )

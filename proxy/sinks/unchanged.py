"""For answers that go to the client byte for byte, such as vectors; there is nothing to stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.error_responses import error_body

if TYPE_CHECKING:
    from config.errors import ClientFacingError
    from router.events import Completion, Dialect, Frame


class UnchangedSink:
    """Hands the upstream's body on."""

    @property
    def dialect(self) -> Dialect:
        """OpenAI's."""
        return "openai"

    @property
    def content_type_stream(self) -> str:
        """Not used: nothing is streamed."""
        return "application/json"

    @property
    def keepalive(self) -> bytes:
        """Nothing can be said inside a body."""
        return b""

    def served(self, model: str) -> None:
        """Take no note: the body names its model."""

    def stream_frame(self, frame: Frame, *, source: Dialect) -> bytes:
        """Return the frame's bytes."""
        del source
        return frame.raw

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def error(self, error: ClientFacingError) -> bytes:
        """Return the error as a body."""
        return error_body(error)

    def plain(self, completion: Completion, *, source: Dialect) -> bytes:
        """Return the upstream's body."""
        del source
        return completion.raw

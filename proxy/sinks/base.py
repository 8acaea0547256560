"""What a client-facing dialect must do. One sink serves one request and is never shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from config.errors import ClientFacingError
    from router.events import Completion, Dialect, Frame


class Sink(Protocol):
    """Turns frames, or one completion, into the client's bytes."""

    @property
    def dialect(self) -> Dialect:
        """What the client speaks: frames of this dialect are forwarded as they came."""
        ...

    @property
    def content_type_stream(self) -> str:
        """The streamed answer's content type."""
        ...

    @property
    def keepalive(self) -> bytes:
        """Whole events that say nothing, for long silences."""
        ...

    def served(self, model: str) -> None:
        """Learn which model answers, by its name in the catalogue; called before the first frame."""
        ...

    def stream_frame(self, frame: Frame, *, source: Dialect) -> bytes:
        """Return the events for a frame; `b""` when it has nothing to send."""
        ...

    def end(self) -> bytes:
        """Return what follows the last frame of a whole answer; never call it after a failure."""
        ...

    def error(self, error: ClientFacingError) -> bytes:
        """Return an error in-band, and the end of the stream; never a finish."""
        ...

    def plain(self, completion: Completion, *, source: Dialect) -> bytes:
        """Return the JSON body of a plain answer."""
        ...

"""Posts JSON to a server that reads texts, an embedder or a reranker; what fails is told as `UpstreamError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from config.errors import UpstreamError

if TYPE_CHECKING:
    from config.secret import Secret

MAX_SHOWN: Final = 200
_TOO_MANY, _SERVER_ERROR = 429, 500
_REFUSED: Final = frozenset({401, 403})


class Wire:
    """One address. Called in threads, never on the event loop."""

    def __init__(self, url: str, *, who: str, key: Secret | None, timeout_s: float) -> None:
        headers = {"Authorization": f"Bearer {key.reveal()}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=timeout_s)
        self._url = url
        self._who = who

    def post(self, body: dict[str, object]) -> bytes:
        """Return the answer to a JSON body. Raises `UpstreamError`."""
        try:
            answer = self._client.post(self._url, json=body)
        except httpx.TimeoutException as error:
            message = f"the {self._who} at {self._url} did not answer in time"
            raise UpstreamError(message, failure_class="transient", timed_out=True) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"the {self._who} at {self._url} cannot be reached: {type(error).__name__}"
            raise UpstreamError(message, failure_class="transient") from error
        if answer.is_success:
            return answer.content
        transient = answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERROR
        said = " ".join(answer.text.split())[:MAX_SHOWN]
        failure = "credential" if answer.status_code in _REFUSED else "transient" if transient else "model_gone"
        message = f"the {self._who} at {self._url} answered {answer.status_code}: {said}"
        raise UpstreamError(message, failure_class=failure, status=answer.status_code)

    def unreadable(self, error: Exception, *, wanted: str = "vectors") -> UpstreamError:
        """Return the error of an answer without what was asked for."""
        return UpstreamError(f"the {self._who} at {self._url} gave no {wanted}: {error}", failure_class="transient")

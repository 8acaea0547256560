"""The whole error tree; each class says who is at fault and carries its HTTP status and OpenAI `type` and `code`.

ThalamusError
├── SettingsError                the operator's file or environment is wrong
├── StorageError                 our database did not take or give what was asked
├── ArtefactError                a file of a trained model is damaged, changed or of another schema
├── CorpusError                  rows that a model is to learn from or to be tried on are wrong
├── DocumentError                a document of the library cannot be read
├── LibraryBusyError             another process is changing the library of documents
├── UpstreamError                one attempt at one deployment failed
└── ClientFacingError            may be shown to the client as it stands
    ├── InvalidRequestError      400: the caller's request is wrong
    │   ├── PayloadTooLargeError 413
    │   └── UnsupportedMediaTypeError 415
    ├── AuthenticationError      401: the caller's proxy key is missing or unknown
    ├── PermissionDeniedError    403: the caller's proxy key may not do this
    ├── NotFoundError            404: no such thing here
    │   └── ModelNotFoundError   404: no such model
    ├── MethodNotAllowedError    405
    ├── RateLimitError           429: the caller's proxy key has used what it may use in a minute
    ├── UnavailableError         503: we cannot serve now; retrying later helps
    └── AllAttemptsFailedError   every candidate failed; holds all attempts
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.failures import FailureClass
    from config.types import AttemptRecord, Json, Usage

MIN_SECRET_CHARS = 8
"""What is shorter is a placeholder such as `none`; taking it out would only garble texts."""
HIDDEN = "[redacted]"
_JOINTS = re.compile(r"[^A-Za-z0-9_-]+")


class ThalamusError(Exception):
    """Base of every error this product raises on purpose."""


class SettingsError(ThalamusError):
    """The operator's settings are wrong; the message names file, line and the nearest valid name."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{where}{message}")
        self.file = file
        self.line = line


class StorageError(ThalamusError):
    """Our database is locked, full or away; never the client's fault and never fails a relayed request."""


class ArtefactError(ThalamusError):
    """A file of a trained model is damaged, changed or of another schema; the message names the file and the mend."""

    def __init__(self, message: str, *, file: str, mend: str = "forge it anew or put the shipped one back") -> None:
        super().__init__(f"{file}: {message}; {mend}.")
        self.file = file
        self.mend = mend


class CorpusError(ThalamusError):
    """Rows that a model is to learn from or to be tried on are wrong; the message names file, line and the mend."""

    def __init__(self, message: str, *, file: str, line: int | None = None) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line


class DocumentError(ThalamusError):
    """A document of the library cannot be read; who knows its name puts it before the message."""


class LibraryBusyError(ThalamusError):
    """Another process is changing the library of documents; the message says which, and since when."""


class UpstreamError(ThalamusError):
    """One attempt at one deployment failed; raised once, by the provider or transport that saw it.

    `status` is the upstream's HTTP status, or `None` when none arrived. `retry_after_s` is the upstream's wish in
    seconds, in whichever form it was expressed. `error_type`, `code` and `param` are the upstream's own error fields.
    `usage` is what a whole answer that is none was said to have cost; tokens told in events need it not.
    """

    def __init__(
        self,
        message: str,
        *,
        failure_class: FailureClass,
        status: int | None = None,
        error_type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.failure_class: FailureClass = failure_class
        self.status = status
        self.error_type = error_type
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s
        self.timed_out = timed_out
        self.usage: Usage | None = None

    def hide(self, secret: str | None) -> None:
        """Take a key out of every text here, whatever its shape: upstreams quote what they were sent."""
        # In parts too: a pattern may have taken one part of `id.secret` out already, so that the whole is not found.
        parts = [secret or "", *_JOINTS.split(secret or "")]
        for part in sorted((each for each in parts if len(each) >= MIN_SECRET_CHARS), key=len, reverse=True):
            self.message = self.message.replace(part, HIDDEN)
            self.error_type = self.error_type and self.error_type.replace(part, HIDDEN)
            self.code = self.code and self.code.replace(part, HIDDEN)
            self.param = self.param and self.param.replace(part, HIDDEN)
        self.args = (self.message,)


class ClientFacingError(ThalamusError):
    """An error whose message, status, type and code may be shown to the client as they stand."""

    status = 500
    error_type = "server_error"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        error_type: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else type(self).code
        self.error_type = error_type if error_type is not None else type(self).error_type
        self.status = status if status is not None else type(self).status
        self.retry_after_s = retry_after_s
        self.headers = headers or {}


class InvalidRequestError(ClientFacingError):
    """The caller's request is wrong; `param` names the field."""

    status = 400
    error_type = "invalid_request_error"


class PayloadTooLargeError(InvalidRequestError):
    """The caller's body is larger than this server takes."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaTypeError(InvalidRequestError):
    """The caller's body has a type or encoding this server does not read."""

    status = 415
    code = "unsupported_media_type"


class AuthenticationError(ClientFacingError):
    """The caller's proxy key is missing or unknown."""

    status = 401
    error_type = "invalid_request_error"
    code = "invalid_api_key"


class PermissionDeniedError(ClientFacingError):
    """The caller's proxy key is known and may not do this."""

    status = 403
    error_type = "invalid_request_error"
    code = "permission_denied"


class NotFoundError(ClientFacingError):
    """The caller asked for something that is not here."""

    status = 404
    error_type = "invalid_request_error"
    code = "not_found"


class ModelNotFoundError(NotFoundError):
    """The caller named a model that this server does not have."""

    code = "model_not_found"


class MethodNotAllowedError(ClientFacingError):
    """The caller used a method that this path does not have."""

    status = 405
    error_type = "invalid_request_error"
    code = "method_not_allowed"


class RateLimitError(ClientFacingError):
    """The caller's proxy key has used the requests or tokens that it may use in a minute; `type` says which."""

    status = 429
    error_type = "requests"
    code = "rate_limit_exceeded"


class UnavailableError(ClientFacingError):
    """We cannot serve now (starting, draining, full); nobody's request is wrong."""

    status = 503
    error_type = "server_error"
    code = "unavailable"


class AllAttemptsFailedError(ClientFacingError):
    """Every candidate failed or was held back; `attempts` tells how each did, in order, `held_back` who was not asked.

    An entry of `held_back` is as clients see it: `{"deployment", "reason", "retry_after_s"}`.
    """

    status = 502
    error_type = "upstream_error"
    code = "upstream_failed"

    def __init__(
        self,
        message: str,
        *,
        attempts: tuple[AttemptRecord, ...],
        held_back: tuple[Json, ...] = (),
        param: str | None = None,
        code: str | None = None,
        error_type: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            message,
            param=param,
            code=code,
            error_type=error_type,
            status=status,
            retry_after_s=retry_after_s,
            headers=headers,
        )
        self.attempts = attempts
        self.held_back = held_back

"""Texts that must be something: addresses, names, origins. What stands in a file or a variable is held against them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated
from unicodedata import category
from urllib.parse import urlsplit

EMBEDDED = "local:extractive"
"""The address of the model that runs inside the gateway; it is shipped, and no web address."""
MAX_HOST_CHARS = 253
UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that would forge lines or reading directions where a name is shown."""

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_NUMBERS = re.compile(r"(?:.*\.)?[0-9]+\.?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")


@dataclass(frozen=True, slots=True)
class Form:
    """What a text must be: the test, and the words that finish the sentence `must be ...`."""

    words: str
    fits: Callable[[str], bool]

    def holds(self, value: str) -> bool:
        """Return whether `value` is one."""
        return self.fits(value)

    def __str__(self) -> str:
        return self.words


def is_host(text: str) -> bool:
    """Return whether `text` is an IP address or a host name; what ends in a number is an address or nothing."""
    try:
        ip_address(text)
    except ValueError:
        plain = len(text) <= MAX_HOST_CHARS and _HOST_NAME.fullmatch(text) is not None
        return plain and _NUMBERS.fullmatch(text) is None
    return True


def is_web_address(text: str) -> bool:
    """Return whether `text` is an http:// or https:// address with a host, and a port that exists if any."""
    if any(char.isspace() for char in text) or not is_shown(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port  # raises for what is no number, and beyond 65535
        host = (parts.hostname or "").encode("idna").decode()  # raises for labels that no name may have
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and port != 0 and is_host(host)


def is_shown(text: str) -> bool:
    """Return whether `text` holds none of the characters that do not show."""
    return all(category(char) not in UNSHOWN for char in text)


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return text == "*"
    return True


def _is_origin(text: str) -> bool:
    if text == "*":
        return True
    try:
        parts = urlsplit(text.replace("*", "any"))
        port = parts.port
    except ValueError:
        return False
    return _ORIGIN.fullmatch(text) is not None and port != 0 and is_host(parts.hostname or "")


Host = Annotated[str, Form("an IP address or a host name", is_host)]
WebAddress = Annotated[
    str, Form("an http:// or https:// address with a host", lambda text: text == EMBEDDED or is_web_address(text))
]
ShownName = Annotated[
    str, Form("a name, not empty and without control characters", lambda text: bool(text.strip()) and is_shown(text))
]
Network = Annotated[str, Form("an IP address, a network such as 10.0.0.0/8, or *", _is_network)]
Origin = Annotated[str, Form("an origin such as https://chat.example, without a path", _is_origin)]

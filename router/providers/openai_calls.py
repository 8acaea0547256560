"""Tool calls of one choice, put in order: which fragment belongs to which call, and what each must look like.

Look-alikes send calls without index, all with index 0, without ids, with a new id in each chunk, with arguments as
objects. What leaves here has indices from 0 without gaps, one id, one name and string arguments per call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from config.errors import UpstreamError
from router.events import ToolCallArguments, ToolCallStart
from router.providers.custom_input import CustomInputReader
from router.providers.json_values import as_object, as_text, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Json
    from router.events import Event


@dataclass(slots=True)
class OpenCall:
    """One call while it is being told."""

    index: int
    id: str
    name: str
    kind: Literal["function", "custom"] = "function"
    extra: Json | None = None
    unwrapping: CustomInputReader | None = None
    fragments: list[str] = field(default_factory=list[str])
    repeats_name: bool = False
    """Whether pieces that continue this call tell its name again."""

    @property
    def arguments(self) -> str:
        """What has come so far."""
        return "".join(self.fragments)

    def is_whole(self) -> bool:
        """Return whether the arguments are one finished JSON value."""
        text = self.arguments
        if not text:
            return False
        try:
            decode(text)
        except ValueError:
            return False
        return True


class CallTracker:
    """The calls of one choice of one answer.

    `wrapped_tools` are free-form tools that the upstream was given as functions; their input is unwrapped to raw
    text. `new_id` draws an id for a call that came without one.
    """

    def __init__(self, choice: int, *, wrapped_tools: frozenset[str], new_id: Callable[[], str]) -> None:
        self.calls: list[OpenCall] = []
        self._choice = choice
        self._wrapped_tools = wrapped_tools
        self._new_id = new_id
        self._by_id: dict[str, OpenCall] = {}
        self._by_index: dict[int, OpenCall] = {}

    def feed(self, entry: Json) -> tuple[list[Event], Json]:
        """Return the events of one fragment, and the fragment as it should have been.

        Raises `UpstreamError` for a fragment that no call began with.
        """
        inner = as_object(entry.get("function")) or as_object(entry.get("custom")) or {}
        name, given_id = as_text(inner.get("name")) or "", as_text(entry.get("id")) or ""
        text = _to_text(inner.get("arguments", inner.get("input")))
        call = self._find(entry, name, given_id, text)
        events: list[Event] = []
        began = call is None
        if call is None:
            call = self._begin(entry, name, given_id)
            start = ToolCallStart(call.index, call.id, call.name, self._choice, call.kind, call.extra)
            events.append(start)
        call.extra = call.extra or _extra(entry)
        if call.unwrapping is not None:
            text = call.unwrapping.feed(text)
        if text:
            call.fragments.append(text)
            events.append(ToolCallArguments(call.index, text, self._choice))
        return events, _rebuild(entry, inner, call, text, began=began)

    def finish(self) -> list[tuple[Event, Json]]:
        """Return what unwrapping had held back, as events and fragments; called once, at the end of the choice."""
        rest: list[tuple[Event, Json]] = []
        for call in self.calls:
            text = call.unwrapping.finish() if call.unwrapping is not None else ""
            if text:
                call.fragments.append(text)
                entry: Json = {"index": call.index, "function": {"arguments": text}}
                rest.append((ToolCallArguments(call.index, text, self._choice), entry))
        return rest

    def _find(self, entry: Json, name: str, given_id: str, text: str) -> OpenCall | None:
        """Return the call that a fragment continues, `None` where it begins one."""
        known = self._by_id.get(given_id)
        if known is not None:
            return known
        index = entry.get("index")
        last = self.calls[-1] if self.calls else None
        call = self._by_index.get(index) if isinstance(index, int) else last
        if not name:
            call = call or (None if given_id else last)
            if call is None and not given_id:
                raise UpstreamError(
                    "The upstream sent a piece of a tool call that had not begun.", failure_class="transient"
                )
            return call
        if call is None or name != call.name:
            return None
        # The same name again under the same index, or under none: the call told anew, or another one like it.
        if call.is_whole() and (text or given_id or not call.repeats_name):
            return None
        call.repeats_name = True
        return call

    def _begin(self, entry: Json, name: str, given_id: str) -> OpenCall:
        custom = "custom" in entry or entry.get("type") == "custom"
        wrapped = name in self._wrapped_tools and not custom
        call = OpenCall(
            index=len(self.calls),
            id=given_id or self._new_id(),
            name=name,
            kind="custom" if custom or wrapped else "function",
            extra=_extra(entry),
            unwrapping=CustomInputReader() if wrapped else None,
        )
        self.calls.append(call)
        self._by_id[call.id] = call
        index = entry.get("index")
        if isinstance(index, int):
            self._by_index[index] = call
        return call


def _extra(entry: Json) -> Json | None:
    found = as_object(entry.get("extra_content"))
    return {"extra_content": found} if found else None


def _to_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else encode(value).decode()


def _rebuild(entry: Json, inner: Json, call: OpenCall, text: str, *, began: bool) -> Json:
    """A repeated id or name would be joined to the first one by clients that add fragments up."""
    rest = {key: value for key, value in entry.items() if key not in ("custom", "function")}
    fixed: Json = {**rest, "index": call.index}
    function = {key: value for key, value in inner.items() if key not in ("input", "arguments")}
    if began:
        fixed.update(id=call.id, type="function")
        function["name"] = call.name
    else:
        fixed = {key: value for key, value in fixed.items() if key != "id" or not value}
        function = {key: value for key, value in function.items() if key != "name" or not value}
        if fixed.get("type") == "custom":
            fixed["type"] = "function"
    fixed["function"] = {**function, "arguments": text}
    return fixed

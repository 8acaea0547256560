"""The public test double: a scripted upstream of all three dialects, with delays and faults, on real sockets."""

from router.providers.scripted.load import load_script, parse_script
from router.providers.scripted.record import RecordedRequest
from router.providers.scripted.script import Match, Reply, Script, Step, ToolCall, UsageSpec
from router.providers.scripted.server import ScriptedUpstream, scripted_upstream, serve_script

__all__ = [
    "Match",
    "RecordedRequest",
    "Reply",
    "Script",
    "ScriptedUpstream",
    "Step",
    "ToolCall",
    "UsageSpec",
    "load_script",
    "parse_script",
    "scripted_upstream",
    "serve_script",
]

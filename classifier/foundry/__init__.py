"""Offline: from a blueprint and its corpus to a measured, shipped artefact. Nothing here is on the request path."""

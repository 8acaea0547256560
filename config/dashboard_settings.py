"""The dashboard in a browser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """The pages below `/dashboard`, for who has a name and a password."""

    enabled: bool = True
    """Whether they are served; without them nobody can log in, and the API serves as ever."""

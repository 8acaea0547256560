"""A scenario small enough for tests: two models, two domains, one good at each."""

from __future__ import annotations

SMALL = """
name = "small"
days = 2
requests_per_day = 100
played_per_day = 20
[feedback]
share = 0.3
wrong = 0.1
[[domains]]
name = "code"
share = 0.5
[[domains]]
name = "writing"
share = 0.5
[[models]]
name = "a"
base = 0.5
input_usd = 1.0
output_usd = 3.0
skill = { code = 2.0, writing = -2.0 }
[[models]]
name = "b"
base = 0.5
input_usd = 1.0
output_usd = 3.0
skill = { code = -2.0, writing = 2.0 }
"""


def written(tmp_path, text=SMALL):
    """Write a scenario and return its path."""
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    return path

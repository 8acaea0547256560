from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.toml_lines import line_index, nearest_line

EXAMPLE = '''\
# a comment with [brackets] and "quotes"
title = "a # b"   # not part of it
"odd.key" = 'x'
a.b = 1
text = """
[[model]]
quoted \\""" still
"""
raw = \'\'\'
it''s [fine]\'\'\'\'
[server]
port = 1
list = [
  1,
  [2, 3], # nested
  { x = 1, y = [ 4 ] },
]
[[model]]
name = "one"
  [[model.deployment]]
  weight = 1
  [[model.deployment]]
  weight = 2
[[model]]
name = "two"
  [model.limits]
  most = 3
  [[model.deployment]]
  headers = { "x-a" = "b", c.d = 1 }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("odd.key",), 3),
        (("a", "b"), 4),
        (("text",), 5),
        (("raw",), 9),
        (("server",), 11),
        (("server", "port"), 12),
        (("server", "list", 0), 14),
        (("server", "list", 1, 1), 15),
        (("server", "list", 2, "y", 0), 16),
        (("model",), 18),
        (("model", 0, "name"), 19),
        (("model", 0, "deployment", 0, "weight"), 21),
        (("model", 0, "deployment", 1, "weight"), 23),
        (("model", 1), 24),
        (("model", 1, "limits", "most"), 27),
        (("model", 1, "deployment", 0), 28),
        (("model", 1, "deployment", 0, "headers", "x-a"), 29),
        (("model", 1, "deployment", 0, "headers", "c", "d"), 29),
    ],
)
def test_every_key_has_its_line(path, line):
    """Tables, arrays of tables, inline tables, arrays over several lines, and strings that look like any of them."""
    assert line == line_index(EXAMPLE)[path]


def test_missing_key_has_the_line_of_its_table():
    """A setting that is missing is reported where it should stand."""
    lines = line_index(EXAMPLE)

    assert 24 == nearest_line(lines, ("model", 1, "nothing", "here"))
    assert nearest_line(lines, ("nothing",)) is None


def test_windows_line_ends_are_counted_once():
    """A file written on Windows has the same lines."""
    assert line_index(EXAMPLE) == line_index(EXAMPLE.replace("\n", "\r\n"))


SCALARS = st.sampled_from(
    [
        "1",
        "-2.5",
        "nan",
        "true",
        "1979-05-27T07:32:00Z",
        '"a"',
        "'b'",
        '"\\" [ { # ="',
        "'''x\ny'''",
        '"""p\n"q" """',
        '""',
    ]
)
KEYS = st.sampled_from(["a", "b-c", '"d.e"', "'f [g]'", "h . i", 'j."k=l"'])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # c ]\n" + ",\n".join(items) + " ]")
        | st.dictionaries(KEYS, inner, max_size=2).map(
            lambda items: "{ " + ", ".join(f"{key} = {value}" for key, value in items.items()) + " }"
        )
    ),
    max_leaves=6,
)
HEADERS = st.sampled_from(["[[m]]", "[[m.n]]", "[t]", "[ t . u ]", '[["q]"]]', "[m.o]", "# [x]", ""])


@given(st.lists(st.tuples(HEADERS, st.dictionaries(KEYS, VALUES, max_size=3)), max_size=5))
def test_every_value_of_any_document_has_a_line_where_its_key_stands(parts):
    """Whatever TOML a person writes, each value can be pointed at."""
    text = "\n".join(
        line for header, pairs in parts for line in [header, *(f"{key} = {value}" for key, value in pairs.items())]
    )
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines, written = line_index(text), text.split("\n")

    for path in _paths(document):
        last = path[-1]
        assert isinstance(last, int) or last in written[lines[path] - 1]


def _paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))

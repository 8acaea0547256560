"""Python's own `re` may only see patterns that stand in the code; whatever comes from outside goes to RE2."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
ROOMS = ("proxy", "router", "classifier", "retrieval", "admin", "config")
MATCHING = {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
OWN_WORDS = {"retrieval/question.py": {"asked", "held"}, "classifier/reflex_heads.py": {"pattern", "then"},
             "admin/reasons.py": {"pattern"}}  # fmt: skip
"""Names that only ever hold constants of the same file, or of the rules that stand beside it."""


def outside_patterns(source: str, allowed: frozenset[str] = frozenset()) -> list[int]:
    """Return the lines on which `re` is given a pattern that is not made of constants alone."""
    tree = ast.parse(source)
    names = {each.asname or each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
             if each.name == "re"}  # fmt: skip
    direct = {each.asname or each.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
              and node.module == "re" for each in node.names}  # fmt: skip
    found: list[int] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func
        is_re = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in names
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        matches = name in MATCHING and (is_re or (isinstance(called, ast.Name) and name in direct))
        if matches and not is_constant(node.args[0], allowed):
            found.append(node.lineno)
    return found


def is_constant(pattern: ast.expr, allowed: frozenset[str]) -> bool:
    """Return whether an expression holds constants only: literals, names in capitals, joins of them, escaped texts."""
    match pattern:
        case ast.Call(func=ast.Attribute(attr="escape")):
            return True
        case ast.Call(func=ast.Attribute(value=joint, attr="join"), args=[words]):
            return is_constant(joint, allowed) and is_constant(words, allowed)
        case ast.Call() | ast.Attribute():
            return False
        case ast.Name(id=name):
            return name.isupper() or name in allowed
        case _:
            return all(
                is_constant(each, allowed) for each in ast.iter_child_nodes(pattern) if isinstance(each, ast.expr)
            )


@pytest.mark.parametrize("room", ROOMS)
def test_no_pattern_from_outside_reaches_python_s_own_matcher(room: str) -> None:
    """A client's, an operator's or an upstream's pattern would be a way to stall the loop (LiteLLM #32353)."""
    bad = {
        f"{file.relative_to(HERE)}:{line}"
        for file in (HERE / room).rglob("*.py")
        for line in outside_patterns(
            file.read_text(encoding="utf-8"), frozenset(OWN_WORDS.get(str(file.relative_to(HERE)), set()))
        )
    }

    assert set() == bad


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ("import re\nre.compile(r'a+')", False),
        ("import re\nre.compile(rf'[{CJK}]+')", False),
        ("import re\nre.search(pattern, text)", True),
        ("import re\nre.compile(rule.pattern)", True),
        ("import re as r\nr.sub(wanted, '', text)", True),
        ("from re import compile\ncompile(wanted)", True),
        ("import re\nre.compile(make())", True),
        ("import re\nre.match(rf'\\s*{re.escape(name)}=', line)", False),
        ("import re\nre.compile('|'.join(WORDS))", False),
        ("import re\nre.compile('|'.join(words))", True),
        ("text.split(wanted)", False),
    ],
)
def test_the_lint_knows_what_it_looks_for(source: str, bad: bool) -> None:
    """It sees names, attributes, calls and other spellings, and leaves constants alone."""
    assert bad is bool(outside_patterns(source))

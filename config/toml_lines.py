"""On which line each key of a TOML text stands; `tomllib` reads the values and forgets the places."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys and array positions from the document's root, such as `("model", 1, "deployment", 0, "weight")`."""

_CLOSERS = {"[": "]", "{": "}"}


def line_index(text: str) -> dict[Path, int]:
    """Return the 1-based line of every table, array element and key of a text that `tomllib` has accepted."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.lines


def nearest_line(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of `path`, or of the innermost table around it that has one."""
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0
    line: int = 1
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    counts: dict[Path, int] = field(default_factory=dict[Path, int])
    """How many elements each array of tables has so far."""

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self.text.startswith("[[", self.at):
                table = self._header(2, array=True)
            elif self.text[self.at] == "[":
                table = self._header(1, array=False)
            else:
                self._pair(table)

    def _header(self, width: int, *, array: bool) -> Path:
        line = self.line
        self._move(width)
        keys = self._keys("]")
        self._move(width)
        path = self._inside(keys[:-1])
        name = (*path, keys[-1])
        if not array:
            path = self._inside(keys)
        else:
            self.lines.setdefault(name, line)
            self.counts[name] = self.counts.get(name, 0) + 1
            path = (*name, self.counts[name] - 1)
        self.lines.setdefault(path, line)
        return path

    def _inside(self, keys: list[str]) -> Path:
        """Follow keys through arrays of tables: TOML means the last element so far."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
            self.lines.setdefault(path, self.line)
        return path

    def _pair(self, table: Path) -> None:
        line = self.line
        path = table
        for key in self._keys("="):
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._move(1)
        self._value(path)

    def _keys(self, end: str) -> list[str]:
        """Read a dotted key up to `end`."""
        start = self.at
        while self.text[self.at] != end:
            if self.text[self.at] in "\"'":
                self._string()
            else:
                self.at += 1
        found: list[str] = []
        table: object = tomllib.loads(f"{self.text[start : self.at].strip()} = 0")
        while isinstance(table, dict):
            key, table = next(iter(table.items()))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a table of one key
            found.append(str(key))  # pyright: ignore[reportUnknownArgumentType]  # same
        return found

    def _value(self, path: Path) -> None:
        self._skip_blank()
        opener = self.text[self.at]
        if opener in "\"'":
            self._string()
        elif opener in _CLOSERS:
            self._bracket(path, opener)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _bracket(self, path: Path, opener: str) -> None:
        """Read an array or an inline table, which may span lines."""
        self._move(1)
        position = 0
        while self._skip_blank() and self.text[self.at] != _CLOSERS[opener]:
            if self.text[self.at] == ",":
                self._move(1)
            elif opener == "[":
                self.lines[(*path, position)] = self.line
                self._value((*path, position))
                position += 1
            else:
                self._pair(path)
        self._move(1)

    def _string(self) -> None:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self._move(len(mark))
        while not self.text.startswith(mark, self.at):
            self._move(2 if quote == '"' and self.text[self.at] == "\\" else 1)
        self._move(len(mark))
        while len(mark) > 1 and self.text.startswith(quote, self.at):  # up to two quotes may stand before the mark
            self._move(1)

    def _skip_blank(self) -> bool:
        """Move past white space, line ends and comments; return whether anything is left."""
        while self.at < len(self.text) and (self.text[self.at] in " \t\n" or self.text[self.at] == "#"):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                self._move(1)
        return self.at < len(self.text)

    def _move(self, n: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + n)
        self.at += n

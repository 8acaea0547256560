"""What is piped into a command, and what is typed into it."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper

from proxy.cli.standard_input import piped_lines


class Terminal(TextIOWrapper):
    """An input that a person types."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_told_how_it_ends(monkeypatch, capsys) -> None:
    """On stderr, before the first line is waited for."""
    monkeypatch.setattr("sys.stdin", Terminal(BytesIO("你好\n".encode())))
    lines = list(piped_lines())

    assert ["你好"] == lines
    assert "Each line is answered; an empty input (Ctrl-D) ends it.\n" == capsys.readouterr().err


def test_a_pipe_of_any_bytes_is_read_line_by_line(monkeypatch, capsys) -> None:
    """What is no UTF-8 is replaced, Windows' line ends are taken off, an empty line is one; nobody is told anything."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"a\xff\r\n\nlast")))
    lines = list(piped_lines())

    assert ["a\N{REPLACEMENT CHARACTER}", "", "last"] == lines
    assert "" == capsys.readouterr().err

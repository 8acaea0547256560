"""Progress of long commands: nothing for a pipe, lines for a program that asked for them."""

from __future__ import annotations

from proxy.cli.bars import PROGRESS_LINES, Bars


def test_a_pipe_hears_nothing(monkeypatch, capsys):
    """Where stderr is no terminal and nobody asked for lines, a step leaves no trace."""
    monkeypatch.delenv(PROGRESS_LINES, raising=False)
    with Bars() as bars:
        bars.begin("reading", 1)
        bars.advance()

    assert ("", "") == capsys.readouterr()


def test_lines_tell_beginning_and_end_of_each_step_and_few_between(monkeypatch, capsys):
    """A thousand parts within a moment are no thousand lines; the last part is always told."""
    monkeypatch.setenv(PROGRESS_LINES, "1")
    with Bars() as bars:
        bars.begin("reading", 1000)
        for _ in range(1000):
            bars.advance()
        bars.begin("writing", 1)
        bars.advance()
    lines = capsys.readouterr().err.splitlines()

    assert "#progress 0 1000 reading" == lines[0]
    assert ["#progress 1000 1000 reading", "#progress 0 1 writing", "#progress 1 1 writing"] == lines[-3:]
    assert len(lines) < 500


def test_a_part_before_any_step_is_no_progress(monkeypatch, capsys):
    """There is nothing that it could be a part of."""
    monkeypatch.setenv(PROGRESS_LINES, "1")
    with Bars() as bars:
        bars.advance()

    assert "" == capsys.readouterr().err

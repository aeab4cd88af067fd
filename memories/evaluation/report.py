"""A run's results as Markdown, with what a reader should know beside the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memories.evaluation.sections import (
    Json,
    Part,
    Section,
    Table,
    facts_of,
    goals_of,
    methods_of,
    sections_of,
    title_of,
)


def as_markdown(results: Json) -> str:
    """All of it; ``results`` is what ``results.json`` holds."""
    lines = [f"# {title_of(results)}", "", *facts_of(results)]
    for section in sections_of(results):
        lines += _lines_of(section)
    return "\n".join(lines) + "\n"


def as_goals(results: Json) -> str:
    """Only the table of targets; where there are none, that of methods."""
    return "\n".join(_lines_of(goals_of(results) or methods_of(results))) + "\n"


def _lines_of(section: Section) -> Iterator[str]:
    yield from ("", f"## {section.title}")
    for part in section.parts:
        yield ""
        yield from _lines_of_part(part)


def _lines_of_part(part: Part) -> Iterator[str]:
    if isinstance(part, Table):
        yield _row(part.head)
        yield f"|{' --- |' * len(part.head)}"
        yield from map(_row, part.rows)
    else:
        yield from (f"* {line}" if part.is_list else line for line in part.lines)


def _row(cells: Sequence[str]) -> str:
    """A category may hold what parts cells."""
    return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"

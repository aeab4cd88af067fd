"""A run's report as a page: a part of the console, or a file of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from memories.evaluation.drawing import drawings_of
from memories.evaluation.sections import Part, Table, facts_of, sections_of, title_of

RESULTS = "results.json"
ANY_RESULTS = "results*.json"
"""Those by corrected keys stand beside those by the published ones."""
MOST_RUNS = 50
STYLES = ("tokens.css", "console.css")


@dataclass(frozen=True, slots=True)
class Told:
    """A run that has ended; ``name`` is that of its directory, and of its keys."""

    name: str
    results: Mapping[str, Any]


def read_runs(directory: str) -> list[Told]:
    """Those of a directory that have results, the newest first; blank: none."""
    if not directory:
        return []
    told = sorted(_runs_in(Path(directory)), key=lambda run: -run[0])
    return [run for _, run in told[:MOST_RUNS]]


def _runs_in(directory: Path) -> Iterator[tuple[float, Told]]:
    for file in directory.glob(f"*/{ANY_RESULTS}"):
        try:
            results = json.loads(file.read_text(encoding="utf-8"))
            context_of(results)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # of an older release, or somebody else's
        keys = ", corrected keys" if results.get("keys_corrected") else ""
        yield file.stat().st_mtime, Told(file.parent.name + keys, results)


def context_of(results: Mapping[str, Any]) -> dict[str, Any]:
    """What ``memories/_evaluation.html`` shows."""
    return {
        "results": results,
        "title": title_of(results),
        "facts": [pieces_of(line) for line in facts_of(results)],
        "drawings": drawings_of(results),
        "sections": [
            (section.title, [shown_of(part) for part in section.parts])
            for section in sections_of(results)
        ],
    }


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a line, and what they are: ``code``, ``strong`` or nothing."""

    text: str
    mark: str = ""


MARKED = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def pieces_of(line: str) -> list[Piece]:
    """A line without its two marks of Markdown; a template escapes the words."""
    pieces, at = [], 0
    for found in MARKED.finditer(line):
        code, strong = found.groups()
        pieces.append(Piece(line[at : found.start()]))
        pieces.append(Piece(code, "code") if code else Piece(strong, "strong"))
        at = found.end()
    return [piece for piece in (*pieces, Piece(line[at:])) if piece.text]


def shown_of(part: Part) -> dict[str, Any]:
    """A table or a text, as the template asks for it."""
    if isinstance(part, Table):
        return {
            "caption": part.caption,
            "head": _cells(part.head, part.words),
            "rows": [_cells(row, part.words) for row in part.rows],
        }
    return {"lines": list(map(pieces_of, part.lines)), "is_list": part.is_list}


def _cells(row: Sequence[str], words: int) -> list[tuple[bool, list[Piece]]]:
    """Of each column whether it holds figures, and what it says."""
    return [(number >= words, pieces_of(cell)) for number, cell in enumerate(row)]


def as_page(results: Mapping[str, Any]) -> str:
    """One file that needs no other: no script, no address."""
    body = render_to_string("memories/_evaluation.html", context_of(results))
    title = escape(f"{results['dataset']}: how well memory works")
    name = escape(str(results["dataset"]))
    static = settings.BASE_DIR / "static" / "console"
    style = "\n".join((static / name).read_text() for name in STYLES)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}\n</style>\n</head>\n"
        '<body class="page">\n<main class="main">\n<h1>How well memory works</h1>\n'
        f"<h2>{name}</h2>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )

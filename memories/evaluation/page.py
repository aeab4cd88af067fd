"""A run's report as a page: a part of the console, or a file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from memories.evaluation.drawing import (
    MAIN,
    categories_of,
    drawings_of,
    methods_of,
)

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
    drawn, categories = categories_of(results)
    return {
        "results": results,
        "drawings": drawings_of(results),
        "figures": [title for _, title in MAIN],
        "methods": methods_of(results),
        "drawn": drawn,
        "categories": categories,
    }


def as_page(results: Mapping[str, Any]) -> str:
    """One file that needs no other: no script, no address."""
    body = render_to_string("memories/_evaluation.html", context_of(results))
    title = escape(f"{results['dataset']}: how well memory works")
    static = settings.BASE_DIR / "static" / "console"
    style = "\n".join((static / name).read_text() for name in STYLES)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}\n</style>\n</head>\n"
        f'<body class="page">\n<main class="main">\n<h1>{title}</h1>\n{body}\n'
        "</main>\n</body>\n</html>\n"
    )

"""A run's figures as JSON, and as the tables of docs/BENCHMARKS.md.

That file has two parts, each of a command of its own (``python -m bench``, ``python -m
bench.graph``): publishing one leaves the other as it is.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.goals import Goal, goals

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT / "docs" / "BENCHMARKS.md"
GRAPH = "## The graph"
"""The heading from which the file is that of ``python -m bench.graph``."""


def publish(text: str, path: Path = PUBLISHED) -> None:
    """A whole installation's figures; those of the graph stay."""
    _, graph = _parts(path)
    path.write_text("\n".join(filter(None, (text, graph))))


def publish_graph(text: str, path: Path = PUBLISHED) -> None:
    """The graph's figures; all others stay."""
    whole, _ = _parts(path)
    path.write_text("\n".join(filter(None, (whole, text))))


def _parts(path: Path) -> tuple[str, str]:
    """What each command has written; each ends its last line."""
    text = path.read_text() if path.exists() else ""
    whole, heading, graph = text.partition(f"{GRAPH}\n")
    return f"{whole.rstrip()}\n" if whole.strip() else "", heading + graph


def graph_as_markdown(
    known: Mapping[str, Any], head: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    """The part that begins with ``GRAPH``; a row for each state of the graph."""
    dirty = " with changes" if known["has_uncommitted_changes"] else ""
    return "\n".join(
        [
            GRAPH,
            "",
            f"Written by `{known['command']}`, commit {known['commit']}{dirty}, on"
            f" {known['cpus']} cores ({known['cpu']}); load before:"
            f" {known['load_before'][0]}. One subject that moved so often, in one"
            " process, without HTTP. A walk is what a search adds that names the"
            " subject: along what holds; where the question looks back; and as of an"
            " instant.",
            "",
            *_table(head, rows),
            "",
        ]
    )


def facts(command: str, shared_buffers: str = "") -> dict[str, Any]:
    """Where and what was measured."""
    return {
        "command": command,
        "commit": _git("rev-parse", "--short", "HEAD"),
        "has_uncommitted_changes": bool(_git("status", "--porcelain", "-uno")),
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "memory_gb": round(_memory_gb(), 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "shared_buffers": shared_buffers,
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "additions_s": additions_s(),
    }


def additions_s() -> float:
    """How long ten million additions take: a shared core is not always as fast, and one
    took from 0.4 to 1.3 s within a day."""
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return round(time.perf_counter() - began, 2)


def as_markdown(result: Mapping[str, Any]) -> str:
    """The whole of docs/BENCHMARKS.md."""
    figures = result["figures"]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            _circumstances(result),
            "",
            "## Goals",
            "",
            *_table(
                ("what", "wanted", "measured", "goal"),
                (
                    (goal.what, goal.wanted, goal.shown, _verdict(goal))
                    for goal in goals(figures)
                ),
            ),
            "",
            "## Figures",
            "",
            *_table(
                (
                    *("what", "store", "user", "clients", "model ms", "p50 ms"),
                    *("p95 ms", "p99 ms", "per s", "CPU web", "worker", "postgres"),
                    *("model", "load", "notes"),
                ),
                (_row(figure) for figure in figures),
            ),
            "",
            "## Memory",
            "",
            *_table(
                ("service", "MB (proportional)"),
                ((name, f"{mb:.0f}") for name, mb in result["memory_mb"].items()),
            ),
            "",
        ]
    )


_SERVICES = ("web", "worker", "postgres", "model", "load")


def _circumstances(result: Mapping[str, Any]) -> str:
    """Where, how and as whom it was measured."""
    known = result["facts"]
    dirty = " with changes" if known["has_uncommitted_changes"] else ""
    return (
        f"Written by `{known['command']}` on {result['at'][:10]}, commit"
        f" {known['commit']}{dirty}, in {result['seconds'] / 60:.0f} minutes, on"
        f" {known['cpus']} cores ({known['cpu']}), {known['memory_gb']} GB; load"
        f" before: {known['load_before'][0]}; ten million additions in Python took"
        f" {known['additions_s']} s before and {known['additions_s_after']} s after."
        f" Python {known['python']}, PostgreSQL"
        f" with shared_buffers {known['shared_buffers']}, connected as"
        f" {', '.join(known['database_roles'])}. Everything shares these cores:"
        " load, web (2 processes of 4 threads), one worker process of 32 threads,"
        " beat, broker, and the model's stand-in. Over HTTP on persistent"
        " connections; 1536 dimensions; each question of `search` is another, and has"
        " to be embedded, but for those of `search, asked before`. The small"
        " user has 200 memories, the huge one half of the store, all of which is read"
        " for a search: no scope has indexes of its own but where a row says so. CPU is"
        " milliseconds of each service per request, idle work of beat and worker"
        " included."
    )


def _verdict(goal: Goal) -> str:
    if goal.measured is None:
        return "not measured"
    return "met" if goal.is_met else "**missed**"


def _row(figure: Mapping[str, Any]) -> tuple[str, ...]:
    cpu = figure["cpu_ms"]
    notes = [f"{name}: {_number(value)}" for name, value in figure["more"].items()]
    notes += [f"{count} × {error}" for error, count in figure["errors"].items()]
    return (
        figure["name"],
        _number(figure["store"]),
        figure["user"] or "",
        str(figure["clients"]),
        _number(figure["model_latency_ms"]),
        *(_number(figure[name]) for name in ("p50_ms", "p95_ms", "p99_ms", "per_s")),
        *(_number(cpu.get(name)) for name in _SERVICES),
        "; ".join(notes),
    )


def _number(value: float | int | None) -> str:
    if value is None:
        return ""
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:,.2f}".rstrip("0").rstrip(".")
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor()).strip()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30

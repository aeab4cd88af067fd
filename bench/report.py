"""A run's figures as JSON, and as the tables of docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def facts(command: str, shared_buffers: str) -> dict[str, Any]:
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
    }


def goals(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str, bool]]:
    """(goal, wanted, measured, reached), as far as this run can tell."""
    table = _Lookup(figures)
    sizes = sorted({f["store"] for f in figures if f["store"]})
    largest, smallest = (sizes[-1], sizes[0]) if sizes else (None, None)
    at = {"store": largest, "user": "small"}
    rows: list[tuple[str, str, float | None, float, bool]] = []

    def wants(what: str, value: float | None, limit: float, *, least: bool = False):
        rows.append((what, "≥" if least else "≤", value, limit, least))

    for clients in (1, 8):
        accept = {"name": "accept an add", "clients": clients}
        who = f"accept, {clients} client{'s' if clients > 1 else ''}"
        wants(f"{who}, p50 ms", table.value("p50_ms", **accept), 15)
        wants(f"{who}, p95 ms", table.value("p95_ms", **accept), 40)
    search = table.value("p50_ms", name="search", clients=1, **at)
    first = table.value(
        "p50_ms", name="search", clients=1, store=smallest, user="small"
    )
    wants(f"search of a small user among {largest}, p50 ms", search, 8)
    if search and first:
        wants(f"the same against {smallest}, times", search / first, 1.2)
    wants(
        "search of a small user, 8 clients, per s",
        table.value("per_s", name="search", clients=8, **at),
        250,
        least=True,
    )
    wants(
        "list(100) of a small user, p50 ms",
        table.value("p50_ms", name="list 100", **at),
        8,
    )
    wants("history, p50 ms", table.value("p50_ms", name="history", **at), 5)
    busiest = {"name": "adds finished", "clients": 32, "model_latency_ms": 300}
    wants(
        "adds finished at 300 ms, 32 clients, per s",
        table.value("per_s", **busiest),
        60,
        least=True,
    )
    more = table.value("more", **busiest) or {}
    for kind, most in (("chat", 1), ("embeddings", 2)):
        wants(f"{kind} calls per add", more.get(f"{kind} calls per add"), most)
    return [
        (
            what,
            f"{sign} {limit:g}",
            "not measured" if value is None else f"{value:.3g}",
            value is not None and (value >= limit if least else value <= limit),
        )
        for what, sign, value, limit, least in rows
    ]


def as_markdown(result: Mapping[str, Any]) -> str:
    """The whole of docs/BENCHMARKS.md."""
    known, figures = result["facts"], result["figures"]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `{known['command']}` on {result['at'][:10]}, commit"
            f" {known['commit']}: {known['cpus']} cores ({known['cpu']}),"
            f" {known['memory_gb']} GB, Python {known['python']}, PostgreSQL with"
            f" shared_buffers {known['shared_buffers']}, everything (load, web 2×4"
            " threads, one worker process of 32 threads, broker, stand-in model) on"
            " the same cores. Over HTTP, persistent connections, as the role `app`;"
            " 1536 dimensions; query embeddings are not cached. CPU is milliseconds of"
            " each service per request.",
            "",
            "## Goals",
            "",
            *_table(
                ("goal", "wanted", "measured", ""),
                (
                    (what, wanted, got, "reached" if ok else "missed")
                    for what, wanted, got, ok in goals(figures)
                ),
            ),
            "",
            "## Figures",
            "",
            *_table(
                (
                    *("what", "store", "user", "clients", "model ms", "p50 ms"),
                    *("p95 ms", "p99 ms", "per s", "CPU web", "worker", "postgres"),
                    *("model", "notes"),
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


class _Lookup:
    def __init__(self, figures: Sequence[Mapping[str, Any]]) -> None:
        self._figures = figures

    def value(self, column: str, **wanted: Any) -> Any:
        for figure in self._figures:
            if all(figure[key] == value for key, value in wanted.items()):
                return figure[column]
        return None


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
        *(_number(cpu.get(name)) for name in ("web", "worker", "postgres", "model")),
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

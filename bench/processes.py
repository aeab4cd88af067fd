"""CPU seconds and memory of a service with all its processes, from /proc (Linux)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time by service, children that have ended included."""
    stats = _read_stats()
    return {
        name: sum(stats[p].ticks for p in _family(pid, stats)) * TICK_S
        for name, pid in pids.items()
    }


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Proportional set size by service: shared pages are divided, not counted twice."""
    stats = _read_stats()
    return {
        name: sum(_pss_kb(p) for p in _family(pid, stats)) / 1024
        for name, pid in pids.items()
    }


class _Stat:
    """What /proc/<pid>/stat says (proc(5)): parent, and ticks on a CPU."""

    def __init__(self, text: str) -> None:
        fields = text.rpartition(")")[2].split()
        self.parent = int(fields[1])
        self.ticks = sum(int(ticks) for ticks in fields[11:15])


def _read_stats() -> dict[int, _Stat]:
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found[int(entry.name)] = _Stat((entry / "stat").read_text())
        except OSError:
            continue
    return found


def _family(pid: int, stats: Mapping[int, _Stat]) -> list[int]:
    """A process and everything below it."""
    members = [pid] if pid in stats else []
    for member in members:
        members += [child for child, stat in stats.items() if stat.parent == member]
    return members


def _pss_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    lines = (line.split() for line in text.splitlines())
    return next((int(fields[1]) for fields in lines if fields[0] == "Pss:"), 0)

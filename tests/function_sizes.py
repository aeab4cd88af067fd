"""How long our functions are, by package: a mirror, not a gate (``make check``)."""

# ruff: noqa: T201 - a program: it prints
from __future__ import annotations

import ast
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("memplatform", "tenants", "memories", "tests", "bench")
LONG = 50


def main() -> None:
    print(
        f"{'functions of':<14}{'count':>6}{'median':>8}{'p90':>6}{f'> {LONG}':>7}  longest"
    )
    for package in PACKAGES:
        sizes = sorted(s for path in _modules(package) for s in _sizes(path))
        if sizes:
            print(_row(package, sizes))


def _row(package: str, sizes: list[tuple[int, str]]) -> str:
    lines = [size for size, _ in sizes]
    p90 = quantiles(lines, n=10)[-1] if len(lines) > 1 else lines[0]
    long = sum(size > LONG for size in lines) / len(lines)
    longest, name = sizes[-1]
    return (
        f"{package:<14}{len(lines):>6}{median(lines):>8.0f}{p90:>6.0f}{long:>7.1%}"
        f"  {name} ({longest})"
    )


def _modules(package: str) -> list[Path]:
    return [p for p in (ROOT / package).rglob("*.py") if "migrations" not in p.parts]


def _sizes(path: Path) -> list[tuple[int, str]]:
    where = path.relative_to(ROOT).with_suffix("")
    return [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{where}:{node.name}")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


if __name__ == "__main__":
    main()

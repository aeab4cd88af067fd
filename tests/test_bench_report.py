"""docs/BENCHMARKS.md has two parts, and publishing one leaves the other."""

from __future__ import annotations

from bench import report

WHOLE = "# Benchmarks\n\n| what |\n"
GRAPH = f"{report.GRAPH}\n\n| walk |\n"


def test_each_command_publishes_its_own_part(tmp_path):
    path = tmp_path / "BENCHMARKS.md"
    report.publish_graph(GRAPH, path)
    assert path.read_text() == GRAPH
    report.publish(WHOLE, path)
    assert path.read_text() == f"{WHOLE}\n{GRAPH}"
    report.publish_graph(GRAPH.replace("walk", "page"), path)
    report.publish(WHOLE.replace("what", "how long"), path)
    assert path.read_text() == f"{WHOLE}\n{GRAPH}".replace("walk", "page").replace(
        "what", "how long"
    )

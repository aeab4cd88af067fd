"""``python -m bench [--quick] [--publish]``: start a stack, measure it, write it down.

The full run takes about 12 minutes on two cores, ``--quick`` about two. Results go to
``bench/results/<date>.json`` and ``.md``; ``--publish`` writes docs/BENCHMARKS.md too,
all of it but the graph's part (``python -m bench.graph``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench import console_seed, report
from bench.adds import Adds
from bench.console import Console
from bench.figures import QUICK, Measuring, Plan
from bench.huge import Huge
from bench.processes import memory_mb
from bench.reads import Reads
from bench.seed import Place
from bench.stack import SHARED_BUFFERS, Stack, roles_connected, running_stack
from memplatform.embedded.data_directory import AlreadyRunning
from memplatform.embedded.supervisor import GaveUp, StopRequested

RESULTS = report.ROOT / "bench" / "results"
DATA = report.ROOT / ".memplatform-bench"
PARTS = ("adds", "reads", "huge", "console")


def main() -> None:
    options = _options()
    known = report.facts(
        f"python -m bench {' '.join(sys.argv[1:])}".strip(), SHARED_BUFFERS
    )
    try:
        result = _measure(options, known)
    except (StopRequested, AlreadyRunning, GaveUp) as stopped:
        sys.exit(str(stopped) or "Stopped.")
    _write(result, publish=options.publish)


def _measure(options: argparse.Namespace, known: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is asked for, on a stack of its own that is gone afterwards."""
    began = time.monotonic()
    with running_stack(options.data, keep=options.keep) as stack:
        place, key = _found_project(stack)
        on = Measuring(stack, key, QUICK if options.quick else Plan())
        with psycopg.connect(stack.admin_url, autocommit=True) as admin:
            if "adds" in options.only:
                Adds(on, admin, place).run()
            if "reads" in options.only:
                Reads(on, admin, place).run()
            if "huge" in options.only:
                Huge(on, admin, place).run()
            if "console" in options.only:
                size = console_seed.QUICK if options.quick else console_seed.Size()
                Console(on, admin, size).run()
            roles, memory = roles_connected(admin), memory_mb(stack.pids)
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - began),
            "facts": {
                **known,
                "database_roles": roles,
                "additions_s_after": report.additions_s(),
            },
            "figures": on.as_json(),
            "memory_mb": memory,
        }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a two-minute run")
    parser.add_argument(
        "--publish", action="store_true", help="write docs/BENCHMARKS.md"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="a part of the run"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="where its data stand")
    parser.add_argument("--keep", action="store_true", help="leave data and logs")
    return parser.parse_args()


def _found_project(stack: Stack) -> tuple[Place, str]:
    """A tenant, a project with its embedding space, and a key that writes."""
    os.environ.update(stack.environment)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memplatform.settings")
    import django

    django.setup()
    from memories.services.setup import ready_setup
    from tenants import services
    from tenants.models import Role
    from tenants.scopes import tenant_scope

    owner = services.create_operator("bench@example.com", None)
    tenant = services.create_tenant("bench")
    with tenant_scope(tenant.id):
        services.add_member(owner, Role.OWNER)
        project = services.create_project("Bench")
        key = services.issue_api_key(project, owner).text
    space = ready_setup(tenant.id, project.id).active_space
    if space is None:
        raise AssertionError("a ready project has an active space")
    return Place(tenant.id, project.id, space.id), key


def _write(result: dict[str, Any], *, publish: bool) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = result["at"].replace(":", "").replace("+0000", "Z")
    text = report.as_markdown(result)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    (RESULTS / f"{name}.md").write_text(text)
    if publish:
        report.publish(text)
    print(text)


if __name__ == "__main__":
    main()

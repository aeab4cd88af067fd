"""``manage.py export_project acme acme.jsonl``: all that a project remembers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.exports.lines import ADD, END, HEADER, MEMORY, SECTIONS
from memories.selectors.transfer import Extent, count_memories
from memories.services.raw_exports import Progress, write_pages
from memories.types import SCOPE_KEYS
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.scopes import tenant_scope

_BEGINNING = b'{"type":'


class Command(BaseCommand):
    help = (
        "Export everything of a project, or of one subject, as JSON Lines with its"
        " history: a file that import_memories takes in. With --resume a file that was"
        " not finished is gone on with."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", metavar="NAME", help="else the default one")
        parser.add_argument("--resume", action="store_true")
        subject = parser.add_mutually_exclusive_group()
        for key in SCOPE_KEYS:
            subject.add_argument(f"--{key.replace('_', '-')}", help="only its memories")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        if file.exists() and not options["resume"]:
            raise CommandError(f"{file} exists: choose another, or --resume.")
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                project = find_project(options["project"])
            extent = _extent(options)
            is_begun = file.exists()
            progress = take_up(file, project.id, extent) if is_begun else Progress()
            with tenant_scope(tenant.id, project_id=project.id):
                total = count_memories(extent)
            with file.open("a", encoding="utf-8") as out:
                self._write(out, progress, total, (tenant.id, project.id), extent)
        told = ", ".join(f"{count} {name}" for name, count in progress.counts.items())
        self.stdout.write(f"{file}: {told or 'nothing to export'}.")

    def _write(
        self,
        out: IO[str],
        progress: Progress,
        total: int,
        ids: tuple[UUID, UUID],
        extent: Extent,
    ) -> None:
        for content in write_pages(*ids, extent, progress):
            out.write(content)
            out.flush()
            done = progress.counts[MEMORY]
            percent = 100 if progress.is_over else 99 * done // max(1, total, done)
            self.stderr.write(f"{percent:3} %  {done} memories")


def _extent(options: Any) -> Extent:
    for key in SCOPE_KEYS:
        if options[key]:
            return Extent(key.removesuffix("_id"), options[key])
    return Extent()


def take_up(file: Path, project_id: UUID, extent: Extent) -> Progress:
    """How far an unfinished file comes; what is left of its last line is cut off.

    Raises CommandError for what is no such file, or one of something else.
    """
    progress, end = Progress(), 0
    last: dict[str, Any] = {}
    with file.open("r+b") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                if not last and not line.startswith(_BEGINNING):
                    raise CommandError(f"{file} is no export of ours.")
                break
            last = _read(file, line)
            if last["type"] == HEADER:
                _check_is_of(file, last, project_id, extent)
            end += len(line)
            if last["type"] in SECTIONS:
                progress.counts[last["type"]] += 1
        lines.truncate(end)
    if last.get("type") == END:
        raise CommandError(f"{file} is finished.")
    progress.is_begun = bool(last)
    if last.get("type") in SECTIONS:
        progress.section, progress.after = last["type"], _cursor(last)
    progress.counts = Counter(progress.counts)
    return progress


def _read(file: Path, line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
        is_ours = found["type"] in (HEADER, END, *SECTIONS)
    except (ValueError, TypeError, KeyError):
        is_ours = False
    if not is_ours:
        raise CommandError(f"{file} is no export of ours.")
    return found


def _check_is_of(
    file: Path, first: dict[str, Any], project_id: UUID, extent: Extent
) -> None:
    begun = (first.get("project_id"), first.get("subject"))
    if begun != (str(project_id), extent.about):
        raise CommandError(f"{file} was begun for another project or subject.")


def _cursor(line: dict[str, Any]) -> list[str]:
    if line["type"] == ADD:
        return [line["created_at"], line["id"]]
    return [line["id"]]

"""``manage.py import_memories acme memories.json``: bring a file of memories in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.exports.reading import FORMATS
from memories.models import Import
from memories.services.imports import Importer, open_local, pieces_of
from memories.types import SCOPE_KEYS, Scope
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = (
        "Import memories: a raw export, JSON Lines, a JSON array or pages"
        ' {"results": […]} as the hosted API or a self-hosted mem0 server lists them,'
        " or CSV with a heading. What is there already stays as it is; an import that"
        " was stopped goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", metavar="NAME", help="else the default one")
        parser.add_argument("--format", choices=FORMATS, default="auto")
        for key in SCOPE_KEYS:
            option = f"--{key.replace('_', '-')}"
            parser.add_argument(option, help="for records that name none")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        with clear_errors(file):
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                project = find_project(options["project"])
            scope = Scope(**{key: options[key] or None for key in SCOPE_KEYS})
            row = open_local(tenant.id, project.id, options["format"], scope, file)
            if row.done:
                self.stdout.write(f"Going on behind record {row.done}.")
            importer = Importer(row, None)
            with file.open("rb") as source:
                for progress in importer.run(pieces_of(source)):
                    self._tell_progress(progress)
            importer.finish()
        self._tell_outcome(row)

    def _tell_progress(self, row: Import) -> None:
        percent = int(100 * row.read_bytes / max(1, row.size_bytes))
        self.stderr.write(f"{percent:3} %  {row.done} records")

    def _tell_outcome(self, row: Import) -> None:
        self.stdout.write(
            f"{row.added} added, {row.known} already there, {row.refused} refused."
        )
        for problem in row.problems:
            self.stdout.write(f"  line {problem['line']}: {problem['reason']}")
        if row.refused > len(row.problems):
            self.stdout.write(f"  … and {row.refused - len(row.problems)} more.")

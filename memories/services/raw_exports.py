"""Raw exports: everything of a project or a subject, as JSON Lines, page by page.

The same pages make a stored export (in chunks, by a worker, resumed behind the last
chunk that was written) and a local file (by a command, resumed behind its last line).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from memories.exports.lines import SECTIONS, as_line, end, header
from memories.models import Export, ExportChunk, Operation
from memories.selectors.transfer import Cursor, Extent, count_memories, list_page
from memories.store import operations
from memories.store.operations import Lease
from memories.types import JsonDict
from memplatform.lib import clock
from tenants.models import Project
from tenants.scopes import tenant_scope

PAGE = 50
CHUNKS_A_RUN = 200
"""Then others may have the worker."""


@dataclass(slots=True)
class Progress:
    """How far a raw export has come; what a stored one keeps as its cursor."""

    section: str = SECTIONS[0]
    after: Cursor = None
    chunks: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    is_begun: bool = False
    is_over: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, object] | None) -> Progress:
        if not stored:
            return cls()
        progress = cls(**stored)  # type: ignore[arg-type]
        progress.counts = Counter(progress.counts)
        return progress

    def as_json(self) -> JsonDict:
        return {
            "section": self.section,
            "after": self.after,
            "chunks": self.chunks,
            "counts": dict(self.counts),
            "is_begun": self.is_begun,
        }


def write_pages(
    tenant_id: UUID, project_id: UUID, extent: Extent, progress: Progress
) -> Iterator[str]:
    """The file behind ``progress``, page by page; each opens its own short scope.

    ``progress`` tells of what was given out. The header comes first where it starts at
    the start, the end last.
    """
    if not progress.is_begun:
        progress.is_begun = True
        with tenant_scope(tenant_id, project_id=project_id):
            project = Project.objects.get(id=project_id)
        yield as_line(header(clock.now(), project.id, project.name, extent.about))
    for section in SECTIONS[SECTIONS.index(progress.section) :]:
        if section != progress.section:
            progress.section, progress.after = section, None
        while True:
            with tenant_scope(tenant_id, project_id=project_id):
                page = list_page(section, extent, progress.after, PAGE)
            if not page.rows:
                break
            progress.after = page.cursor
            progress.counts[section] += len(page.rows)
            yield "".join(as_line({"type": section, **row}) for row in page.rows)
    progress.is_over = True
    yield as_line(end(progress.counts))


def run_raw_export(operation: Operation, lease: Lease, export: Export) -> None:
    """Write the chunks of an export; resumes behind the last one."""
    extent = Extent(export.subject_kind, export.subject_name)
    progress = Progress.of(export.cursor)
    ids = (operation.tenant_id, operation.project_id)
    if not export.total:
        with tenant_scope(ids[0], project_id=ids[1]):
            export.total = count_memories(extent)
    for written, content in enumerate(write_pages(*ids, extent, progress), start=1):
        _keep(lease, export, progress, content)
        if progress.is_over:
            return
        if written == CHUNKS_A_RUN:
            with tenant_scope(ids[0], project_id=ids[1]):
                operations.pause(operations.hold(lease))
            return


def _keep(lease: Lease, export: Export, progress: Progress, content: str) -> None:
    """One chunk and how far it comes, in one transaction, if the lease still holds."""
    with tenant_scope(export.tenant_id, project_id=export.project_id):
        operation = operations.hold(lease)
        ExportChunk.objects.create(
            project_id=export.project_id,
            export_id=export.id,
            number=progress.chunks,
            content=content,
        )
        progress.chunks += 1
        export.size_bytes += len(content.encode())
        export.cursor, export.counts = progress.as_json(), dict(progress.counts)
        if progress.is_over:
            export.status, export.completed_at = Export.Status.FINISHED, clock.now()
            operations.succeed(operation, [])
        else:
            operation.attempts = 1
            operation.save(update_fields=["attempts"])
            operations.renew(operation, lease_s=settings.LEASE_S)
        export.save(
            update_fields=[
                *("cursor", "counts", "total", "size_bytes", "status"),
                "completed_at",
            ]
        )


def read_chunks(export: Export) -> Iterator[str]:
    """The file of a finished export, each chunk in a scope of its own."""
    number = 0
    while True:
        with tenant_scope(export.tenant_id, project_id=export.project_id):
            chunk = ExportChunk.objects.filter(
                export_id=export.id, number=number
            ).first()
        if chunk is None:
            return
        yield chunk.content
        number += 1

"""What messages brought: read from the store, and what was found in it kept there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Min

from memories.models import Attachment, Ingestion, Message
from memories.types import Attached
from memplatform.lib import clock


@dataclass(frozen=True, slots=True)
class Stored:
    """An attachment; ``message`` is its message's position in the add.

    ``pages`` None: it has not been read yet.
    """

    row_id: UUID
    message: int
    number: int
    attached: Attached
    pages: tuple[str, ...] | None


def read_attachments(ingestion: Ingestion) -> list[Stored]:
    """Those of an add in their order; call inside the tenant's scope."""
    said = Message.objects.filter(ingestion_id=ingestion.said_in)
    first: int = said.aggregate(first=Min("position"))["first"] or 0
    rows = Attachment.objects.filter(ingestion_id=ingestion.said_in)
    return [_stored(row, first) for row in rows.order_by("position", "number")]


def _stored(row: Attachment, first: int) -> Stored:
    attached = Attached(
        kind=row.kind,
        part=row.part,
        url=row.url,
        data=None if row.data is None else bytes(row.data),
        media_type=row.media_type,
    )
    pages = None if row.pages is None else tuple(row.pages)
    return Stored(row.id, row.position - first, row.number, attached, pages)


def keep_read(
    row_id: UUID, pages: Sequence[str], *, media_type: str, size: int, sha256: str
) -> None:
    """Keep what was read and let the bytes go; nothing when it was erased meanwhile."""
    Attachment.objects.filter(id=row_id).update(
        pages=list(pages),
        data=None,
        media_type=media_type,
        size=size,
        sha256=sha256,
        read_at=clock.now(),
    )

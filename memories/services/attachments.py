"""An add with what its messages brought, read: once, whatever happens afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memories.pipeline.attachments import (
    Describer,
    Unread,
    load,
    read_document,
    refuse_too_large,
)
from memories.pipeline.passages import Brought
from memories.pipeline.run import Add, engine_options, record_of
from memories.providers import media
from memories.providers.documents import Document
from memories.store import attachments as store
from memories.store.attachments import Stored
from memories.types import ModelCall
from memplatform.lib.errors import DocumentUnreadable
from tenants.scopes import tenant_scope

NO_LONGER_SEEN = "The project has no model that sees images any more."


def with_attachments(add: Add, calls: list[ModelCall]) -> Add:
    """The add with the pages of its documents and what its images show.

    Opens its own scopes. Raises DocumentUnavailable, DocumentUnreadable naming the
    message, and ProviderError when the images cannot be described.
    """
    with tenant_scope(add.setup.tenant_id, project_id=add.setup.project_id):
        stored = store.read_attachments(add.ingestion)
    read = {one.row_id: one.pages for one in stored if one.pages is not None}
    unread = [one for one in stored if one.pages is None]
    images = [one for one in unread if one.attached.kind == media.IMAGE]
    for one in unread:
        if one not in images:
            document = _load(add, one)
            pages = read_document(_as_unread(one), document)
            read[one.row_id] = _keep(add, one, document, pages)
    shown = _load_images(add, images)
    for (one, document), text in zip(shown, _seen(add, shown, calls), strict=True):
        read[one.row_id] = _keep(add, one, document, [text])
    brought = tuple(_brought(one, read[one.row_id]) for one in stored)
    return replace(add, brought=brought)


def with_pages(add: Add) -> Add:
    """The add with what was read of its attachments when it ran; reads nothing anew.

    Call inside its scope. What could not be read then is left out.
    """
    stored = store.read_attachments(add.ingestion)
    read = [(one, one.pages) for one in stored if one.pages is not None]
    return replace(add, brought=tuple(_brought(one, pages) for one, pages in read))


def _load_images(add: Add, images: Sequence[Stored]) -> list[tuple[Stored, Document]]:
    """All are held at once: what is too much together is not fetched to its end."""
    shown: list[tuple[Stored, Document]] = []
    for one in images:
        shown.append((one, _load(add, one)))
        refuse_too_large([document for _, document in shown])
    return shown


def _load(add: Add, one: Stored) -> Document:
    add.keep_lease()
    return load(_as_unread(one))


def _seen(
    add: Add, images: Sequence[tuple[Stored, Document]], calls: list[ModelCall]
) -> list[str]:
    """What a model sees in the images, in one call for all of them."""
    if not images:
        return []
    chat = add.setup.chat
    if chat is None or not add.setup.sees_images:
        raise DocumentUnreadable(NO_LONGER_SEEN)
    describer = Describer(
        chat,
        add.setup.prompts,
        record_of(add, calls),
        add.keep_lease,
        engine_options(add),
    )
    asked = [(_as_unread(one), document) for one, document in images]
    return describer.describe(asked, add.messages)


def _keep(
    add: Add, one: Stored, document: Document, pages: Sequence[str]
) -> tuple[str, ...]:
    add.keep_lease()
    with tenant_scope(add.setup.tenant_id, project_id=add.setup.project_id):
        store.keep_read(
            one.row_id,
            pages,
            media_type=document.media_type,
            size=len(document.data),
            sha256=document.sha256,
        )
    return tuple(pages)


def _as_unread(one: Stored) -> Unread:
    return Unread(one.message, one.number, one.attached)


def _brought(one: Stored, pages: tuple[str, ...]) -> Brought:
    return _as_unread(one).as_brought(pages)

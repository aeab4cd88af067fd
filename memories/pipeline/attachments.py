"""Reads what the messages of an add bring, before its engine is asked.

Documents are fetched and their text extracted; all images of the add are described in
one call to the project's model. What was read is stored at once, so that a second
attempt neither fetches nor asks again, and the bytes are let go. No transaction is open
meanwhile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings

from memories.pipeline.asking import Asker, Heartbeat, Record
from memories.pipeline.passages import Brought
from memories.pipeline.prompting import heading, quote, shorten, speaker, system_text
from memories.pipeline.reply import ListReader
from memories.pipeline.schemas import IMAGES
from memories.prompts import get_prompt
from memories.providers.base import Chat, ChatRequest
from memories.providers.documents import Document, fetch, identify, read_pages
from memories.types import Attached, ChatMessage, EngineOptions, PromptText
from memplatform.lib.errors import (
    DocumentUnavailable,
    DocumentUnreadable,
    ProviderReplyInvalid,
)

MAX_WORDS = 200
SAID_WITH_TOKENS = 500
"""How much of what was said with an image its describer is told."""

_READER = ListReader(IMAGES, "images")


def place_of(message: int, part: int | None) -> str:
    """As errors of requests name it: ``messages.2.content.0``."""
    place = f"messages.{message}.content"
    return place if part is None else f"{place}.{part}"


@dataclass(frozen=True, slots=True)
class Unread:
    """An attachment to be read; ``message`` is its message's position in the add."""

    message: int
    number: int
    attached: Attached

    def as_brought(self, pages: Sequence[str]) -> Brought:
        mention, kind = self.attached.mention, self.attached.kind
        return Brought(self.message, self.number, kind, mention, tuple(pages))


def load(unread: Unread) -> Document:
    """Its bytes. Raises DocumentUnavailable or DocumentUnreadable, naming its place."""
    attached = unread.attached
    try:
        if attached.url is not None:
            return fetch(attached.url, attached.kind)
        if attached.data is None:
            raise DocumentUnreadable("is not kept any longer.")
        return identify(attached.kind, attached.data)
    except (DocumentUnavailable, DocumentUnreadable) as exc:
        raise _placed(exc, unread) from exc


def read_document(unread: Unread, document: Document) -> list[str]:
    """The texts of its pages. Raises as :func:`load`."""
    try:
        return read_pages(document)
    except (DocumentUnavailable, DocumentUnreadable) as exc:
        raise _placed(exc, unread) from exc


def _placed(
    exc: DocumentUnavailable | DocumentUnreadable, unread: Unread
) -> DocumentUnavailable | DocumentUnreadable:
    place = place_of(unread.message, unread.attached.part)
    return type(exc)(f"{place} {exc.message}")


# --- images ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Describer:
    """The project's model, asked what images show."""

    chat: Chat
    prompts: Mapping[str, PromptText]
    record: Record
    heartbeat: Heartbeat
    options: EngineOptions

    def describe(
        self,
        images: Sequence[tuple[Unread, Document]],
        messages: Sequence[ChatMessage],
    ) -> list[str]:
        """What each image shows, in one call for all.

        Raises ProviderError when the model cannot be made to answer for every one.
        """
        prompt = get_prompt(self.prompts, "images")
        request = ChatRequest(
            system_text(prompt, self.options, words=MAX_WORDS),
            self._text(images, messages),
            IMAGES,
            "images",
            tuple(_data_uri(document) for _, document in images),
        )
        asker = Asker(self.chat, self.record, self.heartbeat)
        return asker.ask(request, prompt, lambda reply: _texts(reply, len(images)))

    def _text(
        self,
        images: Sequence[tuple[Unread, Document]],
        messages: Sequence[ChatMessage],
    ) -> str:
        zone = ZoneInfo(self.options.timezone)
        said = [messages[unread.message] for unread, _ in images]
        lines = [
            f"{number} {speaker(message, zone)} "
            + quote(shorten(message.content, SAID_WITH_TOKENS))
            for number, message in enumerate(said, start=1)
        ]
        return heading("IMAGES", lines)


def refuse_too_large(images: Sequence[Document]) -> None:
    """Raises DocumentUnreadable for more than one call may show."""
    size = sum(len(document.data) for document in images)
    if size > settings.MAX_DOCUMENT_BYTES:
        most = settings.MAX_DOCUMENT_BYTES
        raise DocumentUnreadable(f"The images of one add may have {most} bytes.")


def _data_uri(document: Document) -> str:
    encoded = base64.b64encode(document.data).decode("ascii")
    return f"data:{document.media_type};base64,{encoded}"


def _texts(reply: str, count: int) -> list[str]:
    """One text for each image. Raises ProviderReplyInvalid when one has none."""
    rows = _READER.read(reply).kept
    told = {row["image"]: row["text"].strip() for row in rows}
    missing = [n for n in range(1, count + 1) if not told.get(n)]
    if missing:
        detail = f"Images without a text: {json.dumps(missing)}."
        raise ProviderReplyInvalid("The reply leaves out an image.", detail=detail)
    return [told[number] for number in range(1, count + 1)]

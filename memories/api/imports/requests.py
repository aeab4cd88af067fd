"""A file as the body of a request, read as it comes; and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from django.http import UnreadablePostError
from rest_framework.parsers import BaseParser

from memories.api.reading import one_of, query_fields, scope_id
from memories.exports.reading import CSV, FORMATS
from memories.services.imports import PIECE_BYTES
from memories.types import SCOPE_KEYS, Scope
from memplatform.lib.errors import BodyTooLarge, InvalidRequest

PIECES = "pieces"


class FileParser(BaseParser):
    """The pieces of the body, not read yet, under ``PIECES``."""

    media_type = "application/octet-stream"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {PIECES: _pieces(stream)}


class LinesParser(FileParser):
    media_type = "application/x-ndjson"


class JSONFileParser(FileParser):
    media_type = "application/json"


class CSVParser(FileParser):
    media_type = "text/csv"


def read_form(query: Mapping[str, Any], content_type: str) -> tuple[str, Scope]:
    """What kind of file it is, and the ids of records that name none."""
    fields = query_fields(query)
    is_csv = content_type.partition(";")[0].strip().lower() == CSVParser.media_type
    form = fields.read("format", one_of(FORMATS), CSV if is_csv else "auto")
    scope = Scope(**{key: fields.read(key, scope_id, None) for key in SCOPE_KEYS})
    fields.check()
    return form, scope


def check_size(declared: str | None) -> None:
    """Refuse by what the client says before anything is read."""
    most = settings.IMPORT_MAX_BYTES
    if declared and declared.isdigit() and int(declared) > most:
        raise BodyTooLarge(f"A file may have {most} bytes at most.")


def read_pieces(data: object) -> Iterator[bytes]:
    """What :class:`FileParser` made of the body; raises InvalidRequest for none."""
    if not isinstance(data, dict) or PIECES not in data:
        raise InvalidRequest("The file is empty.")
    pieces: Iterator[bytes] = data[PIECES]
    return pieces


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    try:
        while piece := stream.read(PIECE_BYTES):
            yield piece
    except UnreadablePostError as exc:
        raise InvalidRequest("The file ended before its length.") from exc

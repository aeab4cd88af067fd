"""The lines of a raw export: what they are called, and how values stand in them.

One JSON object a line; ``type`` says what it is. A file begins with a ``header`` and
ends with an ``end`` that counts the lines between them; the sections come in the order
of ``SECTIONS``, so that what a line refers to was there before it. No Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from memories.types import JsonDict

FORMAT = "memplatform/1"
HEADER, END = "header", "end"
SUBJECT, ADD, ENTITY, MEMORY, RELATION = SECTIONS = (
    "subject",
    "add",
    "entity",
    "memory",
    "relation",
)


def header(
    at: datetime, project_id: UUID, project: str, subject: Mapping[str, str] | None
) -> JsonDict:
    """The first line; ``subject`` is {kind, name} when it is not a whole project."""
    about: JsonDict = {"exported_at": at, "project_id": project_id}
    about |= {"project": project, "subject": subject}
    return {"type": HEADER, "format": FORMAT, **about}


def end(counts: Mapping[str, int]) -> JsonDict:
    """The last line: a file without it is not whole."""
    return {"type": END, "counts": dict(counts)}


def as_line(value: Mapping[str, Any]) -> str:
    """One line, with its newline; instants are UTC."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return f"{text}\n"


def _plain(value: Any) -> str:
    if isinstance(value, UUID | date | datetime):
        return value.isoformat() if isinstance(value, date) else str(value)
    raise TypeError(f"{type(value).__name__} does not stand in a line.")

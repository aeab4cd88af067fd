"""What tests of pages read off them."""

from __future__ import annotations

import re
from html import unescape
from uuid import UUID

from memories.models import Subject


def text_of(answer) -> str:
    """What a person reads: no tags, single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.content.decode())).split())


def subject_of(agent, name: str = "ann", kind: str = "user") -> UUID:
    """The id of a subject's row."""
    with agent.scope():
        return Subject.objects.get(kind=kind, external_id=name).id

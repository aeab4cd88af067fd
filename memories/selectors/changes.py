"""What two versions of a memory differ in: its words, and everything beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memories.diff import Segment, ValueChange, diff_values, diff_words
from memories.models import MemoryVersion

FIELDS = {
    "state": "State",
    "categories": "Categories",
    "valid_from": "True from",
    "valid_to": "True until",
    "valid_precision": "Precision of these",
    "recurs": "Recurs",
    "aspect": "Tells of",
    "expires_on": "Expires on",
    "is_immutable": "Immutable",
    "confidence": "Confidence",
    "created_at": "Dated",
}
"""What is compared beside text and metadata, as a person calls it."""


@dataclass(frozen=True, slots=True)
class Change:
    """``words`` diff the texts; ``fields`` are what else differs, metadata by key."""

    words: tuple[Segment, ...]
    fields: tuple[ValueChange, ...]

    @property
    def is_reworded(self) -> bool:
        return any(segment.kind != "equal" for segment in self.words)


def change_between(old: MemoryVersion | None, new: MemoryVersion | None) -> Change:
    """From one version to another; None where there is none."""
    words = diff_words(_text(old), _text(new))
    if old is None or new is None:
        return Change(words, ())
    beside = diff_values(_fields(old), _fields(new))
    metadata = diff_values(old.metadata, new.metadata)
    return Change(
        words,
        (
            *(ValueChange(FIELDS[c.name], c.old, c.new) for c in beside),
            *(ValueChange(f"metadata.{c.name}", c.old, c.new) for c in metadata),
        ),
    )


def _text(version: MemoryVersion | None) -> str:
    return (version.text or "") if version else ""


def _fields(version: MemoryVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in FIELDS}

"""How the wire shows subjects (contract §8, Entities)."""

from __future__ import annotations

from uuid import UUID

from memories.api.shapes import memory_json
from memories.selectors.subjects import Origin, SubjectView
from memories.types import JsonDict, MemoryView


def subject_json(subject: SubjectView, owner: str) -> JsonDict:
    """An entity. Its name is the caller's own id: clients put it in the next URL."""
    return {
        "id": str(subject.id),
        "name": subject.name,
        "type": subject.kind,
        "owner": owner,
        "metadata": subject.metadata,
        "total_memories": subject.memory_count,
        "created_at": subject.created_at.isoformat(),
        "updated_at": subject.last_active_at.isoformat(),
    }


def declared_json(subject: SubjectView, project_id: UUID) -> JsonDict:
    """What creating a subject answers."""
    return {
        "id": str(subject.id),
        f"{subject.kind}_id": subject.name,
        "name": subject.display_name or subject.name,
        "metadata": subject.metadata,
        "created_at": subject.created_at.isoformat(),
        "updated_at": subject.last_active_at.isoformat(),
        "graph_entities": None,
        "is_deleted": False,
        "project": str(project_id),
    }


def told_json(memory: MemoryView, origin: Origin) -> JsonDict:
    """A memory with the messages it was learned from."""
    said = [{"role": m.role, "content": m.content} for m in origin.messages]
    return {**memory_json(memory), "input": said, "is_updated": origin.is_updated}

"""What all of an import needs: what the ids of a file are here, who brings it in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from memories.providers.vectors import SpaceVectors
from memories.store.batch import Cause
from memories.types import SCOPE_KEYS, JsonDict, Scope
from tenants.models import ProjectModel
from tenants.scopes import current_tenant_id, tenant_scope

ADDED, KNOWN, BARRED = "added", "known", "was deleted since the import was asked for."
UUID_CHARS = 36
Texts = Mapping[str, SpaceVectors]


@dataclass(slots=True)
class Names:
    """What the ids of a file are here.

    An id is kept, unless another project of the tenant has it: then it becomes one that
    is made from the project and itself, the same each time. What came in once keeps the
    id that it was given then.
    """

    project_id: UUID
    known: dict[UUID, UUID] = field(default_factory=dict)
    present: set[UUID] = field(default_factory=set)

    def learn(self, model: type[ProjectModel], ids: Iterable[UUID | None]) -> None:
        """Look up what these would be; of others only whether an id is theirs."""
        asked = {id_ for id_ in ids if id_ is not None} - self.known.keys()
        if not asked:
            return
        made = {id_: uuid5(self.project_id, str(id_)) for id_ in asked}
        with tenant_scope(current_tenant_id()):
            rows: Iterable[tuple[UUID, UUID]] = model._default_manager.filter(
                id__in={*asked, *made.values()}
            ).values_list("id", "project_id")
            owners = dict(rows)
        for id_ in asked:
            is_other = (
                made[id_] in owners
                or owners.get(id_, self.project_id) != self.project_id
            )
            self.known[id_] = made[id_] if is_other else id_
        self.present |= {id_ for id_, owner in owners.items() if self._is_mine(owner)}

    def __getitem__(self, id_: UUID) -> UUID:
        return self.known[id_]

    def has(self, id_: UUID | None) -> bool:
        """Whether the row that an id of the file names is here by now."""
        return id_ is not None and self.known[id_] in self.present

    def there(self, id_: UUID | None) -> UUID | None:
        """What an id is here, if it is here."""
        return self.known[id_] if id_ is not None and self.has(id_) else None

    def renamed(self, value: Any) -> Any:
        """JSON with the ids in it as they are here."""
        if isinstance(value, list):
            return [self.renamed(item) for item in value]
        if isinstance(value, dict):
            return {name: self.renamed(item) for name, item in value.items()}
        if isinstance(value, str) and len(value) == UUID_CHARS:
            return self._renamed_id(value)
        return value

    def _renamed_id(self, value: str) -> str:
        try:
            return str(self.known.get(UUID(value), value))
        except ValueError:
            return value

    def _is_mine(self, owner: UUID) -> bool:
        return owner == self.project_id


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brings something in: the import, as of when, in whose name.

    ``space_id`` is the space in which searches are asked.
    """

    project_id: UUID
    accepted_at: datetime
    language: str
    cause: Cause
    space_id: UUID | None = None


def present(fields: Mapping[str, Any]) -> JsonDict:
    """Without nulls: a column's default stands for what a line leaves out."""
    return {name: value for name, value in fields.items() if value is not None}


def scope_of(line: Mapping[str, Any]) -> Scope:
    return Scope(**{key: line.get(key) for key in SCOPE_KEYS})


def anchor_key(line: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    return scope_of(line).anchor_key


def uuids_in(value: Any) -> set[UUID]:
    """Every id that stands in JSON, however deep."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return {id_ for item in inner for id_ in uuids_in(item)}
    if not isinstance(value, str) or len(value) != UUID_CHARS:
        return set()
    try:
        return {UUID(value)}
    except ValueError:
        return set()

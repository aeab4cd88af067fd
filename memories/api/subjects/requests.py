"""What is asked of subjects."""

from __future__ import annotations

from dataclasses import dataclass

from memories.api import reading
from memories.api.reading import Fields
from memories.models.fields import SCOPE_ID_CHARS
from memories.selectors.subjects import KINDS
from memories.services.subjects import Declaration
from memories.types import UNSET, Scope
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.api.permissions import narrow
from tenants.selectors import Access

WRONG_KIND = "Invalid entity type"


@dataclass(frozen=True, slots=True)
class Named:
    """A subject by kind and name; there may be nobody of that name."""

    kind: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}_id"


def read_named(kind: str, name: str) -> Named:
    """The subject that a path names; raises InvalidRequest."""
    if kind not in KINDS:
        raise InvalidRequest(WRONG_KIND, fields={"entity_type": [WRONG_KIND]})
    fields = Fields({"entity_id": name})
    known: str | None = fields.read("entity_id", reading.scope_id, "")
    if known is None:
        fields.complain("entity_id", "must not be blank.")
    fields.check()
    return Named(kind, name)


def require_whole(access: Access, named: Named) -> None:
    """Raise NotFound unless all that the subject has is the key's own.

    A narrowed key sees a part of an app or a run, and one narrowed to a user with an
    agent a part of each.
    """
    if access.only and access.only != {named.key: named.name}:
        raise NotFound


def read_declaration(kind: str, raw: object, access: Access) -> Declaration:
    """A subject to create; raises InvalidRequest, and NotFound for a foreign one."""
    fields, key = Fields(raw), f"{kind}_id"
    name: str | None = fields.need(key, reading.scope_id, None)
    if name is None and not fields.problems:
        fields.complain(key, "must not be blank.")
    short = reading.text_up_to(SCOPE_ID_CHARS)
    declaration = Declaration(
        kind=kind,
        name=name or "",
        display_name=fields.read("name", short, UNSET),
        metadata=fields.read("metadata", reading.json_object, UNSET),
    )
    fields.check()
    narrow(access, Scope(**{key: declaration.name}))
    if access.only and key not in access.only:
        raise NotFound
    return declaration

"""An audit entry as a person reads it: names for ids, a link, what was and what is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from tenants.console.audit.filters import PLATFORM
from tenants.console.visits import Visit
from tenants.models import ApiKey, AuditEntry, Operator

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
PAGES: Mapping[str, tuple[str, bool]] = {
    "tenant": ("tenants:members", False),
    "membership": ("tenants:members", False),
    "invitation": ("tenants:members", False),
    "project": ("memories:overview", False),
    "apikey": ("tenants:api-key", True),
    "providerconfig": ("memories:providers", False),
    "embeddingspace": ("memories:providers", False),
    "webhook": ("memories:webhook", True),
    "memory": ("memories:memory", True),
    "operation": ("memories:ingestion", True),
    "subject": ("memories:subject", True),
    "prompttemplate": ("memories:prompts", False),
    "promptversion": ("memories:prompts", False),
}
"""By type of object: the page that shows it, and whether its address has the id."""
LABELS: Mapping[str, str] = {
    "apikey": "API key",
    "providerconfig": "provider",
    "embeddingspace": "embedding space",
    "promptversion": "prompt version",
    "prompttemplate": "prompt",
}
"""Types of objects in the words of the glossary, where those are others."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field, old → new, as text; None where there was or is nothing."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class EntryRow:
    entry: AuditEntry
    actor: str
    label: str
    project_name: str
    url: str
    changes: Sequence[Change]


def actor_names(entries: Iterable[AuditEntry]) -> dict[UUID, str]:
    """Who is behind the ids of actors: two queries, however many entries.

    Call inside the tenant's scope.
    """
    kinds = AuditEntry.ActorKind
    ids: dict[str, set[UUID]] = {kinds.OPERATOR: set(), kinds.API_KEY: set()}
    for entry in entries:
        if entry.actor_id and entry.actor_kind in ids:
            ids[entry.actor_kind].add(entry.actor_id)
    operators = Operator.objects.filter(id__in=ids[kinds.OPERATOR])
    keys = ApiKey.objects.filter(id__in=ids[kinds.API_KEY])
    named = {key.id: f"key {key.prefix}… ({key.name})" for key in keys}
    return {**dict(operators.values_list("id", "email")), **named}


def actor_of(entry: AuditEntry, names: Mapping[UUID, str]) -> str:
    if entry.actor_id is None:
        return PLATFORM
    return names.get(entry.actor_id) or f"{entry.actor_kind} {entry.actor_id}"


def rows(
    visit: Visit, entries: Sequence[AuditEntry], names: Mapping[UUID, str]
) -> list[EntryRow]:
    projects = {project.id: project.name for project in visit.projects}
    return [
        EntryRow(
            entry=entry,
            actor=actor_of(entry, names),
            label=LABELS.get(entry.object_type, entry.object_type),
            project_name=projects.get(entry.project_id, "") if entry.project_id else "",
            url=_url(visit, entry, projects),
            changes=list(_changes(entry.changes)),
        )
        for entry in entries
    ]


def _url(visit: Visit, entry: AuditEntry, projects: Mapping[UUID, str]) -> str:
    """The page of the object; blank where there is none, or its project is gone."""
    name, has_id = PAGES.get(entry.object_type, ("", False))
    ids = [entry.object_id] if has_id else []
    places: list[list[object]] = [[visit.tenant_slug]]
    if entry.project_id in projects:
        places.insert(0, [visit.tenant_slug, entry.project_id])
    for place in places if name else ():
        try:
            return reverse(name, args=[*place, *ids])
        except NoReverseMatch:
            continue
    return ""


def _changes(changes: Mapping[str, Any]) -> Iterator[Change]:
    """A field has ``[old, new]``; some entries tell a plain value."""
    for field, told in changes.items():
        if isinstance(told, list) and len(told) == 2:
            yield Change(field, _words(told[0]), _words(told[1]))
        else:
            yield Change(field, None, _words(told))


def _words(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return _instant(value) if _INSTANT.match(value) else value


def _instant(text: str) -> str:
    """In the operator's time zone; what only looks like one stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M}" if at.tzinfo else text

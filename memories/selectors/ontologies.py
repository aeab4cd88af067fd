"""The ontologies that a project has had, as its audit keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from memplatform.lib.errors import NotFound
from tenants.models import AuditEntry, Operator, Project


@dataclass(frozen=True, slots=True)
class OntologyView:
    """A version: what the graph might hold from ``since`` on.

    ``body`` {} allows anything; ``author`` blank: no operator, or one who is gone.
    ``since`` None: older than the audit.
    """

    number: int
    body: Mapping[str, Any]
    since: datetime | None = None
    author: str = ""
    is_current: bool = False

    @property
    def text(self) -> str:
        """A key a line, always in the same order."""
        return json.dumps(self.body, indent=2, ensure_ascii=False, sort_keys=True)


def list_ontologies(project: Project) -> list[OntologyView]:
    """Newest first, the current one among them; empty where there never was one."""
    found = {version.number: version for version in _audited(project)}
    current = project.settings.get("ontology")
    if current is not None:
        version = _version(current)
        known = found.get(version.number, version)
        found[version.number] = replace(known, is_current=True)
    return sorted(found.values(), key=lambda version: -version.number)


def one_of(versions: Sequence[OntologyView], number: int) -> OntologyView:
    """The version of this number; raises NotFound."""
    for version in versions:
        if version.number == number:
            return version
    raise NotFound("There is no such version of the ontology.")


def _audited(project: Project) -> Iterator[OntologyView]:
    """What each change set, the newest first: a change that changed nothing comes
    after the one that did, and bears its number."""
    entries = AuditEntry.objects.filter(
        action="project.settings",
        object_id=str(project.id),
        changes__has_key="ontology",
    ).order_by("-at", "-id")
    told = [(entry, entry.changes["ontology"][1]) for entry in entries]
    authors = dict(
        Operator.objects.filter(
            id__in={entry.actor_id for entry, _ in told}
        ).values_list("id", "email")
    )
    for entry, value in told:
        if isinstance(value, Mapping):
            author = authors.get(entry.actor_id, "") if entry.actor_id else ""
            yield _version(value, since=entry.at, author=author)


def _version(value: Mapping[str, Any], **known: Any) -> OntologyView:
    body = {key: rule for key, rule in value.items() if key != "version"}
    return OntologyView(int(value.get("version", 0)), body, **known)

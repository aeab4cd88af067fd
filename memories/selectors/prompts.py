"""Reads of a project's prompts: templates, versions, drafts, and who spoke lately.

Call inside the tenant's scope, for one project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from memories.models import MemoryEvent, PromptDraft, PromptTemplate, PromptVersion
from memories.prompts import content_hash, shipped_prompts
from memories.prompts.purposes import PURPOSES, Purpose
from memplatform.lib.errors import NotFound
from tenants.models import Operator

RECENT_EVENTS = 1_000
"""Of which it is said which prompt spoke."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version without its text; ``share`` (0..1) of recent events it spoke for."""

    id: UUID
    number: int
    note: str
    author: str
    is_shipped: bool
    is_published: bool
    canary_share: float
    published_at: datetime | None
    created_at: datetime
    share: float = 0.0

    @property
    def is_canary(self) -> bool:
        return self.canary_share > 0 and not self.is_published

    @property
    def canary_percent(self) -> float:
        return round(100 * self.canary_share, 1)

    @property
    def percent(self) -> float:
        return round(100 * self.share, 1)


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template as the list of prompts shows it.

    ``is_outdated`` says that the release ships a text that the project never had.
    """

    id: UUID
    purpose: Purpose
    published: VersionView
    canary: VersionView | None
    draft_at: datetime | None
    is_outdated: bool
    share: float

    @property
    def percent(self) -> float:
        return round(100 * self.share, 1)


@dataclass(frozen=True, slots=True)
class DraftView:
    """The text at work, and when and by whom it was last saved."""

    text: str
    text_hash: str
    note: str
    author: str
    based_on: int | None
    updated_at: datetime


def list_templates() -> list[TemplateView]:
    """Every prompt of the project; a constant number of queries."""
    templates = {row.purpose: row for row in PromptTemplate.objects.all()}
    spoken = _spoken(PromptVersion.objects.exclude(is_published=False, canary_share=0))
    drafts = dict(PromptDraft.objects.values_list("template_id", "updated_at"))
    known = _known_texts()
    shares = _shares()
    heard = _by_template(shares)
    return [
        _template(row, spoken, drafts, known, shares, heard.get(row.id, ()))
        for name in PURPOSES
        if (row := templates.get(name))
    ]


def get_template(purpose: str) -> PromptTemplate:
    """The template of this purpose; raises NotFound."""
    found = PromptTemplate.objects.filter(purpose=purpose).first()
    if found is None or purpose not in PURPOSES:
        raise NotFound("There is no such prompt.")
    return found


def describe_template(template: PromptTemplate) -> TemplateView:
    """The one template as the list shows it."""
    own = PromptVersion.objects.filter(template=template)
    drafts = PromptDraft.objects.filter(template=template)
    shares = _shares()
    return _template(
        template,
        _spoken(own.exclude(is_published=False, canary_share=0)),
        dict(drafts.values_list("template_id", "updated_at")),
        _known_texts(),
        shares,
        _by_template(shares).get(template.id, ()),
    )


def list_versions(template: PromptTemplate) -> list[VersionView]:
    """All of them, newest first."""
    rows = PromptVersion.objects.filter(template=template).order_by("-number")
    versions = list(rows.defer("text"))
    authors, shares = _authors(v.author_id for v in versions), _shares()
    return [_version(row, authors, shares) for row in versions]


def get_version(template: PromptTemplate, number: int) -> PromptVersion:
    """One version with its text; raises NotFound."""
    found = PromptVersion.objects.filter(template=template, number=number).first()
    if found is None:
        raise NotFound(f"This prompt has no version {number}.")
    return found


def get_published(template: PromptTemplate) -> PromptVersion:
    return PromptVersion.objects.get(template=template, is_published=True)


def find_draft(template: PromptTemplate) -> DraftView | None:
    """The draft of a template, if somebody is at work on one."""
    row = (
        PromptDraft.objects.filter(template=template).select_related("based_on").first()
    )
    if row is None:
        return None
    return DraftView(
        text=row.text,
        text_hash=row.text_hash,
        note=row.note,
        author=_authors([row.author_id]).get(row.author_id, ""),
        based_on=row.based_on.number if row.based_on else None,
        updated_at=row.updated_at,
    )


def is_outdated(template: PromptTemplate) -> bool:
    """Whether the release ships a text that no version of this template has."""
    return template.id not in _known_texts()


# --- parts --------------------------------------------------------------------------


def _template(
    row: PromptTemplate,
    spoken: Mapping[UUID, list[PromptVersion]],
    drafts: Mapping[UUID, datetime],
    known: set[UUID],
    shares: Mapping[UUID, float],
    own: Iterable[UUID],
) -> TemplateView:
    versions = [_version(version, {}, shares) for version in spoken[row.id]]
    return TemplateView(
        id=row.id,
        purpose=PURPOSES[row.purpose],
        published=next(version for version in versions if version.is_published),
        canary=next((version for version in versions if version.is_canary), None),
        draft_at=drafts.get(row.id),
        is_outdated=row.id not in known,
        share=sum(shares.get(version_id, 0.0) for version_id in own),
    )


def _spoken(rows: Iterable[PromptVersion]) -> dict[UUID, list[PromptVersion]]:
    found: dict[UUID, list[PromptVersion]] = {}
    for row in rows:
        found.setdefault(row.template_id, []).append(row)
    return found


def _known_texts() -> set[UUID]:
    """Templates of which a version is the shipped text."""
    shipped = {name: content_hash(p.text) for name, p in shipped_prompts().items()}
    rows = PromptVersion.objects.filter(text_hash__in=shipped.values())
    found = rows.values_list("template_id", "template__purpose", "text_hash")
    return {
        template_id
        for template_id, purpose, text_hash in found
        if shipped.get(purpose) == text_hash
    }


def _shares() -> dict[UUID, float]:
    """Which version spoke for which part of the newest events that any spoke for."""
    newest = MemoryEvent.objects.order_by("-at", "-id")[:RECENT_EVENTS]
    named = newest.values_list("prompt_version_id", flat=True)
    spoke = Counter(version_id for version_id in named if version_id)
    return {version_id: count / spoke.total() for version_id, count in spoke.items()}


def _by_template(version_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    rows = PromptVersion.objects.filter(id__in=list(version_ids))
    for version_id, template_id in rows.values_list("id", "template_id"):
        found.setdefault(template_id, []).append(version_id)
    return found


def _authors(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    known = {author_id for author_id in ids if author_id}
    rows = Operator.objects.filter(id__in=known) if known else ()
    return {row.id: row.name or row.email for row in rows}


def _version(
    row: PromptVersion,
    authors: Mapping[UUID | None, str],
    shares: Mapping[UUID, float],
) -> VersionView:
    return VersionView(
        id=row.id,
        number=row.number,
        note=row.note,
        author=authors.get(row.author_id, ""),
        is_shipped=row.is_shipped,
        is_published=row.is_published,
        canary_share=row.canary_share,
        published_at=row.published_at,
        created_at=row.created_at,
        share=shares.get(row.id, 0.0),
    )

"""A node of a subject's graph: what is believed of it; merged, and parted again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from memories.console.subjects.about import SubjectPage, open_subject, uuid_of
from memories.models import Entity
from memories.selectors.entities import (
    NO_MERGE,
    EntityView,
    MergeView,
    WantedEntities,
    list_entities,
    list_merges,
)
from memories.selectors.entity_story import (
    find_entity,
    get_entity_story,
    preview_merge,
)
from memories.selectors.filters import parse_filters
from memories.selectors.sight import Sight
from memories.services.graph import merge_entities, unmerge
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Project, Role

OFFERED = 20
HERE = "memories:graph"


@project_page(read=Role.VIEWER)
def entity(
    request: ConsoleRequest, visit: Visit, subject_id: UUID, entity_id: UUID
) -> HttpResponse:
    """What a subject's memories say of it, by now and ever."""
    with visit.scope():
        page = open_subject(visit, subject_id, HERE)
        story = get_entity_story(page.about, entity_id)
    context = page.context(story=story, entity=story.entity)
    return show(request, visit, "memories/entity.html", context)


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def merge(
    request: ConsoleRequest, visit: Visit, subject_id: UUID, entity_id: UUID
) -> HttpResponse:
    """``text`` looks for the other, ``other`` is it: then the page says what moves."""
    asked = request.POST if request.method == "POST" else request.GET
    other_id = uuid_of(asked.get("other"))
    text = request.GET.get("text", "").replace("\0", "").strip()
    with visit.scope():
        page = open_subject(visit, subject_id, HERE)
        keep = find_entity(page.about, entity_id)
        other = find_entity(page.about, other_id) if other_id else None
        if request.method == "POST":
            return _merge(request, visit, page, keep, other)
        context = page.context(entity=keep, text=text, preview=None, offered=())
        if other is None:
            context["offered"] = _offered(page, keep, text)
        else:
            _require_two(keep, other)
            context["preview"] = preview_merge(page.about, keep, other)
    return show(request, visit, "memories/entity_merge.html", context)


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def undo_merge(
    request: ConsoleRequest,
    visit: Visit,
    subject_id: UUID,
    entity_id: UUID,
    merge_id: UUID,
) -> HttpResponse:
    """Ask once, then part them."""
    with visit.scope():
        page = open_subject(visit, subject_id, HERE)
        found = find_entity(page.about, entity_id)
        undone = _find_merge(found, merge_id)
        if undone.undone_at is not None:
            raise InvalidRequest("This merge was taken back already.")
        if request.method == "POST":
            unmerge(_project(visit), merge_id, actor=visit.actor)
    if request.method == "POST":
        message = f"{undone.kept.name} and {undone.absorbed.name} are two again."
        return done(request, _url(visit, page, "memories:entity", entity_id), message)
    context = page.context(entity=found, merge=undone)
    return show(request, visit, "memories/entity_undo_merge.html", context)


def _merge(
    request: ConsoleRequest,
    visit: Visit,
    page: SubjectPage,
    keep: Entity,
    other: Entity | None,
) -> HttpResponse:
    """Call inside the visit's scope."""
    if other is None:
        raise InvalidRequest("Choose the other one.")
    made = merge_entities(_project(visit), keep.id, other.id, actor=visit.actor)
    undo = _url(visit, page, "memories:undo-merge", made.kept_id, made.id)
    message = format_html(
        '{} and {} are one. <a href="{}">Undo</a>', keep.name, other.name, undo
    )
    return done(request, _url(visit, page, "memories:entity", made.kept_id), message)


def _require_two(keep: Entity, other: Entity) -> None:
    """What a merge would refuse is told before its preview."""
    roots = {one.merged_into_id or one.id for one in (keep, other)}
    if len(roots) == 1:
        raise InvalidRequest("They are one already.")
    if keep.anchor_id != other.anchor_id:
        raise InvalidRequest("They belong to different subjects; they are two.")


def _offered(page: SubjectPage, keep: Entity, text: str) -> list[EntityView]:
    """What it may be one with: of the same anchor, the most mentioned first."""
    sight = Sight(parse_filters({page.about.key: page.about.name}))
    wanted = WantedEntities(name=text, anchor_id=keep.anchor_id)
    found = list_entities(sight, wanted, page=1, page_size=OFFERED + 1)
    mine = keep.merged_into_id or keep.id
    return [one for one in found.items if one.id != mine][:OFFERED]


def _find_merge(found: Entity, merge_id: UUID) -> MergeView:
    for one in list_merges(found.id):
        if one.id == merge_id:
            return one
    raise NotFound(NO_MERGE)


def _project(visit: Visit) -> Project:
    if visit.project is None:
        raise TypeError("This page is of no project.")
    return visit.project


def _url(visit: Visit, page: SubjectPage, name: str, *ids: UUID) -> str:
    place = [visit.tenant_slug, visit.project_id, page.subject.id, *ids]
    return reverse(name, args=place)

"""The graph: entities, relations, what is around one, how two hang together; merges."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.graph import describe, requests, shapes
from memories.api.reading import uuid_of
from memories.api.shapes import page_json
from memories.api.views.base import MemoryApiView, count_for, spend_quota
from memories.retrieval.meaning import meaning_of
from memories.selectors.entities import (
    EntityView,
    get_entity,
    get_merge,
    list_entities,
    list_merges,
)
from memories.selectors.relations import get_relation, list_relations
from memories.selectors.sight import Meant, Sight
from memories.selectors.walks import neighbourhood, shortest_path
from memories.services.graph import merge_entities, unmerge
from memplatform.lib.errors import InvalidRequest
from tenants.audit import Actor
from tenants.models import Project
from tenants.scopes import tenant_scope
from tenants.selectors import Access


class GraphApiView(MemoryApiView):
    """Reads are counted as ``graph``, whatever they read."""

    @property
    def operation(self) -> str | None:
        """What usage is counted under."""
        return "graph" if self.request.method == "GET" else "merge_entities"


class ListEntities(GraphApiView):
    """GET /v1/graph/entities/"""

    @extend_schema(**describe.ENTITIES)
    def get(self, request: Request) -> Response:
        access = self.access
        asked = requests.read_entities(request.query_params, access)
        count_for(asked.sight.filters.scope)
        wanted = replace(asked.wanted, meant=_meant(access, asked.query))
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            page = list_entities(
                asked.sight, wanted, page=asked.page.number, page_size=asked.page.size
            )
        return Response(page_json(request, page, shapes.entity_json))


class OneEntity(GraphApiView):
    """GET /v1/graph/entities/{entity_id}/"""

    @extend_schema(**describe.ENTITY)
    def get(self, request: Request, entity_id: str) -> Response:
        access, known_id = self.access, uuid_of("entity_id", entity_id)
        sight = requests.read_sight(request.query_params, access)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            entity = get_entity(sight, known_id)
            merges = list_merges(known_id, as_of=sight.as_of)
        return Response(shapes.whole_entity_json(entity, merges))


class AroundEntity(GraphApiView):
    """GET /v1/graph/entities/{entity_id}/neighbourhood/"""

    @extend_schema(**describe.NEIGHBOURHOOD)
    def get(self, request: Request, entity_id: str) -> Response:
        access, query = self.access, request.query_params
        known_id = uuid_of("entity_id", entity_id)
        depth, along = requests.read_depth(query), requests.read_along(query, access)
        sight = requests.read_sight(query, access)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            entity = _counting(sight, known_id)
            found = neighbourhood(sight, entity, along, depth=depth)
        return Response(shapes.neighbourhood_json(entity, found, depth))


class ListRelations(GraphApiView):
    """GET /v1/graph/relations/"""

    @extend_schema(**describe.RELATIONS)
    def get(self, request: Request) -> Response:
        access = self.access
        asked = requests.read_relations(request.query_params, access)
        count_for(asked.sight.filters.scope)
        wanted = replace(asked.wanted, meant=_meant(access, asked.query))
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            page = list_relations(
                asked.sight, wanted, page=asked.page.number, page_size=asked.page.size
            )
        return Response(page_json(request, page, shapes.relation_json))


class OneRelation(GraphApiView):
    """GET /v1/graph/relations/{relation_id}/"""

    @extend_schema(**describe.RELATION)
    def get(self, request: Request, relation_id: str) -> Response:
        access, known_id = self.access, uuid_of("relation_id", relation_id)
        sight = requests.read_sight(request.query_params, access)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            relation = get_relation(sight, known_id)
        return Response(shapes.relation_json(relation))


class PathBetween(GraphApiView):
    """GET /v1/graph/path/"""

    @extend_schema(**describe.PATH)
    def get(self, request: Request) -> Response:
        access = self.access
        asked = requests.read_path(request.query_params, access)
        sight = asked.sight
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            start, goal = (_counting(sight, end) for end in (asked.start, asked.goal))
            way = shortest_path(
                sight, start, goal, asked.along, most_steps=asked.most_steps
            )
        return Response(shapes.path_json(way))


class MergeEntities(GraphApiView):
    """POST /v1/graph/entities/{entity_id}/merge/"""

    @extend_schema(**describe.MERGE)
    def post(self, request: Request, entity_id: str) -> Response:
        access, known_id = self.access, uuid_of("entity_id", entity_id)
        other_id = requests.read_merge(request.data, known_id)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            merge_id = _merge(access, _actor(access, request), known_id, other_id)
            merge = get_merge(requests.own_sight(access), merge_id)
        return Response(shapes.merge_json(merge))


class UndoMerge(GraphApiView):
    """POST /v1/graph/merges/{merge_id}/undo/"""

    @extend_schema(**describe.UNDO)
    def post(self, request: Request, merge_id: str) -> Response:
        access, known_id = self.access, uuid_of("merge_id", merge_id)
        sight = requests.own_sight(access)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            get_merge(sight, known_id)
            _unmerge(access, _actor(access, request), known_id)
            merge = get_merge(sight, known_id)
        return Response(shapes.merge_json(merge))


def _merge(access: Access, actor: Actor, entity_id: UUID, other_id: UUID) -> UUID:
    """Raises NotFound unless both are the key's own; call inside its scope."""
    sight = requests.own_sight(access)
    for one in (entity_id, other_id):
        get_entity(sight, one)
    try:
        return merge_entities(_project(access), entity_id, other_id, actor=actor).id
    except InvalidRequest as error:
        raise requests.named("other_id", error) from error


def _unmerge(access: Access, actor: Actor, merge_id: UUID) -> None:
    try:
        unmerge(_project(access), merge_id, actor=actor)
    except InvalidRequest as error:
        raise requests.named("merge_id", error) from error


def _actor(access: Access, request: Request) -> Actor:
    return Actor.api_key(access, request.META.get("REMOTE_ADDR"))


def _project(access: Access) -> Project:
    return Project.objects.get(id=access.project_id)


def _counting(sight: Sight, entity_id: UUID) -> EntityView:
    """The node that this one counts as by then; raises NotFound."""
    entity = get_entity(sight, entity_id)
    return get_entity(sight, entity.merged_into) if entity.merged_into else entity


def _meant(access: Access, words: str) -> Meant | None:
    """What is looked for; it counts as a search."""
    if not words:
        return None
    spend_quota(access, "search")
    return meaning_of(access, words)

"""What is asked of the graph: query strings in, the selectors' frozen wants out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

from memories.api import reading
from memories.api.reading import Fields, Problem, query_fields
from memories.api.requests import NO_SCOPE, PageRequest, read_page, zone_of
from memories.language.names import MAX_NAME_CHARS
from memories.language.relations import relation_type
from memories.selectors import entities, relations
from memories.selectors.entities import WantedEntities
from memories.selectors.filters import parse_filters, restrict
from memories.selectors.relations import Stretch, WantedRelations
from memories.selectors.sight import ANYBODYS, Sight
from memories.selectors.walks import MOST_DEPTH, MOST_STEPS, Along
from memories.types import SCOPE_KEYS, Scope, State
from memplatform.lib.errors import InvalidRequest
from tenants.api.permissions import narrow
from tenants.selectors import Access

WILDCARD = "*"
DEFAULT_STEPS = 4


@dataclass(frozen=True, slots=True)
class EntitiesRequest:
    """``query`` is what is looked for by meaning, blank for nothing."""

    sight: Sight
    wanted: WantedEntities
    query: str
    page: PageRequest


@dataclass(frozen=True, slots=True)
class RelationsRequest:
    """As :class:`EntitiesRequest`."""

    sight: Sight
    wanted: WantedRelations
    query: str
    page: PageRequest


@dataclass(frozen=True, slots=True)
class PathRequest:
    sight: Sight
    along: Along
    start: UUID
    goal: UUID
    most_steps: int


def read_entities(query: Mapping[str, Any], access: Access) -> EntitiesRequest:
    """A list of nodes of somebody; raises InvalidRequest, and NotFound for a foreign
    id."""
    fields = query_fields(query)
    wanted = WantedEntities(
        state=fields.read("state", reading.one_of(entities.STATES), entities.ACTIVE),
        type=_plain(fields.read("type", _name, "")),
        name=fields.read("name", _name, ""),
    )
    words = fields.read("query", _query, "")
    sight = _sight(fields, access)
    return EntitiesRequest(sight, wanted, words, read_page(query))


def read_relations(query: Mapping[str, Any], access: Access) -> RelationsRequest:
    """A list of edges of somebody; raises as :func:`read_entities`."""
    fields = query_fields(query)
    wanted = WantedRelations(
        states=fields.read("state", _states, ()),
        type=relation_type(fields.read("type", _name, "")),
        name=fields.read("name", _name, ""),
        valid=_valid(fields, access),
        touching=_one(fields.read("entity_id", reading.uuid, None)),
        source=fields.read("source_id", reading.uuid, None),
        target=fields.read("target_id", reading.uuid, None),
    )
    words = fields.read("query", _query, "")
    sight = _sight(fields, access)
    return RelationsRequest(sight, _with_states(wanted), words, read_page(query))


def read_sight(query: Mapping[str, Any], access: Access) -> Sight:
    """Whose graph one node or edge is looked up in; nobody has to be named."""
    return _sight(query_fields(query), access, needs_scope=False)


def read_depth(query: Mapping[str, Any]) -> int:
    fields = query_fields(query)
    whole = reading.integer_from(1, MOST_DEPTH, is_text_read=True)
    depth = fields.read("depth", whole, 1)
    fields.check()
    return depth


def read_along(query: Mapping[str, Any], access: Access) -> Along:
    """Which edges a walk follows."""
    fields = query_fields(query)
    along = _along(fields, access)
    fields.check()
    return along


def read_path(query: Mapping[str, Any], access: Access) -> PathRequest:
    fields = query_fields(query)
    nobody = UUID(int=0)
    start = fields.need("from", reading.uuid, nobody)
    goal = fields.need("to", reading.uuid, nobody)
    whole = reading.integer_from(1, MOST_STEPS, is_text_read=True)
    steps = fields.read("depth", whole, DEFAULT_STEPS)
    along = _along(fields, access)
    sight = _sight(fields, access, needs_scope=False)
    return PathRequest(sight, along, start, goal, steps)


def read_merge(raw: object, entity_id: UUID) -> UUID:
    """The node that is to be one with this; raises InvalidRequest."""
    fields = Fields(raw)
    other: UUID = fields.need("other_id", reading.uuid, entity_id)
    if not fields.problems and other == entity_id:
        fields.complain("other_id", "must be another entity.")
    fields.check()
    return other


def own_sight(access: Access) -> Sight:
    """All that the key sees."""
    own = restrict(ANYBODYS, Scope(**access.only)) if access.only else ANYBODYS
    return Sight(own)


def named(field: str, error: InvalidRequest) -> InvalidRequest:
    """What stands against it, as a problem of a field."""
    return InvalidRequest(error.message, fields={field: [error.message]})


def _sight(fields: Fields, access: Access, *, needs_scope: bool = True) -> Sight:
    """Last: what is wrong with the fields is told first."""
    given = {key: fields.read(key, _pattern, None) for key in SCOPE_KEYS}
    asked = {key: name for key, name in given.items() if name is not None}
    as_of = fields.read("as_of", reading.instant, None)
    show_expired = fields.read("show_expired", reading.switch, default=False)
    if needs_scope and not asked and not access.only and not fields.problems:
        fields.problems["user_id"] = [NO_SCOPE]
    fields.check()
    named = {key: name for key, name in asked.items() if name != WILDCARD}
    own = narrow(access, Scope(**named))
    filters = parse_filters(asked) if asked else ANYBODYS
    if access.only:
        filters = restrict(filters, own)
    return Sight(filters, as_of, show_expired)


def _pattern(value: Any) -> str | None:
    return WILDCARD if value == WILDCARD else reading.scope_id(value)


def _along(fields: Fields, access: Access) -> Along:
    return Along(
        valid=_valid(fields, access),
        type=relation_type(fields.read("type", _name, "")),
    )


def _valid(fields: Fields, access: Access) -> Stretch | None:
    """When it was true; a day is all of it, in the project's zone."""

    def read(value: Any) -> Stretch:
        return reading.stretch(value, partial(zone_of, access))

    def read_two(value: Any) -> Stretch:
        (start, _), (last, end) = reading.two_of(read)(value.split(","))
        if last < start:
            raise Problem("must not end before it begins.")
        return start, end

    at: Stretch | None = fields.read("valid_at", read, None)
    between: Stretch | None = fields.read("valid_between", read_two, None)
    if at and between:
        fields.complain("valid_between", "cannot stand beside valid_at.")
    return at or between


def _states(value: Any) -> Sequence[State]:
    """One state, or any."""
    names = [*(str(state) for state in relations.STATES), "any"]
    asked = reading.one_of(names)(value)
    return relations.STATES if asked == "any" else (State(asked),)


def _with_states(wanted: WantedRelations) -> WantedRelations:
    """What is true unless a state is asked for; of a day, also what was true then."""
    if wanted.states:
        return wanted
    if wanted.valid is not None:
        return replace(wanted, states=relations.TRUE_ONCE)
    return replace(wanted, states=relations.TRUE, is_so=True)


def _name(value: Any) -> str:
    return reading.text_up_to(MAX_NAME_CHARS)(value)


def _query(value: Any) -> str:
    return reading.text_up_to(settings.MAX_MESSAGE_CHARS)(value)


def _plain(type_: str) -> str:
    """As types of nodes are kept."""
    return " ".join(type_.lower().split())


def _one(found: UUID | None) -> Sequence[UUID]:
    return [found] if found else []

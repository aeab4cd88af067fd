"""What a request asks for: JSON in, the services' frozen requests out.

Everything that can be said about a body without the database is said here, with the
name of the field, before anything is stored or any model is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from memories.api import reading
from memories.api.messages import parse_messages
from memories.api.reading import Fields, Problem
from memories.models.settings import (
    MAX_CATEGORIES,
    MAX_DESCRIPTION_CHARS,
    MAX_INSTRUCTION_CHARS,
)
from memories.selectors.filters import join, nothing, parse_filters, restrict
from memories.selectors.projects import get_setup, known_setup
from memories.services.deletion import EVERYTHING
from memories.services.edit import MemoryChanges
from memories.types import (
    SCOPE_KEYS,
    UNSET,
    AddRequest,
    ChatMessage,
    Filters,
    Scope,
    SearchRequest,
    Visibility,
)
from memplatform.lib.errors import InvalidRequest
from tenants.api.permissions import narrow
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MAX_TOP_K = 1000
MAX_PAGE = 1_000_000
MAX_PAGE_SIZE = 200
DEFAULT_PAGE_SIZE = 100
MAX_CATEGORY_CHARS = 100
MAX_IDEMPOTENCY_KEY_CHARS = 255
PROCEDURAL = "procedural_memory"
NO_SCOPE = "Name at least one of user_id, agent_id, app_id, run_id."


# --- Add --------------------------------------------------------------------


def read_add(raw: object, access: Access) -> AddRequest:
    """A validated add, bound to what the key is narrowed to.

    Raises InvalidRequest, and NotFound for an id that is not the narrowed key's.
    """
    fields = Fields(raw)
    infer = fields.read("infer", reading.boolean, default=True)
    messages: tuple[ChatMessage, ...] = fields.need(
        "messages", lambda value: parse_messages(value, infer), ()
    )
    scope = narrow(access, _scope_of_add(fields))
    is_procedural = fields.read("memory_type", _is_procedural, default=False)
    if is_procedural and scope.agent_id is None:
        fields.complain("agent_id", f"is required for {PROCEDURAL}.")
    request = AddRequest(
        scope=scope,
        messages=messages,
        infer=infer,
        metadata=fields.read("metadata", reading.json_object, None),
        memory_type="procedure" if is_procedural else "fact",
        created_at=fields.read("timestamp", reading.said_at, None),
        expires_on=fields.read("expiration_date", reading.day, None),
        is_immutable=fields.read("immutable", reading.boolean, default=False),
        categories=fields.read("custom_categories", _categories, None) or None,
        instructions=fields.read("custom_instructions", _instructions, None),
        agent_instructions=fields.read(
            "agent_custom_instructions", _instructions, None
        ),
        includes=fields.read("includes", _instructions, None),
        excludes=fields.read("excludes", _instructions, None),
        timezone=fields.read("timezone", reading.timezone, None),
        reference=_reference_of_add(fields),
        with_graph=fields.read("enable_graph", reading.boolean, None),
    )
    if scope == Scope():
        fields.problems.setdefault("user_id", []).append(NO_SCOPE)
    fields.check()
    return request


def _scope_of_add(fields: Fields) -> Scope:
    """Ids at the top level, inside ``filters`` (the typed SDK options), or both."""
    given = fields.get("filters")
    inner = Fields({} if given is None else given, "filters")
    for key in inner.raw.keys() - set(SCOPE_KEYS):
        inner.complain(key, f"is not one of {', '.join(SCOPE_KEYS)}.")
    ids: dict[str, str | None] = {}
    for key in SCOPE_KEYS:
        outer_id = fields.read(key, reading.scope_id, None)
        ids[key] = inner.read(key, reading.scope_id, None) or outer_id
        if outer_id not in (None, ids[key]):
            fields.complain(key, "differs from the one inside filters.")
    fields.problems |= inner.problems
    return Scope(**ids)


def _reference_of_add(fields: Fields) -> datetime | None:
    """The instant that relative dates are resolved against."""
    at_midnight = fields.read("observation_date", reading.reckonable, None)
    return fields.read("observation_datetime", reading.said_at, at_midnight)


def _instructions(value: Any) -> str:
    return reading.text_up_to(MAX_INSTRUCTION_CHARS)(value)


def _is_procedural(value: Any) -> bool:
    if not reading.text(value):
        return False
    if value != PROCEDURAL:
        raise Problem(f"must be {PROCEDURAL} or absent.")
    return True


def _categories(value: Any) -> Mapping[str, str]:
    """``[{name: description}, …]``; bare names are refused."""
    if not isinstance(value, list) or not all(isinstance(c, dict) for c in value):
        raise Problem("must be a list of {name: description}.")
    found: dict[str, str] = {}
    for category in value:
        found |= _category(category)
    if len(found) > MAX_CATEGORIES:
        raise Problem(f"may hold {MAX_CATEGORIES} categories at most.")
    return found


def _category(value: dict[str, Any]) -> dict[str, str]:
    is_described = value and all(isinstance(text, str) for text in value.values())
    if not is_described:
        raise Problem("must be a list of {name: description}.")
    if not all(0 < len(name.strip()) <= MAX_CATEGORY_CHARS for name in value):
        raise Problem(f"needs names of 1 to {MAX_CATEGORY_CHARS} characters.")
    if any(len(described) > MAX_DESCRIPTION_CHARS for described in value.values()):
        raise Problem(f"may have descriptions of {MAX_DESCRIPTION_CHARS} characters.")
    return value


def read_idempotency_key(header: str | None) -> str | None:
    """The Idempotency-Key header; raises InvalidRequest when it cannot be kept."""
    fields = Fields({"Idempotency-Key": header})
    short = reading.text_up_to(MAX_IDEMPOTENCY_KEY_CHARS)
    key = fields.read("Idempotency-Key", short, "")
    fields.check()
    return key.strip() or None


def hash_body(raw: object) -> str:
    """SHA-256 of the body's meaning: spacing and the order of keys do not count."""
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


# --- Search and list --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageRequest:
    """``number`` counts from 1."""

    number: int = 1
    size: int = DEFAULT_PAGE_SIZE


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A validated list; ``created_before`` is exclusive."""

    filters: Filters
    visibility: Visibility
    page: PageRequest
    created_from: datetime | None
    created_before: datetime | None


def read_search(raw: object, access: Access) -> SearchRequest:
    """A validated search, bound to what the key is narrowed to; see ``read_add``."""
    fields = Fields(raw)
    _refuse_top_level_ids(fields)
    request = SearchRequest(
        query=fields.need("query", _query, ""),
        filters=_filters(
            fields,
            access,
            metadata=_equal_metadata(fields),
            categories=_any_category(fields),
            AND=_valid_time(fields, access),
        ),
        top_k=fields.read("top_k", reading.integer_from(1, MAX_TOP_K), 10),
        threshold=fields.read("threshold", reading.share, 0.1),
        visibility=_visibility(fields),
        rerank=fields.read("rerank", reading.boolean, default=False),
        keyword_search=fields.read("keyword_search", reading.boolean, default=False),
        reference=fields.read("reference_date", reading.said_at, None),
    )
    fields.check()
    return request


def read_list(raw: object, query: Mapping[str, Any], access: Access) -> ListRequest:
    """A validated list, bound to what the key is narrowed to; see ``read_add``."""
    fields = Fields(raw)
    _refuse_top_level_ids(fields)
    request = ListRequest(
        filters=_filters(
            fields,
            access,
            categories=_any_category(fields),
            keywords=_in_text(fields),
            AND=_valid_time(fields, access),
        ),
        visibility=_visibility(fields),
        page=read_page(query, body=fields),
        created_from=fields.read("start_date", reading.instant, None),
        created_before=fields.read("end_date", end, None),
    )
    fields.check()
    return request


_PAGE_NUMBER = reading.integer_from(1, MAX_PAGE, is_text_read=True)
_PAGE_SIZE = reading.integer_from(1, MAX_PAGE_SIZE, is_text_read=True)


def read_page(query: Mapping[str, Any], *, body: Fields | None = None) -> PageRequest:
    """``page`` and ``page_size``; the query's win over the body's."""
    in_body = body.raw if body else {}
    fields = Fields({**in_body, **reading.query_fields(query).raw})
    page = PageRequest(
        number=fields.read("page", _PAGE_NUMBER, 1),
        size=fields.read("page_size", _PAGE_SIZE, DEFAULT_PAGE_SIZE),
    )
    fields.check()
    return page


def read_shown_fields(raw: object) -> frozenset[str] | None:
    """The keys results are restricted to, or None for all; unknown ones do nothing."""
    fields = Fields(raw)
    shown = fields.read("fields", reading.names, ())
    fields.check()
    return frozenset(shown) or None


def read_wants_relations(raw: object) -> bool:
    """Whether a search is to tell how what it found hangs together."""
    fields = Fields(raw)
    wants = fields.read("relations", reading.boolean, default=False)
    fields.check()
    return wants


def read_filters(raw: object, access: Access) -> Filters:
    """Filters that are all there is to a body, within what the key sees."""
    return _filters(Fields(raw), access)


def _query(value: Any) -> str:
    return reading.text_up_to(settings.MAX_MESSAGE_CHARS, reading.words)(value)


def _refuse_top_level_ids(fields: Fields) -> None:
    for key in SCOPE_KEYS:
        if fields.get(key) not in (None, ""):
            fields.complain(key, f'belongs inside filters: {{"{key}": …}}.')


def _filters(fields: Fields, access: Access, **extra: Any) -> Filters:
    """The filter, and what else must hold, within what the key sees.

    What is wrong with the fields is told first: a faulty filter says only its own.
    """
    fields.check()
    filters = parse_filters(fields.get("filters"))
    asked = {key: condition for key, condition in extra.items() if condition}
    if asked:
        filters = join(filters, parse_filters(asked, needs_scope=False))
    if fields.raw.get("categories") == []:
        filters = join(filters, nothing())  # any of none; null is no condition
    own = narrow(access, filters.scope)
    return restrict(filters, own) if access.only else filters


def _equal_metadata(fields: Fields) -> dict[str, Any] | None:
    given = fields.read("metadata", reading.json_object, None)
    return {key: {"eq": value} for key, value in given.items()} if given else None


def _any_category(fields: Fields) -> dict[str, Any] | None:
    named = fields.read("categories", reading.names, ())
    return {"in": list(named)} if named else None


def _in_text(fields: Fields) -> dict[str, Any] | None:
    part = fields.read("keywords", reading.text, "")
    return {"icontains": part} if part else None


def _valid_time(fields: Fields, access: Access) -> list[dict[str, Any]]:
    """``valid_at`` and ``valid_between`` as conditions of a filter, which knows
    instants alone: a plain day is one of the project's zone, all of it."""

    def read(value: Any) -> tuple[datetime, datetime]:
        return reading.stretch(value, partial(zone_of, access))

    asked = []
    if at := fields.read("valid_at", read, None):
        asked.append(at)
    if between := fields.read("valid_between", reading.two_of(read), None):
        (start, _), (last, end) = between
        if last < start:
            fields.complain("valid_between", "must not end before it begins.")
        asked.append((start, end))
    return [_true_between(start, end) for start, end in asked]


def _true_between(start: datetime, end: datetime) -> dict[str, Any]:
    if start == end:
        return {"valid_at": start.isoformat()}
    return {"valid_between": [start.isoformat(), end.isoformat()]}


def zone_of(access: Access) -> tzinfo:
    """The project's; may open its own scope."""
    known = known_setup(access.project_id, access.project_changed_at)
    if known is None:
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            known = get_setup(access.project_id)
    return ZoneInfo(known.timezone)


def _visibility(fields: Fields) -> Visibility:
    return Visibility(
        show_expired=fields.read("show_expired", reading.boolean, default=False),
        latest_only=fields.read("latest_only", reading.boolean, default=False),
        include_merged=fields.read("include_merged", reading.boolean, default=False),
        as_of=fields.read("as_of", reading.instant, None),
    )


def end(value: Any) -> datetime | None:
    """The instant before which an inclusive day, or instant, ends."""
    try:
        last = reading.day(value)
    except Problem:
        return _after(reading.instant(value), timedelta(microseconds=1))
    midnight = datetime.combine(last, time_of_day(), UTC)
    return _after(midnight, timedelta(days=1))


def _after(instant: datetime, duration: timedelta) -> datetime | None:
    """None past the end of the calendar: nothing is later."""
    try:
        return instant + duration
    except OverflowError:
        return None


# --- Change and delete ------------------------------------------------------


def read_changes(raw: object) -> MemoryChanges:
    """What to change of a memory; an explicit null clears the expiration date."""
    fields = Fields(raw)
    changes = changes_in(fields)
    fields.check()
    if changes == MemoryChanges():
        message = "Give at least one of text, metadata, timestamp, expiration_date."
        raise InvalidRequest(message, fields={"text": [message]})
    return changes


def changes_in(fields: Fields) -> MemoryChanges:
    """What these fields change; what is wrong with them is theirs to tell."""
    text = reading.text_up_to(settings.MAX_MESSAGE_CHARS, reading.words)
    is_cleared = fields.get("expiration_date", UNSET) is None
    return MemoryChanges(
        text=fields.read("text", text, UNSET),
        metadata=fields.read("metadata", reading.json_object, UNSET),
        created_at=fields.read("timestamp", reading.time, UNSET),
        expires_on=None
        if is_cleared
        else fields.read("expiration_date", reading.day, UNSET),
    )


def read_delete_pattern(query: Mapping[str, Any], access: Access) -> dict[str, str]:
    """Scope keys to an id or ``*``; refuses whatever might have meant something else.

    ``filters`` arrives as a Python repr from typed SDK options: to ignore it could
    delete more than was asked for.
    """
    fields = reading.query_fields(query)
    if "filters" in fields.raw:
        fields.complain("filters", "is not taken here. " + NO_SCOPE)
    given = {key: fields.read(key, _pattern_id, None) for key in SCOPE_KEYS}
    pattern = {key: value for key, value in given.items() if value is not None}
    if not pattern and not fields.problems:
        fields.problems["user_id"] = [NO_SCOPE]
    fields.check()
    if access.only and pattern == EVERYTHING:
        return dict(access.only)
    named = {key: value for key, value in pattern.items() if value != "*"}
    narrow(access, Scope(**named))
    return {**pattern, **access.only}


def _pattern_id(value: Any) -> str | None:
    return "*" if value == "*" else reading.scope_id(value)


def read_as_of(query: Mapping[str, Any]) -> datetime | None:
    fields = reading.query_fields(query)
    as_of = fields.read("as_of", reading.instant, None)
    fields.check()
    return as_of


def read_delete_linked(query: Mapping[str, Any]) -> bool:
    fields = reading.query_fields(query)
    is_linked = fields.read("delete_linked", reading.switch, default=False)
    fields.check()
    return is_linked

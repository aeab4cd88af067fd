"""Old bodies, told in today's words: ids at the top level become a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memories.api import reading, requests
from memories.api.reading import Problem
from memories.api.requests import MAX_PAGE_SIZE, NO_SCOPE, ListRequest
from memories.types import SCOPE_KEYS, JsonDict, SearchRequest
from memplatform.lib.errors import InvalidRequest
from tenants.selectors import Access

V1_1 = "v1.1"
V2_THRESHOLD = 0.3


@dataclass(frozen=True, slots=True)
class OldList:
    """``is_paged`` says that page and page_size were both given: then an envelope."""

    asked: ListRequest
    is_paged: bool


def with_ids_in_filters(raw: object) -> object:
    """The body with ids of its top level moved into its filters, where all must match.

    Raises InvalidRequest when neither names a scope.
    """
    if not isinstance(raw, dict):
        return raw
    reading.mark_known((*SCOPE_KEYS, "filters"))
    ids = {key: raw[key] for key in SCOPE_KEYS if raw.get(key) not in (None, "")}
    filters = raw.get("filters") or None
    if not ids and filters is None:
        raise InvalidRequest(NO_SCOPE, fields={"user_id": [NO_SCOPE]})
    rest = {key: value for key, value in raw.items() if key not in SCOPE_KEYS}
    both = {"AND": [ids, filters]} if ids and filters else ids or filters
    return {**rest, "filters": both}


def read_list_in_query(query: Mapping[str, Any], access: Access) -> OldList:
    """A list whose scope stands in the query; ``limit`` is the size of its page."""
    given = reading.query_fields(query)
    limit = given.read("limit", _limit, None)
    given.check()
    ids = {key: given.raw[key] for key in SCOPE_KEYS if key in given.raw}
    sizes = {"page_size": str(limit)} if limit else {}
    return _old_list(ids, {**sizes, **given.raw}, given.raw, access)


def read_list_in_body(raw: object, query: Mapping[str, Any], access: Access) -> OldList:
    """A list with filters, or ids at the top level; pages are the query's."""
    given = reading.query_fields(query).raw
    return _old_list(raw, given, given, access)


def read_search(
    raw: object, access: Access, *, threshold: float | None = None
) -> SearchRequest:
    """A search; ``threshold`` holds where the body has none, ``limit`` is a top_k."""
    asked = with_ids_in_filters(raw)
    if isinstance(asked, dict):
        asked = {
            **asked,
            **_first_given("top_k", asked.get("top_k"), asked.get("limit")),
            **_first_given("threshold", asked.get("threshold"), threshold),
        }
    return requests.read_search(asked, access)


def wants_envelope(raw: object) -> bool:
    """Whether ``{"results": …}`` was asked for instead of a bare array."""
    return isinstance(raw, dict) and raw.get("output_format") == V1_1


def wants_added_envelope(raw: object) -> bool:
    """Of an add: only together with ``version`` v2."""
    return wants_envelope(raw) and isinstance(raw, dict) and raw.get("version") == "v2"


def _old_list(
    raw: object, query: Mapping[str, Any], given: Mapping[str, Any], access: Access
) -> OldList:
    asked = requests.read_list(with_ids_in_filters(raw), query, access)
    return OldList(asked, is_paged={"page", "page_size"} <= given.keys())


def _first_given(name: str, *values: Any) -> JsonDict:
    return next(({name: value} for value in values if value is not None), {})


def _limit(value: Any) -> int:
    """Unlike a page's size, too much of it is refused."""
    number = reading.integer_from(1, MAX_PAGE_SIZE + 1, is_text_read=True)(value)
    if number > MAX_PAGE_SIZE:
        raise Problem(f"may be {MAX_PAGE_SIZE} at most.")
    return number

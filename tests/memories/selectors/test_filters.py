"""The filter language: what it refuses, what it binds, and that SQL means what it says."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memories.selectors import conditions
from memories.selectors.filters import (
    join,
    nothing,
    parse_filters,
    restrict,
    times_asked,
)
from memories.types import Scope
from memplatform.lib.errors import InvalidRequest
from tenants.scopes import read_rows
from tests.memories.selectors.filter_evaluator import IDS, Row, matches

ME = {"user_id": "ida"}


def deep(levels):
    raw = ME
    for _ in range(levels - 1):
        raw = {"AND": [raw]}
    return raw


# --- What is refused --------------------------------------------------------

BAD = {
    "missing": (None, "required"),
    "text": ("user_id", "object"),
    "list": ([ME], "object"),
    "empty": ({}, "empty object"),
    "unknown key": ({**ME, "shoe_size": 39}, "unknown filter key shoe_size"),
    "camel case": ({"userId": "ida"}, "userId"),
    "dotted metadata": ({**ME, "metadata.kind": "x"}, "metadata.kind"),
    "lower-case group": ({"and": [ME]}, "and"),
    # --- a positive subject is needed
    "no subject": ({"metadata": {"kind": "x"}}, "at least one"),
    "only negated": ({"NOT": ME}, "at least one"),
    "only twice negated": ({"NOT": {"NOT": ME}}, "at least one"),
    "only ne": ({"user_id": {"ne": "ida"}}, "at least one"),
    # --- nothing that would match everything
    "empty AND": ({**ME, "AND": []}, "AND"),
    "empty OR": ({**ME, "OR": []}, "OR"),
    "empty NOT": ({**ME, "NOT": []}, "NOT"),
    "empty NOT object": ({**ME, "NOT": {}}, "empty object"),
    "empty object inside": ({"AND": [ME, {}]}, "empty object"),
    "AND of an object": ({"AND": ME}, "AND"),
    "OR of texts": ({"OR": ["ida"]}, "object"),
    "empty operators": ({"user_id": {}}, "user_id"),
    "empty metadata": ({**ME, "metadata": {}}, "metadata"),
    "empty metadata operators": ({**ME, "metadata": {"kind": {}}}, "metadata.kind"),
    "empty text": ({**ME, "keywords": {"contains": ""}}, "keywords"),
    # --- subjects
    "null": ({"user_id": None}, "user_id"),
    "blank": ({"user_id": " "}, "user_id"),
    "empty in": ({"user_id": {"in": []}}, "user_id"),
    "in of text": ({"user_id": {"in": "ida"}}, "user_id"),
    "bare list": ({"user_id": ["ida"]}, "user_id"),
    "true": ({"user_id": True}, "user_id"),
    "stars": ({"user_id": "**"}, "user_id"),
    "star in a list": ({"user_id": {"in": ["*"]}}, "user_id"),
    "too long": ({"user_id": "x" * 257}, "256"),
    "NUL": ({"user_id": "a\0b"}, "NUL"),
    "unknown operator": ({**ME, "run_id": {"nin": ["r"]}}, "nin"),
    "contains on an id": ({**ME, "run_id": {"contains": "r"}}, "contains"),
    # --- times
    "word": ({**ME, "created_at": {"gte": "last tuesday"}}, "created_at"),
    "number": ({**ME, "created_at": {"gte": 1700000000}}, "created_at"),
    "no such day": ({**ME, "created_at": "2022-02-30"}, "created_at"),
    "beyond the calendar": (
        {**ME, "updated_at": {"lt": "0001-01-01T00:00:00+14:00"}},
        "updated_at",
    ),
    "null time": ({**ME, "expiration_date": None}, "expiration_date"),
    "sql operator": ({**ME, "created_at": {">=": "2022-01-01"}}, ">="),
    # --- the rest
    "bare categories": ({**ME, "categories": "food"}, "categories"),
    "categories eq": ({**ME, "categories": {"eq": "food"}}, "eq"),
    "categories in of numbers": ({**ME, "categories": {"in": [1]}}, "categories"),
    "metadata text": ({**ME, "metadata": "kind"}, "metadata"),
    "metadata range": ({**ME, "metadata": {"n": {"gt": 1}}}, "gt"),
    "metadata in": ({**ME, "metadata": {"n": {"in": [1]}}}, "in"),
    "metadata beyond bigint": ({**ME, "metadata": {"n": 2**63}}, "metadata.n"),
    "metadata contains a list": (
        {**ME, "metadata": {"n": {"contains": [1]}}},
        "metadata.n",
    ),
    "bare keywords": ({**ME, "keywords": "bees"}, "keywords"),
    "keywords eq": ({**ME, "keywords": {"eq": "bees"}}, "eq"),
    "memory_ids of words": ({**ME, "memory_ids": ["bees"]}, "memory_ids"),
    "no memory_ids": ({**ME, "memory_ids": []}, "memory_ids"),
    "in no memory_ids": ({**ME, "memory_ids": {"in": []}}, "memory_ids"),
    "in no categories": ({**ME, "categories": {"in": []}}, "categories"),
    "in no runs": ({**ME, "run_id": {"in": []}}, "run_id"),
    "in no instants": ({**ME, "created_at": {"in": []}}, "created_at"),
    "null in a list": ({"user_id": {"in": [None]}}, "user_id"),
    "null category": ({**ME, "categories": {"in": [None]}}, "categories"),
    "null text": ({**ME, "text": None}, "text"),
    "null keywords": ({**ME, "keywords": {"contains": None}}, "keywords"),
    "null memory_ids": ({**ME, "memory_ids": None}, "memory_ids"),
    "null metadata": ({**ME, "metadata": None}, "metadata"),
    "null group": ({**ME, "AND": None}, "AND"),
    "null in a group": ({**ME, "OR": [None]}, "object"),
    "65 levels": (deep(65), "64"),
    "too many conditions": ({"AND": [ME] * 1001}, "1000"),
    "too many values": (
        {"OR": [{"metadata": {f"k{n}": 1 for n in range(90)}}] * 60},
        "5,000",
    ),
    "too many listed": ({"user_id": {"in": ["x"] * 10_001}}, "10000"),
    "too many metadata keys": (
        {**ME, "metadata": {str(n): n for n in range(101)}},
        "100",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_it_refuses_and_says_what(case):
    raw, told = BAD[case]
    with pytest.raises(InvalidRequest) as refused:
        parse_filters(raw)
    assert told in refused.value.message
    assert refused.value.fields == {"filters": [refused.value.message]}


def test_a_scope_is_not_always_needed():
    assert parse_filters({"metadata": {"kind": "x"}}, needs_scope=False).sql


def test_64_levels_are_fine():
    assert parse_filters(deep(64)).scope == Scope(user_id="ida")


# --- What every match is bound to -------------------------------------------

BOUND = [
    # raw filter, the ids every match carries, whether that is all it asks
    (ME, {"user_id": "ida"}, True),
    (
        {"user_id": {"eq": "ida"}, "run_id": "r"},
        {"user_id": "ida", "run_id": "r"},
        True,
    ),
    (
        {"AND": [ME, {"AND": [{"run_id": "r"}]}]},
        {"user_id": "ida", "run_id": "r"},
        True,
    ),
    ({"OR": [ME]}, {"user_id": "ida"}, True),
    ({"user_id": 7}, {"user_id": "7"}, True),
    ({**ME, "metadata": {"a": 1}}, {"user_id": "ida"}, False),
    ({**ME, "OR": [{"run_id": "r"}, {"run_id": "s"}]}, {"user_id": "ida"}, False),
    ({**ME, "NOT": {"run_id": "r"}}, {"user_id": "ida"}, False),
    ({"OR": [ME, {"user_id": "bo"}]}, {}, False),
    ({"user_id": "*"}, {}, False),
    ({"user_id": {"in": ["ida"]}}, {}, False),
    # Contradictory: nothing matches, and no counter answers that.
    ({"AND": [ME, {"user_id": "bo"}]}, {"user_id": "ida"}, False),
]


@pytest.mark.parametrize(("raw", "bound", "is_only_scope"), BOUND)
def test_it_tells_what_matches_are_bound_to(raw, bound, is_only_scope):
    filters = parse_filters(raw)
    assert filters.scope == Scope(**bound)
    assert filters.is_only_scope is is_only_scope


def test_restricting_binds_and_keeps_the_rest():
    filters = restrict(parse_filters({"user_id": "*"}), Scope(user_id="ida"))
    assert filters.scope == Scope(user_id="ida")
    assert not filters.is_only_scope
    assert filters.params == ("ida",)


def test_restricting_to_nothing_changes_nothing():
    filters = parse_filters(ME)
    assert restrict(filters, Scope()) is filters


# --- What it means: SQL against plain Python ---------------------------------

NAMES = ["ida", "Ida", "bo", "5"]
WORDS = ["Bees", "bees 100%", "a_b", "aXb", "Ünal's 'q' \\", "100"]
DAYS = ["2022-01-01", "2022-06-15", "2023-03-01"]
INSTANTS = [
    *DAYS,
    "2022-01-01T00:00:00Z",
    "2022-06-15T01:00:00+01:00",
    "2022-12-31T23:30:00.000001",
]
# Beginnings of years, months and weeks, and what lies near them.
BOUNDS = [
    "2021-12-01T00:00:00Z",
    "2022-01-01T00:00:00Z",
    "2022-02-01T00:00:00Z",
    "2022-03-01T00:00:00Z",
    "2022-03-02T00:00:00Z",
    "2022-03-08T00:00:00Z",
    "2022-06-01T00:00:00Z",
]
WHENS = [*BOUNDS, "2022-02-28T23:59:59.999999Z", "2023-03-01T00:00:00+01:00"]
CATEGORIES = ["food", "Food & drink", "travel"]
MEMORY_IDS = [str(UUID(int=n)) for n in range(1, 5)]
KEYS = ["kind", "n", "", "a'b"]
SCALARS = [None, True, False, 0, 1, 1.0, 2.5, -(2**63), 1e300, "1", "true", "a%_b", "ü"]
JSON = [*SCALARS, [], [1, "1"], ["a%_b", True], {}, {"eq": 1}, {"x": [1, None]}]

one_of = st.sampled_from
some = lambda values: st.lists(one_of(values), min_size=1, max_size=2)  # noqa: E731
maybe = lambda values: st.none() | one_of(values)  # noqa: E731

rows = st.builds(
    Row,
    id=one_of(MEMORY_IDS),
    **{key: maybe(NAMES) for key in IDS},
    text=one_of(WORDS),
    metadata=st.none() | st.dictionaries(one_of(KEYS), one_of(JSON), max_size=3),
    categories=st.none() | st.lists(one_of(CATEGORIES), max_size=2),
    created_at=one_of([f"{t}T00:00:00+00:00" if t in DAYS else t for t in INSTANTS]),
    updated_at=one_of(["2022-01-01T00:00:00Z", "2022-06-15T12:00:00Z"]),
    expires_on=maybe(DAYS),
    valid_from=maybe(BOUNDS[:4]),
    valid_to=maybe(BOUNDS[3:]),
    valid_precision=maybe(["day", "weekend", "week", "month", "season", "year"]),
    aspect=maybe(["event", "plan", "state"]),
)
worlds = st.lists(rows, min_size=4, max_size=8)


def operators(**values):
    """An object of one operator, sometimes of two."""
    one = st.one_of(*(st.fixed_dictionaries({op: v}) for op, v in values.items()))
    return one | st.tuples(one, one).map(lambda two: two[0] | two[1])


names = one_of([*NAMES, 5, "*"])
listed_names = some([*NAMES, 5])
instants = one_of(INSTANTS)
compared = dict.fromkeys(("eq", "ne", "gt", "gte", "lt", "lte"), instants)
words = one_of([*WORDS, "%", "_", "BEES", "ü", "b"])
substrings = {"contains": words, "icontains": words}
metadata_values = one_of([v for v in JSON if not isinstance(v, dict)]) | operators(
    eq=one_of(JSON), ne=one_of(JSON), contains=one_of(SCALARS)
)
FIELDS = {
    **dict.fromkeys(IDS, names | operators(eq=names, ne=names, **{"in": listed_names})),
    **dict.fromkeys(
        ("created_at", "timestamp", "updated_at", "expiration_date"),
        instants | operators(**compared, **{"in": some(INSTANTS)}),
    ),
    "text": words | operators(eq=words, ne=words, **substrings),
    "keywords": operators(**substrings),
    "keywords_search": words | operators(**substrings),
    "categories": operators(
        contains=one_of(["FOOD", "o", "&", "%"]), **{"in": some([*CATEGORIES, "x"])}
    ),
    "metadata": st.dictionaries(one_of(KEYS), metadata_values, min_size=1, max_size=2),
    "valid_at": one_of(WHENS),
    "valid_between": st.tuples(one_of(WHENS), one_of(WHENS)).map(
        lambda two: sorted(two, key=datetime.fromisoformat)
    ),
    "aspect": one_of(["event", "plan"])
    | operators(eq=one_of(["state"]), ne=one_of(["plan"]), **{"in": some(["event"])}),
    "memory_ids": some([*MEMORY_IDS]) | operators(**{"in": some(MEMORY_IDS)}),
}
leaves = st.one_of(
    *(st.fixed_dictionaries({key: value}) for key, value in FIELDS.items())
)


def grouped(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map(lambda items: {k: v for item in items for k, v in item.items()}),
        *(
            several.map(lambda items, key=key: {key: items})
            for key in ("AND", "OR", "NOT")
        ),
        inner.map(lambda item: {"NOT": item}),
        st.tuples(inner, inner).map(lambda two: {"AND": [two[0]], "OR": list(two)}),
    )


ALLOWED = {
    # contract §5; what is lenient there (eq of a date, text and its parts) is allowed
    **dict.fromkeys(IDS, frozenset({"eq", "ne", "in"})),
    **dict.fromkeys(
        ("created_at", "updated_at", "timestamp", "expiration_date"),
        frozenset({"eq", "ne", "gt", "gte", "lt", "lte", "in"}),
    ),
    "text": {"eq", "ne", "contains", "icontains"},
    "keywords": {"contains", "icontains"},
    "keywords_search": {"contains", "icontains"},
    "categories": {"in", "contains"},
    "memory_ids": {"in"},
    # ours: an instant, or two of them, and no operator
    "valid_at": set(),
    "valid_between": set(),
    "aspect": {"eq", "ne", "in"},
}
OPERATORS = {*set().union(*ALLOWED.values()), "nin", "not", "$ne", ">=", "like", "EQ"}
SAMPLES = ["2022-01-01", ["2022-01-01"], MEMORY_IDS[:1], [MEMORY_IDS[0], "x"]]
SAMPLES += ["plan", ["plan"]]


def is_allowed(key, operator):
    """Whether some value makes this a filter."""
    for value in SAMPLES:
        try:
            parse_filters({key: {operator: value}}, needs_scope=False)
        except InvalidRequest:
            continue
        return True
    return False


def test_each_field_takes_its_operators_and_no_others():
    keys = set(conditions.FIELDS) - {"metadata"}
    taken = {key: {op for op in OPERATORS if is_allowed(key, op)} for key in keys}
    assert taken == ALLOWED


def test_every_field_is_put_to_the_test():
    assert set(FIELDS) == set(conditions.FIELDS)


filter_objects = st.recursive(leaves, grouped, max_leaves=8)

SELECT = """
SELECT m.position FROM jsonb_to_recordset(%s::jsonb) AS m (
    position int, id uuid, user_id varchar, agent_id varchar, app_id varchar,
    run_id varchar, text text, metadata jsonb, categories varchar[],
    created_at timestamptz, updated_at timestamptz, expires_on date,
    valid_from timestamptz, valid_to timestamptz, valid_precision varchar,
    aspect varchar)
WHERE {} ORDER BY m.position
"""


@pytest.fixture(autouse=True)
def _prepared(prepared) -> None: ...


def select(filters, rows):
    """As a search asks, where PostgreSQL has to know the type of every value by itself,
    and as a list does, where values stand in the statement."""
    values = [{"position": n, **asdict(row)} for n, row in enumerate(rows)]
    statement = SELECT.format(filters.sql)
    params = [json.dumps(values), *filters.params]
    found = read_rows(uuid4(), statement, params)
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        assert cursor.fetchall() == found
    return [position for (position,) in found]


def expected(raw, rows):
    return [n for n, row in enumerate(rows) if matches(raw, row)]


property_test = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@settings(property_test, max_examples=800)
@given(raw=leaves | leaves.map(lambda leaf: {"NOT": leaf}), rows=worlds)
def test_each_operator_means_what_the_contract_says(db, raw, rows):
    filters = parse_filters(raw, needs_scope=False)
    assert select(filters, rows) == expected(raw, rows)


@property_test
@given(raw=filter_objects, rows=worlds)
def test_sql_means_what_the_contract_says(db, raw, rows):
    filters = parse_filters(raw, needs_scope=False)
    assert select(filters, rows) == expected(raw, rows)


@property_test
@given(raw=filter_objects, rows=worlds)
def test_every_match_carries_the_bound_ids(db, raw, rows):
    filters = parse_filters(raw, needs_scope=False)
    bound = {k: v for k, v in filters.scope.as_dict().items() if v is not None}
    carrying = [n for n, row in enumerate(rows) if bound.items() <= asdict(row).items()]
    found = expected(raw, rows)
    assert set(found) <= set(carrying)
    if filters.is_only_scope:
        assert found == carrying


@property_test
@given(raw=filter_objects, rows=worlds)
def test_every_match_is_of_an_anchor_that_a_search_reads(db, raw, rows):
    filters = parse_filters(raw, needs_scope=False)
    read = select(
        replace(
            filters,
            sql=filters.anchors[0].replace("a.", "m."),
            params=filters.anchors[1],
        ),
        rows,
    )
    assert set(expected(raw, rows)) <= set(read)


@pytest.mark.parametrize(
    ("raw", "anchors"),
    [
        ({"user_id": "ida"}, "a.user_id = %s"),
        ({"user_id": {"in": ["ida", "max"]}}, "a.user_id = ANY(%s)"),
        ({"OR": [ME, {"agent_id": "bot"}]}, "(a.user_id = %s OR a.agent_id = %s)"),
        ({"OR": [ME, {"run_id": "r1"}]}, "true"),
        ({"AND": [ME, {"metadata": {"k": 1}}]}, "a.user_id = %s"),
        ({**ME, "NOT": {"app_id": "web"}}, "a.user_id = %s"),
        ({"run_id": "r1", "app_id": "*"}, "a.app_id IS NOT NULL"),
    ],
)
def test_a_search_reads_no_anchor_that_cannot_match(raw, anchors):
    assert parse_filters(raw).anchors[0] == anchors


@settings(property_test, max_examples=50)
@given(one=filter_objects, two=filter_objects, rows=worlds)
def test_joined_filters_match_what_both_do(db, one, two, rows):
    both = join(*(parse_filters(raw, needs_scope=False) for raw in (one, two)))
    assert select(both, rows) == expected({"AND": [one, two]}, rows)


def test_nothing_matches_nothing(db):
    row = Row(MEMORY_IDS[0], "ida", *[None] * 3, "", None, None, DAYS[0], DAYS[0], None)
    mine = parse_filters(ME)
    assert select(mine, [row]) == [0]
    assert select(join(mine, nothing()), [row]) == []


METADATA = [
    # metadata, what is asked of its key "k", whether it matches
    ({"k": ["a", "bc"]}, {"contains": "a"}, True),
    ({"k": ["a", "bc"]}, {"contains": "b"}, False),  # an element, not a part of one
    ({"k": [1, {"x": 1}]}, {"contains": 1}, True),
    ({"k": [1]}, {"contains": "1"}, False),
    ({"k": [None]}, {"contains": None}, True),
    ({"k": "a%b"}, {"contains": "%"}, True),
    ({"k": "aXb"}, {"contains": "%"}, False),
    ({"k": "12"}, {"contains": 1}, False),
    ({"k": {"a": 1}}, {"contains": "a"}, False),
    ({"k": 1}, 1.0, True),
    ({"k": 1}, True, False),
    ({"k": 1}, "1", False),
    ({"k": None}, None, True),
    ({}, None, False),
    (None, {"ne": 1}, True),
    ({"k": None}, {"ne": "x"}, True),
    ({"k": [1, 2]}, [2, 1], False),
    ({"k": {"a": 1, "b": 2}}, {"eq": {"b": 2, "a": 1}}, True),
]


@pytest.mark.parametrize(("metadata", "asked", "is_match"), METADATA)
def test_metadata(db, metadata, asked, is_match):
    row = Row(MEMORY_IDS[0], *[None] * 4, "", metadata, None, DAYS[0], DAYS[0], None)
    filters = parse_filters({"metadata": {"k": asked}}, needs_scope=False)
    assert bool(select(filters, [row])) is is_match
    assert matches({"metadata": {"k": asked}}, row) is is_match


NEW_YEAR, FEBRUARY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "times"),
    [
        (
            {"AND": [{"user_id": "ann"}, {"valid_at": "2026-01-01T00:00:00Z"}]},
            [(NEW_YEAR, NEW_YEAR)],
        ),
        (
            {"OR": [{"valid_between": ["2026-01-01T00:00Z", "2026-02-01T00:00Z"]}]},
            [(NEW_YEAR, FEBRUARY)],
        ),
        ({"AND": [{"user_id": "ann"}, {"created_at": {"gte": "2026-01-01"}}]}, []),
        ({"user_id": "valid_at", "metadata": {"valid_at": 3}}, []),
        (None, []),
    ],
)
def test_a_filter_says_of_which_times_it_asks(asked, times):
    assert times_asked(asked) == times

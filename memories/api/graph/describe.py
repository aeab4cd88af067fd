"""The graph in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from memories.api.components import GraphRelation
from memories.api.describe import (
    AT,
    MEMORY_ID,
    PAGING,
    answered,
    asked,
    described,
    in_query,
    page,
)
from memories.api.graph import components
from memories.selectors import entities, relations
from memories.selectors.walks import MOST_DEPTH, MOST_EDGES, MOST_NODES, MOST_STEPS
from memories.types import SCOPE_KEYS

TAG = "graph"
IDA_ID = "3a1c0f5e-2b7d-4c6a-9d8e-1f0a2b3c4d5e"
RIGA_ID = "4b2d1a6f-3c8e-4d7b-8e9f-2a1b3c4d5e6f"
EDGE_ID = "5c3e2b70-4d9f-4e8c-9fa0-3b2c4d5e6f70"
MERGE_ID = "6d4f3c81-5ea0-4f9d-a0b1-4c3d5e6f7081"
OWNERS: dict[str, Any] = {"user_id": "ida", "agent_id": None, "app_id": None}
IDA = {"id": IDA_ID, "name": "Ida", "type": "person"}
RIGA = {"id": RIGA_ID, "name": "Riga", "type": "place"}
ENTITY_EXAMPLE: dict[str, Any] = {
    **RIGA,
    "qualifier": None,
    "aliases": [],
    **OWNERS,
    "state": "active",
    "merged_into": None,
    "memory_count": 2,
    "last_mentioned_at": AT,
    "created_at": AT,
}
MERGE_EXAMPLE = {
    "id": MERGE_ID,
    "kept": IDA,
    "absorbed": {**IDA, "id": RIGA_ID, "name": "Idie"},
    "decided_by": "operator",
    "score": 1.0,
    "evidence": {},
    "at": AT,
    "undone_at": None,
}
RELATION_EXAMPLE: dict[str, Any] = {
    "id": EDGE_ID,
    "source": IDA,
    "type": "lives_in",
    "target": RIGA,
    "fact": "Ida lives in Riga",
    "state": "active",
    "confidence": 1.0,
    "single_valued": True,
    "valid_from": "2026-02-01T00:00:00+00:00",
    "valid_to": None,
    "valid_precision": "month",
    "known_from": AT,
    "replaced_by": None,
    **OWNERS,
    "memory_count": 1,
    "memory_ids": [MEMORY_ID],
}


def _in_path(name: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.UUID, OpenApiParameter.PATH, description="A UUID."
    )


def _one_of(name: str, help_text: str, values: list[str]) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.QUERY, description=help_text, enum=values
    )


_SCOPE = [
    in_query(key, "Through memories of this one; `*` is any.") for key in SCOPE_KEYS
]
_AS_OF = in_query("as_of", "Answer as it would have been then.", OpenApiTypes.DATETIME)
_EXPIRED = in_query("show_expired", "Also through memories that have expired.", bool)
_SIGHT = [*_SCOPE, _AS_OF, _EXPIRED]
_VALID = [
    in_query(
        "valid_at",
        "Only what was true in the world then, also where it is over by now: ISO 8601,"
        " or YYYY-MM-DD for any time of that day in the project's zone.",
    ),
    in_query(
        "valid_between",
        "Only what was true at some time from the one to the other: two of these with a"
        " comma.",
    ),
]
_TYPE = in_query("type", "Of this type.")
_QUERY = in_query("query", "What to look for by meaning; counts as a search.")
_NAME = "Part of a name, in any case"
_ENTITY_ID = _in_path("entity_id")

ENTITIES = described(
    "list_graph_entities",
    TAG,
    components.GraphEntityPage,
    400,
    404,
    413,
    summary="What memories speak of, the most mentioned first",
    description=(
        "At least one id has to be named, unless the key is narrowed. With `query` the "
        "likeliest come first."
    ),
    parameters=[
        *PAGING,
        *_SIGHT,
        _TYPE,
        in_query("name", f"{_NAME} or an alias."),
        _one_of("state", "Active ones, or those merged away.", list(entities.STATES)),
        _QUERY,
    ],
    examples=[answered("A page", page(ENTITY_EXAMPLE))],
)
ENTITY = described(
    "get_graph_entity",
    TAG,
    components.GraphEntityWhole,
    400,
    404,
    summary="One entity, with its memories and what was merged",
    parameters=[_ENTITY_ID, *_SIGHT],
    examples=[
        answered(
            "An entity",
            {**ENTITY_EXAMPLE, "memory_ids": [MEMORY_ID], "merges": []},
        )
    ],
)
NEIGHBOURHOOD = described(
    "get_graph_neighbourhood",
    TAG,
    components.GraphNeighbourhood,
    400,
    404,
    summary="What is around an entity",
    description=(
        f"All within `depth` relations, in either direction, and every relation between"
        f" these; {MOST_NODES} entities and {MOST_EDGES} relations at most, the nearest"
        f" first. `is_cut` says that there is more."
    ),
    parameters=[
        _ENTITY_ID,
        in_query("depth", f"1 when absent, {MOST_DEPTH} at most.", int),
        _TYPE,
        *_VALID,
        *_SIGHT,
    ],
    examples=[
        answered(
            "One step",
            {
                "entity": ENTITY_EXAMPLE,
                "depth": 1,
                "entities": [{**RIGA, "distance": 0}, {**IDA, "distance": 1}],
                "relations": [RELATION_EXAMPLE],
                "is_cut": False,
            },
        )
    ],
)
RELATIONS = described(
    "list_graph_relations",
    TAG,
    components.GraphRelationPage,
    400,
    404,
    413,
    summary="How what memories speak of hangs together, believed last first",
    description=(
        "At least one id has to be named, unless the key is narrowed. What is true, "
        "unless `state` asks for something else; with `valid_at` what was true then. "
        "With `query` the likeliest come first."
    ),
    parameters=[
        *PAGING,
        *_SIGHT,
        _TYPE,
        in_query("name", f"{_NAME} at either end."),
        in_query("entity_id", "At either end.", OpenApiTypes.UUID),
        in_query("source_id", "From this one.", OpenApiTypes.UUID),
        in_query("target_id", "To this one.", OpenApiTypes.UUID),
        _one_of(
            "state",
            "Any of them with `any`.",
            [*(str(state) for state in relations.STATES), "any"],
        ),
        *_VALID,
        _QUERY,
    ],
    examples=[answered("A page", page(RELATION_EXAMPLE))],
)
RELATION = described(
    "get_graph_relation",
    TAG,
    GraphRelation,
    400,
    404,
    summary="One relation, in whatever state",
    parameters=[_in_path("relation_id"), *_SIGHT],
    examples=[answered("A relation", RELATION_EXAMPLE)],
)
PATH = described(
    "find_graph_path",
    TAG,
    components.GraphPath,
    400,
    404,
    summary="How two entities hang together",
    description=(
        "A shortest path over what is true, in either direction of each relation. "
        "Entities of different users never meet."
    ),
    parameters=[
        OpenApiParameter(
            name, OpenApiTypes.UUID, OpenApiParameter.QUERY, required=True,
            description="An entity.",
        )
        for name in ("from", "to")
    ]
    + [
        in_query("depth", f"Relations at most: 4 when absent, to {MOST_STEPS}.", int),
        _TYPE,
        *_VALID,
        *_SIGHT,
    ],
    examples=[
        answered(
            "One step",
            {
                "length": 1,
                "entities": [IDA, RIGA],
                "relations": [RELATION_EXAMPLE],
                "is_cut": False,
            },
        )
    ],
)  # fmt: skip
MERGE = described(
    "merge_graph_entities",
    TAG,
    components.GraphMerge,
    400,
    403,
    404,
    413,
    summary="Say that two entities are one",
    description=(
        "That of the path stays; the other's memories and relations count as its own "
        "until the merge is undone. Of one user, or whoever they belong to, only."
    ),
    parameters=[_ENTITY_ID],
    request=components.GraphMergeBody,
    examples=[
        asked("Another name of hers", {"other_id": RIGA_ID}),
        answered("The merge", MERGE_EXAMPLE),
    ],
)
UNDO = described(
    "undo_graph_merge",
    TAG,
    components.GraphMerge,
    400,
    403,
    404,
    summary="Take a merge back",
    description="Each has again what its own name said, also what was said meanwhile.",
    parameters=[_in_path("merge_id")],
    request=None,
    examples=[answered("The merge, undone", {**MERGE_EXAMPLE, "undone_at": AT})],
)

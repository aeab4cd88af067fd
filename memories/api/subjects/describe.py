"""Subjects in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from memories.api.components import DeleteAccepted, Error
from memories.api.describe import (
    ADD_EXAMPLE,
    AT,
    EVENT_ID,
    MEMORY_EXAMPLE,
    PAGING,
    answered,
    asked,
    described,
    page,
)
from memories.api.subjects import components
from memories.selectors.subjects import KINDS

TAG = "entities"
SUBJECT_ID = "2f1e0d9c-8b7a-4c6d-9e5f-4a3b2c1d0e9f"
ENTITY_EXAMPLE = {
    "id": SUBJECT_ID,
    "name": "ida",
    "type": "user",
    "owner": "owner@example.com",
    "metadata": None,
    "total_memories": 3,
    "created_at": AT,
    "updated_at": AT,
}
_KIND = OpenApiParameter(
    "kind", str, OpenApiParameter.PATH, enum=KINDS, description="What it is."
)
_NAME = OpenApiParameter(
    "name",
    str,
    OpenApiParameter.PATH,
    description="The caller's own id, percent-encoded; `/` included.",
)

LIST = described(
    "list_entities",
    TAG,
    components.EntityPage,
    400,
    summary="Users, agents, apps and runs, the last active first",
    description="Those with a living memory, and those that were created by name.",
    parameters=PAGING,
    examples=[
        answered(
            "A page",
            {
                **page(ENTITY_EXAMPLE),
                "total_users": 1,
                "total_agents": 0,
                "total_apps": 0,
                "total_runs": 0,
            },
        )
    ],
)
GET = described(
    "get_entity",
    TAG,
    components.ListedEntity(many=True),
    400,
    summary="One user, agent, app or run, as a list of one or none",
    parameters=[_KIND, _NAME],
    examples=[answered("It is there", ENTITY_EXAMPLE)],
)
DELETE = described(
    "delete_entity",
    TAG,
    DeleteAccepted,
    400,
    403,
    404,
    summary="Erase a user, agent, app or run and all that came from it",
    description=(
        "Its memories with their history, its messages and what models were asked about"
        " them go for good, in the background; what is added for the same name after "
        "this answer stays. A project with `subject_deletion` = `soft` deletes the "
        "memories and keeps their history. A name that nobody knows is no error."
    ),
    parameters=[_KIND, _NAME],
    request=None,
    examples=[
        answered("Accepted", {"message": "Delete in progress.", "event_id": EVENT_ID})
    ],
)
MEMORIES = described(
    "list_entity_memories",
    "memories",
    components.ToldMemoryPage,
    400,
    404,
    summary="Memories of one user, agent, app or run, with what they were learned from",
    description="100 to a page, newest first.",
    parameters=[_KIND, _NAME, PAGING[0]],
    examples=[
        answered(
            "A page",
            page(
                {
                    **MEMORY_EXAMPLE,
                    "input": ADD_EXAMPLE["messages"],
                    "is_updated": False,
                }
            ),
        )
    ],
)
FILTERS = described(
    "list_entity_filters",
    TAG,
    components.EntityFilters,
    summary="What there is to filter by",
    examples=[
        answered(
            "Of a project",
            {
                "event_type": ["ADD", "SEARCH"],
                "categories": ["hobbies"],
                "users": ["ida"],
                "parameters": ["user_id", "metadata"],
            },
        )
    ],
)


def declare(kind: str) -> dict[str, Any]:
    """The creation of a subject of this kind."""
    given = {f"{kind}_id": "ida", "metadata": {"team": "orchard"}}
    created = {
        "id": SUBJECT_ID,
        **given,
        "name": "ida",
        "created_at": AT,
        "updated_at": AT,
        "graph_entities": None,
        "is_deleted": False,
        "project": "019a3f0c-5e6d-7a11-9c70-4d3e2f1a0b9c",
    }
    refused = dict.fromkeys((400, 401, 403, 404, 413, 429), Error)
    return {
        "operation_id": f"create_{kind}",
        "tags": [TAG],
        "summary": f"Create {'an' if kind[0] == 'a' else 'a'} {kind} by name",
        "request": components.BODIES[kind],
        "responses": {201: components.Declared, **refused},
        "examples": [
            asked("With details", given),
            OpenApiExample(
                "Created", value=created, response_only=True, status_codes=["201"]
            ),
        ],
    }

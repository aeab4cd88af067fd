"""Change or delete up to a thousand memories; every outcome is told."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.batch import describe, requests
from memories.api.views.base import MemoryApiView, spend_quota
from memories.services.edit_many import (
    ItemOutcome,
    Outcome,
    delete_memories,
    update_memories,
)
from memories.types import JsonDict


class ManyMemories(MemoryApiView):
    """PUT, DELETE /v1/batch/"""

    @property
    def operation(self) -> str | None:
        """What usage is counted under."""
        return _OPERATIONS.get(self.request.method or "")

    @extend_schema(**describe.UPDATE)
    def put(self, request: Request) -> Response:
        asked = requests.read_item_changes(request.data)
        spend_quota(self.access, "batch_update")
        return _answer(Outcome.UPDATED, update_memories(self.access, asked))

    @extend_schema(**describe.DELETE)
    def delete(self, request: Request) -> Response:
        ids = requests.read_item_ids(request.data)
        return _answer(Outcome.DELETED, delete_memories(self.access, ids))


_OPERATIONS = {"PUT": "batch_update", "DELETE": "batch_delete"}


def _answer(wanted: Outcome, outcomes: Sequence[ItemOutcome]) -> Response:
    done = sum(item.outcome == wanted for item in outcomes)
    noun = "memory" if done == 1 else "memories"
    return Response(
        {
            "message": f"Successfully {wanted} {done} {noun}",
            "results": [_outcome_json(item) for item in outcomes],
        }
    )


def _outcome_json(item: ItemOutcome) -> JsonDict:
    return {
        "memory_id": str(item.memory_id),
        "outcome": item.outcome,
        "detail": item.detail,
    }

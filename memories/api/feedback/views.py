"""Say what one thinks of a memory, or take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading
from memories.api.feedback import describe
from memories.api.reading import Fields
from memories.api.views.base import MemoryApiView
from memories.models import Feedback
from memories.services.feedback import Opinion, give_feedback

MAX_REASON_CHARS = 4000


class GiveFeedback(MemoryApiView):
    """POST /v1/feedback/"""

    operation = "feedback"

    @extend_schema(**describe.FEEDBACK)
    def post(self, request: Request) -> Response:
        memory_id, opinion = _read(request.data)
        feedback = give_feedback(self.access, memory_id, opinion)
        return Response(
            {
                "id": str(feedback.id),
                "feedback": feedback.feedback,
                "feedback_reason": feedback.reason,
            }
        )


def _read(raw: object) -> tuple[UUID, Opinion]:
    """A reason without a value is none: null takes both back."""
    fields = Fields(raw)
    memory_id = fields.need("memory_id", reading.uuid, UUID(int=0))
    value = fields.read("feedback", _value, None)
    short = reading.text_up_to(MAX_REASON_CHARS)
    reason = fields.read("feedback_reason", short, None)
    fields.check()
    return memory_id, Opinion(value, reason if value else None)


def _value(value: Any) -> str:
    """In any case of letters: of the clients only one writes capitals."""
    return reading.one_of(Feedback.Value.values)(reading.text(value).upper())

"""Feedback, in the API document."""

from __future__ import annotations

from rest_framework.serializers import CharField, ChoiceField, Serializer, UUIDField

from memories.api.components import maybe, nullable
from memories.api.describe import MEMORY_ID, answered, asked, described
from memories.models import Feedback


class FeedbackBody(Serializer):  # type: ignore[type-arg]
    memory_id = UUIDField()
    feedback = maybe(
        ChoiceField,
        choices=Feedback.Value.choices,
        allow_null=True,
        help_text="Null takes back what was said.",
    )
    feedback_reason = maybe(CharField, allow_null=True)


class FeedbackAnswer(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    feedback = nullable(ChoiceField, choices=Feedback.Value.choices)
    feedback_reason = nullable(CharField)


_SAID = {"feedback": "NEGATIVE", "feedback_reason": "She sold the hives."}
FEEDBACK = described(
    "give_feedback",
    "memories",
    FeedbackAnswer,
    400,
    403,
    404,
    413,
    summary="Say what you think of a memory",
    description="One opinion for each memory and user of the key; the last counts.",
    request=FeedbackBody,
    examples=[
        asked("No longer true", {"memory_id": MEMORY_ID, **_SAID}),
        asked("Taken back", {"memory_id": MEMORY_ID, "feedback": None}),
        answered("Kept", {"id": "c1f5b0b2-5a51-4c0f-9e1e-2d3c4b5a6978", **_SAID}),
    ],
)

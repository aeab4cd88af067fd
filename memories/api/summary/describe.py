"""Summaries, in the API document."""

from __future__ import annotations

from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateTimeField,
    Serializer,
)

from memories.api.components import FILTERS_HELP, AnyObject, Ids, maybe, nullable
from memories.api.describe import AT, answered, asked, described
from memories.services.summary import Source


class SummaryBody(Ids):
    filters = maybe(AnyObject, help_text=FILTERS_HELP)


class Summary(Serializer):  # type: ignore[type-arg]
    summary = CharField()
    source = ChoiceField(  # type: ignore[assignment]
        choices=list(Source),
        help_text="A kept summary of a conversation, the model's, or one memory.",
    )
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    run_id = nullable(CharField)
    updated_at = DateTimeField()


SUMMARY = described(
    "summarize_memories",
    "memories",
    Summary(many=True),
    400,
    404,
    413,
    summary="What is remembered, in short",
    description=(
        "The kept summaries of the conversations that match; else the newest memories "
        "in the model's words; without a model each of them in its own."
    ),
    request=SummaryBody,
    examples=[
        asked("Of one user", {"filters": {"user_id": "ida"}}),
        answered(
            "One conversation",
            {
                "summary": "Ida keeps bees behind the barn.",
                "source": "conversation",
                "user_id": "ida",
                "agent_id": None,
                "app_id": None,
                "run_id": None,
                "updated_at": AT,
            },
        ),
    ],
)

"""Figures and changes of a project, in the API document."""

from __future__ import annotations

from rest_framework.serializers import IntegerField, ListField, Serializer, URLField

from memories.api.components import HistoryEntry, nullable
from memories.api.describe import (
    HISTORY_EXAMPLE,
    PAGING,
    answered,
    described,
    in_query,
    page,
)

READS_HELP = "Searches, lists and single reads; some seconds behind."


class StatsAnswer(Serializer):  # type: ignore[type-arg]
    total_memories = IntegerField()
    total_add_events = IntegerField()
    total_retrieval_events = IntegerField(help_text=READS_HELP)
    total_api_retrieval_events = IntegerField(help_text=READS_HELP)
    total_retrieval_events_limit = IntegerField(
        help_text="Searches a month; 0 is any number."
    )
    total_users_with_memories = IntegerField()
    memories_per_user = IntegerField(help_text="Rounded.")
    total_agents_with_memories = IntegerField()
    memories_per_agent = IntegerField(help_text="Rounded.")
    total_runs_with_memories = IntegerField()
    memories_per_run = IntegerField(help_text="Rounded.")


class HistoryPage(Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(URLField)
    previous = nullable(URLField)
    results = ListField(child=HistoryEntry())


STATS = described(
    "get_stats",
    "stats",
    StatsAnswer,
    403,
    summary="How much the project holds and was asked",
    examples=[
        answered(
            "A small project",
            {
                "total_memories": 12,
                "total_add_events": 9,
                "total_retrieval_events": 40,
                "total_api_retrieval_events": 40,
                "total_retrieval_events_limit": 0,
                "total_users_with_memories": 3,
                "memories_per_user": 4,
                "total_agents_with_memories": 0,
                "memories_per_agent": 0,
                "total_runs_with_memories": 1,
                "memories_per_run": 2,
            },
        )
    ],
)
CHANGES = described(
    "list_changes",
    "memories",
    HistoryPage,
    400,
    summary="What happened to the memories of the project, newest first",
    parameters=[*PAGING, in_query("limit", "The same as page_size.", int)],
    examples=[answered("A page", page(HISTORY_EXAMPLE[0]))],
)

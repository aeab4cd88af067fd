"""What retention policies would take, in the API document."""

from __future__ import annotations

from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    ListField,
    Serializer,
    UUIDField,
)

from memories.api.components import maybe, nullable
from memories.api.describe import AT, MEMORY_ID, answered, asked, described
from memories.selectors.retention import EFFECTS, MOST_COUNTED, Policy
from memories.services.configuration import RANGES

SETTINGS = tuple(policy.value for policy in Policy)
MOST_DAYS = int(RANGES[Policy.UNUSED][1])
LISTED, MOST_LISTED = 20, 200
DAYS_HELP = "0: nothing goes. Absent: the project's own."


class RetentionBody(Serializer):  # type: ignore[type-arg]
    message_days = maybe(IntegerField, min_value=0, help_text=DAYS_HELP)
    model_text_days = maybe(IntegerField, min_value=0, help_text=DAYS_HELP)
    search_days = maybe(IntegerField, min_value=0, help_text=DAYS_HELP)
    archive_unused_days = maybe(IntegerField, min_value=0, help_text=DAYS_HELP)
    graph_days = maybe(IntegerField, min_value=0, help_text=DAYS_HELP)
    limit = maybe(
        IntegerField,
        default=LISTED,
        min_value=0,
        max_value=MOST_LISTED,
        help_text="So many of each are listed.",
    )


class RetentionItem(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    at = DateTimeField(help_text="Since when it is as it is.")
    text = CharField(help_text="Of a request to a model: what it was for.")
    user_id = nullable(CharField)


class RetentionPolicy(Serializer):  # type: ignore[type-arg]
    policy = ChoiceField(choices=SETTINGS, help_text="The setting that says when.")
    days = IntegerField()
    effect = ChoiceField(
        choices=sorted(set(EFFECTS.values())),
        help_text=(
            "What is emptied is gone; a memory that is archived can be brought back, "
            "an edge of the graph is read as of an instant."
        ),
    )
    before = nullable(DateTimeField, help_text="What is older goes.")
    starts_at = nullable(
        DateTimeField,
        help_text="Nothing goes before: uses are not counted for long enough yet.",
    )
    count = IntegerField(help_text=f"{MOST_COUNTED:,} at most.")
    count_is_capped = BooleanField()
    items = ListField(child=RetentionItem(), help_text="The oldest first.")


class RetentionAnswer(Serializer):  # type: ignore[type-arg]
    policies = ListField(child=RetentionPolicy())


PREVIEW = described(
    "preview_retention",
    "memories",
    RetentionAnswer,
    400,
    403,
    413,
    summary="What retention would take, if it ran now",
    description="Nothing is changed. What a policy takes, the next hour's run takes.",
    request=RetentionBody,
    examples=[
        asked("With 90 days for unused memories", {"archive_unused_days": 90}),
        answered(
            "One memory would be archived",
            {
                "policies": [
                    {
                        "policy": "archive_unused_days",
                        "days": 90,
                        "effect": "archived",
                        "before": AT,
                        "starts_at": None,
                        "count": 1,
                        "count_is_capped": False,
                        "items": [
                            {
                                "id": MEMORY_ID,
                                "at": AT,
                                "text": "Keeps bees behind the barn",
                                "user_id": "ida",
                            }
                        ],
                    }
                ]
            },
        ),
    ],
)

"""The picture of a subject, in the API document."""

from __future__ import annotations

from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    ListField,
    Serializer,
    URLField,
    UUIDField,
)

from memories.api.components import nullable
from memories.api.describe import (
    AT,
    MEMORY_ID,
    PAGING,
    answered,
    described,
    in_query,
)
from memories.selectors.pictures import OTHER
from memories.types import SCOPE_KEYS, STATE_RULES

SHOWN = (
    *("id", "memory", "categories", "created_at", "valid_from", "valid_to"),
    *("lifecycle_state", "synthesized", "attributed_to", "stale_suspect"),
)
"""What a fact has in common with a memory of other answers."""


class PictureFact(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    memory = CharField()
    categories = nullable(ListField, child=CharField())
    created_at = DateTimeField()
    valid_from = nullable(DateTimeField)
    valid_to = nullable(DateTimeField)
    lifecycle_state = ChoiceField(
        choices=sorted({rule.wire for rule in STATE_RULES.values()})
    )
    synthesized = BooleanField(help_text="A pattern, put together from memories.")
    attributed_to = ChoiceField(choices=["user", "agent"])
    stale_suspect = BooleanField(help_text="What it rests on has changed since.")
    last_confirmed_at = DateTimeField(
        help_text="When it was last said: learned, changed, said again, or merged into."
    )
    memory_ids = ListField(
        child=UUIDField(),
        help_text="Itself, what was merged into it, what a pattern was made from.",
    )


class PictureCategory(Serializer):  # type: ignore[type-arg]
    category = CharField(help_text=f"{OTHER}: of no category.")
    count = IntegerField(help_text="Of all its facts, on this page or not.")
    facts = ListField(child=PictureFact())


class SubjectPicture(Serializer):  # type: ignore[type-arg]
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    run_id = nullable(CharField)
    as_of = nullable(DateTimeField)
    valid_at = nullable(DateTimeField)
    count = IntegerField(help_text="Of facts in all.")
    next = nullable(URLField)
    previous = nullable(URLField)
    categories = ListField(child=PictureCategory())


PICTURE = described(
    "get_profile_of_facts",
    "profiles",
    SubjectPicture,
    400,
    404,
    summary="What is held true of a subject, by category, at any instant",
    description=(
        "A reading of memories: no model is asked, and nothing is kept. Each fact "
        "stands once, under the first of its categories, the newest first. What is "
        "over is left out; with valid_at only what is true at that instant is shown, "
        "with what has been superseded since."
    ),
    parameters=[
        *(in_query(key, "Of this subject; at least one.") for key in SCOPE_KEYS),
        in_query("as_of", "As it was believed at this instant."),
        in_query("valid_at", "What is true at this instant, of what is believed."),
        *PAGING,
    ],
    examples=[
        answered(
            "Of one user",
            {
                "user_id": "ida",
                "agent_id": None,
                "app_id": None,
                "run_id": None,
                "as_of": None,
                "valid_at": None,
                "count": 1,
                "next": None,
                "previous": None,
                "categories": [
                    {
                        "category": "hobbies",
                        "count": 1,
                        "facts": [
                            {
                                "id": MEMORY_ID,
                                "memory": "Keeps bees behind the barn",
                                "categories": ["hobbies"],
                                "created_at": AT,
                                "valid_from": None,
                                "valid_to": None,
                                "lifecycle_state": "active",
                                "synthesized": False,
                                "attributed_to": "user",
                                "stale_suspect": False,
                                "last_confirmed_at": AT,
                                "memory_ids": [MEMORY_ID],
                            }
                        ],
                    }
                ],
            },
        )
    ],
)

"""The context block, in the API document."""

from __future__ import annotations

from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    FloatField,
    IntegerField,
    ListField,
    Serializer,
    UUIDField,
)

from memories.api.components import Reranked, SearchBody, maybe, nullable
from memories.api.describe import (
    AT,
    MEMORY_ID,
    MESSAGE_ID,
    answered,
    asked,
    described,
)
from memories.retrieval.answerable import ABSTAIN_BELOW
from memories.types import STATE_RULES


class ContextBody(SearchBody):
    relations = None  # type: ignore[assignment]  # a block has no place for them
    fields_ = None  # type: ignore[assignment]
    top_k = maybe(
        IntegerField,
        default=50,
        min_value=1,
        max_value=1000,
        help_text="So many memories are considered, as far as the budget reaches.",
    )
    token_budget = maybe(
        IntegerField,
        default=1000,
        min_value=50,
        max_value=32_000,
        help_text="Of the whole block; never exceeded.",
    )
    recent_messages = maybe(
        IntegerField,
        default=6,
        min_value=0,
        max_value=50,
        help_text="So many of those said last, where filters name ids and no more.",
    )
    summaries = maybe(
        BooleanField, default=True, help_text="Rolling summaries of the conversations."
    )
    excerpts = maybe(
        BooleanField, default=False, help_text="The messages that facts came from."
    )
    abstain_below = maybe(
        FloatField,
        default=ABSTAIN_BELOW,
        min_value=0,
        max_value=1,
        help_text="With less confidence nothing is said to be known; 0 never says so.",
    )


class ContextFact(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    memory = CharField()
    score = FloatField(min_value=0, max_value=1)
    created_at = DateTimeField()
    valid_from = nullable(DateTimeField)
    valid_to = nullable(DateTimeField)
    lifecycle_state = ChoiceField(
        choices=sorted({rule.wire for rule in STATE_RULES.values()})
    )
    is_cut = BooleanField(help_text="It alone was too long: its beginning is told.")
    message_ids = ListField(child=UUIDField(), help_text="Where it came from.")


class ContextSummary(Serializer):  # type: ignore[type-arg]
    summary = CharField()
    updated_at = DateTimeField()


class ContextMessage(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    role = CharField()
    name = nullable(CharField)
    content = CharField()
    sent_at = DateTimeField()


class ContextEvidence(Serializer):  # type: ignore[type-arg]
    meaning = FloatField(help_text="The nearest memory's cosine.")
    words = FloatField(help_text="How much of the question's words one memory has.")
    lead = FloatField(
        help_text="By how much whom the question names has more of them than others."
    )


class LeftOut(Serializer):  # type: ignore[type-arg]
    facts = IntegerField()
    summaries = IntegerField()
    recent_messages = IntegerField()


class ContextAnswer(Serializer):  # type: ignore[type-arg]
    context = CharField(help_text="The block, for a prompt.")  # type: ignore[assignment]
    tokens = IntegerField(help_text="Of the block, by this tokenizer.")
    token_budget = IntegerField()
    tokenizer = CharField()
    nothing_relevant = BooleanField(
        help_text="Nothing answers what was asked; the block says so too."
    )
    confidence = FloatField(
        min_value=0, max_value=1, help_text="That the answer is among the memories."
    )
    evidence = ContextEvidence(help_text="What the confidence rests on.")
    facts = ListField(child=ContextFact(), help_text="Those of the block, best first.")
    summaries = ListField(child=ContextSummary())
    recent_messages = ListField(child=ContextMessage(), help_text="Oldest first.")
    excerpts = ListField(child=ContextMessage())
    left_out = LeftOut(help_text="What there was no room for.")
    rerank = Reranked(required=False, help_text="Where a reranker was to be asked.")


_BLOCK = """\
<memories>
1. [2026-03-01] Keeps bees behind the barn
Recent messages:
[2026-03-01 09:30] user: I keep bees behind the barn.
</memories>"""
CONTEXT = described(
    "build_context",
    "memories",
    ContextAnswer,
    400,
    404,
    413,
    summary="What an agent's prompt should hold for a query",
    description=(
        "A search whose answer is a block of text within a budget of tokens: the facts "
        "first, in their order; then, as there is room, rolling summaries, what was "
        "said last, and the messages that the facts came from. A line cannot end the "
        "block, and what comes back of it in an add is not learned again. Counts as a "
        "search."
    ),
    request=ContextBody,
    examples=[
        asked(
            "For a prompt",
            {
                "query": "Which animals?",
                "filters": {"user_id": "ida"},
                "token_budget": 300,
            },
        ),
        answered(
            "A block",
            {
                "context": _BLOCK,
                "tokens": 60,
                "token_budget": 300,
                "tokenizer": "all-MiniLM-L6-v2",
                "nothing_relevant": False,
                "confidence": 0.82,
                "evidence": {"meaning": 0.51, "words": 0.25, "lead": 0.0},
                "facts": [
                    {
                        "id": MEMORY_ID,
                        "memory": "Keeps bees behind the barn",
                        "score": 0.83,
                        "created_at": AT,
                        "valid_from": None,
                        "valid_to": None,
                        "lifecycle_state": "active",
                        "is_cut": False,
                        "message_ids": [MESSAGE_ID],
                    }
                ],
                "summaries": [],
                "recent_messages": [
                    {
                        "id": MESSAGE_ID,
                        "role": "user",
                        "name": None,
                        "content": "I keep bees behind the barn.",
                        "sent_at": AT,
                    }
                ],
                "excerpts": [],
                "left_out": {"facts": 0, "summaries": 0, "recent_messages": 0},
            },
        ),
    ],
)

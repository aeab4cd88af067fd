"""The shapes of the API document. They describe; ``requests`` is what validates."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateField,
    DateTimeField,
    DictField,
    FloatField,
    IntegerField,
    ListField,
    UUIDField,
)

from memories.language.times import PRECISIONS
from memories.models.settings import (
    MAX_CATEGORIES,
    MAX_DESCRIPTION_CHARS,
    MAX_INSTRUCTION_CHARS,
)
from memories.selectors import relations
from memories.store.ledger import MessageOutcome, Outcome
from memories.types import Aspect

FILTERS_HELP = (
    "Conditions and AND, OR, NOT, nested at will; sibling keys are ANDed. At least one "
    "of user_id, agent_id, app_id, run_id must be named other than by negation."
)
ADD_FILTERS_HELP = "The ids may stand in here as well."
RELATION_STATES = tuple(str(state) for state in relations.STATES)
EVENT_STATUSES = ("PENDING", "RUNNING", "SUCCEEDED", "FAILED")
TIME_HELP = "Unix seconds or ISO 8601."
LIKENESS_HELP = (
    "Where `query` looks for something: how like it is, 1 for the very name."
)


def maybe[F: serializers.Field[Any, Any, Any, Any]](
    field: type[F], **options: Any
) -> F:
    """A field of a request that may be left out."""
    return field(required=False, **options)


def nullable[F: serializers.Field[Any, Any, Any, Any]](
    field: type[F], **options: Any
) -> F:
    """A field of an answer that is always there, and may be null."""
    return field(allow_null=True, **options)


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObject(serializers.JSONField):
    """A JSON object of any keys."""


@extend_schema_field(
    {"oneOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]}
)
class Time(serializers.Field):  # type: ignore[type-arg]
    """Unix seconds or ISO 8601."""


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {}}, {"type": "object"}]}
)
class Content(serializers.Field):  # type: ignore[type-arg]
    """Text; or with inference one part or a list of parts.

    A part is ``{"type": "text", "text": …}`` or ``{"type": T, T: {"url": …}}``, T being
    image_url, pdf_url, txt_url or mdx_url, the url an http(s) address, a data URI or
    base64.
    """


class HasFields(serializers.Serializer):  # type: ignore[type-arg]
    """``fields`` is a name that serializers keep for themselves: write ``fields_``."""

    def get_fields(self) -> dict[str, Any]:
        return {name.rstrip("_"): f for name, f in super().get_fields().items()}


class Error(HasFields):
    """Every error: what a person reads, what a program tells apart, which fields."""

    detail = CharField()
    code = CharField()
    error = CharField(required=False, help_text="As detail, for clients that read it.")
    message = maybe(CharField, help_text="Of entities and projects: the same.")
    details = maybe(AnyObject, help_text="Of an add: its message once more.")
    fields_ = DictField(child=ListField(child=CharField()), required=False)


class PingAnswer(serializers.Serializer):  # type: ignore[type-arg]
    status = CharField()
    org_id = CharField()
    project_id = CharField()
    user_email = serializers.EmailField()


class Ids(serializers.Serializer):  # type: ignore[type-arg]
    user_id = maybe(CharField, max_length=256)
    agent_id = maybe(CharField, max_length=256)
    app_id = maybe(CharField, max_length=256)
    run_id = maybe(CharField, max_length=256)


class Message(serializers.Serializer):  # type: ignore[type-arg]
    role = ChoiceField(choices=["user", "assistant", "system", "tool"])
    content = Content()
    name = maybe(CharField, max_length=256, help_text="Context only, never a scope.")
    timestamp = maybe(Time, help_text=TIME_HELP)


class AddBody(Ids):
    messages = ListField(child=Message(), min_length=1)
    filters = maybe(AnyObject, help_text=ADD_FILTERS_HELP)
    metadata = maybe(AnyObject)
    infer = maybe(BooleanField, default=True, help_text="False stores verbatim.")
    memory_type = maybe(ChoiceField, choices=["procedural_memory"])
    expiration_date = maybe(DateField)
    timestamp = maybe(Time, help_text="Backdates created_at. " + TIME_HELP)
    immutable = maybe(
        BooleanField, default=False, help_text="It can be deleted, never changed."
    )
    custom_categories = maybe(
        ListField,
        child=DictField(child=CharField(max_length=MAX_DESCRIPTION_CHARS)),
        max_length=MAX_CATEGORIES,
    )
    custom_instructions = maybe(CharField, max_length=MAX_INSTRUCTION_CHARS)
    agent_custom_instructions = maybe(CharField, max_length=MAX_INSTRUCTION_CHARS)
    includes = maybe(CharField, max_length=MAX_INSTRUCTION_CHARS)
    excludes = maybe(CharField, max_length=MAX_INSTRUCTION_CHARS)
    timezone = maybe(CharField, help_text="An IANA name.")
    observation_date = maybe(DateField)
    observation_datetime = maybe(Time, help_text=TIME_HELP)
    enable_graph = maybe(BooleanField)


class EffectData(serializers.Serializer):  # type: ignore[type-arg]
    memory = CharField()


class Effect(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    event = ChoiceField(choices=["ADD", "UPDATE", "DELETE", "NOOP", "SEARCH"])
    data = EffectData()  # type: ignore[assignment]
    memory = CharField()
    user_id = nullable(CharField)


class AddAnswer(serializers.Serializer):  # type: ignore[type-arg]
    message = CharField()
    status = ChoiceField(choices=EVENT_STATUSES)
    event_id = UUIDField()
    results = maybe(ListField, child=Effect())


class Attributes(serializers.Serializer):  # type: ignore[type-arg]
    """The parts of ``created_at``, in UTC."""

    year = IntegerField()
    month = IntegerField()
    day = IntegerField()
    hour = IntegerField()
    minute = IntegerField()
    day_of_week = CharField()
    week_of_year = IntegerField()
    day_of_year = IntegerField()
    quarter = IntegerField()
    is_weekend = BooleanField()


class Memory(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    memory = CharField()
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    run_id = nullable(CharField)
    session_id = nullable(CharField, help_text="The same as run_id.")
    metadata = nullable(AnyObject)
    categories = nullable(ListField, child=CharField())
    expiration_date = nullable(DateField)
    created_at = DateTimeField()
    updated_at = DateTimeField()
    structured_attributes = Attributes()
    replaced_by = nullable(UUIDField)
    synthesized = BooleanField()
    lifecycle_state = CharField()
    hash = nullable(CharField)
    immutable = BooleanField()
    version = IntegerField()
    valid_from = nullable(
        DateTimeField, help_text="When it began to be true; null: not known."
    )
    valid_to = nullable(DateTimeField, help_text="When it ceased to be; exclusive.")
    valid_precision = nullable(
        ChoiceField,
        choices=PRECISIONS,
        help_text="How much of the calendar these two name.",
    )
    recurs = nullable(CharField, help_text="How often, as an RRULE (RFC 5545).")
    aspect = nullable(
        ChoiceField,
        choices=list(Aspect),
        help_text="What it tells of; null: nobody could say.",
    )
    attributed_to = CharField()
    stale_suspect = BooleanField(
        help_text="What it rests on is over: it may be so no more."
    )


class FoundMemory(Memory):
    score = FloatField(min_value=0, max_value=1)
    score_breakdown = DictField(child=FloatField())


class Reranked(serializers.Serializer):  # type: ignore[type-arg]
    is_applied = BooleanField(help_text="Whether the order is the reranker's.")
    model = nullable(CharField)
    problem = nullable(CharField, help_text="The code of what kept it from that.")


class GraphNode(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    name = CharField()
    type = CharField()


class GraphRelation(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    source = GraphNode()  # type: ignore[assignment]
    type = CharField()
    target = GraphNode()
    fact = CharField(help_text="In the words of a memory that asserts it.")
    state = ChoiceField(choices=RELATION_STATES)
    confidence = FloatField()
    single_valued = BooleanField(help_text="A source has one of these at a time.")
    valid_from = nullable(DateTimeField)
    valid_to = nullable(DateTimeField, help_text="Exclusive.")
    valid_precision = nullable(CharField)
    known_from = DateTimeField(help_text="Since when this is believed.")
    replaced_by = nullable(UUIDField, help_text="The relation that ended it.")
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    memory_count = IntegerField(help_text="Memories that assert it.")
    memory_ids = ListField(
        child=UUIDField(), help_text=f"The first {relations.MOST_NAMED}."
    )
    score = maybe(FloatField, min_value=0, max_value=1, help_text=LIKENESS_HELP)


class SearchAnswer(serializers.Serializer):  # type: ignore[type-arg]
    results = ListField(child=FoundMemory())
    rerank = Reranked(required=False, help_text="Where a reranker was to be asked.")
    relations = maybe(
        ListField, child=GraphRelation(), help_text="Where they were asked for."
    )


class Shown(HasFields):
    filters = AnyObject(help_text=FILTERS_HELP)
    fields_ = maybe(ListField, child=CharField(), help_text="Restricts result keys.")
    categories = maybe(ListField, child=CharField(), help_text="Any of them.")
    show_expired = maybe(BooleanField, default=False)
    latest_only = maybe(BooleanField, default=False)
    include_merged = maybe(BooleanField, default=False)
    as_of = maybe(
        DateTimeField, help_text="Answer as it would have been then: what was known."
    )
    valid_at = maybe(
        CharField,
        help_text=(
            "Only what was true in the world then: ISO 8601, or YYYY-MM-DD for any time"
            " of that day. Without an offset it is in the project's zone."
        ),
    )
    valid_between = maybe(
        ListField,
        child=CharField(),
        min_length=2,
        max_length=2,
        help_text="Only what was true at some time from the first to the second.",
    )


class SearchBody(Shown):
    query = CharField()
    top_k = maybe(IntegerField, default=10, min_value=1, max_value=1000)
    threshold = maybe(FloatField, default=0.1, min_value=0, max_value=1)
    metadata = maybe(AnyObject, help_text="Equality, on top of filters.")
    rerank = maybe(
        BooleanField,
        default=False,
        help_text="Ask the project's reranker for the order; it has a time limit.",
    )
    keyword_search = maybe(
        BooleanField,
        default=False,
        help_text="Accepted; words are looked for beside the meaning in any case.",
    )
    reference_date = maybe(
        Time, help_text="“Now” for what depends on age; else the present."
    )
    relations = maybe(
        BooleanField,
        default=False,
        help_text=(
            "Also how what the found memories speak of hangs together: what they assert"
            " first, then what is beside it, as of `/v1/graph/relations/`; 50 at most."
        ),
    )


class ListBody(Shown):
    keywords = maybe(CharField, help_text="Part of the text, in any case.")
    start_date = maybe(DateField, help_text="On created_at, inclusive.")
    end_date = maybe(DateField, help_text="On created_at, inclusive.")
    page = maybe(IntegerField, default=1, min_value=1)
    page_size = maybe(IntegerField, default=100, min_value=1, max_value=200)


class UpdateBody(serializers.Serializer):  # type: ignore[type-arg]
    text = maybe(CharField)
    metadata = maybe(AnyObject, help_text="Replaces the old object.")
    timestamp = maybe(Time, help_text=TIME_HELP)
    expiration_date = maybe(DateField, allow_null=True, help_text="Null clears it.")


class Deleted(serializers.Serializer):  # type: ignore[type-arg]
    message = CharField()
    cascade_count = maybe(IntegerField, help_text="Only with delete_linked=true.")


class DeleteAccepted(serializers.Serializer):  # type: ignore[type-arg]
    message = CharField()
    event_id = UUIDField()


class Cause(serializers.Serializer):  # type: ignore[type-arg]
    """Who or what did it, and what it went by."""

    kind = CharField()
    reason = CharField()
    actor = CharField()
    event_id = nullable(UUIDField)
    message_ids = ListField(child=UUIDField())
    related_memory_id = nullable(UUIDField)
    prompt_version_id = nullable(UUIDField)
    engine = nullable(CharField)
    model = nullable(CharField)


class HistoryEntry(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    memory_id = UUIDField()
    event = ChoiceField(choices=["ADD", "UPDATE", "DELETE"])
    input = ListField(child=AnyObject())
    old_memory = nullable(CharField)
    new_memory = nullable(CharField)
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    run_id = nullable(CharField)
    session_id = nullable(CharField)
    categories = nullable(ListField, child=CharField())
    metadata = nullable(AnyObject)
    created_at = DateTimeField()
    updated_at = DateTimeField()
    cause = Cause()


class MessageFate(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    outcome = ChoiceField(choices=list(MessageOutcome))
    reason = CharField(allow_blank=True)


class PageOfMessage(serializers.Serializer):  # type: ignore[type-arg]
    message = UUIDField()
    attachment = IntegerField(help_text="Which of the message's, from 0.")
    page = IntegerField(help_text="From 1.")


class FactFate(serializers.Serializer):  # type: ignore[type-arg]
    """What became of a fact that the engine proposed."""

    verdict = nullable(CharField, help_text="Null: dropped before it was decided.")
    outcome = ChoiceField(choices=list(Outcome))
    memory_id = nullable(UUIDField)
    target_id = nullable(UUIDField, help_text="The memory that was decided about.")
    reason = CharField(allow_blank=True)
    note = CharField(allow_blank=True)
    messages = ListField(child=UUIDField())
    pages = maybe(
        ListField, child=PageOfMessage(), help_text="Of the documents it rests on."
    )
    left_out = maybe(
        ListField,
        child=CharField(),
        help_text="What the project's ontology has no place for in the graph.",
    )


class Ledger(serializers.Serializer):  # type: ignore[type-arg]
    """Exactly one outcome for each message and each fact; empty until processed."""

    engine = maybe(CharField)
    messages = maybe(ListField, child=MessageFate())
    facts = maybe(ListField, child=FactFate())
    totals = maybe(AnyObject)


class Event(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    event_type = CharField()
    status = ChoiceField(choices=EVENT_STATUSES)
    payload = AnyObject()
    metadata = nullable(AnyObject)
    results = ListField(child=Effect())
    created_at = DateTimeField()
    updated_at = DateTimeField()
    started_at = nullable(DateTimeField)
    completed_at = nullable(DateTimeField)
    latency = nullable(FloatField, help_text="Milliseconds.")
    graph_status = nullable(CharField)
    error = nullable(CharField)
    ledger = nullable(Ledger, help_text="Of an ADD; else null.")


class MemoryPage(serializers.Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(serializers.URLField)
    previous = nullable(serializers.URLField)
    results = ListField(child=Memory())


class EventPage(serializers.Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(serializers.URLField)
    previous = nullable(serializers.URLField)
    results = ListField(child=Event())

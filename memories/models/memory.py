"""The living head of a fact, its immutable versions, and what happened to it.

Four clocks, never one (decision 10): ``created_at`` is the wire's and may be backdated,
``accepted_at`` is when the request came in, ``known_from`` when the platform began to
believe it, ``valid_from`` when it is true in the world.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q

from memories.models.fields import scope_id
from memories.models.ingestion import Operation
from memories.models.prompts import PromptVersion
from memories.models.subjects import Anchor
from memories.types import Aspect, State
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference

CATEGORY_CHARS = 100
RECURS_CHARS = 200
STATES = [(state.value, state.value) for state in State]
ASPECTS = [
    (Aspect.EVENT, "an event"),
    (Aspect.STATE, "a state"),
    (Aspect.PLAN, "a plan"),
    (Aspect.PREFERENCE, "a preference"),
    (Aspect.RELATIONSHIP, "a relationship"),
    (Aspect.ABSENCE, "an absence"),
]


def ends_after_it_begins(model: str) -> models.CheckConstraint:
    """Valid time may be open or empty, never inverted."""
    return models.CheckConstraint(
        condition=Q(valid_to__gte=F("valid_from")), name=f"{model}_ends_after_it_begins"
    )


class FactColumns(models.Model):
    """What a head and each of its versions both carry."""

    text = models.TextField(null=True, help_text="NULL once erased.")
    metadata = models.JSONField(null=True)
    categories = ArrayField(models.CharField(max_length=CATEGORY_CHARS), null=True)
    state = models.CharField(max_length=16, choices=STATES, default=State.ACTIVE)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    valid_precision = models.CharField(max_length=8, null=True)
    recurs = models.CharField(
        max_length=RECURS_CHARS, null=True, help_text="An RRULE, without a start."
    )
    aspect = models.CharField(max_length=16, null=True, choices=ASPECTS)
    expires_on = models.DateField(null=True)
    is_immutable = models.BooleanField(default=False)
    confidence = models.FloatField(default=1.0)
    replaced_by = reference("memories.Memory", null=True)
    created_at = models.DateTimeField()
    known_from = models.DateTimeField()
    vector_number = models.IntegerField(
        default=1, help_text="The version whose vectors stand for this text."
    )

    class Meta:
        abstract = True


class Memory(FactColumns, ProjectModel):
    """The living head of one fact. Only ``store`` writes it."""

    class Kind(models.TextChoices):
        FACT = "fact"
        PROCEDURE = "procedure"
        PATTERN = "pattern"

    class Origin(models.TextChoices):
        INFERRED = "inferred"
        VERBATIM = "verbatim"
        CONSOLE = "console"
        IMPORTED = "imported"
        SYNTHESIZED = "synthesized"

    anchor = reference(Anchor)
    user_id = scope_id()
    agent_id = scope_id()
    app_id = scope_id()
    run_id = scope_id()
    attributed_to = models.CharField(max_length=8, default="user")
    speaker = models.CharField(max_length=256, null=True)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.FACT)
    origin = models.CharField(max_length=16, choices=Origin.choices)
    is_stale_suspect = models.BooleanField(default=False)
    text_hash = models.CharField(max_length=64, null=True)
    language = models.CharField(max_length=16, default="simple")
    tokenizer_version = models.SmallIntegerField(default=1)
    search = SearchVectorField(null=True)
    number = models.IntegerField(default=1, help_text="The current version.")
    accepted_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                # Of the four ids only the run is the memory's own: the anchor is the
                # other three, and together they would not fit an index row.
                fields=["tenant", "anchor", "text_hash", "run_id"],
                nulls_distinct=False,
                condition=Q(state=State.ACTIVE),
                name="memory_said_once",
            ),
            ends_after_it_begins("memory"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                name="memory_newest",
            ),
            models.Index(fields=["tenant", "anchor", "state"], name="memory_anchor"),
            *(
                models.Index(
                    fields=["tenant", "project", f"{kind}_id", "-created_at", "-id"],
                    condition=Q(**{f"{kind}_id__isnull": False}),
                    name=f"memory_of_{kind}",
                )
                for kind in ("user", "agent", "app", "run")
            ),
            # What became of a subject's memories since an instant, and on which days:
            # from the index alone, as far as nothing moved.
            *(
                models.Index(
                    fields=["tenant", "project", f"{kind}_id", "state", "known_from"],
                    include=["id", "number", "accepted_at"],
                    condition=Q(**{f"{kind}_id__isnull": False}),
                    name=f"memory_moved_{kind}",
                )
                for kind in ("user", "agent", "app", "run")
            ),
            models.Index(
                fields=["tenant", "expires_on"],
                condition=Q(expires_on__isnull=False),
                name="memory_expiry",
            ),
            models.Index(
                fields=["tenant", "replaced_by"],
                condition=Q(replaced_by__isnull=False),
                name="memory_successor",
            ),
            # What may no longer be so, until somebody or a model has looked.
            models.Index(
                fields=["tenant", "project", "anchor"],
                condition=Q(is_stale_suspect=True, state=State.ACTIVE),
                name="memory_suspect",
            ),
            models.Index(
                fields=["tenant", "anchor"],
                condition=Q(kind="pattern"),
                name="memory_pattern",
            ),
            # The review queue, oldest first, and how long it is.
            models.Index(
                fields=["tenant", "project", "accepted_at", "id"],
                condition=Q(state=State.QUARANTINED),
                name="memory_waiting",
            ),
        ]


class MemoryVersion(FactColumns, ProjectModel):
    """One immutable snapshot, numbered from 1, with when the platform knew it.

    Append-only by grant: the application may only close ``known_to``, once.
    """

    memory = reference(Memory)
    number = models.IntegerField()
    known_to = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory", "number"], name="version_number"
            ),
            ends_after_it_begins("version"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "replaced_by"],
                condition=Q(replaced_by__isnull=False),
                name="version_successor",
            )
        ]


class MemoryEvent(ProjectModel):
    """What happened to a memory, by whom, and why. Append-only; holds no text.

    ``review`` is there where the memory was to be reviewed: ``store.review.Held``.
    """

    class Kind(models.TextChoices):
        ADD = "ADD"
        UPDATE = "UPDATE"
        DELETE = "DELETE"
        SUPERSEDE = "SUPERSEDE"
        MERGE = "MERGE"
        RETIRE = "RETIRE"
        RESTORE = "RESTORE"
        EXPIRE = "EXPIRE"
        CATEGORIZE = "CATEGORIZE"
        QUARANTINE = "QUARANTINE"
        APPROVE = "APPROVE"
        ARCHIVE = "ARCHIVE"
        SUSPECT = "SUSPECT"
        CONFIRM = "CONFIRM"
        ERASE = "ERASE"

    class ActorKind(models.TextChoices):
        ENGINE = "engine"
        API_KEY = "api_key"
        OPERATOR = "operator"
        SYSTEM = "system"

    memory = reference(Memory)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    old_number = models.IntegerField(null=True)
    new_number = models.IntegerField(null=True)
    related_memory = reference(Memory, null=True)
    actor_kind = models.CharField(max_length=16, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True)
    operation = reference(Operation, null=True)
    message_ids = ArrayField(models.UUIDField(), default=list)
    prompt_version = reference(PromptVersion, null=True)
    engine = models.CharField(max_length=16, null=True)
    model = models.CharField(max_length=200, null=True)
    reason = models.TextField(blank=True, default="")
    review = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "memory", "at", "id"], name="event_of_memory"
            ),
            models.Index(
                fields=["tenant", "related_memory"],
                condition=Q(related_memory__isnull=False),
                name="event_related",
            ),
            models.Index(
                fields=["tenant", "project", "-at", "-id"], name="event_newest"
            ),
            models.Index(fields=["tenant", "operation"], name="event_of_operation"),
        ]


class MemoryUse(ProjectModel):
    """How often a memory was recalled; its own table, so no head is rewritten."""

    memory = reference(Memory)
    uses = models.BigIntegerField(default=0)
    last_used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "memory"], name="use_of_memory")
        ]


class Feedback(ProjectModel):
    """What a key's user thinks of a memory."""

    class Value(models.TextChoices):
        POSITIVE = "POSITIVE"
        NEGATIVE = "NEGATIVE"
        VERY_NEGATIVE = "VERY_NEGATIVE"

    memory = reference(Memory)
    operator_id = models.UUIDField()
    feedback = models.CharField(max_length=16, choices=Value.choices, null=True)
    reason = models.TextField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory", "operator_id"], name="one_feedback"
            )
        ]

"""Every table of what is remembered, behind the walls from the first day."""

from __future__ import annotations

from collections.abc import Mapping

import django.db.models.deletion
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from memories.models.fields import Halfvec
from memplatform.lib import clock, ids
from tenants.tables import APPEND_ONLY, CreateTables, TenantTable

# Rows that others refer to are never removed by the application, only by the named
# functions of 0002 (erasure, purge).
NO_DELETE = ("SELECT", "INSERT", "UPDATE")
VERSION = ("SELECT", "INSERT", "UPDATE (known_to)")
# Texts under retention (decision 9): a trigger of 0002 lets them be emptied, no more.
MESSAGE = ("SELECT", "INSERT", "UPDATE (content, name, attachments)")
LLM_CALL = ("SELECT", "INSERT", "UPDATE (request, reply)")
PROMPT_VERSION = (
    "SELECT",
    "INSERT",
    "UPDATE (is_published, published_at, canary_share)",
)

# What makes an anchor one of a kind, in 32 bytes: an index row holds 2,704, three ids
# up to 3,072. As JSON, an id that is absent is no id's text.
ANCHOR_HASH = """
CREATE FUNCTION memories_anchor_hash(user_id text, agent_id text, app_id text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(to_json(ARRAY[user_id, agent_id, app_id])::text, 'UTF8'))
"""

OPTIONS = {"abstract": False, "base_manager_name": "objects"}
KINDS_OF_SUBJECT = ("user", "agent", "app", "run")
STATES = (
    *("active", "superseded", "merged", "retired", "deleted"),
    *("quarantined", "archived"),
)
UNFINISHED = Q(status__in=("PENDING", "RUNNING"))
STANDS = Q(state="active", known_to=None)


def table(
    name: str, columns: Mapping[str, models.Field], **options: object
) -> migrations.CreateModel:
    """A table of rows that each belong to one project of one tenant."""
    keys = {
        "id": models.UUIDField(
            default=ids.new_id, editable=False, primary_key=True, serialize=False
        ),
        "tenant": reference("tenants.tenant", editable=False),
        "project": reference("tenants.project"),
    }
    fields = [*keys.items(), *columns.items()]
    return migrations.CreateModel(name, fields, {**OPTIONS, **options})


def reference(to: str, **options: object) -> models.ForeignKey:
    """Its constraint, by tenant and project, is TenantTable's."""
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        **options,
    )


def now() -> models.DateTimeField:
    return models.DateTimeField(default=clock.now)


def a_time() -> models.DateTimeField:
    return models.DateTimeField(null=True)


def scope_id() -> models.CharField:
    return models.CharField(max_length=256, null=True, blank=True)


def choices(values: str) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ").title()) for value in values.split()]


def index(name: str, columns: str, **options: object) -> models.Index:
    return models.Index(fields=columns.split(), name=name, **options)


def unique(name: str, columns: str, **options: object) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=columns.split(), name=name, **options)


def ends_after_it_begins(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(valid_to__gte=F("valid_from")), name=f"{name}_ends_after_it_begins"
    )


def fact() -> dict[str, models.Field]:
    """What a memory and each of its versions both carry."""
    return {
        "text": models.TextField(null=True, help_text="NULL once erased."),
        "metadata": models.JSONField(null=True),
        "categories": ArrayField(models.CharField(max_length=100), null=True),
        "state": models.CharField(
            max_length=16,
            default="active",
            choices=[(state, state) for state in STATES],
        ),
        "valid_from": a_time(),
        "valid_to": a_time(),
        "valid_precision": models.CharField(max_length=8, null=True),
        "recurs": models.CharField(
            max_length=200, null=True, help_text="An RRULE, without a start."
        ),
        "aspect": models.CharField(
            max_length=16,
            null=True,
            choices=[
                ("event", "an event"),
                ("state", "a state"),
                ("plan", "a plan"),
                ("preference", "a preference"),
                ("relationship", "a relationship"),
                ("absence", "an absence"),
            ],
        ),
        "expires_on": models.DateField(null=True),
        "is_immutable": models.BooleanField(default=False),
        "confidence": models.FloatField(default=1.0),
        "replaced_by": reference("memories.memory", null=True),
        "created_at": models.DateTimeField(),
        "known_from": models.DateTimeField(),
        "vector_number": models.IntegerField(
            default=1, help_text="The version whose vectors stand for this text."
        ),
    }


TABLES = [
    # Whom memories belong to.
    table(
        "Anchor",
        {
            "user_id": scope_id(),
            "agent_id": scope_id(),
            "app_id": scope_id(),
            "next_seq": models.BigIntegerField(default=0),
            "next_position": models.BigIntegerField(default=0),
            "last_known_at": a_time(),
            "patterns_asked_at": a_time(),
            "created_at": now(),
        },
        indexes=[
            index("anchor_user", "tenant project user_id"),
            index("anchor_agent", "tenant project agent_id"),
            index("anchor_app", "tenant project app_id"),
        ],
        constraints=[
            models.UniqueConstraint(
                "tenant",
                "project",
                models.Func(
                    "user_id",
                    "agent_id",
                    "app_id",
                    function="memories_anchor_hash",
                    output_field=models.BinaryField(),
                ),
                name="anchor_key",
            )
        ],
    ),
    table(
        "Subject",
        {
            "kind": models.CharField(
                max_length=8, choices=choices("user agent app run")
            ),
            "external_id": models.CharField(max_length=256),
            "display_name": models.CharField(max_length=256, null=True),
            "metadata": models.JSONField(null=True),
            "declared_at": a_time(),
            "memory_count": models.BigIntegerField(default=0),
            "expiring_count": models.BigIntegerField(default=0),
            "created_at": now(),
            "last_active_at": now(),
        },
        indexes=[index("subject_newest", "tenant project -last_active_at -id")],
        constraints=[unique("subject_name", "tenant project kind external_id")],
    ),
    # What models are asked with, and which.
    table(
        "PromptTemplate",
        {
            "purpose": models.CharField(max_length=32),
            "name": models.CharField(max_length=200),
            "created_at": now(),
        },
        constraints=[unique("template_purpose", "tenant project purpose")],
    ),
    table(
        "PromptVersion",
        {
            "template": reference("memories.prompttemplate"),
            "number": models.IntegerField(),
            "text": models.TextField(),
            "parts": models.JSONField(default=dict),
            "text_hash": models.CharField(max_length=64),
            "is_shipped": models.BooleanField(default=False),
            "is_published": models.BooleanField(default=False),
            "canary_share": models.FloatField(default=0.0),
            "published_at": a_time(),
            "note": models.CharField(
                max_length=300, blank=True, default="", db_default=""
            ),
            "author_id": models.UUIDField(null=True),
            "created_at": now(),
        },
        constraints=[
            unique("prompt_number", "tenant template number"),
            unique(
                "one_published_prompt",
                "tenant template",
                condition=Q(is_published=True),
            ),
        ],
    ),
    table(
        "PromptDraft",
        {
            "template": reference("memories.prompttemplate"),
            "text": models.TextField(),
            "text_hash": models.CharField(max_length=64),
            "note": models.CharField(max_length=300, blank=True, default=""),
            "based_on": reference("memories.promptversion", null=True),
            "author_id": models.UUIDField(null=True),
            "updated_at": now(),
        },
        constraints=[unique("draft_of_template", "tenant template")],
    ),
    table(
        "ProviderConfig",
        {
            "kind": models.CharField(
                max_length=16, choices=choices("chat embedding rerank")
            ),
            "base_url": models.URLField(max_length=500),
            "model": models.CharField(max_length=200),
            "api_key_encrypted": models.TextField(blank=True, default=""),
            "options": models.JSONField(default=dict),
            "prompt_price": models.DecimalField(
                null=True, max_digits=18, decimal_places=10
            ),
            "completion_price": models.DecimalField(
                null=True, max_digits=18, decimal_places=10
            ),
            "created_at": now(),
            "updated_at": now(),
        },
        constraints=[unique("one_provider_of_a_kind", "tenant project kind")],
    ),
    table(
        "EmbeddingSpace",
        {
            "provider": models.CharField(max_length=64),
            "model": models.CharField(max_length=200),
            "dimension": models.IntegerField(),
            "fingerprint": models.CharField(max_length=64, blank=True, default=""),
            "base_url": models.CharField(
                max_length=500,
                blank=True,
                default="",
                help_text="Blank is the platform's.",
            ),
            "api_key_encrypted": models.TextField(blank=True, default=""),
            "state": models.CharField(
                max_length=16, choices=choices("building active retired")
            ),
            "progress_id": models.UUIDField(
                null=True, help_text="The last memory re-embedded while building."
            ),
            "message_progress_id": models.UUIDField(
                null=True, help_text="The last message re-embedded while building."
            ),
            "created_at": now(),
            "activated_at": a_time(),
        },
        constraints=[
            unique("space_key", "tenant project provider model dimension fingerprint"),
            unique("one_active_space", "tenant project", condition=Q(state="active")),
        ],
    ),
    # What was asked, what it brought, and what models were asked for it.
    table(
        "Operation",
        {
            "kind": models.CharField(
                max_length=16,
                choices=choices(
                    "ADD SEARCH UPDATE DELETE DELETE_ALL DELETE_USER RESTORE GET "
                    "GET_ALL EXPORT IMPORT REEMBED PROFILE REPLAY ARCHIVE "
                    "SYNTHESIZE"
                ),
            ),
            "status": models.CharField(
                max_length=16,
                default="PENDING",
                choices=choices("PENDING RUNNING SUCCEEDED FAILED"),
            ),
            "user_id": scope_id(),
            "agent_id": scope_id(),
            "app_id": scope_id(),
            "run_id": scope_id(),
            "anchor": reference("memories.anchor", null=True),
            "seq": models.BigIntegerField(null=True),
            "payload": models.JSONField(default=dict),
            "results": models.JSONField(default=list),
            "attempts": models.IntegerField(default=0),
            "lease_until": a_time(),
            "lease_token": models.BigIntegerField(default=0),
            "woken_at": a_time(),
            "next_attempt_at": a_time(),
            "error_code": models.CharField(max_length=64, null=True),
            "error": models.TextField(null=True),
            "request_id": models.CharField(max_length=64, blank=True, default=""),
            "api_key_id": models.UUIDField(null=True),
            "operator_id": models.UUIDField(null=True),
            "created_at": now(),
            "started_at": a_time(),
            "completed_at": a_time(),
            "updated_at": now(),
            "latency_ms": models.FloatField(null=True),
        },
        indexes=[
            index("operation_newest", "tenant project -created_at -id"),
            index("operation_queue", "tenant anchor seq", condition=UNFINISHED),
            index("operation_due", "woken_at", condition=UNFINISHED),
            index(
                "search_kept",
                "tenant project created_at",
                condition=Q(kind="SEARCH") & ~Q(payload={}),
            ),
            index(
                "search_traced",
                "tenant project -created_at -id",
                condition=Q(kind="SEARCH", payload__has_key="trace"),
            ),
            index(
                "restore_newest",
                "tenant project -created_at -id",
                condition=Q(kind="RESTORE"),
            ),
            index(
                "add_newest",
                "tenant project -created_at -id",
                condition=Q(kind="ADD"),
            ),
            index(
                "add_of_anchor",
                "tenant anchor -created_at -id",
                condition=Q(kind="ADD"),
            ),
            index(
                "add_again",
                "tenant anchor created_at",
                condition=Q(kind="ADD", payload__has_key="reprocess_of"),
            ),
            index(
                "add_of_run",
                "tenant project run_id -created_at -id",
                condition=Q(kind="ADD", run_id__isnull=False),
            ),
            index(
                "add_failed",
                "tenant project -created_at -id",
                condition=Q(kind="ADD", status="FAILED"),
            ),
        ],
    ),
    table(
        "Ingestion",
        {
            "operation": reference("memories.operation"),
            "anchor": reference("memories.anchor"),
            "infer": models.BooleanField(default=True),
            "engine": models.CharField(max_length=16, null=True),
            "memory_type": models.CharField(max_length=16, default="fact"),
            "options": models.JSONField(default=dict),
            "metadata": models.JSONField(null=True),
            "session_key": models.CharField(max_length=300, null=True),
            "ledger": models.JSONField(default=dict),
            "prompt_tokens": models.IntegerField(default=0),
            "completion_tokens": models.IntegerField(default=0),
            "model_calls": models.IntegerField(default=0),
            "accepted_at": now(),
        },
        constraints=[unique("ingestion_of_operation", "tenant operation")],
    ),
    table(
        "Message",
        {
            "ingestion": reference("memories.ingestion"),
            "anchor": reference("memories.anchor"),
            "run_id": scope_id(),
            "position": models.BigIntegerField(),
            "session_key": models.CharField(max_length=300, null=True),
            "role": models.CharField(max_length=16),
            "name": models.CharField(max_length=256, null=True),
            "content": models.TextField(null=True),
            "attachments": models.JSONField(null=True),
            "sent_at": models.DateTimeField(),
            "utc_offset": models.SmallIntegerField(
                null=True,
                help_text="Minutes, as sent_at was given; NULL: none but UTC.",
            ),
            "created_at": now(),
        },
        indexes=[
            index("message_of_ingestion", "tenant ingestion"),
            index(
                "message_kept",
                "tenant project created_at",
                condition=Q(content__isnull=False),
            ),
        ],
        constraints=[unique("message_position", "tenant anchor position")],
    ),
    table(
        "Attachment",
        {
            "ingestion": reference("memories.ingestion"),
            "position": models.BigIntegerField(
                help_text="Of its message in the anchor."
            ),
            "number": models.IntegerField(
                help_text="Its place among those of its message."
            ),
            "part": models.IntegerField(
                null=True, help_text="Its place in a list of parts."
            ),
            "kind": models.CharField(max_length=16),
            "url": models.TextField(null=True),
            "data": models.BinaryField(null=True),
            "media_type": models.CharField(max_length=64, null=True),
            "size": models.BigIntegerField(null=True, help_text="Bytes."),
            "sha256": models.CharField(max_length=64, null=True),
            "pages": models.JSONField(null=True),
            "created_at": now(),
            "read_at": a_time(),
        },
        constraints=[unique("attachment_number", "tenant ingestion position number")],
    ),
    table(
        "ConversationSummary",
        {
            "anchor": reference("memories.anchor"),
            "text": models.TextField(null=True),
            "upto_position": models.BigIntegerField(default=-1),
            "model": models.CharField(max_length=200, null=True),
            "updated_at": now(),
        },
        constraints=[unique("summary_of_anchor", "tenant anchor")],
    ),
    table(
        "LlmCall",
        {
            "operation": reference("memories.operation", null=True),
            "purpose": models.CharField(max_length=32),
            "provider": models.CharField(max_length=64),
            "model": models.CharField(max_length=200),
            "prompt_version": reference("memories.promptversion", null=True),
            "prompt_tokens": models.IntegerField(default=0),
            "completion_tokens": models.IntegerField(default=0),
            "cost": models.DecimalField(null=True, max_digits=18, decimal_places=8),
            "latency_ms": models.FloatField(default=0),
            "outcome": models.CharField(max_length=32),
            "error": models.TextField(blank=True, default=""),
            "request": models.JSONField(null=True),
            "reply": models.TextField(null=True),
            "created_at": now(),
        },
        indexes=[
            index("call_of_operation", "tenant operation"),
            index("call_newest", "tenant project -created_at"),
            index(
                "call_kept",
                "tenant project created_at",
                condition=Q(request__isnull=False) | Q(reply__isnull=False),
            ),
        ],
    ),
    table(
        "DeleteBarrier",
        {
            "operation": reference("memories.operation", null=True),
            "pattern": models.JSONField(),
            "accepted_at": models.DateTimeField(),
        },
        indexes=[index("barrier_newest", "tenant project accepted_at")],
    ),
    table(
        "IdempotencyRecord",
        {
            "api_key_id": models.UUIDField(),
            "key": models.CharField(max_length=255),
            "body_hash": models.CharField(max_length=64),
            "status_code": models.SmallIntegerField(null=True),
            "answer": models.JSONField(null=True),
            "operation": reference("memories.operation", null=True),
            "created_at": now(),
        },
        constraints=[unique("idempotency_key", "tenant api_key_id key")],
    ),
    table(
        "PromptTrial",
        {
            "operation": reference("memories.operation"),
            "ingestion": reference("memories.ingestion"),
            "prompt_version": reference("memories.promptversion"),
            "position": models.IntegerField(),
            "outcome": models.CharField(
                max_length=16,
                default="waiting",
                choices=[
                    ("waiting", "Waiting"),
                    ("same", "Same"),
                    ("reworded", "Reworded"),
                    ("changed", "Changed"),
                    ("new", "New"),
                    ("gone", "Gone"),
                    ("failed", "the model failed"),
                    ("unread", "its messages are no longer kept"),
                    ("erased", "Erased"),
                ],
            ),
            "decisions": models.JSONField(null=True),
            "counts": models.JSONField(default=dict),
            "error_code": models.CharField(max_length=64, null=True),
            "prompt_tokens": models.IntegerField(default=0),
            "completion_tokens": models.IntegerField(default=0),
            "cost": models.DecimalField(null=True, max_digits=18, decimal_places=8),
            "latency_ms": models.FloatField(null=True),
            "created_at": now(),
        },
        indexes=[
            index("trial_of_ingestion", "tenant ingestion"),
            index(
                "trial_kept",
                "tenant project created_at",
                condition=Q(decisions__isnull=False),
            ),
        ],
        constraints=[unique("trial_position", "tenant operation position")],
    ),
    # What is remembered, and what became of it.
    table(
        "Memory",
        {
            **fact(),
            "anchor": reference("memories.anchor"),
            "user_id": scope_id(),
            "agent_id": scope_id(),
            "app_id": scope_id(),
            "run_id": scope_id(),
            "attributed_to": models.CharField(max_length=8, default="user"),
            "speaker": models.CharField(max_length=256, null=True),
            "kind": models.CharField(
                max_length=16,
                default="fact",
                choices=choices("fact procedure pattern"),
            ),
            "origin": models.CharField(
                max_length=16,
                choices=choices("inferred verbatim console imported synthesized"),
            ),
            "is_stale_suspect": models.BooleanField(default=False),
            "text_hash": models.CharField(max_length=64, null=True),
            "language": models.CharField(max_length=16, default="simple"),
            "tokenizer_version": models.SmallIntegerField(default=1),
            "search": SearchVectorField(null=True),
            "number": models.IntegerField(default=1, help_text="The current version."),
            "accepted_at": models.DateTimeField(),
            "updated_at": models.DateTimeField(),
        },
        indexes=[
            index("memory_newest", "tenant project -created_at -id"),
            index("memory_anchor", "tenant anchor state"),
            *(
                index(
                    f"memory_of_{kind}",
                    f"tenant project {kind}_id -created_at -id",
                    condition=Q(**{f"{kind}_id__isnull": False}),
                )
                for kind in KINDS_OF_SUBJECT
            ),
            *(
                index(
                    f"memory_moved_{kind}",
                    f"tenant project {kind}_id state known_from",
                    condition=Q(**{f"{kind}_id__isnull": False}),
                    include=["id", "number", "accepted_at"],
                )
                for kind in KINDS_OF_SUBJECT
            ),
            index(
                "memory_expiry",
                "tenant expires_on",
                condition=Q(expires_on__isnull=False),
            ),
            index(
                "memory_successor",
                "tenant replaced_by",
                condition=Q(replaced_by__isnull=False),
            ),
            index(
                "memory_suspect",
                "tenant project anchor",
                condition=Q(is_stale_suspect=True, state="active"),
            ),
            index("memory_pattern", "tenant anchor", condition=Q(kind="pattern")),
            index(
                "memory_waiting",
                "tenant project accepted_at id",
                condition=Q(state="quarantined"),
            ),
        ],
        constraints=[
            unique(
                "memory_said_once",
                "tenant anchor text_hash run_id",
                condition=Q(state="active"),
                nulls_distinct=False,
            ),
            ends_after_it_begins("memory"),
        ],
    ),
    table(
        "MemoryVersion",
        {
            **fact(),
            "memory": reference("memories.memory"),
            "number": models.IntegerField(),
            "known_to": a_time(),
        },
        indexes=[
            index(
                "version_successor",
                "tenant replaced_by",
                condition=Q(replaced_by__isnull=False),
            )
        ],
        constraints=[
            unique("version_number", "tenant memory number"),
            ends_after_it_begins("version"),
        ],
    ),
    table(
        "MemoryEvent",
        {
            "memory": reference("memories.memory"),
            "kind": models.CharField(
                max_length=16,
                choices=choices(
                    "ADD UPDATE DELETE SUPERSEDE MERGE RETIRE RESTORE EXPIRE "
                    "CATEGORIZE QUARANTINE APPROVE ARCHIVE SUSPECT CONFIRM ERASE"
                ),
            ),
            "old_number": models.IntegerField(null=True),
            "new_number": models.IntegerField(null=True),
            "related_memory": reference("memories.memory", null=True),
            "actor_kind": models.CharField(
                max_length=16, choices=choices("engine api_key operator system")
            ),
            "actor_id": models.UUIDField(null=True),
            "operation": reference("memories.operation", null=True),
            "message_ids": ArrayField(models.UUIDField(), default=list),
            "prompt_version": reference("memories.promptversion", null=True),
            "engine": models.CharField(max_length=16, null=True),
            "model": models.CharField(max_length=200, null=True),
            "reason": models.TextField(blank=True, default=""),
            "review": models.JSONField(null=True),
            "at": models.DateTimeField(),
        },
        indexes=[
            index("event_of_memory", "tenant memory at id"),
            index(
                "event_related",
                "tenant related_memory",
                condition=Q(related_memory__isnull=False),
            ),
            index("event_newest", "tenant project -at -id"),
            index("event_of_operation", "tenant operation"),
        ],
    ),
    table(
        "MemoryUse",
        {
            "memory": reference("memories.memory"),
            "uses": models.BigIntegerField(default=0),
            "last_used_at": a_time(),
        },
        constraints=[unique("use_of_memory", "tenant memory")],
    ),
    table(
        "Feedback",
        {
            "memory": reference("memories.memory"),
            "operator_id": models.UUIDField(),
            "feedback": models.CharField(
                max_length=16,
                null=True,
                choices=choices("POSITIVE NEGATIVE VERY_NEGATIVE"),
            ),
            "reason": models.TextField(null=True),
            "created_at": now(),
            "updated_at": now(),
        },
        constraints=[unique("one_feedback", "tenant memory operator_id")],
    ),
    # What memories and messages are found by.
    table(
        "MemoryVector",
        {
            "anchor": reference("memories.anchor"),
            "space": reference("memories.embeddingspace"),
            "memory": reference("memories.memory"),
            "number": models.IntegerField(),
            "chunk_no": models.SmallIntegerField(default=0),
            "state": models.CharField(max_length=16, default="active"),
            "expires_on": models.DateField(null=True),
            "embedding": Halfvec(),
        },
        indexes=[
            index("vector_scan", "tenant anchor space state"),
            index(
                "vector_chunks",
                "tenant anchor space chunk_no",
                condition=Q(chunk_no__gt=0),
            ),
        ],
        constraints=[unique("vector_key", "tenant memory number space chunk_no")],
    ),
    table(
        "MessageVector",
        {
            "anchor": reference("memories.anchor"),
            "space": reference("memories.embeddingspace"),
            "message": reference("memories.message"),
            "position": models.BigIntegerField(),
            "session": models.BigIntegerField(),
            "search": SearchVectorField(null=True),
            "embedding": Halfvec(),
        },
        indexes=[index("message_neighbours", "tenant anchor space session position")],
        constraints=[unique("vector_of_message", "tenant message space")],
    ),
    table(
        "ScopeIndex",
        {
            "anchor": reference("memories.anchor"),
            "space": reference("memories.embeddingspace"),
            "of": models.CharField(
                max_length=16, choices=choices("memories messages words")
            ),
            "state": models.CharField(
                max_length=16, choices=choices("building ready failed")
            ),
            "vectors": models.BigIntegerField(),
            "error": models.CharField(max_length=200, blank=True, default=""),
            "created_at": now(),
            "updated_at": now(),
        },
        constraints=[unique("one_scope_index", "tenant anchor space of")],
    ),
    # What memories rest on, and what is made of them.
    table(
        "MemorySource",
        {
            "anchor": reference("memories.anchor"),
            "memory": reference("memories.memory"),
            "message": reference("memories.message"),
        },
        indexes=[
            index("source_of_anchor", "tenant anchor"),
            index("source_of_message", "tenant message"),
        ],
        constraints=[unique("source_once", "tenant memory message")],
    ),
    table(
        "Confirmation",
        {
            "memory": reference("memories.memory"),
            "operation": reference("memories.operation", null=True),
            "at": now(),
        },
        indexes=[index("confirmation_newest", "tenant memory at")],
        constraints=[unique("confirmed_once", "tenant memory operation")],
    ),
    table(
        "PatternSource",
        {
            "pattern": reference("memories.memory"),
            "number": models.IntegerField(),
            "source": reference("memories.memory"),
            "wording": models.IntegerField(),
        },
        indexes=[index("pattern_of_source", "tenant source")],
        constraints=[unique("pattern_source_once", "tenant pattern number source")],
    ),
    table(
        "Uncategorized",
        {
            "memory": reference("memories.memory"),
            "operation": reference("memories.operation", null=True),
            "attempts": models.IntegerField(default=0),
            "due_at": now(),
            "lease_until": a_time(),
        },
        indexes=[index("uncategorized_due", "due_at")],
        constraints=[unique("uncategorized_memory", "tenant memory")],
    ),
    table(
        "Profile",
        {
            "user_id": models.CharField(max_length=256),
            "operation": reference("memories.operation", null=True),
            "asked_at": models.DateTimeField(),
            "outcome": models.CharField(
                max_length=20,
                null=True,
                choices=choices("succeeded failed insufficient_data"),
            ),
            "data": models.JSONField(default=dict),
            "sources": models.JSONField(default=dict),
            "generation_count": models.IntegerField(default=0),
            "memories_read": models.IntegerField(default=0),
            "engine": models.CharField(max_length=16, null=True),
            "model": models.CharField(max_length=200, null=True),
            "prompt_version": reference("memories.promptversion", null=True),
            "schema_hash": models.CharField(max_length=64, null=True),
            "error_code": models.CharField(max_length=64, null=True),
            "error": models.TextField(blank=True, default=""),
            "read_at": a_time(),
            "updated_at": a_time(),
        },
        constraints=[unique("profile_of_user", "tenant project user_id")],
    ),
    # The graph.
    table(
        "Entity",
        {
            "anchor": reference("memories.anchor"),
            "name": models.CharField(max_length=300),
            "normalized": models.CharField(max_length=300),
            "type": models.CharField(max_length=64),
            "qualifier": models.CharField(
                max_length=64, blank=True, default="", db_default=""
            ),
            "keys": ArrayField(
                models.CharField(max_length=64), default=list, db_default=[]
            ),
            "aliases": ArrayField(models.CharField(max_length=300), default=list),
            "space": reference("memories.embeddingspace", null=True),
            "embedding": Halfvec(null=True),
            "state": models.CharField(max_length=16, default="active"),
            "merged_into": reference("memories.entity", null=True),
            "mention_count": models.IntegerField(default=0),
            "created_at": now(),
            "known_from": models.DateTimeField(),
            "known_to": a_time(),
        },
        indexes=[index("entity_named", "tenant anchor normalized")],
        constraints=[
            unique(
                "entity_name",
                "tenant project anchor normalized type qualifier",
                condition=Q(state="active"),
            )
        ],
    ),
    table(
        "EntityMerge",
        {
            "anchor": reference("memories.anchor"),
            "kept": reference("memories.entity"),
            "absorbed": reference("memories.entity"),
            "decided_by": models.CharField(
                max_length=8, choices=choices("rule model operator")
            ),
            "score": models.FloatField(default=1.0),
            "evidence": models.JSONField(default=dict),
            "actor_kind": models.CharField(max_length=16),
            "actor_id": models.UUIDField(null=True),
            "at": models.DateTimeField(),
            "undone_at": a_time(),
            "undone_by": models.UUIDField(null=True),
        },
        indexes=[
            index("merge_kept", "tenant kept"),
            index("merge_of_anchor", "tenant anchor"),
        ],
        constraints=[
            unique("merged_into_one", "tenant absorbed", condition=Q(undone_at=None))
        ],
    ),
    table(
        "Relation",
        {
            "anchor": reference("memories.anchor"),
            "source": reference("memories.entity"),
            "target": reference("memories.entity"),
            "source_said": models.UUIDField(),
            "target_said": models.UUIDField(),
            "type": models.CharField(max_length=64),
            "is_single": models.BooleanField(
                default=False,
                db_default=False,
                help_text="One at a time of its subject.",
            ),
            "fact": models.TextField(null=True),
            "space": reference("memories.embeddingspace", null=True),
            "embedding": Halfvec(null=True),
            "state": models.CharField(max_length=16, default="active"),
            "confidence": models.FloatField(default=1.0),
            "valid_from": a_time(),
            "valid_to": a_time(),
            "known_from": models.DateTimeField(),
            "known_to": a_time(),
            "valid_precision": models.CharField(max_length=8, null=True),
            "replaced_by": reference("memories.relation", null=True),
            "archived_at": a_time(),
        },
        indexes=[
            index("relation_out", "tenant source"),
            index("relation_in", "tenant target"),
            index("relation_anchor", "tenant anchor state"),
            index("relation_stands_out", "tenant source type", condition=STANDS),
            index("relation_stands_in", "tenant target type", condition=STANDS),
            index(
                "relation_successor",
                "tenant replaced_by",
                condition=Q(replaced_by__isnull=False),
            ),
            index(
                "relation_over",
                "tenant project known_to valid_to",
                condition=Q(archived_at=None) & ~STANDS,
            ),
        ],
        constraints=[ends_after_it_begins("relation")],
    ),
    table(
        "RelationSupport",
        {
            "relation": reference("memories.relation"),
            "memory": reference("memories.memory"),
            "number": models.IntegerField(),
            "created_at": now(),
        },
        indexes=[index("support_memory", "tenant memory")],
        constraints=[unique("relation_support", "tenant relation memory number")],
    ),
    table(
        "Mention",
        {
            "entity": reference("memories.entity"),
            "said": models.UUIDField(),
            "memory": reference("memories.memory"),
            "created_at": now(),
        },
        indexes=[
            index("mention_memory", "tenant memory"),
            index("mention_entity", "tenant entity memory"),
        ],
        constraints=[unique("mention_once", "tenant said memory")],
    ),
    # What is taken out and brought in.
    table(
        "Export",
        {
            "operation": reference("memories.operation", null=True),
            "kind": models.CharField(
                max_length=8, default="schema", db_default="schema"
            ),
            "schema": models.JSONField(null=True),
            "filters": models.JSONField(null=True),
            "narrowed_to": models.JSONField(null=True),
            "subject_kind": models.CharField(max_length=8, null=True),
            "subject_name": models.CharField(max_length=256, null=True),
            "instructions": models.TextField(blank=True, default=""),
            "status": models.CharField(max_length=16, default="pending"),
            "made_by": models.CharField(
                max_length=8, null=True, help_text="model or rules"
            ),
            "data": models.JSONField(null=True),
            "error": models.TextField(blank=True, default=""),
            "cursor": models.JSONField(null=True),
            "counts": models.JSONField(null=True),
            "total": models.BigIntegerField(default=0, db_default=0),
            "size_bytes": models.BigIntegerField(default=0, db_default=0),
            "created_at": now(),
            "completed_at": a_time(),
        },
        indexes=[index("export_newest", "tenant project -created_at")],
    ),
    table(
        "ExportChunk",
        {
            "export": reference("memories.export"),
            "number": models.IntegerField(),
            "content": models.TextField(),
        },
        constraints=[unique("export_chunk", "tenant export number")],
    ),
    table(
        "Import",
        {
            "operation": reference("memories.operation", null=True),
            "status": models.CharField(max_length=16, default="uploading"),
            "format": models.CharField(max_length=16),
            "scope": models.JSONField(default=dict),
            "fingerprint": models.CharField(max_length=64, null=True),
            "size_bytes": models.BigIntegerField(default=0),
            "read_bytes": models.BigIntegerField(default=0),
            "done": models.BigIntegerField(default=0),
            "added": models.BigIntegerField(default=0),
            "known": models.BigIntegerField(default=0),
            "refused": models.BigIntegerField(default=0),
            "problems": models.JSONField(default=list),
            "is_to_forget": models.BooleanField(
                default=False,
                help_text="An erasure came by: nothing of the file may stay.",
            ),
            "created_at": now(),
            "completed_at": a_time(),
        },
        indexes=[index("import_newest", "tenant project -created_at")],
    ),
    table(
        "ImportChunk",
        {
            "upload": reference("memories.import"),
            "number": models.IntegerField(),
            "content": models.BinaryField(),
        },
        constraints=[unique("import_chunk", "tenant upload number")],
    ),
    # A project's own questions.
    table(
        "GoldenSet",
        {
            "name": models.CharField(max_length=200),
            "questions": models.JSONField(default=list),
            "every_hours": models.IntegerField(default=0),
            "tolerance": models.FloatField(default=0.02),
            "next_run_at": a_time(),
            "state": models.CharField(
                max_length=8,
                default="new",
                choices=[
                    ("new", "not asked yet"),
                    ("good", "as accepted"),
                    ("below", "below what was accepted"),
                    ("failed", "the last run failed"),
                ],
            ),
            "author_id": models.UUIDField(null=True),
            "created_at": now(),
            "updated_at": now(),
        },
        indexes=[
            index(
                "golden_set_due",
                "next_run_at",
                condition=Q(next_run_at__isnull=False),
            )
        ],
        constraints=[unique("golden_set_name", "tenant project name")],
    ),
    table(
        "GoldenRun",
        {
            "golden_set": reference("memories.goldenset"),
            "figures": models.JSONField(default=dict),
            "answers": models.JSONField(default=list),
            "below": models.JSONField(default=list),
            "error": models.CharField(max_length=500, blank=True, default=""),
            "is_accepted": models.BooleanField(default=False),
            "started_at": now(),
            "created_at": now(),
        },
        indexes=[index("golden_run_newest", "tenant golden_set -created_at -id")],
        constraints=[
            unique(
                "one_accepted_run",
                "tenant golden_set",
                condition=Q(is_accepted=True),
            )
        ],
    ),
    # What others are told.
    table(
        "Outbox",
        {
            "topic": models.CharField(max_length=64),
            "payload": models.JSONField(default=dict),
            "created_at": now(),
            "handled_at": a_time(),
        },
        indexes=[
            index("outbox_waiting", "created_at", condition=Q(handled_at__isnull=True)),
            models.Index(
                F("tenant"),
                Cast(KeyTextTransform("memory_id", "payload"), models.UUIDField()),
                name="outbox_of_memory",
            ),
        ],
    ),
    table(
        "Webhook",
        {
            "name": models.CharField(max_length=200),
            "url": models.URLField(max_length=2000),
            "event_types": ArrayField(models.CharField(max_length=64)),
            "secret_encrypted": models.TextField(blank=True, default=""),
            "previous_secret_encrypted": models.TextField(
                blank=True, default="", db_default=""
            ),
            "previous_secret_until": a_time(),
            "owner_id": models.UUIDField(null=True),
            "is_active": models.BooleanField(default=True),
            "disabled_reason": models.TextField(blank=True, default=""),
            "disabled_at": a_time(),
            "failures": models.IntegerField(default=0, db_default=0),
            "failing_since": a_time(),
            "last_success_at": a_time(),
            "paused_until": a_time(),
            "woken_at": a_time(),
            "created_at": now(),
            "updated_at": now(),
        },
    ),
    table(
        "Delivery",
        {
            "webhook": reference("memories.webhook"),
            "outbox": reference("memories.outbox", null=True),
            "event_type": models.CharField(max_length=64),
            "url": models.URLField(
                max_length=2000, blank=True, default="", db_default=""
            ),
            "request_headers": models.JSONField(null=True),
            "body": models.JSONField(null=True),
            "status": models.CharField(
                max_length=16,
                default="pending",
                choices=choices("pending delivered failed cancelled"),
            ),
            "attempts": models.IntegerField(default=0),
            "attempt_log": models.JSONField(default=list, db_default=[]),
            "next_attempt_at": a_time(),
            "give_up_at": a_time(),
            "lease_until": a_time(),
            "response_status": models.IntegerField(null=True),
            "response_body": models.TextField(null=True),
            "error": models.TextField(blank=True, default=""),
            "created_at": now(),
            "delivered_at": a_time(),
        },
        indexes=[
            index(
                "delivery_due",
                "tenant webhook next_attempt_at",
                condition=Q(status="pending"),
            ),
            index("delivery_newest", "tenant webhook -created_at"),
            index("delivery_of_outbox", "tenant outbox"),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True

    dependencies = [("tenants", "0002_grant_framework_tables")]

    operations = [
        migrations.RunSQL(ANCHOR_HASH, "DROP FUNCTION memories_anchor_hash"),
        CreateTables(TABLES),
        # Parents before children: a composite reference needs its target's key.
        TenantTable("Anchor", grants=NO_DELETE, is_parent=True),
        TenantTable("Subject", grants=NO_DELETE),
        TenantTable("PromptTemplate", grants=NO_DELETE, is_parent=True),
        TenantTable("PromptVersion", grants=PROMPT_VERSION, is_parent=True),
        TenantTable("PromptDraft", goes_with=["template", "based_on"]),
        TenantTable("ProviderConfig"),
        TenantTable("EmbeddingSpace", grants=NO_DELETE, is_parent=True),
        TenantTable("Operation", grants=NO_DELETE, is_parent=True),
        TenantTable("Ingestion", grants=NO_DELETE, is_parent=True),
        TenantTable("Message", grants=MESSAGE, is_parent=True),
        TenantTable("Attachment", goes_with=["ingestion"]),
        TenantTable("ConversationSummary"),
        TenantTable("LlmCall", grants=LLM_CALL),
        TenantTable("DeleteBarrier", grants=APPEND_ONLY),
        TenantTable("IdempotencyRecord"),
        TenantTable(
            "PromptTrial", goes_with=["operation", "ingestion", "prompt_version"]
        ),
        TenantTable("Memory", grants=NO_DELETE, is_parent=True),
        TenantTable("MemoryVersion", grants=VERSION),
        TenantTable("MemoryEvent", grants=APPEND_ONLY),
        TenantTable("MemoryUse"),
        TenantTable("Feedback"),
        TenantTable("MemoryVector"),
        TenantTable("MessageVector", goes_with=["message"]),
        TenantTable("ScopeIndex", goes_with=["anchor", "space"]),
        TenantTable("MemorySource", goes_with=["memory", "message"]),
        TenantTable("Confirmation", goes_with=["memory"]),
        TenantTable("PatternSource", goes_with=["pattern", "source"]),
        TenantTable("Uncategorized", goes_with=["memory", "operation"]),
        TenantTable("Profile"),
        TenantTable("Entity", grants=NO_DELETE, is_parent=True),
        TenantTable("EntityMerge", grants=NO_DELETE, goes_with=["kept", "absorbed"]),
        TenantTable("Relation", grants=NO_DELETE, is_parent=True),
        TenantTable("RelationSupport"),
        TenantTable("Mention"),
        TenantTable("Export", is_parent=True),
        TenantTable("ExportChunk"),
        TenantTable("Import", is_parent=True),
        TenantTable("ImportChunk"),
        TenantTable("GoldenSet", is_parent=True),
        TenantTable("GoldenRun", goes_with=["golden_set"]),
        TenantTable("Outbox", is_parent=True),
        TenantTable("Webhook", is_parent=True),
        TenantTable("Delivery"),
    ]

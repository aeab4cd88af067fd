"""Providers, embedding spaces, and the vectors that stand for versions."""

from __future__ import annotations

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q

from memories.models.fields import Halfvec
from memories.models.subjects import Anchor
from memories.types import State
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class ProviderConfig(ProjectModel):
    """A project's model endpoint; the key is encrypted at rest."""

    class Kind(models.TextChoices):
        CHAT = "chat"
        EMBEDDING = "embedding"
        RERANK = "rerank"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    base_url = models.URLField(max_length=500)
    model = models.CharField(max_length=200)
    api_key_encrypted = models.TextField(blank=True, default="")
    options = models.JSONField(default=dict)
    prompt_price = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    completion_price = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "kind"], name="one_provider_of_a_kind"
            )
        ]


class EmbeddingSpace(ProjectModel):
    """What makes vectors comparable. One is active: reads use it.

    A building space is being filled in the background and is written to beside the
    active one; a retired one is kept, so that a switch has a way back.
    """

    class State(models.TextChoices):
        BUILDING = "building"
        ACTIVE = "active"
        RETIRED = "retired"

    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    dimension = models.IntegerField()
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    base_url = models.CharField(
        max_length=500, blank=True, default="", help_text="Blank is the platform's."
    )
    api_key_encrypted = models.TextField(blank=True, default="")
    state = models.CharField(max_length=16, choices=State.choices)
    progress_id = models.UUIDField(
        null=True, help_text="The last memory re-embedded while building."
    )
    message_progress_id = models.UUIDField(
        null=True, help_text="The last message re-embedded while building."
    )
    created_at = models.DateTimeField(default=clock.now)
    activated_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "tenant",
                    "project",
                    "provider",
                    "model",
                    "dimension",
                    "fingerprint",
                ],
                name="space_key",
            ),
            models.UniqueConstraint(
                fields=["tenant", "project"],
                condition=Q(state="active"),
                name="one_active_space",
            ),
        ]


class MemoryVector(ProjectModel):
    """The vector of one chunk of one version's text in one space (decision 8).

    ``anchor``, ``state`` and ``expires_on`` are denormalised, so that a scan needs no
    join before it ranks: ``state`` is the head's while this is the head's text, else
    "past"; ``expires_on`` is the head's.
    """

    PAST = "past"

    anchor = reference(Anchor)
    space = reference(EmbeddingSpace)
    memory = reference("memories.Memory")
    number = models.IntegerField()
    chunk_no = models.SmallIntegerField(default=0)
    state = models.CharField(max_length=16, default=State.ACTIVE)
    expires_on = models.DateField(null=True)
    embedding = Halfvec()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory", "number", "space", "chunk_no"],
                name="vector_key",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "anchor", "space", "state"], name="vector_scan"
            ),
        ]


class MessageVector(ProjectModel):
    """What a message says and means, for the windows around it (ADR 0500).

    One for each space: the vector of the message's first chunk, and its words. A search
    adds those of its neighbours in the same ``session`` (a number made of the session's
    key; ``position`` is the message's own). Gone as soon as the message is emptied: a
    trigger sees to that.
    """

    anchor = reference(Anchor)
    space = reference(EmbeddingSpace)
    message = reference("memories.Message")
    position = models.BigIntegerField()
    session = models.BigIntegerField()
    search = SearchVectorField(null=True)
    embedding = Halfvec()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "message", "space"], name="vector_of_message"
            )
        ]
        indexes = [
            # Also says who stands next to a message, in a scope too large to be read.
            models.Index(
                fields=["tenant", "anchor", "space", "session", "position"],
                name="message_neighbours",
            ),
        ]


class ScopeIndex(ProjectModel):
    """An index of its own for one huge scope, as it is in one space (ADR 503).

    Of the vectors of its memories or its messages, or of the words of its memories.
    Written by the job that builds it, as the owner of the tables; a search only reads
    which are ``ready``, and reads the scope without one. The index itself is called
    ``scope_index_<id>``. ``vectors`` is how many there were when this was last looked
    at, of memories those that a search shows. ``word_counts`` of an index of words: how
    many memories say each word that many say, by the word's hash, for what memories say
    stands nowhere else.
    """

    class Of(models.TextChoices):
        MEMORIES = "memories"
        MESSAGES = "messages"
        WORDS = "words"

    class State(models.TextChoices):
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    anchor = reference(Anchor)
    space = reference(EmbeddingSpace)
    of = models.CharField(max_length=16, choices=Of.choices)
    state = models.CharField(max_length=16, choices=State.choices)
    vectors = models.BigIntegerField()
    word_counts = models.JSONField(default=dict, db_default={})
    error = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "anchor", "space", "of"], name="one_scope_index"
            )
        ]


class MemorySource(ProjectModel):
    """Which messages a memory was learned from, so that a window leads to memories.

    The same as its events say of ADD and UPDATE, where a search can join it.
    """

    anchor = reference(Anchor)
    memory = reference("memories.Memory")
    message = reference("memories.Message")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory", "message"], name="source_once"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "anchor"], name="source_of_anchor"),
            models.Index(fields=["tenant", "message"], name="source_of_message"),
        ]

"""The graph: typed nodes, typed directed edges with two clocks, and mentions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from memories.models.fields import Halfvec
from memories.models.memory import Memory, ends_after_it_begins
from memories.models.subjects import Anchor
from memories.models.vectors import EmbeddingSpace
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Entity(ProjectModel):
    """A node: what memories speak of. Two users' "Anna" are two entities."""

    anchor = reference(Anchor)
    name = models.CharField(max_length=300)
    normalized = models.CharField(max_length=300)
    type = models.CharField(max_length=64)
    aliases = ArrayField(models.CharField(max_length=300), default=list)
    space = reference(EmbeddingSpace, null=True)
    embedding = Halfvec(null=True)
    state = models.CharField(max_length=16, default="active")
    merged_into = reference("self", null=True)
    mention_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "anchor", "normalized", "type"],
                condition=models.Q(state="active"),
                name="entity_name",
            )
        ]


class Relation(ProjectModel):
    """A directed edge as it was believed from ``known_from`` until ``known_to``.

    What is believed now has no ``known_to``; see ``store.graph`` for its life.
    """

    anchor = reference(Anchor)
    source = reference(Entity)
    target = reference(Entity)
    type = models.CharField(max_length=64)
    fact = models.TextField(null=True)
    space = reference(EmbeddingSpace, null=True)
    embedding = Halfvec(null=True)
    state = models.CharField(max_length=16, default="active")
    confidence = models.FloatField(default=1.0)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    replaced_by = reference("self", null=True)

    class Meta(TenantModel.Meta):
        constraints = [ends_after_it_begins("relation")]
        indexes = [
            models.Index(fields=["tenant", "source"], name="relation_out"),
            models.Index(fields=["tenant", "target"], name="relation_in"),
            models.Index(fields=["tenant", "anchor", "state"], name="relation_anchor"),
        ]


class RelationSupport(ProjectModel):
    """Which memory asserts an edge."""

    relation = reference(Relation)
    memory = reference(Memory)
    number = models.IntegerField()
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "relation", "memory", "number"],
                name="relation_support",
            )
        ]
        indexes = [models.Index(fields=["tenant", "memory"], name="support_memory")]


class Mention(ProjectModel):
    """Which memory mentions which node."""

    entity = reference(Entity)
    memory = reference(Memory)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entity", "memory"], name="mention_once"
            )
        ]
        indexes = [models.Index(fields=["tenant", "memory"], name="mention_memory")]

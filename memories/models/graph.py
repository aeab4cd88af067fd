"""The graph: typed nodes, typed directed edges with two clocks, and mentions.

Nodes that are one are merged, and a merge can be taken back: rows keep the node that
their words name (``said``) beside the one that it counts as by now. What counts as what
follows from the merges that stand, and from nothing else (ADR 0600).
"""

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
    """A node: what memories speak of. Two users' "Anna" are two entities.

    Two of one user's are told apart by their ``qualifier``, what they are to the user
    ("sister"). ``keys`` are what names that may mean the same share with this one;
    ``aliases`` the names of the nodes merged into it.
    """

    anchor = reference(Anchor)
    name = models.CharField(max_length=300)
    normalized = models.CharField(max_length=300)
    type = models.CharField(max_length=64)
    qualifier = models.CharField(max_length=64, blank=True, db_default="", default="")
    keys = ArrayField(models.CharField(max_length=64), db_default=[], default=list)
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
                fields=[
                    "tenant",
                    "project",
                    "anchor",
                    "normalized",
                    "type",
                    "qualifier",
                ],
                condition=models.Q(state="active"),
                name="entity_name",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "anchor", "normalized"], name="entity_named")
        ]


class EntityMerge(ProjectModel):
    """That one node is another, on which evidence, and until when that was believed.

    ``evidence`` holds signals and ids, never a name: names are the nodes'.
    """

    class By(models.TextChoices):
        RULE = "rule"
        MODEL = "model"
        OPERATOR = "operator"

    anchor = reference(Anchor)
    kept = reference(Entity)
    absorbed = reference(Entity)
    decided_by = models.CharField(max_length=8, choices=By.choices)
    score = models.FloatField(default=1.0)
    evidence = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    undone_by = models.UUIDField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "absorbed"],
                condition=models.Q(undone_at=None),
                name="merged_into_one",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "kept"], name="merge_kept"),
            models.Index(fields=["tenant", "anchor"], name="merge_of_anchor"),
        ]


STANDS = models.Q(state="active", known_to=None)
"""What relations are believed, and not to be over."""


class Relation(ProjectModel):
    """A directed edge as it was believed from ``known_from`` until ``known_to``.

    What is believed now has no ``known_to``; see ``store.beliefs`` for its life. What
    is archived is history that only a read as of an instant asks for.
    """

    anchor = reference(Anchor)
    source = reference(Entity)
    target = reference(Entity)
    source_said = models.UUIDField()
    target_said = models.UUIDField()
    type = models.CharField(max_length=64)
    is_single = models.BooleanField(
        default=False, db_default=False, help_text="One at a time of its subject."
    )
    fact = models.TextField(null=True)
    space = reference(EmbeddingSpace, null=True)
    embedding = Halfvec(null=True)
    state = models.CharField(max_length=16, default="active")
    confidence = models.FloatField(default=1.0)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    known_from = models.DateTimeField()
    known_to = models.DateTimeField(null=True)
    valid_precision = models.CharField(max_length=8, null=True)
    replaced_by = reference("self", null=True)
    archived_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [ends_after_it_begins("relation")]
        indexes = [
            models.Index(fields=["tenant", "source"], name="relation_out"),
            models.Index(fields=["tenant", "target"], name="relation_in"),
            models.Index(fields=["tenant", "anchor", "state"], name="relation_anchor"),
            # What is true now, however much was: a walk reads nothing else.
            *(
                models.Index(
                    fields=["tenant", end, "type"],
                    condition=STANDS,
                    name=f"relation_stands_{way}",
                )
                for end, way in (("source", "out"), ("target", "in"))
            ),
            models.Index(
                fields=["tenant", "replaced_by"],
                condition=models.Q(replaced_by__isnull=False),
                name="relation_successor",
            ),
            models.Index(
                fields=["tenant", "project", "known_to", "valid_to"],
                condition=models.Q(archived_at=None) & ~STANDS,
                name="relation_over",
            ),
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
    """Which memory mentions which node, since the version of which instant."""

    entity = reference(Entity)
    said = models.UUIDField()
    memory = reference(Memory)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "said", "memory"], name="mention_once"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "memory"], name="mention_memory"),
            models.Index(fields=["tenant", "entity", "memory"], name="mention_entity"),
        ]

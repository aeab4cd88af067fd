"""The shapes of the graph in the API document."""

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
    URLField,
    UUIDField,
)

from memories.api.components import (
    LIKENESS_HELP,
    AnyObject,
    GraphNode,
    GraphRelation,
    maybe,
    nullable,
)
from memories.models.graph import EntityMerge
from memories.selectors import entities


class GraphNeighbour(GraphNode):
    distance = IntegerField(help_text="In relations; 0 is the entity itself.")


class GraphEntity(GraphNode):
    qualifier = nullable(CharField, help_text="What it is to the user: `sister`.")
    aliases = ListField(child=CharField(), help_text="Of what was merged into it.")
    user_id = nullable(CharField)
    agent_id = nullable(CharField)
    app_id = nullable(CharField)
    state = ChoiceField(choices=entities.STATES)
    merged_into = nullable(UUIDField)
    memory_count = IntegerField(help_text="Memories that mention it.")
    last_mentioned_at = DateTimeField()
    created_at = DateTimeField()
    score = maybe(FloatField, min_value=0, max_value=1, help_text=LIKENESS_HELP)


class GraphMerge(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    kept = GraphNode()
    absorbed = GraphNode()
    decided_by = ChoiceField(choices=EntityMerge.By.values)
    score = FloatField()
    evidence = AnyObject(help_text="Signals and ids; never a name.")
    at = DateTimeField()
    undone_at = nullable(DateTimeField)


class GraphEntityWhole(GraphEntity):
    memory_ids = ListField(
        child=UUIDField(), help_text=f"The last {entities.MOST_NAMED}."
    )
    merges = ListField(child=GraphMerge(), help_text="Newest first; undone ones too.")


class _Page(Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(URLField)
    previous = nullable(URLField)


class GraphEntityPage(_Page):
    results = ListField(child=GraphEntity())


class GraphRelationPage(_Page):
    results = ListField(child=GraphRelation())


class GraphNeighbourhood(Serializer):  # type: ignore[type-arg]
    entity = GraphEntity()
    depth = IntegerField()
    entities = ListField(child=GraphNeighbour())
    relations = ListField(child=GraphRelation())
    is_cut = BooleanField(help_text="There is more than fits the answer.")


class GraphPath(Serializer):  # type: ignore[type-arg]
    length = nullable(IntegerField, help_text="In relations; null: no path was found.")
    entities = ListField(child=GraphNode())
    relations = ListField(child=GraphRelation())
    is_cut = BooleanField(help_text="Not everything was looked at.")


class GraphMergeBody(Serializer):  # type: ignore[type-arg]
    other_id = UUIDField(help_text="The entity that is one with that of the path.")

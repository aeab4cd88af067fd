"""The shapes of subjects in the API document."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    ListField,
    UUIDField,
)

from memories.api.components import AnyObject, Memory, maybe, nullable
from memories.models.fields import SCOPE_ID_CHARS
from memories.selectors.subjects import KINDS


class ListedEntity(serializers.Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    name = CharField(help_text="The caller's own id.")
    type = ChoiceField(choices=KINDS)
    owner = CharField()
    metadata = nullable(AnyObject)
    total_memories = IntegerField()
    created_at = DateTimeField()
    updated_at = DateTimeField()


class EntityPage(serializers.Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(serializers.URLField)
    previous = nullable(serializers.URLField)
    results = ListField(child=ListedEntity())
    total_users = IntegerField()
    total_agents = IntegerField()
    total_apps = IntegerField()
    total_runs = IntegerField()


class EntityFilters(serializers.Serializer):  # type: ignore[type-arg]
    event_type = ListField(child=CharField())
    categories = ListField(child=CharField())
    users = ListField(child=CharField())
    parameters = ListField(child=CharField())


class ToldMemory(Memory):
    """A memory with the messages it was learned from."""

    input = ListField(child=AnyObject())
    is_updated = BooleanField()


class ToldMemoryPage(serializers.Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(serializers.URLField)
    previous = nullable(serializers.URLField)
    results = ListField(child=ToldMemory())


class _Body(serializers.Serializer):  # type: ignore[type-arg]
    name = maybe(CharField, max_length=SCOPE_ID_CHARS, help_text="To show people.")
    metadata = maybe(AnyObject, help_text="Absent: as it was.")


class UserBody(_Body):
    user_id = CharField(max_length=SCOPE_ID_CHARS)


class AgentBody(_Body):
    agent_id = CharField(max_length=SCOPE_ID_CHARS)


class AppBody(_Body):
    app_id = CharField(max_length=SCOPE_ID_CHARS)


class RunBody(_Body):
    run_id = CharField(max_length=SCOPE_ID_CHARS)


BODIES = {"user": UserBody, "agent": AgentBody, "app": AppBody, "run": RunBody}


class Declared(serializers.Serializer):  # type: ignore[type-arg]
    """Of the four ids, the one of its kind is there."""

    id = UUIDField()
    user_id = maybe(CharField)
    agent_id = maybe(CharField)
    app_id = maybe(CharField)
    run_id = maybe(CharField)
    name = CharField()
    metadata = nullable(AnyObject)
    created_at = DateTimeField()
    updated_at = DateTimeField()
    graph_entities = nullable(AnyObject)
    is_deleted = BooleanField()
    project = UUIDField()

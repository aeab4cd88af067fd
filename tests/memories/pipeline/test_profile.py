"""A profile's reply: what rests on memories is kept, and has to fit the schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from memories.pipeline.client_schema import resolve
from memories.pipeline.profile import ProfileReader, default_schema
from memories.types import KnownMemory
from memplatform.lib.errors import ProviderReplyInvalid

AT = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = {
    "type": "object",
    "properties": {
        "home": {"type": "string", "description": "Town", "maxLength": 20},
        "pets": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Animals",
        },
        "age": {"type": "integer", "description": "Years", "minimum": 0},
    },
}
SHOWN = [
    KnownMemory(UUID(int=n), text, AT)
    for n, text in enumerate(["Lives in Lisbon.", "Keeps bees.", "Keeps goats."], 1)
]


def read(profile, sources, schema=SCHEMA):
    rows = [{"field": name, "memories": ns} for name, ns in sources.items()]
    reply = json.dumps({"profile": profile, "sources": rows})
    return ProfileReader(resolve(schema), SHOWN).read(reply)


def test_each_field_names_the_memories_it_rests_on():
    profile = {"home": "Lisbon", "pets": ["bees", "goats"], "age": None}
    filled = read(profile, {"home": [1], "pets": [2, 3]})
    assert filled.data == {"home": "Lisbon", "pets": ["bees", "goats"]}
    assert filled.sources == {"home": (SHOWN[0],), "pets": (SHOWN[1], SHOWN[2])}


@pytest.mark.parametrize("cited", [[], [4], [0], [-1], ["1"], [True], [1.5], None])
def test_a_field_that_rests_on_nothing_shown_is_left_out(cited):
    filled = read({"home": "Lisbon", "pets": ["bees"]}, {"home": cited, "pets": [2]})
    assert filled.data == {"pets": ["bees"]}


def test_one_that_is_needed_has_to_be_asked_for_again():
    with pytest.raises(ProviderReplyInvalid) as refused:
        read({"home": "Lisbon"}, {}, {**SCHEMA, "required": ["home"]})
    assert "sources" in refused.value.detail


@pytest.mark.parametrize(
    "profile",
    [
        {"age": -1},
        {"age": "old"},
        {"home": "x" * 21},
        {"pets": "bees"},
        {"pets": [3]},
    ],
)
def test_what_does_not_fit_the_schema_is_refused(profile):
    with pytest.raises(ProviderReplyInvalid, match="does not fit"):
        read(profile, {name: [1] for name in profile})


@pytest.mark.parametrize(
    "reply",
    [
        "I would say she keeps bees",
        "[]",
        '{"profile": ["bees"]}',
        '{"home": "Lisbon"}',
        '{"profile": {"home": "Lis',
    ],
)
def test_a_reply_that_is_none_is_refused(reply):
    with pytest.raises(ProviderReplyInvalid):
        ProfileReader(resolve(SCHEMA), SHOWN).read(reply)


@pytest.mark.parametrize("sources", ["1", {"home": [1]}, [1, None], [{"memories": 1}]])
def test_sources_of_another_shape_are_none(sources):
    reply = json.dumps({"profile": {"home": "Lisbon"}, "sources": sources})
    assert ProfileReader(resolve(SCHEMA), SHOWN).read(reply).data == {}


def test_what_cannot_be_stored_is_taken_out():
    filled = read({"home": "Lis\0bon\ud800"}, {"home": [1]})
    assert filled.data == {"home": "Lisbon?"}


def test_without_a_schema_it_is_told_by_category():
    schema = resolve(default_schema({"food": "what they eat", "my_pets": ""}))
    assert schema["properties"]["food"]["description"] == "what they eat"
    assert schema["properties"]["my_pets"]["description"] == "my pets"

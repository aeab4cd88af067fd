"""A profile by rules: memories sorted into fields word for word, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from memories.pipeline.client_schema import resolve
from memories.pipeline.local.profile import fill_by_rules
from memories.providers.local import LocalEmbedder
from memories.types import KnownMemory

AT = datetime(2026, 3, 1, tzinfo=UTC)
TEXTS = {"type": "array", "items": {"type": "string"}}
PETS = {**TEXTS, "description": "animals and pets that they keep"}
HOME = {"type": "string", "description": "the town where they live"}


@pytest.fixture(scope="module")
def embedder():
    return LocalEmbedder()


def known(*texts, **details):
    return [
        KnownMemory(UUID(int=n), text, AT, **details) for n, text in enumerate(texts, 1)
    ]


def filled(embedder, memories, needed=(), **properties):
    schema = {"type": "object", "properties": properties, "required": list(needed)}
    return fill_by_rules(resolve(schema), memories, embedder)


def test_a_text_takes_the_newest_a_list_takes_all(embedder):
    memories = known(
        "User lives in Lisbon.",
        "User keeps bees.",
        "User has two dogs.",
        "User lived in a small town near Porto.",
    )
    found = filled(embedder, memories, pets=PETS, home=HOME)
    assert found.data == {
        "pets": ["User keeps bees.", "User has two dogs."],
        "home": "User lives in Lisbon.",
    }
    assert found.sources["home"] == (memories[0],)
    assert found.sources["pets"] == (memories[1], memories[2])


def test_a_list_keeps_to_its_limit(embedder):
    memories = known("User keeps bees.", "User has two dogs.")
    found = filled(embedder, memories, pets={**PETS, "maxItems": 1})
    assert found.data == {"pets": ["User keeps bees."]}


def test_a_choice_is_the_one_that_is_named(embedder):
    """The longer of two that are; a part of a word names nothing."""
    size = {"enum": ["s", "small", "very small"], "description": "size of the dog"}
    memories = known("User has a big dog.", "User's dog is very small.")
    assert filled(embedder, memories, size=size).data == {"size": "very small"}


def test_what_takes_understanding_stays_empty(embedder):
    memories = known("User has two dogs.")
    rules = {
        "dogs": {"type": "integer", "description": "number of dogs"},
        "has_dogs": {"type": "boolean", "description": "whether they have dogs"},
    }
    assert filled(embedder, memories, **rules).data == {}


def test_what_does_not_fit_is_left_out(embedder):
    memories = known("User lives in Lisbon.")
    assert filled(embedder, memories, home={**HOME, "maxLength": 5}).data == {}


def test_a_profile_that_lacks_what_it_needs_is_none(embedder):
    memories = known("User keeps bees.")
    assert filled(embedder, memories, ["home"], pets=PETS, home=HOME).data == {}


def test_what_is_near_nothing_stays_out(embedder):
    memories = known("The invoice of March was paid.")
    assert filled(embedder, memories, pets=PETS, home=HOME).data == {}


def test_a_category_of_that_name_settles_it(embedder):
    memories = known("It rains.", categories=("pets",))
    assert filled(embedder, memories, pets=PETS).data == {"pets": ["It rains."]}

"""When something is true is told as it was said, wherever the project lies."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from memories.models import Entity, Subject
from memories.types import ProposedEntity, ProposedRelation, ValidTime
from tests.memories.agents import adds

GRAPH = {
    "entities": (ProposedEntity("Ann", "person"), ProposedEntity("Malaga", "place")),
    "relations": (ProposedRelation("Ann", "lives_in", "Malaga"),),
}
MADRID = timezone(timedelta(hours=1))


def at(*day):
    return datetime(*day, tzinfo=MADRID)


@pytest.fixture
def pages(agent, console, bob, page):
    """What each page that tells times says of a fact with such a time."""

    def pages(valid):
        agent.decide(adds("Ann lives in Malaga.", valid=valid, **GRAPH))
        with agent.scope():
            ann = Subject.objects.get(kind="user", external_id="ann").id
            malaga = Entity.objects.get(name="Malaga").id
        head = agent.heads()[-1]
        addresses = {
            "memory": page("memories:memory", head.id),
            "profile": page("memories:picture", ann),
            "graph": page("memories:graph", ann),
            "entity": page("memories:entity", ann, malaga),
        }
        return {
            name: console(bob).get(address).content.decode()
            for name, address in addresses.items()
        }

    return pages


@pytest.mark.parametrize(
    ("start", "precision", "said", "unsaid"),
    [
        (at(2025, 1, 10), "day", "10 Jan 2025", "9 Jan 2025"),
        (at(2024, 9, 1), "month", "Sep 2024", "Aug 2024"),
        (at(2024, 1, 1), "year", "2024", "31 Dec 2023"),
        (at(2025, 1, 10, 18), "instant", "10 Jan 2025, 17:00", "18:00"),
    ],
)
def test_a_beginning_is_the_day_that_was_said(pages, start, precision, said, unsaid):
    for name, told in pages(ValidTime(start=start, precision=precision)).items():
        assert said in told, name
        assert unsaid not in told, name


def test_an_end_is_the_day_that_was_said(pages):
    valid = ValidTime(start=at(2024, 2, 1), end=at(2030, 7, 13), precision="day")
    for name, told in pages(valid).items():
        assert "until 13 Jul 2030" in told, name

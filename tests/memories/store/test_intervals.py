"""Any history of one subject: its intervals are whole, and its past is what it was.

Each example is somebody of their own, whose story is made up: where they live, said,
contradicted, corrected, taken back, deleted and brought back, one thing a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations, count
from typing import NamedTuple

import pytest
from django.db import connection, transaction
from django.db.models import F, Min, Value
from django.db.models.functions import Coalesce
from hypothesis import HealthCheck, given, note, settings
from hypothesis import example as case
from hypothesis import strategies as st

from memories.models import (
    Memory,
    MemoryEvent,
    MemoryVersion,
    Relation,
    RelationSupport,
)
from memories.selectors.compare import About
from memories.selectors.graph import graph_of
from memories.services.edit import restore_version
from memories.types import (
    Decision,
    Fact,
    ProposedEntity,
    ProposedRelation,
    State,
    ValidTime,
    Verdict,
)
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tests.memories.agents import Agent, overlapping

FIRST_DAY = datetime(2026, 3, 1, 9, tzinfo=UTC)
PLACES = ("Lisbon", "Berlin", "Oslo")
NEVER = datetime.max.replace(tzinfo=UTC)
LISTED = (State.ACTIVE, State.SUPERSEDED, State.MERGED)
_people = count()

days = st.none() | st.integers(-30, 30)
whom = st.integers(0, 5)
stated = st.tuples(st.sampled_from(PLACES), days, days)
steps = st.one_of(
    st.tuples(st.just("say"), stated),
    st.tuples(st.just("contradict"), whom, stated),
    st.tuples(st.just("correct"), whom, stated),
    st.tuples(st.just("take_back"), whom),
    st.tuples(st.just("delete"), whom),
    st.tuples(st.just("bring_back"), whom, st.integers(1, 3)),
)
says = st.tuples(st.just("say"), stated)
stories = st.builds(
    lambda *told: [*told[:2], *told[2]], says, steps, st.lists(steps, max_size=7)
)


def day(number: float) -> datetime:
    return FIRST_DAY + timedelta(days=number)


class Life(NamedTuple):
    """From when, until when and where; what nobody knows the beginning of, since it was
    said, or if it was over by then, at no time that is known. ``is_told``: its end is
    the one that was said."""

    start: datetime
    end: datetime
    place: str
    is_told: bool

    @classmethod
    def of(cls, start, end, said, place: str, text: str) -> Life:
        told = text.rstrip(".").split(" to ")[1]
        is_told = told != "None" and end == day(int(told))
        return cls(start or min(said, end), end, place, is_told)

    def overlaps(self, other: Life) -> bool:
        """Whether both hold at some instant, and neither is a visit within the other."""
        one, two = sorted((self, other))
        return max(one.start, two.start) < min(one.end, two.end) and not (
            one.is_within(two) or two.is_within(one)
        )

    def is_within(self, other: Life) -> bool:
        return self.is_told and other.start <= self.start and self.end <= other.end


@dataclass
class Story:
    """What becomes of somebody; ``seen`` is what was known of it each evening."""

    agent: Agent
    user: str = field(default_factory=lambda: f"ann{next(_people)}")
    seen: dict[datetime, tuple[set, set]] = field(default_factory=dict)

    def tell(self, told: list) -> None:
        note(repr(told))
        for number, (step, *details) in enumerate(told):
            with clock.frozen(day(number)), suppress(InvalidRequest, NotFound):
                getattr(self, step)(*details)
            evening = day(number + 0.5)
            self.seen[evening] = (self.read(evening), self.edges(evening))

    @property
    def evenings(self) -> list[datetime]:
        return list(self.seen)

    # --- the steps

    def say(self, said: tuple) -> None:
        self._decide(Decision(Verdict.ADD, self._fact(said)))

    def contradict(self, whom: int, said: tuple) -> None:
        self._about(whom, lambda m: Decision(Verdict.DELETE, self._fact(said), m.id))

    def correct(self, whom: int, said: tuple) -> None:
        self._about(whom, lambda m: Decision(Verdict.UPDATE, self._fact(said), m.id))

    def take_back(self, whom: int) -> None:
        self._about(
            whom,
            lambda m: Decision(
                Verdict.DELETE, None, m.id, evidence="Forget it.", messages=(0,)
            ),
        )

    def delete(self, whom: int) -> None:
        if memories := self.heads():
            self.agent.delete(memories[whom % len(memories)].id)

    def bring_back(self, whom: int, number: int) -> None:
        if memories := self.heads():
            restore_version(
                self.agent.access, memories[whom % len(memories)].id, number
            )

    def _about(self, whom: int, decide: Callable[[Memory], Decision]) -> None:
        current = [head for head in self.heads() if head.state == State.ACTIVE]
        if current:
            self._decide(decide(current[whom % len(current)]))

    def _decide(self, decision: Decision) -> None:
        self.agent.decide(decision, user_id=self.user)

    def _fact(self, said: tuple) -> Fact:
        """Its words say all of it, so that the same words are the same fact."""
        place, start, end = said
        if start is not None and end is not None:
            start, end = sorted((start, end))
        return Fact(
            f"{self.user} lives in {place} from {start} to {end}.",
            messages=(0,),
            valid=ValidTime(*(None if n is None else day(n) for n in (start, end))),
            entities=(
                ProposedEntity(self.user, "person"),
                ProposedEntity(place, "place"),
            ),
            relations=(ProposedRelation(self.user, "lives_in", place),),
        )

    # --- what is there

    def heads(self) -> list[Memory]:
        with self.agent.scope():
            return list(Memory.objects.filter(user_id=self.user).order_by("id"))

    def versions(self) -> list[MemoryVersion]:
        with self.agent.scope():
            rows = MemoryVersion.objects.filter(memory__user_id=self.user)
            return list(rows.order_by("memory_id", "number"))

    def events(self) -> list[MemoryEvent]:
        with self.agent.scope():
            rows = MemoryEvent.objects.filter(memory__user_id=self.user)
            return list(rows.order_by("at", "id"))

    def relations(self) -> list[Relation]:
        with self.agent.scope():
            rows = Relation.objects.filter(source__name=self.user)
            return list(rows.select_related("target").order_by("known_from", "id"))

    def read(self, at: datetime) -> set[tuple]:
        """What a list shows as it was known at an instant."""
        page = self.agent.page({"user_id": self.user}, as_of=at, include_merged=True)
        return {
            (m.id, m.number, m.text, m.state, m.valid_from, m.valid_to)
            for m in page.items
        }

    def edges(self, at: datetime) -> set[str]:
        with self.agent.scope():
            return {
                edge.target.name
                for edge in graph_of(About("user", self.user), as_of=at).edges
            }

    def lost(self, at: datetime) -> set[str]:
        """Where it was believed to be over, for somewhere else took its place."""
        return {
            relation.target.name
            for relation in self.relations()
            if relation.known_from <= at and relation.replaced_by_id
        }

    def lives(self, at: datetime) -> list[Life]:
        """All that was believed at an instant to hold, or to have held."""
        with self.agent.scope():
            rows = RelationSupport.objects.filter(
                relation__source__name=self.user,
                relation__state__in=(State.ACTIVE, State.SUPERSEDED),
                relation__known_from__lte=at,
            ).exclude(relation__known_to__lte=at)
            rows = rows.values_list("relation_id").annotate(
                start=F("relation__valid_from"),
                end=Coalesce("relation__valid_to", Value(NEVER)),
                said=Min("memory__created_at"),
                place=F("relation__target__name"),
                text=Min("memory__text"),
            )
            return sorted(Life.of(*row[1:]) for row in rows)


@pytest.fixture
def example(agent) -> Callable[[], AbstractContextManager[Story]]:
    """A story that leaves nothing behind, also when the database refuses a step."""

    @contextmanager
    def begun() -> Iterator[Story]:
        savepoint = transaction.savepoint_create()
        try:
            yield Story(agent)
        finally:
            connection.set_rollback(False)
            transaction.savepoint_rollback(savepoint)

    return begun


NOWHERE_ELSE = [
    ("say", ("Lisbon", None, None)),
    ("say", ("Berlin", None, None)),
    ("contradict", 0, ("Lisbon", 1, None)),
]
"""What had lost is freed, and loses again to what is said in the same breath."""


OUT_OF_ORDER = [
    ("say", ("Lisbon", -20, None)),
    ("say", ("Oslo", 10, None)),
    ("say", ("Berlin", -5, None)),
]
"""What comes in between two others ends the first of them, that had lost already."""


MOVED_BY_CORRECTION = [
    ("say", ("Berlin", None, None)),
    ("say", ("Lisbon", None, None)),
    ("say", ("Berlin", 1, None)),
    ("take_back", 1),
    ("correct", 0, ("Lisbon", None, None)),
]
"""Who was a witness of an edge says another by now, and contends with it."""


@given(told=stories)
@case(told=NOWHERE_ELSE)
@case(told=MOVED_BY_CORRECTION)
@case(told=OUT_OF_ORDER)
@settings(
    max_examples=30,
    derandomize=True,  # a change is judged by its own stories; new ones become cases
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_said_every_interval_is_whole(example, told):
    """One test, for telling a story takes longer than looking at it."""
    with example() as story:
        story.tell(told)
        _nothing_ends_before_it_begins(story)
        _no_history_is_lost(story)
        _what_was_known_is_what_the_events_tell(story)
        _the_past_is_read_as_it_was_seen(story)
        _edges_are_of_what_is_in_force(story)
        _somebody_lives_in_one_place_at_a_time(story)


def _nothing_ends_before_it_begins(story: Story) -> None:
    beliefs = [*story.versions(), *story.relations()]
    for row in [*story.heads(), *beliefs]:
        bounds = (row.valid_from, row.valid_to)
        assert None in bounds or row.valid_from <= row.valid_to
    for belief in beliefs:
        assert belief.known_to is None or belief.known_from < belief.known_to


def _no_history_is_lost(story: Story) -> None:
    versions = story.versions()
    for head in story.heads():
        own = [version for version in versions if version.memory_id == head.id]
        assert [v.number for v in own] == list(range(1, head.number + 1))
        assert overlapping(own) == []
        assert own[-1].known_to is None
    made = [e for e in story.events() if e.old_number != e.new_number]
    numbers = sorted((event.memory_id, event.new_number) for event in made)
    assert numbers == [(v.memory_id, v.number) for v in versions]


def _what_was_known_is_what_the_events_tell(story: Story) -> None:
    versions = {(v.memory_id, v.number): v for v in story.versions()}
    events = story.events()
    for at in story.evenings:
        latest = {e.memory_id: e.new_number for e in events if e.at <= at}
        standing = [versions[memory] for memory in latest.items()]
        assert story.read(at) == {
            (v.memory_id, v.number, v.text, v.state, v.valid_from, v.valid_to)
            for v in standing
            if v.state in LISTED
        }


def _the_past_is_read_as_it_was_seen(story: Story) -> None:
    for at, seen in story.seen.items():
        assert (story.read(at), story.edges(at)) == seen


def _edges_are_of_what_is_in_force(story: Story) -> None:
    """Each is said; what is said and is no edge lost to another one, or is told to be
    over, whoever said before that it is so."""
    for at in story.evenings:
        said, over = set(), set()
        for _, _, text, state, _, end in story.read(at):
            if state == State.ACTIVE:
                is_over = end is not None and end <= at
                (over if is_over else said).add(text.split()[3])
        assert story.edges(at) <= said
        assert said - story.edges(at) <= story.lost(at) | over


def _somebody_lives_in_one_place_at_a_time(story: Story) -> None:
    for at in story.evenings:
        lives = story.lives(at)
        for one, other in combinations(lives, 2):
            assert one.place == other.place or not one.overlaps(other), lives

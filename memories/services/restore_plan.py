"""What a restore would do to each memory, in which order, and what stands against it.

Reads and decides, writes nothing; call inside a tenant scope. Scenarios, restoring to
a day in May:

* Lisbon was current in May and superseded by Berlin in June: Lisbon comes back, Berlin,
  which nobody knew of in May, is deleted
* a memory was reworded in June: it says again what it said in May
* it was deleted in April, and restored in June: it is deleted again
* its words of May are another memory's by now, which stays: it is left as it is
* it is immutable, and said something else in May: it is left as it is
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from itertools import chain
from uuid import UUID

from memories.models import MemoryEvent, MemoryVersion
from memories.selectors.changes import Change, change_between
from memories.selectors.compare import versions_of
from memories.selectors.restoring import (
    Aim,
    Moved,
    Wording,
    count_erased,
    list_moved,
    texts_now,
    who_says,
)
from memories.types import State

Kind = MemoryEvent.Kind
IMMUTABLE = "It is immutable: it can be deleted, but not changed."
REVIEWED = "It waited for review then, and has been decided on since."


def said_by(memory_id: UUID) -> str:
    return f"Memory {memory_id} says exactly this by now, and stays."


class Effect(StrEnum):
    """What a restore does to one memory, as a person would say it."""

    BACK = "back"
    REWORDED = "reworded"
    ENDED = "ended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Step:
    """One memory from its head to the version it was; ``number`` None: it goes.

    With a ``problem`` nothing is done to it.
    """

    moved: Moved
    kind: Kind
    effect: Effect
    problem: str = ""

    @property
    def memory_id(self) -> UUID:
        return self.moved.memory_id

    @property
    def wanted(self) -> Wording | None:
        """The words it will be the one to say."""
        is_active = self.moved.then_state == State.ACTIVE
        is_deleted = self.effect == Effect.DELETED
        return self.moved.then_wording if is_active and not is_deleted else None

    @property
    def given_up(self) -> Wording | None:
        """The words it says by now."""
        is_active = self.moved.state == State.ACTIVE
        return self.moved.wording if is_active else None

    @property
    def needs_vectors(self) -> tuple[UUID, int] | None:
        """The version whose vectors will stand for its text."""
        then = self.moved.then_vectors
        is_reworded = self.effect != Effect.DELETED and self.moved.is_reworded
        return (self.memory_id, then) if is_reworded and then else None


@dataclass(frozen=True)
class RestorePlan:
    """Every step there is. Steps of one chain hand words on, in their order, and are
    done in one transaction. ``erased`` counts memories nobody can bring back.
    """

    aim: Aim
    chains: tuple[tuple[Step, ...], ...]
    erased: int

    @cached_property
    def all_steps(self) -> list[Step]:
        return list(chain.from_iterable(self.chains))

    @cached_property
    def steps(self) -> list[Step]:
        """What will be done."""
        return [step for step in self.all_steps if not step.problem]

    @cached_property
    def problems(self) -> list[Step]:
        """What will be left as it is."""
        return [step for step in self.all_steps if step.problem]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many steps have each effect."""
        return dict(Counter(str(step.effect) for step in self.steps))

    @cached_property
    def token(self) -> str:
        """Another one as soon as anything would be done that this plan does not say."""
        digest = sha256(repr(self.aim).encode())
        for step in sorted(self.all_steps, key=lambda step: step.memory_id):
            moved = step.moved
            line = f"{moved.memory_id} {moved.number} {moved.then_number}"
            digest.update(f"{line} {step.kind} {step.problem}\n".encode())
        return digest.hexdigest()


def make_plan(aim: Aim, ids: Collection[UUID] | None = None) -> RestorePlan:
    """The plan of a restore, or its part about these memories alone."""
    found = (_step(moved) for moved in list_moved(aim, ids))
    steps = [step for step in found if step is not None]
    said = who_says([step.wanted for step in steps if step.wanted])
    is_about_all = aim.memory_id is None and aim.undoes is None and ids is None
    erased = count_erased(aim.about) if is_about_all else 0
    return RestorePlan(aim, tuple(_chains(steps, said)), erased)


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step in words: ``change`` from what is said now to what will be.

    ``beside`` is what replaced a memory that comes back, where that stays current too.
    """

    step: Step
    now: MemoryVersion | None
    then: MemoryVersion | None
    change: Change
    beside: str


def describe(plan: RestorePlan, steps: Sequence[Step]) -> list[ShownStep]:
    """Some steps of a plan as a person reads them; call inside a scope."""
    numbers = {(s.memory_id, s.moved.number) for s in steps}
    numbers |= {(s.memory_id, s.moved.then_number or 0) for s in steps}
    versions = versions_of(numbers)
    staying = _staying(plan, steps)
    return [_shown(step, versions, staying) for step in steps]


def _shown(
    step: Step,
    versions: Mapping[tuple[UUID, int], MemoryVersion],
    staying: Mapping[UUID, str],
) -> ShownStep:
    moved = step.moved
    now = versions.get((moved.memory_id, moved.number))
    then = versions.get((moved.memory_id, moved.then_number or 0))
    is_back = step.effect == Effect.BACK and moved.replaced_by is not None
    beside = staying.get(moved.replaced_by, "") if moved.replaced_by else ""
    change = change_between(now, then if step.effect != Effect.DELETED else None)
    return ShownStep(step, now, then, change, beside if is_back else "")


def _staying(plan: RestorePlan, steps: Sequence[Step]) -> dict[UUID, str]:
    """Texts of what replaced these memories and will be current all the same."""
    over = (Effect.DELETED, Effect.ENDED)
    going = {step.memory_id for step in plan.steps if step.effect in over}
    wanted = {s.moved.replaced_by for s in steps if s.moved.replaced_by} - going
    found = texts_now(wanted)
    return {id_: text for id_, (text, state) in found.items() if state == State.ACTIVE}


def _step(moved: Moved) -> Step | None:
    """What is to be done about one memory; None when it is as it was."""
    was, now = moved.then_state, moved.state
    if was is None or was == State.DELETED:
        is_gone = now == State.DELETED or (was is None and now == State.QUARANTINED)
        return None if is_gone else Step(moved, Kind.DELETE, Effect.DELETED)
    is_as_it_was = moved.replaced_by == moved.then_replaced_by and was == now
    if is_as_it_was and not moved.says_other:
        return None
    kind, effect = _kind(was, now)
    if was == State.QUARANTINED:
        return Step(moved, kind, effect, REVIEWED)
    problem = IMMUTABLE if moved.is_immutable and moved.says_other else ""
    return Step(moved, kind, effect, problem)


_KINDS: dict[str, Kind] = {
    State.SUPERSEDED: Kind.SUPERSEDE,
    State.MERGED: Kind.MERGE,
    State.RETIRED: Kind.RETIRE,
    State.ARCHIVED: Kind.ARCHIVE,
}


def _kind(was: str, now: str) -> tuple[Kind, Effect]:
    if was == now:
        return Kind.RESTORE, Effect.REWORDED
    if was == State.ACTIVE:
        return Kind.RESTORE, Effect.BACK
    is_over = now == State.ACTIVE
    return _KINDS.get(was, Kind.RESTORE), Effect.ENDED if is_over else Effect.BACK


def _chains(
    steps: Sequence[Step], said: dict[Wording, UUID]
) -> Iterator[tuple[Step, ...]]:
    """Steps that hand words on to one another, who gives them up first.

    ``said`` is kept true: it says who has what words after the steps so far. Each text
    has one holder, so that a chain never branches; it may bite its own tail (two
    memories that have changed words), and then all let go before any takes.
    """
    by_id = {step.memory_id: step for step in steps}
    for step in steps:
        link = by_id.pop(step.memory_id, None)
        if link is None:
            continue
        links: list[Step] = []
        while link is not None:
            links.append(link)
            holder = said.get(link.wanted) if link.wanted else None
            link = by_id.pop(holder, None) if holder else None
        last_wants = links[-1].wanted
        if last_wants and said.get(last_wants) == links[0].memory_id:
            _let_go(links, said)
        yield tuple(_settled(link, said) for link in reversed(links))


def _let_go(links: Sequence[Step], said: dict[Wording, UUID]) -> None:
    if not any(link.problem for link in links):
        for link in links:
            if link.given_up:
                said.pop(link.given_up, None)


def _settled(step: Step, said: dict[Wording, UUID]) -> Step:
    """The step, or why it is not done; ``said`` is what comes of it."""
    if step.problem:
        return step
    holder = said.get(step.wanted) if step.wanted else None
    if holder is not None and holder != step.memory_id:
        return replace(step, problem=said_by(holder))
    if step.given_up and said.get(step.given_up) == step.memory_id:
        del said[step.given_up]
    if step.wanted:
        said[step.wanted] = step.memory_id
    return step

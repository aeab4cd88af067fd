"""Writes of patterns and of what they rest on. Call under the anchor's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from memories.models import Memory, MemoryEvent, PatternSource
from memories.providers.vectors import SpaceVectors
from memories.selectors.patterns import PatternGround
from memories.selectors.review import Held
from memories.store import barriers
from memories.store.batch import Batch, Cause, NewMemory, Revision, hash_text
from memories.store.review import hold_change
from memories.store.script import Script
from memories.types import (
    Concern,
    OperationResult,
    ProposedPattern,
    SettledPattern,
    State,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Written:
    """How patterns were put into words: why, their vectors by text, their text-search
    language, and by whom (``model`` or ``rules``); ``concerns`` by text is what the
    project wants reviewed about them."""

    cause: Cause
    vectors: Mapping[str, SpaceVectors]
    language: str
    made_by: str
    concerns: Mapping[str, tuple[Concern, ...]] = field(default_factory=dict)


def write_patterns(
    batch: Batch,
    ground: PatternGround,
    settled: Sequence[SettledPattern],
    written: Written,
) -> tuple[OperationResult, ...]:
    """New patterns, and next versions of those that have grown.

    One whose memories changed since they were read is left out, and all are when a
    delete of the scope was accepted since; the next look finds what is left.
    """
    if barriers.is_barred(batch.project_id, ground.at, ground.scope):
        return ()
    heads = _heads_of(settled)
    rows: list[PatternSource] = []
    for one in settled:
        if _is_as_read(one.pattern, heads) and not _is_said(one, ground):
            pattern = _write(batch, ground, one, written)
            if pattern is not None:
                rows += _rows(pattern, one.pattern, heads)
    results = batch.flush()
    script = Script()
    script.insert(rows, skip_known=True)
    script.run()
    return results


def mark_suspect(batch: Batch, pattern: Memory, cause: Cause) -> None:
    """It may be stale; no version follows. The caller flushes the batch."""
    pattern.is_stale_suspect = True
    pattern.save(update_fields=["is_stale_suspect"])
    batch.note(pattern, MemoryEvent.Kind.SUSPECT, cause)


def _write(
    batch: Batch, ground: PatternGround, one: SettledPattern, written: Written
) -> Memory | None:
    text, why = one.pattern.text, written.cause.because(one.pattern.reason)
    concerns = written.concerns.get(text, ())
    if one.target is None:
        new = _new(ground, one.pattern, written)
        return _hold(batch, new, concerns, why) if concerns else batch.add(new, why)
    target = Memory.objects.get(id=one.target)
    if target.state != State.ACTIVE or target.is_immutable:
        return None
    revision = Revision(text=text, vectors=written.vectors[text])
    if concerns:
        change = Held(Verdict.UPDATE, concerns, target.id, target.vector_number)
        return hold_change(batch, target, revision, change, why)
    return batch.revise(target, MemoryEvent.Kind.UPDATE, revision, why)


def _hold(
    batch: Batch, new: NewMemory, concerns: tuple[Concern, ...], why: Cause
) -> Memory:
    """It is out of force until somebody approves it."""
    return batch.add(
        replace(new, state=State.QUARANTINED),
        why,
        kind=MemoryEvent.Kind.QUARANTINE,
        review=Held(concerns=concerns).as_json(),
    )


def _new(
    ground: PatternGround, pattern: ProposedPattern, written: Written
) -> NewMemory:
    """Accepted when its memories were read: what deletes them then, deletes it too."""
    return NewMemory(
        anchor_id=ground.anchor.id,
        scope=ground.scope,
        text=pattern.text,
        origin=Memory.Origin.SYNTHESIZED,
        created_at=ground.at,
        accepted_at=ground.at,
        vectors=written.vectors[pattern.text],
        metadata={"made_by": written.made_by},
        categories=_categories(pattern),
        attributed_to="user" if ground.scope.user_id else "agent",
        kind=Memory.Kind.PATTERN,
        language=written.language,
    )


def _categories(pattern: ProposedPattern) -> tuple[str, ...] | None:
    """The one that most of its memories have; None leaves it to the background."""
    counts = Counter(name for source in pattern.sources for name in source.categories)
    most = min(counts, key=lambda name: (-counts[name], name), default=None)
    return None if most is None else (most,)


def _heads_of(settled: Sequence[SettledPattern]) -> dict[UUID, Memory]:
    ids = {source.id for one in settled for source in one.pattern.sources}
    return Memory.objects.in_bulk(ids)


def _is_as_read(pattern: ProposedPattern, heads: Mapping[UUID, Memory]) -> bool:
    """Whether its memories are all in force, in the words that were read."""
    return all(
        (head := heads.get(source.id)) is not None
        and head.state == State.ACTIVE
        and head.text == source.text
        for source in pattern.sources
    )


def _is_said(one: SettledPattern, ground: PatternGround) -> bool:
    """Whether another memory of the anchor says just this."""
    said = Memory.objects.filter(
        anchor_id=ground.anchor.id,
        run_id=None,
        text_hash=hash_text(one.pattern.text),
        state=State.ACTIVE,
    )
    others = said.exclude(id=one.target) if one.target else said
    return others.exists()


def _rows(
    pattern: Memory, proposed: ProposedPattern, heads: Mapping[UUID, Memory]
) -> Collection[PatternSource]:
    return [
        PatternSource(
            project_id=pattern.project_id,
            pattern_id=pattern.id,
            number=pattern.number,
            source_id=source.id,
            wording=heads[source.id].vector_number,
        )
        for source in proposed.sources
    ]

"""The ``local`` engine: decides by rules and an embedder, with no model call.

It reads plain declarative English well and everything else cautiously: what it cannot
attribute it drops with a reason. A project's free-text instructions have no effect
here; includes and excludes count as topics (see ``topics``).

Its cost grows with the number of facts, not with its square: a fact is judged against
the nearest of the same add as it is against the nearest memories, and texts are
embedded and recalled for in windows, between which the lease is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import batched
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from memories.pipeline.asking import Heartbeat, no_heartbeat
from memories.pipeline.local import topics
from memories.pipeline.local.aspects import is_plan, read_aspect
from memories.pipeline.local.extract import extract
from memories.pipeline.local.graph import read_graph
from memories.pipeline.local.judge import (
    CLAIMS_RELATED,
    Similarity,
    Standing,
    standing_of,
)
from memories.pipeline.local.language import is_english
from memories.pipeline.local.matters import may_be_outcome
from memories.pipeline.local.procedure import read_procedure
from memories.pipeline.local.retractions import Retraction
from memories.pipeline.local.words import content_stems, kin, names
from memories.providers.base import Embedder
from memories.store.sequence import began_after, was_over
from memories.types import (
    ChatMessage,
    Context,
    Decision,
    Dropped,
    EngineOptions,
    EngineResult,
    Fact,
    KnownMemory,
    Recall,
    Vectors,
    Verdict,
)

NO_STEPS = "no steps to remember"
EXCLUDED = "about an excluded topic"
NOT_INCLUDED = "not about an included topic"
SAID_TWICE = "said again in the same messages"
SAID_FULLER = "said more fully in the same messages"
CORRECTED = "corrected later in the same messages"
NOTHING_TO_FORGET = "nothing known matches what is to be forgotten"

RETRACTION_THRESHOLD = 0.3  # with all its words in the memory
RETRACTION_ALONE = 0.6  # without
STATEMENT = 3  # content words of more than a topic
NEAREST = 20  # facts of the same add that a fact is judged against
WINDOW = 256  # texts embedded, or recalled for, between two heartbeats
MAX_DOUBTS = 200  # texts embedded in one add only to tell facts apart

_VERDICTS = {
    Standing.SAME: Verdict.NONE,
    Standing.POORER: Verdict.NONE,
    Standing.CORRECTS: Verdict.UPDATE,
    Standing.AGAINST: Verdict.DELETE,
    Standing.RICHER: Verdict.UPDATE,
}
"""What is done about a memory; of several standings the first here counts."""


class LocalEngine:
    """Implements ``memories.types.Engine`` without a model."""

    name = "local"

    def __init__(self, embedder: Embedder, heartbeat: Heartbeat = no_heartbeat) -> None:
        self._embedder = embedder
        self._heartbeat = heartbeat

    def decide(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        """Decisions on all that is stated; ``recall`` is called once a window.

        Raises only what the embedder, ``recall`` and the heartbeat raise.
        """
        doubts = _Doubts(self._embedder)
        draft = self._draft(messages, context.recent, options, doubts)
        queries = [fact.text for fact in draft.facts]
        queries += [retraction.text for retraction in draft.retractions]
        found = [near for some in batched(queries, WINDOW) for near in recall(some)]
        count = len(draft.facts)
        judge = _Judge(doubts.cosine, draft.corrections, draft.ended)
        for fact, known in zip(draft.facts, found[:count], strict=True):
            judge.decide(fact, known, draft.said_at(fact) or options.reference)
        for retraction, known in zip(draft.retractions, found[count:], strict=True):
            judge.retract(retraction, known)
        return EngineResult(tuple(judge.decisions), (*draft.dropped, *judge.dropped))

    def _draft(
        self,
        messages: Sequence[ChatMessage],
        before: Sequence[ChatMessage],
        options: EngineOptions,
        doubts: _Doubts,
    ) -> _Draft:
        instants = [message.sent_at or options.reference for message in messages]
        if options.memory_type == "procedure":
            return replace(_procedure_draft(messages), instants=instants)
        extraction = extract(messages, options, before)
        draft = _Draft(
            list(extraction.facts),
            extraction.retractions,
            list(extraction.dropped),
            extraction.corrections,
            instants=instants,
        )
        draft.drop_repetitions()
        if draft.facts:
            vectors = self._embed([fact.text for fact in draft.facts])
            _settle_among_themselves(draft, vectors, doubts)
            self._keep_on_topic(draft, options)
            self._annotate(draft, options)
        return draft

    def _keep_on_topic(self, draft: _Draft, options: EngineOptions) -> None:
        """Drop facts about excluded topics, and outside the included ones if any."""
        has_includes = bool(topics.split_topics(options.includes))
        if not has_includes and not topics.split_topics(options.excludes):
            return
        vectors = self._topic_vectors(draft)
        excluded = topics.is_on_topic(vectors, options.excludes, self._embedder)
        included = topics.is_on_topic(vectors, options.includes, self._embedder)
        draft.drop(
            [
                EXCLUDED
                if out
                else NOT_INCLUDED
                if has_includes and not wanted
                else None
                for out, wanted in zip(excluded, included, strict=True)
            ]
        )

    def _topic_vectors(self, draft: _Draft) -> Vectors:
        return self._embed(
            [topics.topic_text(fact.text, fact.speaker) for fact in draft.facts]
        )

    def _embed(self, texts: Sequence[str]) -> Vectors:
        windows = []
        for window in batched(texts, WINDOW):
            self._heartbeat()
            windows.append(self._embedder.embed(window))
        return np.concatenate(windows) if windows else self._embedder.embed([])

    def _annotate(self, draft: _Draft, options: EngineOptions) -> None:
        """Add categories, what each tells of, entities and relations."""
        assigned: list[tuple[str, ...]] = [()] * len(draft.facts)
        if options.categories:
            assigned = topics.assign_categories(
                self._topic_vectors(draft), options.categories, self._embedder
            )
        draft.facts = [
            _annotated(fact, categories, options, draft.said_at(fact))
            for fact, categories in zip(draft.facts, assigned, strict=True)
        ]


def _annotated(
    fact: Fact,
    categories: tuple[str, ...],
    options: EngineOptions,
    said_at: datetime | None,
) -> Fact:
    is_read = is_english(fact.text)
    aspect = read_aspect(fact.text, fact.valid, said_at) if is_read else None
    fact = replace(fact, categories=categories, aspect=aspect)
    if not options.with_graph:
        return fact
    entities, relations = read_graph(
        fact.text, fact.speaker or "User", is_bounded=fact.valid.end is not None
    )
    return replace(fact, entities=entities, relations=relations)


def _settle_among_themselves(draft: _Draft, vectors: Vectors, doubts: _Doubts) -> None:
    """Compare each fact with the nearest earlier ones of the same add."""
    settled = _Settled(draft)
    authors = np.array([fact.attributed_to for fact in draft.facts])
    for later, cosines in enumerate(_cosines_before(vectors)):
        is_compared = settled.is_open[:later] & (authors[:later] == authors[later])
        for earlier in _nearest(cosines, is_compared):
            one, other = draft.facts[later].text, draft.facts[earlier].text
            similarity = float(cosines[earlier])
            is_correction = one in draft.corrections
            standing = standing_of(
                one, other, similarity, doubts.cosine, is_correction=is_correction
            )
            settled.note(standing, earlier, later)
            if settled.reasons[later]:
                break
    draft.drop(settled.reasons)


def _cosines_before(vectors: Vectors) -> Iterator[NDArray[np.float32]]:
    """For each row its cosines with the rows before it; a block at a time."""
    for start in range(0, len(vectors), WINDOW):
        block = vectors[start : start + WINDOW] @ vectors[: start + WINDOW].T
        for offset, row in enumerate(block):
            yield row[: start + offset]


def _nearest(cosines: NDArray[np.float32], is_compared: NDArray[np.bool_]) -> list[int]:
    """The few nearest worth a comparison, in the order in which they were said."""
    near = np.flatnonzero(is_compared & (cosines >= CLAIMS_RELATED))
    if len(near) > NEAREST:
        near = np.sort(near[np.argpartition(cosines[near], -NEAREST)[-NEAREST:]])
    found: list[int] = near.tolist()
    return found


@dataclass(slots=True)
class _Doubts:
    """Cosines of short texts for the judge, each embedded once, and not without end.

    Past the limit every two texts count as unlike, so that both facts are kept.
    """

    embedder: Embedder
    vectors: dict[str, Vectors] = field(default_factory=dict)

    def cosine(self, one: str, other: str) -> float:
        missing = [text for text in (one, other) if text not in self.vectors]
        if len(self.vectors) + len(missing) > MAX_DOUBTS:
            return 0.0
        if missing:
            self.vectors |= zip(missing, self.embedder.embed(missing), strict=True)
        return float(self.vectors[one] @ self.vectors[other])


@dataclass(slots=True)
class _Draft:
    """Facts and retractions on their way to a decision.

    ``ended``: by the words of a fact, those of earlier ones of the add that it ends;
    ``instants`` are when the messages were sent.
    """

    facts: list[Fact]
    retractions: tuple[Retraction, ...] = ()
    dropped: list[Dropped] = field(default_factory=list)
    corrections: frozenset[str] = frozenset()
    ended: dict[str, list[str]] = field(default_factory=dict)
    instants: Sequence[datetime] = ()

    def said_at(self, fact: Fact) -> datetime | None:
        instants = [self.instants[position] for position in fact.messages]
        return max(instants, default=None)

    def drop(self, reasons: Sequence[str | None]) -> None:
        """Move the facts with a reason to ``dropped``."""
        facts, self.facts = self.facts, []
        for fact, reason in zip(facts, reasons, strict=True):
            if reason:
                self.dropped.append(Dropped(reason, fact.text, fact.messages))
            else:
                self.facts.append(fact)

    def drop_repetitions(self) -> None:
        """Word for word the same, from the same side: settled before any embedding."""
        seen: set[tuple[str, str]] = set()
        reasons: list[str | None] = []
        for fact in self.facts:
            key = (fact.attributed_to, fact.text.casefold())
            reasons.append(SAID_TWICE if key in seen else None)
            seen.add(key)
        self.drop(reasons)


def _procedure_draft(messages: Sequence[ChatMessage]) -> _Draft:
    fact = read_procedure(messages)
    if fact is None:
        everything = tuple(range(len(messages)))
        return _Draft([], dropped=[Dropped(NO_STEPS, None, everything)])
    unused = set(range(len(messages))) - set(fact.messages)
    dropped = [Dropped(NO_STEPS, None, (position,)) for position in sorted(unused)]
    return _Draft([fact], dropped=dropped)


class _Settled:
    """What becomes of the facts of one add beside each other.

    Those that are ``is_open`` are worth a comparison still: they are kept, and nothing
    has ended them. ``reasons`` are why others are dropped.
    """

    def __init__(self, draft: _Draft) -> None:
        self._draft = draft
        self.reasons: list[str | None] = [None] * len(draft.facts)
        self.is_open = np.ones(len(draft.facts), dtype=bool)

    def note(self, standing: Standing, earlier: int, later: int) -> None:
        if standing in (Standing.SAME, Standing.POORER):
            self._drop(later, SAID_TWICE)
        elif standing is Standing.RICHER:
            self._drop(earlier, SAID_FULLER)
        elif standing is Standing.CORRECTS:
            self._drop(earlier, CORRECTED)
        elif standing is Standing.AGAINST:
            self._end(earlier, later)

    def _drop(self, position: int, reason: str) -> None:
        self.reasons[position] = reason
        self.is_open[position] = False

    def _end(self, earlier: int, later: int) -> None:
        """What was so until then is history, and kept."""
        new, old = self._draft.facts[later], self._draft.facts[earlier]
        told_at = self._draft.said_at(old)
        if (
            told_at
            and is_plan(old.text)
            and not may_be_outcome(new, old.valid, told_at)
        ):
            return
        self._draft.ended.setdefault(new.text, []).append(old.text)
        starts = old.valid.start, new.valid.start
        is_older = starts[0] and starts[1] and starts[1] < starts[0]
        self.is_open[later if is_older else earlier] = False


def _beside(
    fact: Fact, said_at: datetime, against: Sequence[KnownMemory]
) -> list[KnownMemory]:
    """Of what a fact contradicts, nearest first: what began next after it, which it was
    true until, and what was so when it began, which was true until then. What was over
    by then is no matter of its."""
    later: list[tuple[datetime, KnownMemory]] = []
    standing: list[KnownMemory] = []
    for memory in against:
        began = began_after(fact.valid.start, said_at, memory, fact.aspect)
        if began:
            later.append((began, memory))
        elif not was_over(fact.valid.start or said_at, memory, fact.aspect):
            standing.append(memory)
    following = [memory for _, memory in sorted(later, key=lambda one: one[0])]
    return [*following[:1], *standing[:1]]


@dataclass(slots=True)
class _Judge:
    """Decides facts in order; a memory is changed at most once in one add.

    ``corrections`` are texts of facts that were said to set something right; ``ended``
    as in a draft.
    """

    cosine: Similarity
    corrections: frozenset[str]
    ended: Mapping[str, Sequence[str]]
    decisions: list[Decision] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    changed: set[UUID] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def decide(
        self, fact: Fact, known: Sequence[KnownMemory], said_at: datetime
    ) -> None:
        """One fact may end several plans beside what it is to one other memory, and
        beside what it takes the place of it may be ended itself by what came next."""
        nearest: dict[Standing, KnownMemory] = {}
        plans: list[KnownMemory] = []
        against: list[KnownMemory] = []
        for memory in known:
            is_free = memory.id not in self.changed
            if is_free and memory.attributed_to == fact.attributed_to:
                standing = self._standing(fact, memory)
                if standing is Standing.AGAINST and is_plan(memory.text):
                    told = memory.valid, memory.created_at
                    plans += [memory] if may_be_outcome(fact, *told) else []
                elif standing is Standing.AGAINST:
                    against.append(memory)
                else:
                    nearest.setdefault(standing, memory)
        changes = self._changes(nearest, _beside(fact, said_at, against))
        if not changes or _VERDICTS[changes[0][1]] is not Verdict.NONE:
            changes += [(plan, Standing.AGAINST) for plan in plans]
        for memory, standing in changes:
            self._record(fact, memory, standing)
        if not changes or self.decisions[-1].verdict is not Verdict.NONE:
            self._keep(fact, is_new=not changes)

    @staticmethod
    def _changes(
        nearest: Mapping[Standing, KnownMemory], against: Sequence[KnownMemory]
    ) -> list[tuple[KnownMemory, Standing]]:
        """What counts most of all that a fact is to memories."""
        met = {standing: [memory] for standing, memory in nearest.items()}
        if against:
            met[Standing.AGAINST] = list(against)
        first = next((standing for standing in _VERDICTS if standing in met), None)
        return [(memory, first) for memory in met[first]] if first else []

    def _keep(self, fact: Fact, *, is_new: bool) -> None:
        """It ends what the same add told before it, if that was kept as well."""
        over = [text for text in self.ended.get(fact.text, ()) if text in self.kept]
        reason = Standing.AGAINST.value
        self.decisions += [
            Decision(Verdict.DELETE, fact, reason=reason, target_text=text)
            for text in over
        ]
        if is_new and not over:
            self.decisions.append(Decision(Verdict.ADD, fact, reason="new"))
        self.kept.add(fact.text)

    def _standing(self, fact: Fact, memory: KnownMemory) -> Standing:
        if fact.kind == "procedure":
            return Standing.SAME if fact.text == memory.text else Standing.APART
        return standing_of(
            fact.text,
            memory.text,
            memory.similarity,
            self.cosine,
            is_correction=fact.text in self.corrections,
            aspect=memory.aspect,
        )

    def _record(self, fact: Fact, memory: KnownMemory, standing: Standing) -> None:
        verdict = _VERDICTS[standing]
        if verdict is not Verdict.NONE:
            self.changed.add(memory.id)
        self.decisions.append(Decision(verdict, fact, memory.id, standing.value))

    # --- retractions ------------------------------------------------------------------

    def retract(self, retraction: Retraction, known: Sequence[KnownMemory]) -> None:
        """Retire what is taken back; else record what was said, or that it is moot.

        "my address" means all that is like it; a whole statement what says just that,
        if anything does.
        """
        meant = [
            memory
            for memory in known
            if memory.id not in self.changed and self._is_meant(retraction, memory)
        ]
        wanted = content_stems(retraction.text)
        told = [memory for memory in meant if wanted <= content_stems(memory.text)]
        targets = told if len(wanted) >= STATEMENT and told else meant
        for memory in targets:
            self.changed.add(memory.id)
            self.decisions.append(
                Decision(
                    Verdict.DELETE,
                    target=memory.id,
                    reason="taken back",
                    evidence=retraction.evidence,
                    messages=(retraction.position,),
                )
            )
        if not targets:
            self._note_moot(retraction)

    def _is_meant(self, retraction: Retraction, memory: KnownMemory) -> bool:
        what, known = retraction.text, memory.text
        if kin(what) != kin(known):
            return False
        wanted = content_stems(what)
        if wanted and wanted <= content_stems(known):
            return memory.similarity >= RETRACTION_THRESHOLD
        if memory.similarity < RETRACTION_ALONE:
            return False
        shared = names(what) & names(known)
        return not shared or self._matter(what, known, shared) >= RETRACTION_ALONE

    def _matter(self, what: str, known: str, shared: frozenset[str]) -> float:
        """How alike two texts are without the names that both bear."""
        either = re.compile(rf"\b(?:{'|'.join(map(re.escape, shared))})\b(?:'s)?", re.I)
        return self.cosine(either.sub("", what), either.sub("", known))

    def _note_moot(self, retraction: Retraction) -> None:
        messages = (retraction.position,)
        if retraction.statement is None:
            self.dropped.append(
                Dropped(NOTHING_TO_FORGET, retraction.evidence, messages)
            )
            return
        fact = Fact(retraction.statement, messages)
        self.decisions.append(Decision(Verdict.ADD, fact, reason="new"))

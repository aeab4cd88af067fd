"""The paper's way (Mem0, arXiv 2504.19413 §2): extract facts, recall, then decide.

Calls per add: one to extract; one to decide over all facts and the union of what was
recalled for them (s = 10 each); one for the graph, when there are facts to draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from memories.pipeline.asking import MAX_RE_ASKS
from memories.pipeline.engines.base import (
    ModelEngine,
    merge_repeats,
    numbered,
    read_facts,
    retractable_by,
    settle,
)
from memories.pipeline.facts import Row, normalise, read_entities, read_relations
from memories.pipeline.prompting import (
    decision_text,
    facts_text,
    fit_memories,
    line_tokens,
    shorten,
    system_text,
)
from memories.pipeline.reply import ListReader
from memories.pipeline.schemas import DECIDE, GRAPH, extraction
from memories.prompts import get_prompt
from memories.providers.base import ChatRequest
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
    Verdict,
)

_EXTRACTS = {
    with_flag: (schema, ListReader(schema, "facts"))
    for with_flag in (False, True)
    for schema in [extraction(with_flag=with_flag)]
}
_DECIDE = ListReader(DECIDE, "decisions")
_GRAPH = ListReader(GRAPH, "facts")
_FACTS_PER_GRAPH_CALL = 40
_STORED = (Verdict.ADD, Verdict.UPDATE, Verdict.DELETE)


@dataclass(frozen=True, slots=True)
class _Extract:
    """What the first phase found; ``quote`` is set on a wish to forget."""

    fact: Fact
    quote: str | None = None


@dataclass(slots=True)
class _Found:
    """The outcome as it grows from phase to phase."""

    decisions: list[Decision] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


class TwoPhase(ModelEngine):
    """``context.memories`` is not used: each fact recalls its own."""

    name = "two_phase"

    def _decide_facts(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        found = _Found()
        extracts = self._extract(messages, context, options, found)
        if not extracts:
            return EngineResult(dropped=tuple(found.dropped))
        recalled = recall([extract.fact.text for extract in extracts])
        room = self._room(self._decide_system(options), DECIDE)
        for batch, memories in _batches(extracts, recalled, room):
            self._decide_batch(batch, memories, messages, options, found)
        result = merge_repeats(found.decisions)
        decisions = result.decisions
        if options.with_graph:
            decisions = self._draw(decisions, options)
        return EngineResult(decisions, result.dropped + tuple(found.dropped))

    # --- phase 1: extract

    def _extract(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        found: _Found,
    ) -> list[_Extract]:
        """What is worth remembering, each text once."""
        schema, reader = _EXTRACTS[options.flag_instructions]
        answers = self._ask_exchange(
            f"extract_{options.subject}", schema, reader, messages, context, options
        )
        extracts: dict[str, _Extract] = {}
        for answer in answers:
            found.dropped += answer.reply.dropped
            for row, fact in read_facts(answer, messages, options):
                key = normalise(fact.text)
                if not key or key in extracts:
                    found.dropped.append(_unextracted(fact))
                else:
                    extracts[key] = _Extract(fact, row["quote"])
        return list(extracts.values())

    # --- phase 2: decide

    def _decide_system(self, options: EngineOptions) -> str:
        return system_text(get_prompt(self._prompts, "decide"), options)

    def _decide_batch(
        self,
        batch: Sequence[_Extract],
        memories: Sequence[KnownMemory],
        messages: Sequence[ChatMessage],
        options: EngineOptions,
        found: _Found,
    ) -> None:
        """A decision for every fact; those the model passes over are asked again."""
        pending = dict(enumerate(batch, start=1))
        known = numbered(memories)
        retracting = retractable_by(messages, options)
        for _ in range(1 + MAX_RE_ASKS):
            rows = self._ask_decisions(pending, memories, options, found)
            for number in list(pending):
                if number in rows:
                    extract = pending.pop(number)
                    outcome = _outcome(extract, rows[number], known, retracting)
                    found.decisions += outcome.decisions
                    found.dropped += outcome.dropped
            if not pending:
                return
        found.decisions += [_undecided(extract.fact) for extract in pending.values()]

    def _ask_decisions(
        self,
        pending: Mapping[int, _Extract],
        memories: Sequence[KnownMemory],
        options: EngineOptions,
        found: _Found,
    ) -> dict[int, list[Row]]:
        """The rows about each pending fact, by its number."""
        prompt = get_prompt(self._prompts, "decide")
        system = self._decide_system(options)
        room = self._room(system, DECIDE)
        facts = {n: _shown(extract.fact, room) for n, extract in pending.items()}
        forgets = frozenset(n for n, extract in pending.items() if extract.quote)
        request = ChatRequest(
            system,
            decision_text(facts, forgets, memories, options),
            DECIDE,
            "decide",
        )
        reply = self._asker.ask(request, prompt, _DECIDE.read)
        found.dropped += reply.dropped
        rows: dict[int, list[Row]] = {}
        for row in reply.kept:
            if row["fact"] in pending:
                rows.setdefault(row["fact"], []).append(row)
            else:
                reason = f"a decision on fact {row['fact']}, which was not asked for"
                found.dropped.append(Dropped(reason))
        return rows

    # --- graph

    def _draw(
        self, decisions: Sequence[Decision], options: EngineOptions
    ) -> tuple[Decision, ...]:
        """The decisions with entities and relations on the facts to be stored."""
        new = {
            number: decision.fact
            for number, decision in enumerate(decisions)
            if decision.fact and decision.verdict in _STORED and not decision.problem
        }
        drawn: dict[int, Fact] = {}
        system = system_text(get_prompt(self._prompts, "graph"), options)
        for group in _groups(new, self._room(system, GRAPH) if new else 0):
            drawn |= self._draw_facts(system, group)
        return tuple(
            replace(decision, fact=drawn.get(number, decision.fact))
            for number, decision in enumerate(decisions)
        )

    def _draw_facts(self, system: str, facts: Mapping[int, Fact]) -> dict[int, Fact]:
        prompt = get_prompt(self._prompts, "graph")
        room = self._room(system, GRAPH)
        shown = {number: _shown(fact, room) for number, fact in facts.items()}
        request = ChatRequest(system, facts_text(shown), GRAPH, "graph")
        reply = self._asker.ask(request, prompt, _GRAPH.read)
        return {
            row["fact"]: replace(
                facts[row["fact"]],
                entities=read_entities(row["entities"], row["relations"]),
                relations=read_relations(row["relations"]),
            )
            for row in reply.kept
            if row["fact"] in facts
        }


def _unextracted(fact: Fact) -> Dropped:
    reason = "repeats another fact of this add" if fact.text else "a fact without text"
    return Dropped(reason, fact.text or None, fact.messages)


def _batches(
    extracts: Sequence[_Extract],
    recalled: Sequence[Sequence[KnownMemory]],
    room: int,
) -> list[tuple[list[_Extract], list[KnownMemory]]]:
    """Facts with the memories near them; one batch unless the window is small."""
    batches: list[tuple[list[_Extract], list[KnownMemory]]] = [([], [])]
    left = room
    for extract, nearest in zip(extracts, recalled, strict=True):
        own = line_tokens(_shown(extract.fact, room).text)
        new: Sequence[KnownMemory] = _unseen(nearest, batches[-1][1])
        if own + _cost(new) > left and batches[-1][0]:
            batches.append(([], []))
            left, new = room, nearest
        new = fit_memories(new, left - own)
        batches[-1][0].append(extract)
        batches[-1][1].extend(new)
        left -= own + _cost(new)
    return batches


def _groups(facts: Mapping[int, Fact], room: int) -> Iterator[dict[int, Fact]]:
    """The facts of each graph call, by their numbers."""
    group: dict[int, Fact] = {}
    left = room
    for number, fact in facts.items():
        cost = line_tokens(_shown(fact, room).text)
        if group and (cost > left or len(group) == _FACTS_PER_GRAPH_CALL):
            yield group
            group, left = {}, room
        group[number] = fact
        left -= cost
    if group:
        yield group


def _shown(fact: Fact, room: int) -> Fact:
    """The fact as a request shows it: a text of endless length by its beginning."""
    return replace(fact, text=shorten(fact.text, room // 2))


def _unseen(
    nearest: Sequence[KnownMemory], seen: Sequence[KnownMemory]
) -> list[KnownMemory]:
    ids = {memory.id for memory in seen}
    return [memory for memory in nearest if memory.id not in ids]


def _cost(memories: Sequence[KnownMemory]) -> int:
    return sum(line_tokens(memory.text) for memory in memories)


def _outcome(
    extract: _Extract,
    rows: Sequence[Row],
    known: Mapping[int, KnownMemory],
    retracting: Mapping[int, ChatMessage],
) -> EngineResult:
    """What the rows about one fact mean: one decision, or one per memory to forget."""
    if extract.quote:
        return _forget(extract, rows, known, retracting)
    row, *others = rows
    fact = extract.fact
    if row["op"] == Verdict.UPDATE and (row["text"] or "").strip():
        fact = replace(fact, text=row["text"].strip())
    decision = settle(Verdict(row["op"]), fact, row["id"], known, row["why"])
    surplus = [
        Dropped(f"a second decision ({other['op']}) on one fact", fact.text)
        for other in others
    ]
    return EngineResult((decision,), tuple(surplus))


def _forget(
    extract: _Extract,
    rows: Sequence[Row],
    known: Mapping[int, KnownMemory],
    retracting: Mapping[int, ChatMessage],
) -> EngineResult:
    decisions = tuple(
        settle(
            Verdict.DELETE,
            None,
            row["id"],
            known,
            row["why"],
            evidence=extract.quote,
            retracting=retracting,
            cited=extract.fact.messages,
        )
        for row in rows
        if row["op"] == Verdict.DELETE
    )
    if decisions:
        return EngineResult(decisions)
    fact = extract.fact
    reason = "a wish to forget what is not remembered"
    return EngineResult(dropped=(Dropped(reason, fact.text, fact.messages),))


def _undecided(fact: Fact) -> Decision:
    return Decision(Verdict.ADD, fact, problem="the model gave no decision on it")

"""What the engines share: an exchange split into calls, facts, and safe decisions.

Every model answer passes ``settle`` on its way to the store, so that an invented id or
an unfounded deletion is recorded and harmless (domain.md, invariant 4).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from memories.pipeline.asking import Asker, Heartbeat, Record, no_heartbeat
from memories.pipeline.facts import (
    Row,
    fact_from_row,
    known_categories,
    normalise,
    quoted_from,
)
from memories.pipeline.prompting import (
    Chunk,
    exchange_text,
    fit_context,
    line_tokens,
    quote,
    room_for_data,
    split_messages,
    system_text,
)
from memories.pipeline.reply import ObjectReader, Rows
from memories.pipeline.schemas import PROCEDURAL
from memories.prompts import get_prompt
from memories.providers.base import Chat, ChatRequest
from memories.providers.tokens import bound_tokens
from memories.types import (
    ChatMessage,
    Context,
    Decision,
    Dropped,
    EngineOptions,
    EngineResult,
    Fact,
    KnownMemory,
    PromptText,
    Recall,
    Verdict,
)

_PROCEDURAL = ObjectReader(PROCEDURAL)
_TARGETED = (Verdict.UPDATE, Verdict.DELETE, Verdict.MERGE)
_CHANGING = (Verdict.UPDATE, Verdict.DELETE)


class Reader[T](Protocol):
    """Makes something of a reply, or raises ProviderReplyInvalid."""

    def read(self, text: str) -> T: ...


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """What a model said to one chunk, and the memories it was shown, by number."""

    chunk: Chunk
    reply: T
    memories: Mapping[int, KnownMemory]


class ModelEngine:
    """The frame of an engine: prompts, a model, and the record of what it is asked."""

    name = ""

    def __init__(
        self,
        chat: Chat,
        prompts: Mapping[str, PromptText],
        record: Record,
        heartbeat: Heartbeat = no_heartbeat,
    ) -> None:
        self._prompts = prompts
        self._asker = Asker(chat, record, heartbeat)

    def decide(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        """Decide what is worth remembering. Calls models; never inside a transaction.

        Raises ProviderError when the model cannot be made to answer.
        """
        if options.memory_type == "procedure":
            return self._record_procedure(messages, context, options)
        return self._decide_facts(messages, context, options, recall)

    def _decide_facts(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        raise NotImplementedError(self.name)

    def _record_procedure(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
    ) -> EngineResult:
        """One fact of kind procedure; the parts of a long run follow each other."""
        answers = self._ask_exchange(
            "procedural", PROCEDURAL, _PROCEDURAL, messages, context, options
        )
        texts = [answer.reply["text"].strip() for answer in answers]
        named = [name for answer in answers for name in answer.reply["cats"]]
        fact = Fact(
            text="\n\n".join(text for text in texts if text),
            messages=tuple(range(len(messages))),
            attributed_to="agent",
            kind="procedure",
            categories=known_categories(named, options.categories),
        )
        if not fact.text:
            return EngineResult()
        return EngineResult((Decision(Verdict.ADD, fact, reason="procedure"),))

    def _ask_exchange[T](
        self,
        prompt_name: str,
        schema: Mapping[str, Any],
        reader: Reader[T],
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        *,
        with_memories: bool = False,
    ) -> list[Answer[T]]:
        """Ask about the whole exchange, in as many calls as the window demands."""
        prompt = get_prompt(self._prompts, prompt_name)
        system = system_text(prompt, options)
        room = self._room(system, schema)
        fitted = fit_context(context, room)
        shown = numbered(fitted.memories) if with_memories else {}
        room -= bound_tokens(quote(fitted.summary or ""))
        room -= sum(line_tokens(memory.text) for memory in shown.values())
        answers = []
        for chunk in split_messages(messages, fitted, room):
            user = exchange_text(chunk, fitted, options, with_memories=with_memories)
            request = ChatRequest(system, user, schema, _schema_name(prompt_name))
            reply = self._asker.ask(request, prompt, reader.read)
            answers.append(Answer(chunk, reply, shown))
        return answers

    def _room(self, system: str, schema: Mapping[str, Any]) -> int:
        """Tokens for the data of a call; raises ProviderWindowTooSmall."""
        instructions = _instruction_tokens(system, json.dumps(schema))
        return room_for_data(self._asker.context_tokens, instructions)


@lru_cache(maxsize=128)
def _instruction_tokens(system: str, schema: str) -> int:
    """The same from add to add; counting them each time was half of our CPU."""
    return bound_tokens(system) + bound_tokens(schema)


def _schema_name(prompt_name: str) -> str:
    """User and agent prompts differ, their answers do not."""
    return prompt_name.removesuffix("_user").removesuffix("_agent")


def numbered(memories: Sequence[KnownMemory]) -> dict[int, KnownMemory]:
    """Memories by the numbers that ``prompting.memory_lines`` gives them."""
    return dict(enumerate(memories, start=1))


def read_facts(
    answer: Answer[Rows], messages: Sequence[ChatMessage], options: EngineOptions
) -> list[tuple[Row, Fact]]:
    """The rows of an extraction, each with the fact it proposes."""
    return [
        (row, fact_from_row(row, answer.chunk, messages, options))
        for row in answer.reply.kept
    ]


def retractable_by(
    messages: Sequence[ChatMessage], options: EngineOptions
) -> dict[int, ChatMessage]:
    """The messages that may take a memory back, by position: a person's, or the
    agent's own. A tool's output or a recited document never can.
    """
    roles = {"user"} if options.subject == "user" else {"user", "assistant"}
    return {
        at: said
        for at, said in enumerate(messages)
        if said.role in roles and not said.document
    }


# --- safe decisions -------------------------------------------------------------------


def settle(
    verdict: Verdict,
    fact: Fact | None,
    number: int | None,
    memories: Mapping[int, KnownMemory],
    reason: str,
    *,
    evidence: str | None = None,
    retracting: Mapping[int, ChatMessage] | None = None,
    cited: tuple[int, ...] = (),
) -> Decision:
    """The model's verdict with its number resolved, or with the problem it has.

    ``fact`` None means a DELETE that stands alone: it needs ``evidence`` that literally
    occurs in one of the ``retracting`` messages (decision 14). Where it does counts,
    not where the model says (``cited``).
    """
    quoted = quoted_from(evidence or "", retracting or {})
    memory = memories.get(number) if number is not None else None
    decision = Decision(
        verdict,
        fact,
        memory.id if memory and verdict is not Verdict.ADD else None,
        reason,
        evidence if fact is None else None,
        (quoted or cited) if fact is None else (),
    )
    problem = _problem(decision, number, memory)
    if fact is None and not problem and not quoted:
        problem = "a deletion without a replacement quotes no sentence of a message"
    if problem:
        return replace(decision, problem=problem)
    return _without_effect(decision, memory)


def _problem(
    decision: Decision, number: int | None, memory: KnownMemory | None
) -> str | None:
    verdict = decision.verdict
    if decision.fact is None and verdict is not Verdict.DELETE:
        return f"{verdict} without a text"
    if verdict is not Verdict.ADD and number is not None and memory is None:
        return f"{verdict} names memory {number}, which was not shown"
    if verdict in _TARGETED and memory is None:
        return f"{verdict} names no memory"
    if verdict in _CHANGING and memory is not None and memory.is_immutable:
        return f"{verdict} of an immutable memory"
    return None


def _without_effect(decision: Decision, memory: KnownMemory | None) -> Decision:
    """Replacing a memory by its own words changes nothing: NONE."""
    if decision.fact is None or memory is None or decision.verdict not in _CHANGING:
        return decision
    if normalise(decision.fact.text) != normalise(memory.text):
        return decision
    return replace(decision, verdict=Verdict.NONE)


def merge_repeats(decisions: Sequence[Decision]) -> EngineResult:
    """The decisions without facts that others of the same add already state.

    Of equal texts with the same target the first stays; one without a target yields to
    one that changes a memory. The rest is reported as dropped.
    """
    targets: dict[str, set[object]] = defaultdict(set)
    for decision in decisions:
        if decision.fact and decision.target:
            targets[normalise(decision.fact.text)].add(decision.target)
    kept: dict[object, Decision] = {}
    dropped: list[Dropped] = []
    for position, decision in enumerate(decisions):
        key = _repeat_key(decision, position)
        repeats = key in kept or _yields(decision, targets)
        if repeats and decision.fact:
            dropped.append(_repeat(decision.fact))
        elif repeats:
            kept[key] = _said_by_both(kept[key], decision)
        else:
            kept[key] = decision
    return EngineResult(tuple(kept.values()), tuple(dropped))


def _said_by_both(first: Decision, second: Decision) -> Decision:
    """Two messages take the same memory back: one decision, credited to both."""
    messages = {*first.messages, *second.messages}
    return replace(first, messages=tuple(sorted(messages)))


def _repeat_key(decision: Decision, position: int) -> object:
    """Equal for decisions of which one is enough; refused ones all stay recorded."""
    if decision.problem:
        return position
    text = normalise(decision.fact.text) if decision.fact else None
    return (text, decision.target)


def _yields(decision: Decision, targets: Mapping[str, set[object]]) -> bool:
    if decision.fact is None or decision.target or decision.problem:
        return False
    return normalise(decision.fact.text) in targets


def _repeat(fact: Fact) -> Dropped:
    return Dropped("repeats another fact of this add", fact.text, fact.messages)

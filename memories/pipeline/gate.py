"""The gate of a project that does not take everything on trust.

Whatever way a memory comes in, its text passes here before the store sees it: what the
project wants reviewed leaves with its concerns, and the store keeps it out of force
until somebody approves it (docs/adr/0430). Pure but for reading settings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from memories.models.settings import ProjectSettings
from memories.pipeline.instructions import BLATANT, Kind, find_instructions
from memories.selectors.sources import Source
from memories.types import ChatMessage, Concern, Decision, Fact, Rule

BY_MODEL = "model"
IN_MESSAGE = "message"
"""Details of the instruction rule besides the kinds that the rules know."""


def hold_doubtful(
    decisions: Iterable[Decision],
    messages: Sequence[ChatMessage],
    kept: ProjectSettings,
    source: Source,
) -> tuple[Decision, ...]:
    """The decisions, each with what the project wants reviewed about its fact.

    Positions are those in ``messages``.
    """
    if not kept.has_review or source.is_operator:
        return tuple(decisions)
    gate = _Gate(messages, kept, source)
    return tuple(
        replace(decision, concerns=gate.concerns_of(decision.fact))
        if decision.fact
        else decision
        for decision in decisions
    )


def concerns_about(
    text: str, kept: ProjectSettings, source: Source
) -> tuple[Concern, ...]:
    """What is to be reviewed about a text that comes without a conversation."""
    if not kept.has_review or source.is_operator:
        return ()
    return _Gate((), kept, source).concerns_of(Fact(text))


class _Gate:
    """What one add is held against."""

    def __init__(
        self, messages: Sequence[ChatMessage], kept: ProjectSettings, source: Source
    ) -> None:
        self._messages, self._kept, self._source = messages, kept, source
        self._blatant: dict[int, bool] = {}

    def concerns_of(self, fact: Fact) -> tuple[Concern, ...]:
        return (
            *(self._instructions(fact) if self._kept.review_instructions else ()),
            *self._sources(fact),
            *self._confidence(fact),
        )

    def _instructions(self, fact: Fact) -> Iterator[Concern]:
        spans: dict[Kind, list[tuple[int, int]]] = defaultdict(list)
        for found in find_instructions(fact.text):
            # The steps of a procedure are tools and commands.
            if found.kind is not Kind.TOOL or fact.kind != "procedure":
                spans[found.kind].append((found.start, found.end))
        for kind, where in spans.items():
            yield Concern(Rule.INSTRUCTION, kind, tuple(where))
        if fact.is_instruction:
            yield Concern(Rule.INSTRUCTION, BY_MODEL)
        if not spans and any(self._is_blatant(at) for at in fact.messages):
            yield Concern(Rule.INSTRUCTION, IN_MESSAGE)

    def _is_blatant(self, position: int) -> bool:
        """Whether a message tries to take the agent over: then what it states is part
        of that, however harmless it reads."""
        if position not in self._blatant:
            known = 0 <= position < len(self._messages)
            content = self._messages[position].content if known else ""
            kinds = {found.kind for found in find_instructions(content)}
            self._blatant[position] = bool(kinds & set(BLATANT))
        return self._blatant[position]

    def _sources(self, fact: Fact) -> Iterator[Concern]:
        met = set(self._met_by(fact))
        for untrusted in self._kept.review_untrusted:
            if untrusted.casefold() in met:
                yield Concern(Rule.SOURCE, untrusted.partition(":")[0])

    def _met_by(self, fact: Fact) -> Iterator[str]:
        """Every source it comes from, as the setting spells them."""
        for message in self._cited(fact):
            yield message.role
            yield f"name:{message.name}".casefold()
        if fact.pages:
            yield "document"
        if self._source.is_file:
            yield "import"
        yield f"app:{self._source.app_id}".casefold()
        yield f"key:{self._source.key_prefix}".casefold()

    def _cited(self, fact: Fact) -> list[ChatMessage]:
        """The messages it rests on; all, where it names none."""
        there = [at for at in fact.messages if 0 <= at < len(self._messages)]
        return [self._messages[at] for at in there] or list(self._messages)

    def _confidence(self, fact: Fact) -> Iterator[Concern]:
        least = self._kept.review_below_confidence
        if fact.confidence < least:
            yield Concern(Rule.CONFIDENCE, f"{least:g}")

"""The frame of engines that settle an exchange in one call: facts come decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from memories.pipeline.engines.base import (
    Answer,
    ModelEngine,
    merge_repeats,
    read_facts,
    retractable_by,
    settle,
)
from memories.pipeline.facts import Row
from memories.pipeline.reply import ListReader, Rows
from memories.types import (
    ChatMessage,
    Context,
    Decision,
    EngineOptions,
    EngineResult,
    Fact,
    JsonDict,
    Recall,
    Verdict,
)

SchemaOf = Callable[..., JsonDict]
"""The schema of the reply, ``with_graph`` or without, ``with_flag`` or without."""


class OneCallEngine(ModelEngine):
    """``context.memories`` are the recalled ones; one call per chunk of messages."""

    def schema(self) -> SchemaOf:
        raise NotImplementedError(self.name)

    def verdict(self, row: Row) -> tuple[Verdict, int | None]:
        """What the model wants done with a row, and the memory number it names."""
        raise NotImplementedError(self.name)

    def _decide_facts(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        schema, reader = _format(
            self.schema(),
            with_graph=options.with_graph,
            with_flag=options.flag_instructions,
        )
        answers = self._ask_exchange(
            f"{self.name}_{options.subject}",
            schema,
            reader,
            messages,
            context,
            options,
            with_memories=True,
        )
        retracting = retractable_by(messages, options)
        result = merge_repeats(
            [
                self._decision(row, fact, answer, retracting)
                for answer in answers
                for row, fact in read_facts(answer, messages, options)
            ]
        )
        unread = tuple(drop for answer in answers for drop in answer.reply.dropped)
        return EngineResult(result.decisions, result.dropped + unread)

    def _decision(
        self,
        row: Row,
        fact: Fact,
        answer: Answer[Rows],
        retracting: Mapping[int, ChatMessage],
    ) -> Decision:
        verdict, number = self.verdict(row)
        return settle(
            verdict,
            fact if fact.text else None,
            number,
            answer.memories,
            row["why"],
            evidence=row["quote"],
            retracting=retracting,
            cited=fact.messages,
        )


@cache
def _format(
    schema_of: SchemaOf, *, with_graph: bool, with_flag: bool
) -> tuple[JsonDict, ListReader]:
    schema = schema_of(with_graph=with_graph, with_flag=with_flag)
    return schema, ListReader(schema, "facts")

"""A user talking to the local engine, with the least of a store behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np

from memories.pipeline.local.engine import LocalEngine
from memories.providers.local import LocalEmbedder
from memories.types import (
    ChatMessage,
    Context,
    EngineOptions,
    EngineResult,
    KnownMemory,
    Vectors,
    Verdict,
)


class RememberingEmbedder(LocalEmbedder):
    """The real embedder, which does not embed one text twice in a test run."""

    def __init__(self) -> None:
        self._seen: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        missing = list(dict.fromkeys(text for text in texts if text not in self._seen))
        self._seen |= zip(missing, super().embed(missing), strict=True)
        rows = [self._seen[text] for text in texts]
        return np.vstack(rows) if rows else super().embed([])


EMBEDDER = RememberingEmbedder()
TUESDAY = datetime(2023, 5, 9, 14, 30, tzinfo=UTC)


def options(**changes) -> EngineOptions:
    return EngineOptions(**{"reference": TUESDAY} | changes)


@dataclass
class Conversation:
    """Applies decisions to a dictionary of memories, as the store would."""

    memories: dict[UUID, KnownMemory] = field(default_factory=dict)
    recalls: list[list[str]] = field(default_factory=list)

    def say(self, *texts: str, role: str = "user", **changes) -> EngineResult:
        return self.add([ChatMessage(role, text) for text in texts], **changes)

    def add(self, messages: Sequence[ChatMessage], **changes) -> EngineResult:
        engine = LocalEngine(EMBEDDER)
        result = engine.decide(messages, Context(), options(**changes), self.recall)
        for decision in result.decisions:
            if decision.target_text is not None:
                self.memories.pop(self.saying(decision.target_text))
            elif decision.verdict in (Verdict.UPDATE, Verdict.DELETE):
                self.memories.pop(decision.target)
            said = decision.fact and decision.fact.text in self.texts
            if decision.fact and not said and decision.verdict is not Verdict.NONE:
                fact, number = decision.fact, uuid4()
                self.memories[number] = KnownMemory(
                    number,
                    fact.text,
                    TUESDAY,
                    attributed_to=fact.attributed_to,
                    valid=fact.valid,
                )
        return result

    def recall(self, texts: Sequence[str]) -> list[list[KnownMemory]]:
        self.recalls.append(list(texts))
        known = list(self.memories.values())
        vectors = EMBEDDER.embed([memory.text for memory in known])
        return [
            [
                replace(known[row], similarity=float(scores[row]))
                for row in np.argsort(-scores)[:10]
            ]
            for scores in EMBEDDER.embed(texts) @ vectors.T
        ]

    def saying(self, text: str) -> UUID:
        return next(one.id for one in self.memories.values() if one.text == text)

    @property
    def texts(self) -> list[str]:
        return [memory.text for memory in self.memories.values()]


def verdicts(result: EngineResult) -> list[str]:
    return [decision.verdict.value for decision in result.decisions]

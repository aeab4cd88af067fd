"""What the engine tests share: a clock, memories, messages, a scripted conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from memories.providers.openai import ChatConfig, OpenAIChat
from memories.types import (
    ChatMessage,
    Context,
    Decision,
    EngineOptions,
    EngineResult,
    KnownMemory,
    ModelCall,
    Verdict,
)
from tests.model_server import ModelServer

NOW = datetime(2024, 5, 8, 13, 56, tzinfo=UTC)  # a Wednesday
OPTIONS = EngineOptions(reference=NOW)


def says(text: str, role: str = "user", name: str | None = None) -> ChatMessage:
    return ChatMessage(role, text, name, NOW)


def known(text: str, **details) -> KnownMemory:
    return KnownMemory(uuid4(), text, NOW, **details)


def chat_at(server: ModelServer, **config) -> OpenAIChat:
    return OpenAIChat(ChatConfig(base_url=server.base_url, model="stand-in", **config))


@dataclass
class Conversation:
    """An engine in use: decisions are applied to a plain list of memories.

    The list stands for the store, and all of it is recalled.
    """

    engine_class: Callable
    server: ModelServer
    memories: list[KnownMemory] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    options: EngineOptions = OPTIONS
    prompts: dict = field(default_factory=dict)
    chat_config: dict = field(default_factory=dict)

    def recall(self, texts: Sequence[str]) -> list[Sequence[KnownMemory]]:
        return [self.memories for _ in texts]

    def decide(self, *messages: ChatMessage | str, **context) -> EngineResult:
        chat = chat_at(self.server, **self.chat_config)
        engine = self.engine_class(chat, self.prompts, self.calls.append)
        said = [says(m) if isinstance(m, str) else m for m in messages]
        known_now = Context(memories=tuple(self.memories), **context)
        return engine.decide(said, known_now, self.options, self.recall)

    def add(self, *messages: ChatMessage | str) -> EngineResult:
        result = self.decide(*messages)
        for decision in result.decisions:
            self._apply(decision)
        return result

    def _apply(self, decision: Decision) -> None:
        if decision.problem or decision.verdict in (Verdict.NONE, Verdict.MERGE):
            return
        if decision.verdict in (Verdict.UPDATE, Verdict.DELETE):
            self.memories = [m for m in self.memories if m.id != decision.target]
        if decision.fact:
            self.memories.append(known(decision.fact.text))

    def texts(self) -> list[str]:
        return [memory.text for memory in self.memories]

    def target_text(self, decision: Decision) -> str | None:
        return {m.id: m.text for m in self.memories}.get(decision.target)


def verdicts(result: EngineResult) -> list[str]:
    return [str(decision.verdict) for decision in result.decisions]


def problems(result: EngineResult) -> list[str | None]:
    return [decision.problem for decision in result.decisions]

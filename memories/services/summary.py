"""Tell in short what is remembered within a filter.

Kept summaries of conversations are read; else a model sums up the newest memories, and
without one they are told as they are. No transaction is open while the model is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memories.pipeline.summarize import refresh_summary
from memories.providers.base import Chat
from memories.selectors.memories import list_memories
from memories.selectors.projects import ProjectSetup
from memories.selectors.summaries import rolling_summaries
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store.apply import record_calls
from memories.types import (
    SCOPE_KEYS,
    ChatMessage,
    EngineOptions,
    Filters,
    MemoryView,
    ModelCall,
    Scope,
    Visibility,
)
from memplatform.lib import clock, logs
from memplatform.lib.errors import ProviderError
from tenants.scopes import tenant_scope
from tenants.selectors import Access

log = logs.get(__name__)

MOST_FACTS = 200
"""The newest memories that are summed up, or told."""


class Source(StrEnum):
    """What a summary was made from, and by whom."""

    CONVERSATION = "conversation"
    MODEL = "model"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Summary:
    """``scope`` holds the ids that all of it is about."""

    text: str
    source: Source
    scope: Scope
    updated_at: datetime


def summarize(access: Access, filters: Filters) -> list[Summary]:
    """Summaries of what the filter matches; empty when it matches nothing.

    Opens its own scopes. A model that does not answer is as none.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        kept = rolling_summaries(filters)
        facts = () if kept else _facts(filters)
    if kept:
        told = Source.CONVERSATION
        return [Summary(s.text, told, s.scope, s.updated_at) for s in kept]
    if not facts:
        return []
    setup = ready_setup(
        access.tenant_id, access.project_id, changed_at=access.project_changed_at
    )
    text = _ask(access, setup, setup.chat, facts) if setup.chat else None
    if text:
        newest = max(memory.updated_at for memory in facts)
        return [Summary(text, Source.MODEL, filters.scope, newest)]
    return [_told(memory) for memory in facts]


def _facts(filters: Filters) -> tuple[MemoryView, ...]:
    current = Visibility(latest_only=True)
    return list_memories(filters, current, page=1, page_size=MOST_FACTS).items


def _ask(
    access: Access, setup: ProjectSetup, chat: Chat, facts: Sequence[MemoryView]
) -> str | None:
    """The facts in the model's words, oldest first; None when it did not serve us."""
    calls: list[ModelCall] = []
    said = [ChatMessage("user", memory.text) for memory in reversed(facts)]
    options = EngineOptions(reference=clock.now(), timezone=setup.timezone)
    try:
        return refresh_summary(chat, setup.prompts, calls.append, None, said, options)
    except ProviderError as exc:
        log.warning("no summary from the model", extra={"code": exc.code})
        return None
    finally:
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            record_calls(access.project_id, None, calls)
        ids = (access.tenant_id, access.project_id, access.key_id)
        count_tokens_of(ids, "summary", calls)


def _told(memory: MemoryView) -> Summary:
    scope = Scope(**{key: getattr(memory, key) for key in SCOPE_KEYS})
    return Summary(memory.text, Source.MEMORY, scope, memory.updated_at)

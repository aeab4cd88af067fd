"""``infer=false``: each user and assistant message becomes a memory, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from memories.models import Memory
from memories.pipeline.gate import hold_doubtful
from memories.providers.vectors import embed_in_spaces
from memories.selectors.projects import ProjectSetup
from memories.selectors.sources import UNKNOWN, Source
from memories.store.apply import Plan
from memories.store.windows import Heard
from memories.types import ChatMessage, Decision, Fact, Scope, Verdict

VERBATIM = "verbatim"
STORED_ROLES = {"user": "user", "assistant": "agent", "agent": "agent"}


def plan_verbatim(
    setup: ProjectSetup,
    scope: Scope,
    messages: Sequence[ChatMessage],
    created_at: datetime,
    *,
    kind: Literal["fact", "procedure"],
    source: Source = UNKNOWN,
    is_hurried: bool = False,
) -> Plan:
    """Embeds; never inside a transaction. Messages carry their ids.

    Hurried is for a request that somebody waits for; the worker has more patience.

    Raises ProviderError.
    """
    unread = {
        position: reason
        for position, message in enumerate(messages)
        if (reason := _why_unread(message))
    }
    decisions = tuple(
        Decision(Verdict.ADD, _fact(position, message, kind))
        for position, message in enumerate(messages)
        if position not in unread
    )
    texts = list(dict.fromkeys(d.fact.text for d in decisions if d.fact))
    embedders = setup.hurried_embedders if is_hurried else setup.embedders
    embedded = embed_in_spaces(embedders, texts, building=setup.building)
    vectors = dict(zip(texts, embedded, strict=True))
    return Plan(
        scope=scope,
        message_ids=tuple(message.id for message in messages if message.id),
        decisions=hold_doubtful(decisions, messages, setup.settings, source),
        dropped=(),
        known={},
        vectors=vectors,
        engine=VERBATIM,
        model=None,
        prompt_version_id=None,
        language=setup.text_config,
        created_at=created_at,
        unread=unread,
        origin=Memory.Origin.VERBATIM,
        heard={
            message.id: Heard(message.content, vectors[message.content])
            for position, message in enumerate(messages)
            if message.id and position not in unread
        },
    )


def _why_unread(message: ChatMessage) -> str | None:
    if message.role not in STORED_ROLES:
        return f"{message.role} messages are not stored verbatim"
    return None if message.content.strip() else "empty"


def _fact(
    position: int, message: ChatMessage, kind: Literal["fact", "procedure"]
) -> Fact:
    return Fact(
        text=message.content,
        messages=(position,),
        attributed_to="user" if message.role == "user" else "agent",
        speaker=message.name,
        kind=kind,
    )

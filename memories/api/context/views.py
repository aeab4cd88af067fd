"""The block of memories for an agent's prompt, within a budget of tokens."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading, requests, shapes
from memories.api.context import describe
from memories.api.reading import Fields
from memories.api.views.base import (
    MemoryApiView,
    count_for,
    spend_quota,
    tell_reranking,
)
from memories.providers.local import LocalEmbedder
from memories.retrieval.answerable import ABSTAIN_BELOW
from memories.retrieval.assemble import (
    CONTEXT_TOP_K,
    DEFAULT_RECENT,
    DEFAULT_TOKENS,
    LEAST_TOKENS,
    MOST_TOKENS,
    Assembled,
    ContextRequest,
    assemble_context,
)
from memories.retrieval.context import Turn
from memories.types import STATE_RULES, Hit, JsonDict
from tenants.selectors import Access

MOST_RECENT = 50


class Context(MemoryApiView):
    """POST /v1/context/"""

    operation = "search"
    is_read = True

    @extend_schema(**describe.CONTEXT)
    def post(self, request: Request) -> Response:
        asked = read_context(request.data, self.access)
        count_for(asked.search.filters.scope)
        spend_quota(self.access, self.operation)
        assembled = assemble_context(self.access, asked)
        tell_reranking(assembled.reranking)
        return Response(context_json(asked, assembled))


def read_context(raw: object, access: Access) -> ContextRequest:
    """A validated request: a search's fields, and what the block is to hold.

    Raises InvalidRequest; see ``requests.read_search``.
    """
    search = requests.read_search(raw, access)
    fields = Fields(raw)
    top_k = reading.integer_between(1, requests.MAX_TOP_K)
    tokens = reading.integer_between(LEAST_TOKENS, MOST_TOKENS)
    recent = reading.integer_between(0, MOST_RECENT)
    asked = ContextRequest(
        search=replace(search, top_k=fields.read("top_k", top_k, CONTEXT_TOP_K)),
        budget=fields.read("token_budget", tokens, DEFAULT_TOKENS),
        recent=fields.read("recent_messages", recent, DEFAULT_RECENT),
        with_summaries=fields.read("summaries", reading.boolean, default=True),
        with_excerpts=fields.read("excerpts", reading.boolean, default=False),
        abstain_below=fields.read("abstain_below", reading.share, ABSTAIN_BELOW),
    )
    fields.check()
    return asked


def context_json(asked: ContextRequest, assembled: Assembled) -> JsonDict:
    """The block, and what is in it."""
    block, material = assembled.block, assembled.material
    told = {memory.id for memory in block.memories}
    facts = [hit for hit in assembled.hits if hit.memory.id in told]
    return {
        "context": block.text,
        "tokens": block.tokens,
        "token_budget": asked.budget,
        "tokenizer": LocalEmbedder.space.model,
        "nothing_relevant": assembled.is_nothing_relevant,
        "confidence": assembled.confidence,
        "evidence": asdict(assembled.evidence),
        "facts": [_fact_json(hit, assembled) for hit in facts],
        "summaries": [
            {"summary": summary.text, "updated_at": summary.updated_at.isoformat()}
            for summary in block.summaries
        ],
        "recent_messages": [_turn_json(turn) for turn in block.turns],
        "excerpts": [_turn_json(turn) for turn in block.excerpts],
        "left_out": {
            "facts": assembled.left_out,
            "summaries": len(material.summaries) - len(block.summaries),
            "recent_messages": len(material.turns) - len(block.turns),
        },
        **shapes.reranking_json(assembled.reranking),
    }


def _fact_json(hit: Hit, assembled: Assembled) -> JsonDict:
    memory = hit.memory
    return {
        "id": str(memory.id),
        "memory": memory.text,
        "score": hit.score,
        "created_at": memory.created_at.isoformat(),
        "valid_from": memory.valid_from and memory.valid_from.isoformat(),
        "valid_to": memory.valid_to and memory.valid_to.isoformat(),
        "lifecycle_state": STATE_RULES[memory.state].wire,
        "is_cut": memory == assembled.block.cut,
        "message_ids": [str(i) for i in assembled.sources.get(memory.id, ())],
    }


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {
        "id": str(turn.id),
        "role": turn.role,
        "name": turn.name,
        "content": turn.text,
        "sent_at": turn.sent_at.isoformat(),
    }

"""The story of a context block: search, then what stands beside it, then the block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from memories.retrieval.answerable import (
    ABSTAIN_BELOW,
    Evidence,
    confidence,
    evidence_of,
)
from memories.retrieval.context import ContextBlock, Material, build_context
from memories.retrieval.material import (
    read_excerpts,
    read_recent,
    read_sources,
    read_summaries,
)
from memories.retrieval.rerank import Reranking
from memories.retrieval.search import Looked, find
from memories.selectors.projects import get_setup
from memories.types import Hit, SearchRequest
from tenants.scopes import tenant_scope
from tenants.selectors import Access

LEAST_TOKENS, MOST_TOKENS, DEFAULT_TOKENS = 50, 32_000, 1_000
DEFAULT_RECENT = 6
CONTEXT_TOP_K = 50
"""Memories that a block is made of at most, unless somebody says how many."""


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """A validated request; ``budget`` in tokens. What stands beside the memories comes
    as far as there is room: so many of the messages said last, summaries, excerpts.
    With a confidence (0..1) lower than ``abstain_below`` nothing is said to be known.
    """

    search: SearchRequest
    budget: int = DEFAULT_TOKENS
    recent: int = DEFAULT_RECENT
    with_summaries: bool = True
    with_excerpts: bool = False
    abstain_below: float = ABSTAIN_BELOW


@dataclass(frozen=True, slots=True)
class Assembled:
    """A block, what was found for it, and what it was made from.

    ``confidence`` is how likely the answer is among the memories, 0..1.
    """

    block: ContextBlock
    hits: Sequence[Hit]
    material: Material
    evidence: Evidence
    confidence: float
    reranking: Reranking | None = None

    @property
    def sources(self) -> Mapping[UUID, tuple[UUID, ...]]:
        """The messages that each found memory came from."""
        return self.material.sources

    @property
    def left_out(self) -> int:
        """How many of the found memories there was no room for."""
        return len(self.hits) - len(self.block.memories)

    @property
    def is_nothing_relevant(self) -> bool:
        """Whether the answer to the query is that nothing is known of it."""
        return not self.hits or self.material.is_doubtful


def assemble_context(access: Access, request: ContextRequest) -> Assembled:
    """The block for a query; opens its own scopes.

    It is a search, and recorded as one. Raises ProviderError when the query cannot be
    embedded.
    """
    found = find(access, request.search)
    assembled = assemble_found(access, request, found.hits, found.looked)
    return replace(assembled, reranking=found.reranking)


def assemble_found(
    access: Access,
    request: ContextRequest,
    hits: Sequence[Hit],
    looked: Looked | None,
) -> Assembled:
    """The block of what was found already; opens its own scope."""
    evidence = evidence_of(looked.explained) if looked else Evidence()
    sureness = confidence(evidence, looked.space.provider) if looked else 0.0
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        timezone = get_setup(access.project_id).timezone
        material = _read_material(request, hits)
    material = replace(material, is_doubtful=sureness < request.abstain_below)
    block = build_context(material, budget=request.budget, timezone=timezone)
    return Assembled(block, hits, material, evidence, sureness)


def _read_material(request: ContextRequest, hits: Sequence[Hit]) -> Material:
    asked, memories = request.search, [hit.memory for hit in hits]
    as_of, filters = asked.visibility.as_of, asked.filters
    sources = read_sources(memories)
    return Material(
        memories=memories,
        summaries=read_summaries(filters, as_of=as_of)
        if request.with_summaries
        else (),
        turns=read_recent(filters, request.recent, as_of=as_of),
        sources=sources,
        excerpts=read_excerpts(sources) if request.with_excerpts else (),
    )

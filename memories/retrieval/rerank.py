"""A second opinion on the order of what a search found (docs/adr/0522).

A reranker reads the query and each memory together. It decides the order only: who is
relevant enough, and what score is shown, stays with the ranking. Whatever keeps it from
an answer leaves the order as it was, and is told. Never inside a transaction.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from memories.models.settings import RERANK_BY_CHAT
from memories.providers.base import Reranked, Reranker
from memories.providers.factory import chat_for, reranker_for
from memories.providers.local import cut_tokens
from memories.providers.outages import Outages
from memories.retrieval.rank import Explained, Gate, Ranked
from memories.retrieval.rerank_by_chat import ChatReranker
from memories.retrieval.stages import stage
from memories.retrieval.succession import successors_first
from memories.selectors.projects import ProjectSetup
from memories.types import SearchRequest
from memplatform.lib import logs
from memplatform.lib.errors import (
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from tenants import quotas, usage
from tenants.selectors import Access
from tenants.usage import Amounts, Payer

log = logs.get(__name__)

TOKENS_OF_TEXT = 256
"""Of a memory that a reranker is shown; theirs read 512 of query and text together."""
NO_RERANKER = "no_reranker"
"""The problem of a project that has none."""
RESTING = "reranker_resting"
"""The problem of one that did not answer a moment ago: it is not asked meanwhile."""
PAUSE_S = 10.0
"""A hanging reranker then holds one thread of a process for ``rerank_timeout_s`` (3 s)
of every ten, whatever is asked of it."""

outages = Outages(PAUSE_S)


@dataclass(frozen=True, slots=True)
class Reranking:
    """What came of asking a reranker; ``scores`` by memory, on its own scale.

    ``problem`` is the code of an error; blank: it answered.
    """

    model: str = ""
    scores: Mapping[UUID, float] = field(default_factory=dict)
    problem: str = ""
    asked: int = 0
    reply: Reranked | None = None

    def __bool__(self) -> bool:
        """Whether the order is the reranker's."""
        return bool(self.scores)


def is_wanted(setup: ProjectSetup, request: SearchRequest) -> bool:
    """Whether the request or its project asks for a reranker."""
    return request.rerank or setup.settings.rerank_always


@stage("rerank")
def ask_reranker(
    setup: ProjectSetup,
    request: SearchRequest,
    explained: Sequence[Explained],
    texts: Mapping[UUID, str],
) -> Reranking:
    """Scores of the best that passed the threshold, where ``is_wanted``.

    Never raises because of the reranker.
    """
    passed = [e.memory_id for e in explained if e.gate is not Gate.BELOW_THRESHOLD]
    best = passed[: setup.settings.rerank_candidates]
    try:
        reranker = _reranker_of(setup)
        if reranker is None:
            return Reranking(problem=NO_RERANKER)
        if not best:
            return Reranking(reranker.model)
        whom = _identity_of(setup, reranker)
        if not outages.may_ask(whom):
            return Reranking(problem=RESTING)
        cut = [cut_tokens(texts[memory_id], TOKENS_OF_TEXT) for memory_id in best]
        reply = _ask(whom, reranker, request.query, cut)
    except ProviderError as error:
        log.warning("search not reranked", extra={"code": error.code})
        return Reranking(problem=error.code, asked=len(best))
    found = zip(best, reply.scores, strict=True)
    scores = {memory_id: score for memory_id, score in found if score is not None}
    return Reranking(reply.model, scores, asked=len(best), reply=reply)


def _ask(
    whom: Hashable, reranker: Reranker, query: str, texts: Sequence[str]
) -> Reranked:
    """What it answers; that it did not in time, or could not be reached, is noted."""
    try:
        reply = reranker.rerank(query, texts)
    except (ProviderTimeout, ProviderUnavailable):
        outages.note_failure(whom)
        raise
    except ProviderError:  # an answer, too: it is there
        outages.note_answer(whom)
        raise
    outages.note_answer(whom)
    return reply


def apply_scores(
    explained: Sequence[Explained],
    scores: Mapping[UUID, float],
    successors: Mapping[UUID, UUID | None],
    top_k: int,
) -> list[Explained]:
    """The same candidates in a reranker's order. Pure; stable for equal scores.

    What passed the threshold is ordered by these scores; behind it stands, in the old
    order, what has none. What replaced a memory still stands before it
    (``successors``). The threshold goes by relevance as before, and the score shown is
    the running minimum of relevance down the new list: a reranker's own scale means
    something else with every model, and a client's threshold would with it.
    """
    passed = [e for e in explained if e.gate is not Gate.BELOW_THRESHOLD]
    by_id = {e.memory_id: e for e in passed}
    ordered = sorted(by_id, key=lambda memory_id: -scores.get(memory_id, float("-inf")))
    shown = 1.0
    placed: list[Explained] = []
    for place, memory_id in enumerate(
        successors_first(ordered, successors.get), start=1
    ):
        candidate = by_id[memory_id]
        shown = min(shown, candidate.relevance)
        is_shown = place <= top_k
        placed.append(
            replace(
                candidate,
                place=place,
                gate=Gate.SHOWN if is_shown else Gate.BEYOND_TOP_K,
                score=shown if is_shown else None,
                reranked=scores.get(memory_id),
            )
        )
    below = (e for e in explained if e.gate is Gate.BELOW_THRESHOLD)
    return placed + [
        replace(e, place=place) for place, e in enumerate(below, start=len(placed) + 1)
    ]


def in_order_of(
    explained: Sequence[Explained], ranked: Sequence[Ranked]
) -> list[Ranked]:
    """What is shown of these, in that order, with the reranker's word as a signal."""
    signals = {place.memory_id: place.signals for place in ranked}
    return [
        Ranked(e.memory_id, e.score, _with_rerank(signals[e.memory_id], e))
        for e in explained
        if e.score is not None
    ]


def _with_rerank(signals: Mapping[str, float], e: Explained) -> Mapping[str, float]:
    return signals if e.reranked is None else {**signals, "rerank": e.reranked}


def count_reranking(access: Access, reranking: Reranking | None) -> None:
    """What it took goes on the key's account. Outside a scope only."""
    if reranking is None or reranking.reply is None:
        return
    reply = reranking.reply
    amounts = Amounts(
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        model_calls=1,
    )
    if reply.cost:
        amounts.cost = reply.cost
    payer = Payer(access.tenant_id, access.project_id, access.key_id)
    usage.count(payer, "rerank", amounts)
    quotas.count_tokens(access.tenant_id, access.project_id, amounts.total_tokens)


def _reranker_of(setup: ProjectSetup) -> Reranker | None:
    deadline_s = setup.settings.rerank_timeout_s
    if setup.settings.rerank_by == RERANK_BY_CHAT:
        chat = chat_for(setup.chat_config, deadline_s=deadline_s)
        return ChatReranker(chat) if chat else None
    return reranker_for(setup.rerank_config, deadline_s=deadline_s)


def _identity_of(setup: ProjectSetup, reranker: Reranker) -> Hashable:
    """What an outage is remembered by: of each project its own, since how long is
    waited is its choice; with other settings it is asked at once.
    """
    chosen = setup.settings
    is_chat = chosen.rerank_by == RERANK_BY_CHAT
    config = setup.chat_config if is_chat else setup.rerank_config
    address = config.base_url if config else ""
    patience = (chosen.rerank_by, chosen.rerank_timeout_s)
    return (setup.project_id, address, reranker.model, *patience)

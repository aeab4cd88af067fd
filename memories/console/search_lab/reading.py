"""What a search read in its question, in words."""

from __future__ import annotations

from collections.abc import Iterator

from memories.retrieval.query import Query

_ORDERS = {"first": "the first of several", "latest": "the latest of several"}


def told_of(query: Query) -> list[str]:
    """One clause for everything that moves the order; none: only words and meaning."""
    return list(_clauses(query))


def _clauses(query: Query) -> Iterator[str]:
    if query.names:
        many = "names" if len(query.names) > 1 else "name"
        names = ", ".join(sorted(query.names))
        yield f"the {many} {names}, left out where meaning and words are compared"
    for phrase in query.phrases:
        yield f"the words “{phrase}”, as they are quoted"
    for period in query.periods:
        yield f"{period.first:%Y-%m-%d} to {period.last:%Y-%m-%d}"
    if query.landmark:
        words = ", ".join(sorted(query.landmark.words))
        yield f"it asks for what was {query.landmark.side}: {words}"
    if query.asks_when:
        yield "it asks for a time"
    if query.order:
        yield f"it asks for {_ORDERS.get(query.order, query.order)}"
    if query.is_now:
        yield "it asks for what is so now"
    if query.looks_back:
        yield "what is over is no worse an answer"
    if query.looks_ahead:
        yield "it asks for what is still to come"
    if query.asks_agent:
        yield "it asks for what the agent said"
    for aspect in sorted(query.aspects):
        yield f"it asks for a {aspect}"

"""How many tokens embedding took for the work at hand; whoever pays reads the meter.

Vectors pass through many hands between the model and whoever asked; the tokens they
cost go here instead of with them. A meter counts what its own context embeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """Tokens so far, as the endpoint reported them; the local model costs none."""

    tokens: int = 0


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the tokens of embeddings made inside; an outer meter does not see them."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def count_embedded(tokens: int) -> None:
    """Add what one request to an embedding model took."""
    meter = _meter.get()
    if meter is not None:
        meter.tokens += tokens

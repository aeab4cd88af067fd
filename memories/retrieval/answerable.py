"""How likely it is that what was asked is known at all (docs/adr/0524). Pure.

A relevance says how well one memory fits a question; this, whether any of them holds
the answer. The difference shows where the nearest memories are about the same, and of
somebody else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from memories.retrieval.rank import LEGS, Explained

ABSTAIN_BELOW = 0.34
"""The default confidence below which a context block says that nothing is known."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for an answer: the nearest meaning (a cosine), the largest share of
    the question's words in one memory, and by how much the words of whom the question
    names lead those of anybody else (0 where it names nobody, or nobody else spoke).
    """

    meaning: float = 0.0
    words: float = 0.0
    lead: float = 0.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """The logistic that makes a confidence of evidence (``bench.abstention``)."""

    bias: float
    meaning: float
    words: float
    lead: float


DOUBTS: Mapping[str, Doubt] = {
    "local": Doubt(bias=-3.04, meaning=4.57, words=3.13, lead=6.50),
    "openai": Doubt(bias=-3.04, meaning=4.57, words=3.13, lead=6.50),
}
"""By provider of the space, as ``rank.CALIBRATIONS``."""


def evidence_of(explained: Sequence[Explained]) -> Evidence:
    """Of everything that was ranked, returned or not."""
    signals = [dict(_signals_of(e)) for e in explained]
    if not signals:
        return Evidence()
    words = [signal.get("words", 0.0) for signal in signals]
    spoken = [bool(signal.get("speaker")) for signal in signals]
    theirs = [w for w, is_theirs in zip(words, spoken, strict=True) if is_theirs]
    others = [w for w, is_theirs in zip(words, spoken, strict=True) if not is_theirs]
    lead = max(theirs) - max(others) if theirs and others else 0.0
    return Evidence(
        meaning=max(signal.get("meaning", 0.0) for signal in signals),
        words=max(words),
        lead=lead,
    )


def confidence(evidence: Evidence, provider: str) -> float:
    """0..1: how likely the answer is among the memories."""
    doubt = DOUBTS.get(provider, DOUBTS["openai"])
    signal = doubt.bias + doubt.meaning * evidence.meaning
    signal += doubt.words * evidence.words + doubt.lead * evidence.lead
    return 1.0 / (1.0 + math.exp(-signal))


def _signals_of(e: Explained) -> Iterator[tuple[str, float]]:
    """A leg's own value, 0 where it did not find the candidate (which is not what the
    pool makes of that: where no leg found any, all are alike); a cue's 0 or 1."""
    for name, signal in e.signals.items():
        yield name, (signal.value or 0.0) if name in LEGS else signal.scaled

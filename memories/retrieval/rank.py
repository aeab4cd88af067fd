"""Fuse what the legs found into one order and one relevance. Pure.

Order: a weighted sum of min-max scaled legs (design/retrieval.md: better than RRF when
a leg is weak). Shown score: an absolute relevance, gated by the threshold, falling down
the list (decision 24).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from uuid import UUID

NEUTRAL = 0.5
"""Min-max of a constant column (decision 24)."""
SUPERSEDED_PENALTY = 0.3
"""Current facts come before those they replaced."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One memory as the legs saw it; None means the leg did not find it.

    ``cosine`` is -1..1, ``text_rank`` 0..1 (ts_rank with normalisation 32).
    """

    memory_id: UUID
    cosine: float | None
    text_rank: float | None
    is_current: bool = True
    successor: UUID | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The logistic that turns absolute signals into a relevance of 0..1."""

    slope: float
    midpoint: float
    text_bonus: float


# ``local`` is a logistic fitted on the cosines of 722 evidence turns and 15,030 other
# turns of LOCOMO's open conversations 26, 41 and 42 with MiniLM, classes balanced: the
# default threshold of 0.1 keeps 97.6 % of the evidence, 0.3 keeps 91.6 %. ``openai`` is
# not fitted: no such endpoint was at hand.
CALIBRATIONS: Mapping[str, Calibration] = {
    "local": Calibration(slope=11.3, midpoint=0.383, text_bonus=1.0),
    "openai": Calibration(slope=11.3, midpoint=0.35, text_bonus=1.0),
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place, with what each leg gave it."""

    memory_id: UUID
    score: float
    signals: Mapping[str, float]


class Gate(StrEnum):
    """What became of a candidate once its place was known."""

    SHOWN = "shown"
    BELOW_THRESHOLD = "below threshold"
    BEYOND_TOP_K = "beyond top_k"


@dataclass(frozen=True, slots=True)
class Leg:
    """What one leg gave a candidate: its value, its place there (from 1), the value
    scaled to 0..1 within the pool, and what that adds to the fused score.

    ``value`` and ``place`` None: the leg did not find it.
    """

    value: float | None
    place: int | None
    scaled: float
    weight: float

    @property
    def contribution(self) -> float:
        return self.weight * self.scaled


@dataclass(frozen=True, slots=True)
class Explained:
    """How a candidate came to its place.

    ``fused`` = (dense + text contributions) × ``factor`` − ``penalty``. ``fused_place``
    is its place by that alone, ``place`` the one after successors stand before what
    they replaced; both from 1, in the whole pool. ``own_relevance`` is the candidate's,
    ``relevance`` what it took over from one it replaced, where that is higher: the
    threshold asks for the latter. ``score`` is what a search shows; None: it does not.
    ``reranked`` is what a reranker said of it, if one was asked (``rerank``), which
    then gave it its place.
    """

    memory_id: UUID
    dense: Leg
    text: Leg
    factor: float
    penalty: float
    fused: float
    fused_place: int
    place: int
    own_relevance: float
    relevance: float
    gate: Gate
    score: float | None
    reranked: float | None = None

    @property
    def moved(self) -> int:
        """How many places up (or, negative, down) successors moved it."""
        return self.fused_place - self.place


def rank(
    candidates: Sequence[Candidate],
    *,
    dense_weight: float,
    text_weight: float,
    calibration: Calibration,
    threshold: float,
    top_k: int,
    factors: Mapping[UUID, float] | None = None,
) -> list[Ranked]:
    """The best ``top_k`` of a pool, best first; stable for equal scores.

    ``factors`` weigh memories by what the query does not say (``decay``): they change
    the order, never who is relevant enough.
    """
    weighed = _weigh(
        candidates, (dense_weight, text_weight), calibration, factors or {}
    )
    passed = (
        _ranked(candidates[i], shown, weighed.fused[i])
        for i, shown in weighed.gated(threshold)
        if shown is not None
    )
    return list(islice(passed, top_k))


def explain(
    candidates: Sequence[Candidate],
    *,
    dense_weight: float,
    text_weight: float,
    calibration: Calibration,
    threshold: float,
    top_k: int,
    factors: Mapping[UUID, float] | None = None,
) -> list[Explained]:
    """Every candidate of the same ranking in its order, with what led there."""
    factors = factors or {}
    weighed = _weigh(candidates, (dense_weight, text_weight), calibration, factors)
    dense = _legs([c.cosine for c in candidates], weighed.dense, dense_weight)
    text = _legs([c.text_rank for c in candidates], weighed.text, text_weight)
    fused_places = _places(weighed.by_fused)
    explained: list[Explained] = []
    passed = 0
    for place, (i, shown) in enumerate(weighed.gated(threshold), start=1):
        candidate = candidates[i]
        passed += shown is not None
        gate = _gate_of(shown, passed, top_k)
        explained.append(
            Explained(
                memory_id=candidate.memory_id,
                dense=dense[i],
                text=text[i],
                factor=factors.get(candidate.memory_id, 1.0),
                penalty=_penalty(candidate),
                fused=weighed.fused[i],
                fused_place=fused_places[i],
                place=place,
                own_relevance=relevance(candidate, calibration),
                relevance=weighed.relevances[i],
                gate=gate,
                score=shown if gate is Gate.SHOWN else None,
            )
        )
    return explained


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A pool in its order. Lists go by the candidates' positions; ``order`` and
    ``by_fused`` hold such positions, the best first.
    """

    dense: list[float]
    text: list[float]
    fused: list[float]
    by_fused: list[int]
    order: list[int]
    relevances: list[float]

    def gated(self, threshold: float) -> Iterator[tuple[int, float | None]]:
        """Each in its order with the score to show, None below the threshold."""
        shown = 1.0
        for i in self.order:
            if self.relevances[i] < threshold:
                yield i, None
                continue
            shown = min(shown, self.relevances[i])
            yield i, shown


def _weigh(
    candidates: Sequence[Candidate],
    weights: tuple[float, float],
    calibration: Calibration,
    factors: Mapping[UUID, float],
) -> _Weighed:
    dense_weight, text_weight = weights
    dense = min_max([candidate.cosine for candidate in candidates])
    text = min_max([candidate.text_rank for candidate in candidates])
    fused = [
        (dense_weight * d + text_weight * t) * factors.get(candidate.memory_id, 1.0)
        - _penalty(candidate)
        for candidate, d, t in zip(candidates, dense, text, strict=True)
    ]
    by_fused = sorted(
        range(len(candidates)),
        key=lambda i: (-fused[i], candidates[i].memory_id.int),
    )
    relevances = [relevance(candidate, calibration) for candidate in candidates]
    order = _successors_first(by_fused, candidates, relevances)
    return _Weighed(dense, text, fused, by_fused, order, relevances)


def _penalty(candidate: Candidate) -> float:
    return 0.0 if candidate.is_current else SUPERSEDED_PENALTY


def _gate_of(shown: float | None, passed: int, top_k: int) -> Gate:
    if shown is None:
        return Gate.BELOW_THRESHOLD
    return Gate.SHOWN if passed <= top_k else Gate.BEYOND_TOP_K


def _legs(
    values: Sequence[float | None], scaled: Sequence[float], weight: float
) -> list[Leg]:
    found = [i for i, value in enumerate(values) if value is not None]
    places = _places(sorted(found, key=lambda i: -(values[i] or 0.0)))
    return [
        Leg(value, places.get(i), share, weight)
        for i, (value, share) in enumerate(zip(values, scaled, strict=True))
    ]


def _places(order: Sequence[int]) -> dict[int, int]:
    """Where each stands, from 1."""
    return {i: place for place, i in enumerate(order, start=1)}


def _successors_first(
    order: Sequence[int],
    candidates: Sequence[Candidate],
    relevances: list[float],
) -> list[int]:
    """What replaced a found fact answers the same question: it stands just before it.

    The successor takes over the relevance of what it replaced where that is higher:
    ``relevances`` are changed.
    """
    place = {candidate.memory_id: i for i, candidate in enumerate(candidates)}
    placed: dict[int, None] = {}
    for i in order:
        chain = [i]
        while (successor := candidates[chain[-1]].successor) in place:
            following = place[successor]
            if following in chain:
                break
            p = relevances[chain[-1]]
            relevances[following] = max(relevances[following], p)
            chain.append(following)
        placed.update(dict.fromkeys(reversed(chain)))
    return list(placed)


def min_max(values: Sequence[float | None]) -> list[float]:
    """Scaled to 0..1 within the pool; what a leg did not find is 0."""
    found = [value for value in values if value is not None]
    if not found:
        return [0.0] * len(values)
    low, high = min(found), max(found)
    if high == low:
        return [0.0 if value is None else NEUTRAL for value in values]
    return [0.0 if value is None else (value - low) / (high - low) for value in values]


def relevance(candidate: Candidate, calibration: Calibration) -> float:
    """How likely a memory is to answer the query, 0..1, whatever else was found."""
    cosine = candidate.cosine if candidate.cosine is not None else 0.0
    signal = calibration.slope * (cosine - calibration.midpoint)
    signal += calibration.text_bonus * (candidate.text_rank or 0.0)
    return 1.0 / (1.0 + math.exp(-signal))


def _ranked(candidate: Candidate, shown: float, fused: float) -> Ranked:
    signals = {
        "semantic": candidate.cosine or 0.0,
        "bm25": candidate.text_rank or 0.0,
        "fused": fused,
    }
    return Ranked(candidate.memory_id, shown, signals)

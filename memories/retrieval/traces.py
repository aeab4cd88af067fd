"""What led to the answer of one search, as it is kept and read again (docs/adr/0523).

A trace stands in the search's operation: it goes with the words of the query, after
``search_days``, and with the subjects it names. It holds ids and numbers, no memory's
text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from memories.retrieval.rank import Explained
from memories.selectors.filters import parse_filters
from memories.types import SCOPE_KEYS, JsonDict, SearchRequest, Visibility
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest

if TYPE_CHECKING:  # it is search that keeps traces
    from memories.retrieval.search import Looked

MOST_CANDIDATES = 100
"""In the order of the ranking; the others are counted."""
DIGITS = 4


@dataclass(frozen=True, slots=True)
class TracedSignal:
    """What one signal gave a candidate; see ``rank``. None: the leg did not find it."""

    name: str
    value: float | None
    place: int | None
    scaled: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class TracedCandidate:
    """A candidate as it was ranked; ``number`` is the version of then."""

    memory_id: UUID
    number: int
    place: int
    fused: float
    fused_place: int
    factor: float
    penalty: float
    relevance: float
    gate: str
    score: float | None
    reranked: float | None
    signals: tuple[TracedSignal, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A search that was kept. ``stages`` are milliseconds; ``found`` counts candidates,
    those kept and those not; ``problem`` says why a reranker was not heard.
    """

    at: datetime
    request: JsonDict
    model: str
    stages: Mapping[str, float]
    candidates: tuple[TracedCandidate, ...]
    found: int
    reranked_by: str
    problem: str

    @property
    def query(self) -> str:
        return str(self.request["query"])

    @property
    def filters(self) -> str:
        """As JSON, which a search can be given again; blank: not kept."""
        given = self.request["filters"]
        return "" if given is None else json.dumps(given, ensure_ascii=False)

    @property
    def as_of(self) -> datetime | None:
        given = self.request.get("as_of")
        return datetime.fromisoformat(given) if given else None

    @property
    def total_ms(self) -> float:
        return sum(self.stages.values())

    @property
    def shown(self) -> tuple[TracedCandidate, ...]:
        return tuple(c for c in self.candidates if c.score is not None)


@dataclass(frozen=True, slots=True)
class Difference:
    """One memory in two rankings; None: it was not among the candidates."""

    memory_id: UUID
    then: TracedCandidate | None
    now: TracedCandidate | None

    @property
    def sides(self) -> tuple[TracedCandidate | None, TracedCandidate | None]:
        return self.then, self.now

    @property
    def word(self) -> str:
        """What became of it, as far as a reader of the answer sees."""
        was, stands = _shown_place(self.then), _shown_place(self.now)
        if was is None:
            return "came" if stands else "not returned"
        if stands is None:
            return "left"
        return "stays" if was == stands else "up" if stands < was else "down"


# --- Kept ---------------------------------------------------------------------------


def is_drawn(share: float) -> bool:
    """Whether this search is one of the share (0..1) whose traces are kept."""
    return share > 0 and random.random() < share  # noqa: S311


def trace_of(
    looked: Looked, explained: Sequence[Explained], stages: Mapping[str, float]
) -> JsonDict:
    """What is kept of a search that was looked for; JSON."""
    request, reranking = looked.request, looked.reranking
    return {
        "at": clock.now().isoformat(),
        "request": request_json(request),
        "names": sorted(_names_in(request.filters.asked)),
        "model": f"{looked.space.model}, {looked.space.dimension} dimensions",
        # Pairs: the database would put the names of an object in an order of its own.
        "stages": [[name, round(ms, 2)] for name, ms in stages.items()],
        "found": len(explained),
        "reranked_by": reranking.model if reranking else "",
        "problem": reranking.problem if reranking is not None else "",
        "candidates": [
            _candidate_json(e, looked.pool.view(e.memory_id).number)
            for e in explained[:MOST_CANDIDATES]
        ],
    }


def request_json(request: SearchRequest) -> JsonDict:
    """A search as the API would be asked for it."""
    seen = request.visibility
    return {
        "query": request.query,
        "filters": request.filters.asked,
        "top_k": request.top_k,
        "threshold": request.threshold,
        "as_of": seen.as_of and seen.as_of.isoformat(),
        "show_expired": seen.show_expired,
        "latest_only": seen.latest_only,
        "include_merged": seen.include_merged,
        "reference_date": request.reference and request.reference.isoformat(),
        "rerank": request.rerank,
    }


def _names_in(asked: Any, key: str = "") -> set[str]:
    """Every subject that filters name, however they do."""
    if isinstance(asked, dict):
        return {
            found
            for inner, value in asked.items()
            for found in _names_in(value, inner if inner in SCOPE_KEYS else key)
        }
    if isinstance(asked, list):
        return {found for value in asked for found in _names_in(value, key)}
    return {f"{key}:{asked}"} if key and asked is not None else set()


def _candidate_json(e: Explained, number: int) -> JsonDict:
    return {
        "id": str(e.memory_id),
        "number": number,
        "place": e.place,
        "fused": _round(e.fused),
        "fused_place": e.fused_place,
        "factor": _round(e.factor),
        "penalty": _round(e.penalty),
        "relevance": _round(e.relevance),
        "gate": str(e.gate),
        "score": _round(e.score),
        "reranked": _round(e.reranked),
        "signals": [list(signal) for signal in _signals_of(e)],
    }


def _signals_of(e: Explained) -> Iterator[tuple[Any, ...]]:
    """(name, value, place, scaled, weight, contribution) of each that says anything."""
    for name, signal in e.signals.items():
        if signal.value is not None or signal.contribution:
            numbers = (signal.scaled, signal.weight, signal.contribution)
            yield (name, _round(signal.value), signal.place, *map(_round, numbers))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


# --- Read ---------------------------------------------------------------------------


def read_trace(kept: JsonDict) -> Trace:
    """What ``trace_of`` made."""
    return Trace(
        at=datetime.fromisoformat(kept["at"]),
        request=kept["request"],
        model=kept["model"],
        stages=dict(kept["stages"]),
        candidates=tuple(map(_read_candidate, kept["candidates"])),
        found=kept["found"],
        reranked_by=kept["reranked_by"],
        problem=kept["problem"],
    )


def _read_candidate(kept: JsonDict) -> TracedCandidate:
    named = {key: value for key, value in kept.items() if key not in ("id", "signals")}
    signals = tuple(TracedSignal(*signal) for signal in kept["signals"])
    return TracedCandidate(memory_id=UUID(kept["id"]), signals=signals, **named)


def request_of(trace: Trace, *, then: bool = False) -> SearchRequest:
    """The request of a trace, to be asked again: as it was, which is of now where it
    named no ``as_of``; or of when it was asked (``then``).

    Raises InvalidRequest where its filters can no more be read.
    """
    asked = trace.request
    if asked["filters"] is None:
        raise InvalidRequest("What this search asked for cannot be asked again.")
    reference = asked["reference_date"]
    request = SearchRequest(
        query=trace.query,
        filters=parse_filters(asked["filters"]),
        top_k=asked["top_k"],
        threshold=asked["threshold"],
        visibility=Visibility(
            show_expired=asked["show_expired"],
            latest_only=asked["latest_only"],
            include_merged=asked["include_merged"],
            as_of=trace.as_of,
        ),
        rerank=asked["rerank"],
        reference=datetime.fromisoformat(reference) if reference else None,
    )
    return _of_then(request, trace.at) if then else request


def _of_then(request: SearchRequest, at: datetime) -> SearchRequest:
    seen = request.visibility
    return replace(
        request,
        visibility=replace(seen, as_of=seen.as_of or at),
        reference=request.reference or at,
    )


def compare(then: Trace, now: Trace) -> list[Difference]:
    """Every memory that was or is among the candidates: those returned now in their
    order, those that left, then the others."""
    before = {c.memory_id: c for c in then.candidates}
    after = {c.memory_id: c for c in now.candidates}
    differences = [
        Difference(memory_id, before.get(memory_id), after.get(memory_id))
        for memory_id in dict.fromkeys([*after, *before])
    ]
    return sorted(differences, key=_standing)


def _standing(difference: Difference) -> tuple[int, int]:
    now, then = _shown_place(difference.now), _shown_place(difference.then)
    if now is not None:
        return (0, now)
    return (1, then) if then is not None else (2, 0)


def _shown_place(candidate: TracedCandidate | None) -> int | None:
    if candidate is None or candidate.score is None:
        return None
    return candidate.place


def count_words(differences: Sequence[Difference]) -> Mapping[str, int]:
    """How many came, left, moved up or down, and stayed."""
    counts = dict.fromkeys(("stays", "up", "down", "came", "left"), 0)
    for difference in differences:
        if difference.word in counts:
            counts[difference.word] += 1
    return counts

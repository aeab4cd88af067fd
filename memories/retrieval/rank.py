"""Fuse what the legs found into one order and one relevance. Pure.

Order: a weighted sum of min-max scaled legs (design/retrieval.md: better than RRF when
a leg is weak) and of cues that are there or not. Shown score: an absolute relevance,
gated by the threshold, falling down the list (decision 24).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, tzinfo
from enum import StrEnum
from itertools import islice
from uuid import UUID

import numpy as np

from memories.language.periods import has_time, read_periods
from memories.language.times import Precision
from memories.retrieval.landmarks import beside_landmark, sequence_shares
from memories.retrieval.query import Query
from memories.retrieval.succession import (
    Heirs,
    behind_successors,
    contemporaries_in,
    legs_taken_over,
    successors_in,
    taken_over,
)
from memories.retrieval.timing import (
    ahead_share,
    date_share,
    in_sight,
    is_of_another_time,
    penalty,
    widened,
)
from memories.retrieval.whom import about_others
from memories.types import Aspect

NEUTRAL = 0.5
"""Min-max of a constant column (decision 24)."""
ALIKE, WORDED_ALIKE = 0.15, 0.05
"""Cosines, and shares of words, that differ by less tell little apart. Pools of 95 %
of LOCOMO's questions span three times as much of the one and twice of the other."""
MUCH = 12
"""Different words beyond which a text says no more for it: "Thanks!" stands between two
turns that answer, and has their window."""
CONTENDING = 0.8
"""What stands further behind the best is no other answer of its kind, of which one
might ask for the first or the latest."""
TELLING_CHARS = 300
"""How much of a text is read for when it was: a long one may name many days, and dozens
of them contend (1,800 characters took 4 ms each, 20,000 a tenth of a second)."""
TIME_ALONE = 3.0
"""How much more a time counts where nothing else is asked for: more than all legs."""
OTHERS_PENALTY = 0.6
"""Of what is about somebody else than the question: less than who said it counts."""
TWICE = 2
"""How many times what is asked for is looked through for repetitions."""


_WORD = re.compile(r"\w+")


@dataclass(slots=True)  # not frozen: two hundred are made for a search
class Candidate:
    """One memory as the legs saw it; None means the leg did not find it.

    ``meaning`` and ``around`` are cosines of the query with the memory and with the
    window of the messages it was learned from, -1..1; ``words`` and ``words_around``
    say how much of the query's words is there, 0..1 (BM25 over all it could be).
    ``linked`` grows with what it mentions of the things named, and of what is related
    to them.
    ``speaker`` is who said it, by name; ``role`` user or agent; ``said_at`` and
    ``valid_from`` to ``valid_to`` when it held, as exact as ``precision`` says,
    ``recurs`` whether it does again and again, ``aspect`` what it tells of; ``size``
    how many different words it has, small ones left out.
    ``is_suspect``: it may be stale, for what it rests on is over.
    ``is_stated``: it states, in the graph, what is asked for.
    ``is_asked`` is False of what only lends its successor what it says.
    ``opinion`` sums what people said of it: 1, -1 or -2 each.
    """

    memory_id: UUID
    meaning: float | None
    words: float | None = None
    around: float | None = None
    words_around: float | None = None
    linked: float | None = None
    is_asked: bool = True
    is_stated: bool = False
    is_current: bool = True
    is_suspect: bool = False
    successor: UUID | None = None
    text: str = ""
    size: int = 0
    opinion: int = 0
    speaker: str | None = None
    role: str = "user"
    said_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    precision: Precision | None = None
    recurs: bool = False
    aspect: Aspect | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """What each signal adds to the fused score; ADR 0502 has the measurements.

    The first five weigh legs scaled to 0..1 within the pool, the others cues.
    """

    meaning: float = 1.0
    words: float = 0.4
    around: float = 1.2
    words_around: float = 0.8
    linked: float = 0.3
    speaker: float = 0.9
    when: float = 0.5
    date: float = 1.0
    phrase: float = 1.0
    order: float = 0.8
    sequence: float = 2.0
    stated: float = 2.5
    aspect: float = 0.3
    substance: float = 0.5
    feedback: float = 0.5
    question: float = -0.3
    agent: float = -1.0
    repeat: float = -0.5

    def asked_by(self, query: Query) -> Weights:
        """The same for a question: where that is for a time alone, the time decides."""
        is_of_time = query.is_of_time
        return replace(self, date=TIME_ALONE * self.date) if is_of_time else self


LEGS = ("meaning", "words", "around", "words_around", "linked")
CUE_LABELS = {
    "speaker": "whoever is named said it",
    "when": "tells a time",
    "date": "of the time asked about",
    "phrase": "what is quoted",
    "order": "the first or the latest",
    "sequence": "before or after what is named",
    "stated": "states what is asked for",
    "aspect": "tells of what is asked for",
    "substance": "says much",
    "feedback": "what people think of it",
    "question": "only asks",
    "agent": "the agent's words",
    "repeat": "says what a better one says",
}
CUES = tuple(CUE_LABELS)
SIGNALS = tuple(field.name for field in fields(Weights))


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
class Ranking:
    """How a pool is to be ranked: everything but the pool.

    ``factors`` weigh memories by what the query does not say (``decay``): they change
    the order, never who is relevant enough.
    """

    query: Query
    weights: Weights
    calibration: Calibration
    threshold: float
    top_k: int
    factors: Mapping[UUID, float]


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
class Signal:
    """What one signal gave a candidate: its value, its place there (from 1), the value
    scaled to 0..1 within the pool (a cue's is 0 or 1), and its weight.

    ``value`` and ``place`` None: the leg did not find it, or it is a cue. ``scaled`` of
    a leg is what a successor took over, where that is more.
    """

    name: str
    value: float | None
    place: int | None
    scaled: float
    weight: float

    @property
    def contribution(self) -> float:
        return self.weight * self.scaled

    @property
    def label(self) -> str:
        """What a cue is called where people read it."""
        return CUE_LABELS.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Explained:
    """How a candidate came to its place.

    ``fused`` = the sum of the signals' contributions × ``factor`` − ``penalty``
    (``factor`` is turned where that sum is below 0).
    ``fused_place`` is its place by that alone, ``place`` the one after what was
    replaced stands behind its successors; both from 1, in the whole pool.
    ``own_relevance`` is the candidate's, ``relevance`` what it took over from one it
    replaced, where that is higher: the threshold asks for the latter. ``score`` is what
    a search shows; None: it does not. ``reranked`` is what a reranker said of it, if
    one was asked (``rerank``), which then gave it its place.
    """

    memory_id: UUID
    signals: Mapping[str, Signal]
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
    def cues(self) -> list[Signal]:
        """Those that are there."""
        return [self.signals[name] for name in CUES if self.signals[name].scaled]

    @property
    def moved(self) -> int:
        """How many places up (or, negative, down) successors moved it."""
        return self.fused_place - self.place


def rank(candidates: Sequence[Candidate], how: Ranking) -> list[Ranked]:
    """The best ``top_k`` of a pool, best first; stable for equal scores."""
    weighed = _weigh(candidates, how)
    passed = (
        _ranked(candidates[i], shown, weighed.fused[i])
        for i, shown in weighed.gated(how.threshold)
        if shown is not None
    )
    return list(islice(passed, how.top_k))


def explain(candidates: Sequence[Candidate], how: Ranking) -> list[Explained]:
    """Every candidate of the same ranking in its order, with what led there."""
    weighed = _weigh(candidates, how)
    signals = _signals(candidates, weighed.scaled, how.weights)
    fused_places = _places(weighed.by_fused)
    explained: list[Explained] = []
    passed = 0
    for place, (i, shown) in enumerate(weighed.gated(how.threshold), start=1):
        candidate = candidates[i]
        passed += shown is not None
        gate = _gate_of(shown, passed, how.top_k)
        explained.append(
            Explained(
                memory_id=candidate.memory_id,
                signals=signals[i],
                factor=_factor(how, candidate, weighed.fused[i] + weighed.penalties[i]),
                penalty=weighed.penalties[i],
                fused=weighed.fused[i],
                fused_place=fused_places[i],
                place=place,
                own_relevance=_own_relevance(candidate, how),
                relevance=weighed.relevances[i],
                gate=gate,
                score=shown if gate is Gate.SHOWN else None,
            )
        )
    return explained


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A pool in its order. Lists go by the candidates' positions; ``order`` and
    ``by_fused`` hold such positions, the best first; ``scaled`` is by signal.
    """

    scaled: Mapping[str, Sequence[float]]
    penalties: list[float]
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


def _weigh(candidates: Sequence[Candidate], how: Ranking) -> _Weighed:
    query = in_sight(how.query, candidates)
    heirs = _heirs_of(candidates, query)
    scaled = {**_scaled(candidates, query)}
    relevances = [_own_relevance(candidate, how) for candidate in candidates]
    if query.is_of_time:
        relevances = [
            max(own, NEUTRAL * share)
            for own, share in zip(relevances, scaled["date"], strict=True)
        ]
    if heirs:
        relevances = taken_over(relevances, heirs)
        scaled |= legs_taken_over(scaled, how.weights, heirs)
    others = about_others(candidates, query)
    penalties = [
        penalty(candidate, query) + OTHERS_PENALTY * (i in others)
        for i, candidate in enumerate(candidates)
    ]
    fused = _fused(candidates, scaled, penalties, how)
    if query.order:
        scaled["order"] = _in_time(candidates, fused, query)
        fused = _fused(candidates, scaled, penalties, how)
    by_fused = _by_fused(candidates, fused)
    repeats = _repeats(candidates, by_fused[: TWICE * how.top_k])
    scaled["repeat"] = repeats
    if any(repeats):
        fused = _fused(candidates, scaled, penalties, how)
        by_fused = _by_fused(candidates, fused)
    is_looking_back = not heirs or query.looks_back
    order = by_fused if is_looking_back else behind_successors(fused, by_fused, heirs)
    order = [i for i in order if candidates[i].is_asked]
    return _Weighed(scaled, penalties, fused, by_fused, order, relevances)


def _heirs_of(candidates: Sequence[Candidate], query: Query) -> Heirs:
    """Successors answer in the place of what they replaced. Where one looks back, that
    may be the very answer: where it is asked what was before, or after, something, what
    that replaced, or what replaced it, answers in its place; where a time is asked
    about, what was so then does in that of what was before or after it."""
    if not any(candidate.successor for candidate in candidates):
        return {}
    if not query.looks_back:
        return successors_in(candidates)
    if query.landmark:
        return beside_landmark(candidates, query.landmark)
    elsewhere = {i for i, c in enumerate(candidates) if is_of_another_time(c, query)}
    return contemporaries_in(candidates, elsewhere)


def _fused(
    candidates: Sequence[Candidate],
    scaled: Mapping[str, Sequence[float]],
    penalties: Sequence[float],
    how: Ranking,
) -> list[float]:
    weights = [getattr(how.weights, name) for name in scaled]
    totals = np.array(weights) @ np.array([*scaled.values()])
    if how.factors:
        totals *= [
            _factor(how, c, total)
            for c, total in zip(candidates, totals.tolist(), strict=True)
        ]
    fused: list[float] = (totals - np.array(penalties)).tolist()
    return fused


def _factor(how: Ranking, candidate: Candidate, total: float) -> float:
    """The candidate's own; of what is doubted more than wanted a small one would make
    more, so there it is turned."""
    factor = how.factors.get(candidate.memory_id, 1.0)
    return factor if total > 0 else 1 / factor


def _by_fused(candidates: Sequence[Candidate], fused: Sequence[float]) -> list[int]:
    """Positions, the best first; stable for equal scores."""
    return sorted(
        range(len(candidates)),
        key=lambda i: (-fused[i], candidates[i].memory_id.int),
    )


# --- the signals ----------------------------------------------------------------------


def _scaled(
    candidates: Sequence[Candidate], query: Query
) -> Mapping[str, Sequence[float]]:
    """Every signal of every candidate, 0..1.

    What was learned from no message is its own window; a text without any of the
    query's words has 0 of them.
    """
    return {
        "meaning": min_max([c.meaning for c in candidates], ALIKE),
        "words": min_max([c.words or 0.0 for c in candidates], WORDED_ALIKE),
        "around": min_max(
            [c.meaning if c.around is None else c.around for c in candidates], ALIKE
        ),
        "words_around": min_max(
            [
                (c.words or 0.0) if c.words_around is None else c.words_around
                for c in candidates
            ],
            WORDED_ALIKE,
        ),
        "linked": _shares([c.linked or 0.0 for c in candidates]),
        **_cues(candidates, query),
    }


def _cues(
    candidates: Sequence[Candidate], query: Query
) -> Mapping[str, Sequence[float]]:
    """Who said it, whether it tells a time, the time asked about, what is quoted, how
    early or late it is where that is asked for, on which side of what is named, what it
    tells of, how much it says, what people think of it (-1..1), and two doubts: that it
    only asks, and that only the agent said it.
    """
    nothing = [0.0] * len(candidates)
    named = query.names if len(query.names) == 1 else frozenset()
    return {
        "speaker": [float(_speaks(c, named)) for c in candidates] if named else nothing,
        "when": (
            [float(_tells_time(c)) for c in candidates] if query.asks_when else nothing
        ),
        "date": _of_time(candidates, query),
        "phrase": [float(_says_any(c.text, query.phrases)) for c in candidates]
        if query.phrases
        else nothing,
        "order": nothing,  # of the best alone: see _in_time
        "sequence": (
            sequence_shares(candidates, query.landmark) if query.landmark else nothing
        ),
        "stated": [float(c.is_stated) for c in candidates],
        "aspect": (
            [float(c.aspect in query.aspects) for c in candidates]
            if query.aspects
            else nothing
        ),
        "substance": [min(c.size, MUCH) / MUCH for c in candidates],
        "feedback": [max(-2, min(c.opinion, 2)) / 2 for c in candidates],
        "question": [float(_only_asks(c)) for c in candidates],
        "agent": (
            nothing
            if query.asks_agent
            else [float(c.role != "user" and c.speaker is None) for c in candidates]
        ),
    }


def _says_any(text: str, phrases: Sequence[str]) -> bool:
    plain = " ".join(text.lower().split())
    return any(phrase.lower() in plain for phrase in phrases)


def _of_time(candidates: Sequence[Candidate], query: Query) -> list[float]:
    if query.periods:
        wide = [widened(period) for period in query.periods]
        return [date_share(c, query, wide) for c in candidates]
    if query.looks_ahead and query.asked_at is not None:
        return [ahead_share(c, query.asked_at) for c in candidates]
    return [0.0] * len(candidates)


def _repeats(candidates: Sequence[Candidate], best: Sequence[int]) -> list[float]:
    """1 for what has the very words of one that stands before it, in any order.

    One word more or less may be all that matters: "in the Oslo office".
    """
    repeats = [0.0] * len(candidates)
    said: set[frozenset[str]] = set()
    for i in best:
        words = frozenset(_WORD.findall(candidates[i].text.lower()))
        repeats[i] = float(words in said)
        if words:
            said.add(words)
    return repeats


def _in_time(
    candidates: Sequence[Candidate], fused: Sequence[float], query: Query
) -> list[float]:
    """1 for the latest, or for the first, of those that answer about as well as the
    best, half of that for the next, and so on; 0 for the others."""
    least = max(fused, default=0.0) - CONTENDING
    instants = {
        i: at
        for i, candidate in enumerate(candidates)
        if fused[i] >= least and (at := _happened(candidate, query.zone)) is not None
    }
    shares = [0.0] * len(candidates)
    is_latest_first = query.order == "latest"
    in_order = sorted(set(instants.values()), reverse=is_latest_first)
    steps = {at: step for step, at in enumerate(in_order)}
    for i, at in instants.items():
        shares[i] = 0.5 ** steps[at]
    return shares


def _happened(candidate: Candidate, zone: tzinfo) -> datetime | None:
    """When it was, began or was said; where nothing else is known, as its words say."""
    if candidate.valid_from or candidate.said_at is None:
        return candidate.valid_from
    periods = read_periods(candidate.text[:TELLING_CHARS], candidate.said_at)
    days = (period.first for period in periods if period.first > date.min)
    day = next(days, None)
    return candidate.said_at if day is None else datetime.combine(day, time(), zone)


def _speaks(candidate: Candidate, names: frozenset[str]) -> bool:
    return bool(candidate.speaker and names & set(candidate.speaker.lower().split()))


def _only_asks(candidate: Candidate) -> bool:
    """A long text tells something before it asks."""
    return candidate.size <= MUCH and candidate.text.rstrip().endswith("?")


def _tells_time(candidate: Candidate) -> bool:
    is_dated = candidate.valid_from is not None or candidate.valid_to is not None
    return is_dated or candidate.recurs or has_time(candidate.text)


def _gate_of(shown: float | None, passed: int, top_k: int) -> Gate:
    if shown is None:
        return Gate.BELOW_THRESHOLD
    return Gate.SHOWN if passed <= top_k else Gate.BEYOND_TOP_K


def _signals(
    candidates: Sequence[Candidate],
    scaled: Mapping[str, Sequence[float]],
    weights: Weights,
) -> list[Mapping[str, Signal]]:
    """By candidate and name."""
    columns = []
    for name, shares in scaled.items():
        values = [getattr(c, name) if name in LEGS else None for c in candidates]
        found = [i for i, value in enumerate(values) if value is not None]
        places = _places(sorted(found, key=lambda i: -(values[i] or 0.0)))
        weight = getattr(weights, name)
        columns.append(
            [
                Signal(name, value, places.get(i), share, weight)
                for i, (value, share) in enumerate(zip(values, shares, strict=True))
            ]
        )
    return [{s.name: s for s in row} for row in zip(*columns, strict=True)]


def _places(order: Sequence[int]) -> dict[int, int]:
    """Where each stands, from 1."""
    return {i: place for place, i in enumerate(order, start=1)}


def min_max(values: Sequence[float | None], least: float = 0.0) -> list[float]:
    """Scaled to 0..1 within the pool; what a leg did not find is 0.

    Differences are not blown up beyond a range of ``least``: a pool of few that are all
    alike stays near the middle.
    """
    found = [value for value in values if value is not None]
    if not found:
        return [0.0] * len(values)
    low, high = min(found), max(found)
    if high == low:
        return [0.0 if value is None else NEUTRAL for value in values]
    middle, span = (low + high) / 2, max(high - low, least)
    return [
        0.0 if value is None else NEUTRAL + (value - middle) / span for value in values
    ]


def _shares(values: Sequence[float]) -> list[float]:
    """Of the most there is; all 0 where there is none."""
    most = max(values, default=0.0)
    return [value / most if most else 0.0 for value in values]


def relevance(candidate: Candidate, calibration: Calibration) -> float:
    """How likely a memory is to answer the query, 0..1, whatever else was found."""
    cosine = candidate.meaning if candidate.meaning is not None else 0.0
    signal = calibration.slope * (cosine - calibration.midpoint)
    signal += calibration.text_bonus * (candidate.words or 0.0)
    return 1.0 / (1.0 + math.exp(-signal))


def _own_relevance(candidate: Candidate, how: Ranking) -> float:
    """What the graph knows to state it is no stranger, in whatever words."""
    own = relevance(candidate, how.calibration)
    return max(own, NEUTRAL) if candidate.is_stated and how.weights.stated else own


def _ranked(candidate: Candidate, shown: float, fused: float) -> Ranked:
    signals = {
        "semantic": candidate.meaning or 0.0,
        "bm25": candidate.words or 0.0,
        "window_semantic": candidate.around or 0.0,
        "window_bm25": candidate.words_around or 0.0,
        "graph": candidate.linked or 0.0,
        "fused": fused,
    }
    return Ranked(candidate.memory_id, shown, signals)

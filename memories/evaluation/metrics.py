"""How good a list of results is, without any model. Pure; the definitions are ADR 0510.

A result stands for the turns it was derived from and costs tokens. Evidence are the
turns that hold the answer. Every figure of one question is 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

CUTS = (1, 5, 10, 20, 50)
BUDGETS = (250, 500, 1000, 2000, 4000, 7000)
"""Tokens, as the local model's tokenizer counts them."""
LINE_TOKENS = 2
"""Of a result beside its words: what parts a line of a prompt from the next."""


@dataclass(frozen=True, slots=True)
class Result:
    """One memory, or one chunk, in the order of the list."""

    turns: frozenset[str]
    tokens: int


Evidence = frozenset[str]


def as_far_as_needed(results: Iterable[Result]) -> tuple[Result, ...]:
    """From the top: the largest cut, and what the largest budget takes."""
    taken: list[Result] = []
    used = 0
    for result in results:
        if len(taken) >= max(CUTS) and used > max(BUDGETS):
            break
        taken.append(result)
        used += result.tokens
    return tuple(taken)


def recall_at(results: Sequence[Result], evidence: Evidence, cut: int) -> float:
    """Share of the evidence that the first ``cut`` results hold."""
    return len(_held(results[:cut]) & evidence) / len(evidence)


def all_at(results: Sequence[Result], evidence: Evidence, cut: int) -> float:
    """1 when the first ``cut`` results hold all of the evidence, else 0."""
    return float(evidence <= _held(results[:cut]))


def recall_within(results: Sequence[Result], evidence: Evidence, budget: int) -> float:
    """Share of the evidence in the results that fit, taken from the top.

    The first result that does not fit ends the list: nothing smaller is picked from
    behind it.
    """
    sums = accumulate(result.tokens for result in results)
    fitting = sum(used <= budget for used in sums)
    return recall_at(results, evidence, fitting)


def reciprocal_rank(results: Sequence[Result], evidence: Evidence) -> float:
    """1 / the place of the first result that holds any evidence; 0 when none does."""
    places = (n for n, result in enumerate(results, 1) if result.turns & evidence)
    first = next(places, None)
    return 1 / first if first else 0.0


def ndcg_at(results: Sequence[Result], evidence: Evidence, cut: int) -> float:
    """Normalised discounted cumulative gain (Järvelin & Kekäläinen 2002), log2.

    A result gains the evidence that none before it holds; the best order has one piece
    of evidence in each place. A result that joins several can do no better than 1.
    """
    gained: set[str] = set()
    total = 0.0
    for place, result in enumerate(results[:cut], 1):
        new = result.turns & evidence - gained
        gained |= new
        total += len(new) / math.log2(place + 1)
    best = sum(
        1 / math.log2(place + 1) for place in range(1, min(cut, len(evidence)) + 1)
    )
    return min(1.0, total / best)


def figures_of(results: Sequence[Result], evidence: Evidence) -> dict[str, float]:
    """Every figure of one question, by its name in the results file."""
    if not evidence:
        raise ValueError("A question without evidence has no figures.")
    return {
        **{f"recall@{cut}": recall_at(results, evidence, cut) for cut in CUTS},
        **{f"all@{cut}": all_at(results, evidence, cut) for cut in CUTS},
        **{
            f"recall@{budget}tok": recall_within(results, evidence, budget)
            for budget in BUDGETS
        },
        "mrr": reciprocal_rank(results[: max(CUTS)], evidence),
        "ndcg@10": ndcg_at(results, evidence, 10),
    }


def _held(results: Sequence[Result]) -> frozenset[str]:
    return frozenset[str]().union(*(result.turns for result in results))


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of ``count`` questions and its standard error.

    ``error`` takes questions for independent; ``clustered_error`` allows that those
    about one conversation are alike (Liang & Zeger 1986, with G/(G-1)); None where
    there is too little to tell.
    """

    value: float
    count: int
    error: float | None
    clustered_error: float | None


def mean_of(values: Sequence[float], clusters: Sequence[str]) -> Mean:
    """``clusters`` says of each value which conversation it is about."""
    count = len(values)
    if not count:
        return Mean(math.nan, 0, None, None)
    mean = math.fsum(values) / count
    return Mean(mean, count, _error(values, mean), _clustered(values, clusters, mean))


def _error(values: Sequence[float], mean: float) -> float | None:
    if len(values) < 2:
        return None
    squares = math.fsum((value - mean) ** 2 for value in values)
    return math.sqrt(squares / (len(values) - 1) / len(values))


def _clustered(
    values: Sequence[float], clusters: Sequence[str], mean: float
) -> float | None:
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    groups = len(sums)
    if groups < 2:
        return None
    squares = math.fsum(total**2 for total in sums.values())
    return math.sqrt(squares * groups / (groups - 1)) / len(values)


# --- Abstention ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operating:
    """What a threshold on the best score does.

    ``answered`` is the share of answerable questions that stay, ``refused`` the share
    of the others that go.
    """

    threshold: float
    answered: float
    refused: float


@dataclass(frozen=True, slots=True)
class Roc:
    """``area`` is the chance that an answerable question scores above another one."""

    area: float
    points: tuple[Operating, ...]

    @property
    def best(self) -> Operating:
        """Where answered + refused is greatest (Youden's index)."""
        return max(self.points, key=lambda point: point.answered + point.refused)


def roc_of(answerable: Sequence[float], others: Sequence[float]) -> Roc | None:
    """From the best score of each question; None where either kind is missing."""
    if not answerable or not others:
        return None
    thresholds = sorted({*answerable, *others})
    points = [_operating(threshold, answerable, others) for threshold in thresholds]
    return Roc(_area(answerable, others), tuple(points))


def _operating(
    threshold: float, answerable: Sequence[float], others: Sequence[float]
) -> Operating:
    answered = sum(score >= threshold for score in answerable) / len(answerable)
    refused = sum(score < threshold for score in others) / len(others)
    return Operating(threshold, answered, refused)


def _area(answerable: Sequence[float], others: Sequence[float]) -> float:
    """Mann-Whitney: pairs in the right order, ties count half."""
    places: Mapping[float, float] = _mean_places([*answerable, *others])
    total = math.fsum(places[score] for score in answerable)
    own = len(answerable) * (len(answerable) + 1) / 2
    return (total - own) / (len(answerable) * len(others))


def _mean_places(scores: Sequence[float]) -> dict[float, float]:
    """The place (from 1, lowest first) of each score; equal ones share the mean."""
    ordered = sorted(scores)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for place, score in enumerate(ordered, 1):
        first.setdefault(score, place)
        last[score] = place
    return {score: (first[score] + last[score]) / 2 for score in first}


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank; nan of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = max(1, math.ceil(percent / 100 * len(ordered)))
    return ordered[rank - 1]

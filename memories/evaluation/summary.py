"""The figures of a method over a data set, as ``results.json`` holds them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from memories.evaluation.baselines import Asked
from memories.evaluation.metrics import (
    Mean,
    Roc,
    figures_of,
    mean_of,
    percentile,
    roc_of,
)
from memories.evaluation.types import Dataset

OVERALL = "overall"
TOKENS_OF = 10
"""Tokens per query are those of so many results."""

Json = dict[str, Any]


def summarise(dataset: Dataset, asked: Sequence[Asked]) -> Json:
    """Means and errors, over all scored questions and by category."""
    conversation_of = {
        question.id: conversation.id
        for conversation in dataset.conversations
        for question in conversation.questions
    }
    scored = [one for one in asked if one.question.is_scored]
    groups: dict[str, list[Asked]] = {OVERALL: scored}
    for one in scored:
        groups.setdefault(one.question.category, []).append(one)
    figures = {one.question.id: _figures(one) for one in scored}
    return {
        name: _means(
            [figures[one.question.id] for one in group],
            [conversation_of[one.question.id] for one in group],
        )
        for name, group in groups.items()
    }


def _figures(asked: Asked) -> dict[str, float]:
    tokens = sum(result.tokens for result in asked.results[:TOKENS_OF])
    return {
        **figures_of(asked.results, asked.question.evidence),
        f"tokens@{TOKENS_OF}": float(tokens),
    }


def _means(figures: Sequence[Mapping[str, float]], clusters: Sequence[str]) -> Json:
    names = figures[0] if figures else {}
    return {
        name: _json(mean_of([f[name] for f in figures], clusters)) for name in names
    }


def _json(mean: Mean) -> Json:
    return {
        "value": _rounded(mean.value),
        "error": _rounded(mean.error),
        "clustered_error": _rounded(mean.clustered_error),
        "count": mean.count,
    }


def summarise_abstention(scored: Iterable[tuple[bool, float]]) -> Json | None:
    """From (is answerable, how sure a search was of it) of each question."""
    kinds: dict[bool, list[float]] = {True: [], False: []}
    for is_answerable, score in scored:
        kinds[is_answerable].append(score)
    roc = roc_of(kinds[True], kinds[False])
    if roc is None:
        return None
    return {
        "area": _rounded(roc.area),
        "answerable": len(kinds[True]),
        "others": len(kinds[False]),
        "best": _point(roc, lambda roc: roc.best),
        "points": [
            [_rounded(p.threshold), _rounded(1 - p.refused), _rounded(p.answered)]
            for p in roc.points
        ],
    }


def _point(roc: Roc, pick: Callable[[Roc], Any]) -> Json:
    point = pick(roc)
    return {
        "threshold": _rounded(point.threshold),
        "answered": _rounded(point.answered),
        "refused": _rounded(point.refused),
    }


def summarise_latency(records: Iterable[Mapping[str, Any]], *, at_once: int) -> Json:
    """Milliseconds of those asked alone and of those asked together."""
    alone: list[float] = []
    together: list[float] = []
    for record in records:
        (alone if record["alone"] else together).append(record["ms"])
    return {
        "alone": _percentiles(alone),
        "together": _percentiles(together) | {"at_once": at_once},
    }


def summarise_answers(
    records: Iterable[Mapping[str, Any]],
    category_of: Mapping[str, str],
    unusable: Iterable[Mapping[str, Any]] = (),
) -> Json:
    """The paper's table, by method: overall, then by category in order.

    ``j`` is the mean over rounds of the share judged right, ``j_sd`` how far the rounds
    lie apart (sample standard deviation; None for a single one). ``unusable`` are those
    without an answer or a verdict: they are counted, and in no figure.
    """
    answers = _by_group(records, category_of)
    problems = _by_group(unusable, category_of)
    wanted = {
        m: {**answers.get(m, {}), **problems.get(m, {})} for m in answers | problems
    }
    return {
        method: {
            name: _answers(
                answers.get(method, {}).get(name, []),
                len(problems.get(method, {}).get(name, [])),
            )
            for name in sorted(groups, key=lambda name: (name != OVERALL, name))
        }
        for method, groups in wanted.items()
    }


def _by_group(
    records: Iterable[Mapping[str, Any]], category_of: Mapping[str, str]
) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """By method and category, each record overall as well."""
    methods: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for record in records:
        category = category_of.get(record["question"])
        if category is not None:
            groups = methods.setdefault(record["method"], {})
            groups.setdefault(OVERALL, []).append(record)
            groups.setdefault(category, []).append(record)
    return methods


def _answers(records: Sequence[Mapping[str, Any]], unusable: int) -> Json:
    rounds: dict[int, list[float]] = {}
    for record in records:
        rounds.setdefault(record["round"], []).append(float(record["is_right"]))
    shares = [fmean(rights) for rights in rounds.values()]
    means = ("f1", "bleu1", "context_tokens", "prompt_tokens", "completion_tokens")
    times = {
        name: [record[name] for record in records] for name in ("search_ms", "total_ms")
    }
    return {
        "count": len(records),
        "unusable": unusable,
        "rounds": len(rounds),
        "j": _mean(shares),
        "j_sd": _rounded(stdev(shares)) if len(shares) > 1 else None,
        **{name: _mean([r[name] for r in records]) for name in means},
        **{name: _percentiles(values) for name, values in times.items()},
    }


def _mean(values: Sequence[float]) -> float | None:
    return _rounded(fmean(values)) if values else None


def _percentiles(values: Sequence[float]) -> Json:
    return {
        "count": len(values),
        "p50_ms": _rounded(percentile(values, 50)),
        "p95_ms": _rounded(percentile(values, 95)),
    }


def _rounded(value: float | None) -> float | None:
    """Four places; None for what is not a number, which JSON does not know."""
    return None if value is None or math.isnan(value) else round(value, 4)

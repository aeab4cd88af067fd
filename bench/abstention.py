"""Fit how likely it is that an answer is known, on the data of finished evaluations.

    python manage.py evaluate locomo --data … --run RUN --ingest verbatim
    python -m bench.abstention locomo:RUN:locomo10.json [beam:RUN:beam.json …]

Asks ``POST /v1/context/`` of each run's own platform: every question; and, as something
that is surely not known there, those of another conversation. Prints the area under the
ROC of each kind of unanswerable question, held out by conversation, what thresholds do,
and the constants of ``memories/retrieval/answerable.py``. About five minutes a run.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memories.evaluation import datasets
from memories.evaluation.client import Client
from memories.evaluation.ingest import VERBATIM, user_of
from memories.evaluation.metrics import roc_of
from memories.evaluation.runs import Run
from memories.evaluation.server import running_server
from memories.evaluation.types import Conversation, Dataset, Question

SIGNALS = ("meaning", "words", "lead")
KNOWN, UNKNOWN, FOREIGN = "known", "unknown", "foreign"
AT_ONCE = 2
RIDGE, ROUNDS = 1e-3, 50
ANSWERED = (0.98, 0.95, 0.9, 0.8)
"""Shares of the answerable questions that a threshold is to leave alone."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's evidence (``SIGNALS``), and what is known of its answer there."""

    group: str
    kind: str
    signals: tuple[float, ...]


def main(arguments: Sequence[str]) -> None:
    asked: list[Asked] = []
    for argument in arguments:
        name, run, data = argument.split(":")
        dataset = datasets.load(name, Path(data))
        asked += ask_all(dataset, Path(run).resolve())
    print("\n".join(report(asked)))


def ask_all(dataset: Dataset, directory: Path) -> list[Asked]:
    """Every question, of its own conversation and of the next one."""
    run = Run(directory)
    run.open()
    with (
        running_server(directory / "server") as own,
        Client(own.url, own.key, at_once=AT_ONCE) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        return list(
            pool.map(lambda pair: _ask(client, run, dataset, *pair), _pairs(dataset))
        )


def _pairs(dataset: Dataset) -> Iterator[tuple[Conversation, Question, str]]:
    conversations = dataset.conversations
    for place, conversation in enumerate(conversations):
        for question in conversation.questions:
            yield conversation, question, KNOWN if question.is_answerable else UNKNOWN
        following = conversations[(place + 1) % len(conversations)]
        for question in following.questions:
            if question.is_answerable and following is not conversation:
                yield conversation, question, FOREIGN


def _ask(
    client: Client,
    run: Run,
    dataset: Dataset,
    conversation: Conversation,
    question: Question,
    kind: str,
) -> Asked:
    body: dict[str, Any] = {
        "query": question.text,
        "filters": {"user_id": user_of(run, VERBATIM, conversation)},
        "token_budget": 50,
        "recent_messages": 0,
        "summaries": False,
    }
    evidence = client.evidence(body)
    signals = tuple(float(evidence[name]) for name in SIGNALS)
    return Asked(f"{dataset.name} {conversation.id}", f"{dataset.name} {kind}", signals)


# --- Fitted -------------------------------------------------------------------------


def fit(signals: Floats, known: Floats, weights: Floats) -> Floats:
    """(1 + signals) coefficients of a ridge logistic, by Newton's method."""
    rows = np.c_[np.ones(len(signals)), signals]
    found = np.zeros(rows.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (chance - known)) + RIDGE * found
        bend = (rows * (weights * chance * (1 - chance))[:, None]).T @ rows
        found -= np.linalg.solve(bend + RIDGE * np.eye(len(found)), slope)
    return found


def weights_of(kinds: Sequence[str]) -> Floats:
    """What is known and what is not weigh the same, and so do the kinds of each."""
    counts = Counter(kinds)
    on_side = Counter(_is_known(kind) for kind in counts)
    each = {
        kind: 0.5 * len(kinds) / on_side[_is_known(kind)] / count
        for kind, count in counts.items()
    }
    return np.array([each[kind] for kind in kinds])


def held_out(asked: Sequence[Asked]) -> Floats:
    """The chance of each, by constants that never saw its conversation."""
    chances = np.zeros(len(asked))
    for group in {one.group for one in asked}:
        own = np.array([one.group == group for one in asked])
        found = _fitted([one for one in asked if one.group != group])
        rows = np.c_[np.ones(own.sum()), _signals(asked)[own]]
        chances[own] = 1 / (1 + np.exp(-rows @ found))
    return chances


def _fitted(asked: Sequence[Asked]) -> Floats:
    kinds = [one.kind for one in asked]
    known = np.array([float(_is_known(kind)) for kind in kinds])
    return fit(_signals(asked), known, weights_of(kinds))


def _signals(asked: Sequence[Asked]) -> Floats:
    return np.array([one.signals for one in asked])


def _is_known(kind: str) -> bool:
    return kind.split()[-1] == KNOWN


# --- Told ---------------------------------------------------------------------------


def report(asked: Sequence[Asked]) -> Iterator[str]:
    """Markdown: the areas, what thresholds do, and the constants of all data."""
    chances = held_out(asked)
    by_kind: dict[str, list[float]] = {}
    for one, chance in zip(asked, chances, strict=True):
        by_kind.setdefault(one.kind, []).append(float(chance))
    known = [c for kind in by_kind if _is_known(kind) for c in by_kind[kind]]
    others = {k: v for k, v in sorted(by_kind.items()) if not _is_known(k)}
    yield from _areas(known, others)
    yield from _thresholds(known, others)
    named = zip(("bias", *SIGNALS), _fitted(asked), strict=True)
    yield ", ".join(f"{name}={constant:.2f}" for name, constant in named)


def _areas(
    known: Sequence[float], others: Mapping[str, Sequence[float]]
) -> Iterator[str]:
    yield "| not known | questions | AUC |"
    yield "| --- | --- | --- |"
    for name, values in others.items():
        roc = roc_of(known, values)
        yield f"| {name} | {len(values)} | {roc.area if roc else 0:.3f} |"
    yield ""


def _thresholds(
    known: Sequence[float], others: Mapping[str, Sequence[float]]
) -> Iterator[str]:
    yield f"| answered | threshold | {' | '.join(f'refused, {n}' for n in others)} |"
    yield f"| --- | --- {'| --- ' * len(others)}|"
    for share in ANSWERED:
        threshold = float(np.quantile(known, 1 - share))
        refused = [float(np.mean(np.array(v) < threshold)) for v in others.values()]
        told = " | ".join(f"{value:.2f}" for value in refused)
        yield f"| {share:.2f} | {threshold:.3f} | {told} |"
    yield ""


if __name__ == "__main__":
    main(sys.argv[1:])

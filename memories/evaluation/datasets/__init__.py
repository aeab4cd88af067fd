"""Loaders of conversations with questions, for the files as they are published."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from memories.evaluation.datasets import beam, custom, locomo, longmemeval
from memories.evaluation.datasets.reading import DatasetProblem
from memories.evaluation.types import Dataset

NAMES = (locomo.NAME, longmemeval.NAME, beam.NAME, custom.NAME)


def load(
    name: str,
    path: Path,
    *,
    corrections: Path | None = None,
    limit: int | None = None,
) -> Dataset:
    """A data set by its name; only the first ``limit`` conversations of it.

    Raises DatasetProblem, which names file, record and field.
    """
    if corrections and name != locomo.NAME:
        raise DatasetProblem(f"Corrected keys are known of {locomo.NAME} only.")
    match name:
        case locomo.NAME:
            return locomo.load(path, corrections, limit)
        case longmemeval.NAME:
            return longmemeval.load(path, limit)
        case beam.NAME:
            dataset = beam.load(path)
        case _:
            dataset = custom.load(path)
    kept = tuple(islice(dataset.conversations, limit))
    return replace(dataset, conversations=kept)

"""The published operating point of entity resolution holds (ADR 0600).

LOCOMO is CC BY-NC 4.0 and stays outside the repository; absent, these tests skip.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.resolution import Figure, measure, measure_pairs
from memories.pipeline.link import THRESHOLD

LOCOMO = Path(__file__).parents[1].parent / "shared/data/locomo/locomo_open.json"


@pytest.mark.skipif(not LOCOMO.exists(), reason="../shared is absent, with LOCOMO")
def test_names_of_real_talks_find_theirs_and_nobody_elses():
    alone, mixed = measure(json.loads(LOCOMO.read_text()), THRESHOLD)
    assert (alone.wrong, mixed.wrong) == (0, 0)
    assert (alone.right, mixed.right) == (7, 7)


def test_of_made_up_pairs_hardly_any_is_one_that_is_two():
    pairs = measure_pairs(THRESHOLD)
    assert (pairs.right, pairs.wrong, pairs.missed) == (9, 1, 1)


def test_figures_are_shares_of_pairs():
    figure = Figure(right=3, wrong=1, missed=2)
    assert (figure.precision, figure.recall) == (0.75, 0.6)
    assert (Figure(0, 0, 1).precision, Figure(0, 0, 1).recall) == (1.0, 0.0)

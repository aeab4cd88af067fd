"""The published operating point of entity resolution holds (ADR 0600).

LOCOMO is CC BY-NC 4.0 and stays outside the repository; absent, these tests skip.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.resolution import Figure, measure
from memories.pipeline.link import THRESHOLD

LOCOMO = Path(__file__).parents[1].parent / "shared/data/locomo/locomo_open.json"


@pytest.mark.skipif(not LOCOMO.exists(), reason="../shared is absent, with LOCOMO")
def test_no_two_people_are_one_and_most_names_find_theirs():
    alone, mixed = measure(json.loads(LOCOMO.read_text()), THRESHOLD)
    assert (alone.precision, mixed.precision) == (1.0, 1.0)
    assert min(alone.recall, mixed.recall) >= 0.75


def test_figures_are_shares_of_pairs():
    figure = Figure(right=3, wrong=1, missed=2)
    assert (figure.precision, figure.recall) == (0.75, 0.6)
    assert Figure(0, 0, 0).recall == 0.0

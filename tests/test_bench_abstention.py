"""The fit of what is known and what is not: on made-up questions."""

from __future__ import annotations

import numpy as np
import pytest

from bench.abstention import FOREIGN, KNOWN, UNKNOWN, Asked, fit, report, weights_of


def made_up(count: int = 400) -> list[Asked]:
    """Answers are near, foreign questions are not, the wrong person's has no lead."""
    pick = np.random.default_rng(5)
    centres = {
        KNOWN: (0.6, 0.5, 0.1),
        UNKNOWN: (0.6, 0.5, -0.1),
        FOREIGN: (0.2, 0.1, 0.0),
    }
    return [
        Asked(f"c{n % 4}", f"data {kind}", tuple(pick.normal(centre, (0.1, 0.1, 0.1))))
        for n in range(count)
        for kind, centre in centres.items()
    ]


def test_it_finds_the_constants_behind_the_answers():
    pick = np.random.default_rng(3)
    signals = pick.normal(size=(5_000, 3))
    chance = 1 / (1 + np.exp(-(0.5 + signals @ np.array([2.0, -1.0, 0.0]))))
    known = (pick.random(5_000) < chance).astype(float)
    found = fit(signals, known, np.ones(5_000))
    assert found == pytest.approx([0.5, 2.0, -1.0, 0.0], abs=0.15)


def test_kinds_weigh_the_same_however_many_they_are():
    kinds = ["a known"] * 6 + ["a unknown"] * 3 + ["a foreign"]
    weights = dict(zip(kinds, weights_of(kinds), strict=True))
    assert weights["a known"] * 6 == pytest.approx(5)
    assert weights["a unknown"] * 3 == weights["a foreign"] == pytest.approx(2.5)


def test_the_report_tells_areas_thresholds_and_constants():
    told = list(report(made_up()))
    areas = {line.split(" | ")[0]: float(line.split()[-2]) for line in told[2:4]}
    assert areas["| data foreign"] > areas["| data unknown"] > 0.8
    assert any(line.startswith("| 0.95 | ") for line in told)
    constants = dict(part.split("=") for part in told[-1].split(", "))
    assert list(constants) == ["bias", "meaning", "words", "lead"]
    assert float(constants["lead"]) > 0

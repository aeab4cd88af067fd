"""F1 and BLEU-1 against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from memories.evaluation.wording import bleu1_of, f1_of, words_of


def test_words_are_compared_without_case_articles_and_signs():
    assert words_of("The Van, a red one!") == ["van", "red", "one"]


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        ("Lisbon", "lisbon.", 1.0),
        ("in Lisbon since March", "Lisbon", 2 * 0.25 * 1 / 1.25),
        ("red red van", "red van", 2 * (2 / 3) * 1 / (5 / 3)),  # red counts once
        ("Porto", "Lisbon", 0.0),
        ("", "Lisbon", 0.0),
    ],
)
def test_f1(answer, expected, f1):
    assert f1_of(answer, expected) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("answer", "expected", "bleu1"),
    [
        ("Lisbon", "Lisbon", 1.0),
        ("in Lisbon since March", "Lisbon", 0.25),  # long: precision alone
        ("red red van", "red van", 2 / 3),
        ("red", "red van with roof", math.exp(1 - 4)),  # short: the brevity penalty
        ("Porto", "Lisbon", 0.0),
        ("", "Lisbon", 0.0),
    ],
)
def test_bleu1(answer, expected, bleu1):
    assert bleu1_of(answer, expected) == pytest.approx(bleu1)

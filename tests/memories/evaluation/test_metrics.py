"""Every figure against a value worked out by hand."""

from __future__ import annotations

import pytest

from memories.evaluation.metrics import (
    Result,
    all_at,
    figures_of,
    mean_of,
    ndcg_at,
    percentile,
    recall_at,
    recall_within,
    reciprocal_rank,
    roc_of,
)


def results(*rows):
    """(turns, tokens) pairs; turns as letters."""
    return [Result(frozenset(turns), tokens) for turns, tokens in rows]


MIXED = results(("a", 100), ("x", 200), ("b", 300))
"""Evidence in the first and third place."""
ABC = frozenset("abc")


@pytest.mark.parametrize(
    ("cut", "share"), [(1, 1 / 3), (2, 1 / 3), (3, 2 / 3), (50, 2 / 3)]
)
def test_recall_is_the_share_of_the_evidence_found(cut, share):
    assert recall_at(MIXED, ABC, cut) == pytest.approx(share)


def test_one_result_may_hold_several_pieces_of_evidence():
    assert recall_at(results(("abc", 9)), ABC, 1) == 1.0


def test_all_is_found_only_when_nothing_is_missing():
    assert all_at(MIXED, frozenset("ab"), 2) == 0.0
    assert all_at(MIXED, frozenset("ab"), 3) == 1.0


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        (99, 0.0),  # not even the first fits
        (100, 1 / 3),
        (299, 1 / 3),
        (599, 1 / 3),  # the third does not fit any more
        (600, 2 / 3),
    ],
)
def test_recall_within_a_budget_counts_what_fits_from_the_top(budget, share):
    assert recall_within(MIXED, ABC, budget) == pytest.approx(share)


def test_nothing_is_picked_from_behind_a_result_that_does_not_fit():
    too_long = results(("x", 500), ("a", 1))
    assert recall_within(too_long, frozenset("a"), 100) == 0.0


def test_reciprocal_rank_is_that_of_the_first_evidence():
    assert reciprocal_rank(MIXED, frozenset("b")) == pytest.approx(1 / 3)
    assert reciprocal_rank(MIXED, frozenset("ab")) == 1.0
    assert reciprocal_rank(MIXED, frozenset("q")) == 0.0


def test_ndcg_of_evidence_in_the_first_and_third_place():
    # (1 + 1/log2 4) / (1 + 1/log2 3 + 1/log2 4)
    assert ndcg_at(MIXED, ABC, 10) == pytest.approx(1.5 / 2.1309297536)


def test_ndcg_gains_each_piece_of_evidence_once():
    twice = results(("a", 1), ("a", 1))
    assert ndcg_at(twice, frozenset("ab"), 10) == pytest.approx(1 / 1.6309297536)


def test_ndcg_of_joined_evidence_is_one_at_most():
    assert ndcg_at(results(("ab", 1)), frozenset("ab"), 10) == 1.0


def test_ndcg_knows_that_ten_places_hold_ten_pieces():
    evidence = frozenset(str(n) for n in range(12))
    ten = [Result(frozenset([str(n)]), 1) for n in range(10)]
    assert ndcg_at(ten, evidence, 10) == pytest.approx(1.0)


def test_a_question_without_evidence_has_no_figures():
    with pytest.raises(ValueError, match="without evidence"):
        figures_of(MIXED, frozenset())


def test_nothing_found_is_nought_everywhere():
    assert set(figures_of([], ABC).values()) == {0.0}


def test_the_error_of_a_mean():
    mean = mean_of([1, 1, 0, 0], ["x", "y", "x", "y"])
    assert mean.value == 0.5
    assert mean.error == pytest.approx((1 / 3 / 4) ** 0.5)


def test_alike_questions_of_one_conversation_widen_the_error():
    # Two conversations, each of one mind: as good as two questions.
    alike = mean_of([1, 1, 0, 0], ["x", "x", "y", "y"])
    assert alike.clustered_error == pytest.approx(0.5)
    # In each conversation one right and one wrong: the conversations say the same.
    mixed = mean_of([1, 1, 0, 0], ["x", "y", "x", "y"])
    assert mixed.clustered_error == 0.0


def test_one_question_has_no_error():
    mean = mean_of([1], ["x"])
    assert (mean.value, mean.error, mean.clustered_error) == (1, None, None)


def test_the_area_counts_pairs_in_the_right_order():
    # .9 beats both, .8 ties one and beats one, .4 beats one: 4.5 of 6.
    roc = roc_of([0.9, 0.8, 0.4], [0.8, 0.3])
    assert roc.area == pytest.approx(0.75)


def test_the_best_threshold_keeps_and_refuses_most():
    best = roc_of([0.9, 0.8, 0.4], [0.8, 0.3]).best
    assert (best.threshold, best.answered, best.refused) == (0.4, 1.0, 0.5)


def test_there_is_no_roc_of_one_kind_alone():
    assert roc_of([0.9], []) is None


@pytest.mark.parametrize(("percent", "value"), [(50, 20), (95, 40), (100, 40), (1, 10)])
def test_percentiles_are_by_nearest_rank(percent, value):
    assert percentile([40, 10, 30, 20], percent) == value

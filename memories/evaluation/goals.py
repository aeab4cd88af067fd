"""What the figures are held against: the targets of retrieval, with their sources.

``plain`` and ``recipe`` were measured in a notebook on the same open conversations
(ADR 0510), ``goal`` and ``stretch`` are what the product is to reach.
"""

from __future__ import annotations

from dataclasses import dataclass

from memories.evaluation import datasets
from memories.evaluation.summary import OVERALL


@dataclass(frozen=True, slots=True)
class Goal:
    """One row: a figure of a category; ``stretch`` None: none is set."""

    title: str
    category: str
    figure: str
    plain: float | None
    recipe: float | None
    goal: float
    stretch: float | None = None


GOALS: dict[str, tuple[Goal, ...]] = {
    datasets.locomo.NAME: (
        Goal("R@10", OVERALL, "recall@10", 0.424, 0.825, 0.82, 0.85),
        Goal("nDCG@10", OVERALL, "ndcg@10", 0.290, 0.667, 0.66, 0.70),
        Goal("MRR", OVERALL, "mrr", 0.278, 0.650, 0.64, 0.68),
        Goal("R at 500 tokens", OVERALL, "recall@500tok", 0.469, 0.818, 0.81, 0.84),
        Goal("R at 1000 tokens", OVERALL, "recall@1000tok", 0.583, 0.877, 0.87, 0.90),
        Goal("multi-hop R@10", "multi-hop", "recall@10", 0.259, 0.552, 0.55, 0.62),
        Goal("open-domain R@10", "open-domain", "recall@10", 0.163, 0.489, 0.48, 0.55),
    ),
    datasets.beam.NAME: (Goal("R@10", OVERALL, "recall@10", 0.568, 0.610, 0.60, 0.65),),
}
LOCAL_WITHIN, LOCAL_TOKENS = 0.05, 0.5
"""The ``local`` engine against verbatim turns: R@10 at most so much lower, at so much
of the tokens or fewer."""

"""How near the nearest are that the legs of a search find, asked of the legs.

What is shown is chosen by other signals, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bench import seed
from bench.figures import of_user
from bench.stack import DIMENSION
from tests.model_vectors import embed_text

TEN = 10
TIE = 0.0005
"""Of the seeded sentences many are equally near: one is as good as the other."""
Cosines = list[float]


def nearest_found(
    place: seed.Place, user: str, questions: Iterable[str]
) -> list[Cosines]:
    """For each question the cosines of the ten nearest candidates, the best first."""
    from memories.retrieval.legs import gather
    from memories.retrieval.query import read_query
    from memories.retrieval.statement import Asked
    from memories.selectors.filters import parse_filters
    from memories.services.setup import ready_setup
    from memories.types import SearchRequest

    nearest = []
    setup = ready_setup(place.tenant_id, place.project_id)
    for question in questions:
        request = SearchRequest(question, parse_filters(of_user(user)["filters"]))
        vector = embed_text(question, DIMENSION)
        asked = Asked(setup, place.space_id, request, read_query(question), vector)
        meanings = [c.meaning or 0.0 for c in gather(asked).candidates]
        nearest.append(sorted(meanings, reverse=True)[:TEN])
    return nearest


def recall(found: Sequence[Cosines], exact: Sequence[Cosines]) -> float:
    """Of the nearest there are, how many were found; 0..1."""
    shares = [
        sum(cosine >= wanted[-1] - TIE for cosine in cosines) / len(wanted)
        for cosines, wanted in zip(found, exact, strict=True)
    ]
    return float(np.mean(shares))

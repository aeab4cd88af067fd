"""What the times of facts say about a question's time: cues, and who stands back. Pure.

Without a known time there is no cue; a fact is never left out here (docs/adr/0610).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memories.language.times import Period
from memories.retrieval.query import Landmark, Query, overlaps, words_of
from memories.types import Aspect

if TYPE_CHECKING:  # it is the ranking that asks
    from memories.retrieval.rank import Candidate

SUPERSEDED_PENALTY = 0.3
"""Current facts come before those they replaced."""
OVER_PENALTY = 0.9
"""Of what is over, where it is asked what is so now: more than any one leg but two."""
SLACK = timedelta(days=1)
"""What was said of a day is often said the day after."""
COVERED = 0.5
"""Of the time asked about, where a fact held then but is of no day in it."""
BRIEF = timedelta(days=31)
"""A holiday is of each of its days; where somebody lives is not."""
LEAST_NEAR = 0.75
"""For what was over long before, where just before is 1."""


def penalty(candidate: Candidate, query: Query) -> float:
    """What a fact that is over yields; nothing where the past is asked for."""
    if query.is_now:
        return OVER_PENALTY if _is_over(candidate, query.asked_at) else 0.0
    is_past = query.looks_back or candidate.is_current
    return 0.0 if is_past else SUPERSEDED_PENALTY


def _is_over(candidate: Candidate, now: datetime | None) -> bool:
    if not candidate.is_current:
        return True
    return (
        now is not None
        and candidate.valid_to is not None
        and (candidate.valid_to <= now)
    )


def date_share(candidate: Candidate, query: Query, periods: Sequence[Period]) -> float:
    """1 for what began or was said in one of the days asked about, or did not last much
    longer than them; less for what held on them."""
    instants = (candidate.valid_from, candidate.said_at)
    if any(at and overlaps(periods, at, at, query.zone) for at in instants):
        return 1.0
    held = _held(candidate)
    if held is None or not overlaps(periods, *held, query.zone):
        return 0.0
    start, end = held
    is_brief = start is not None and end is not None and end - start <= BRIEF
    return 1.0 if is_brief else COVERED


def _held(candidate: Candidate) -> tuple[datetime | None, datetime | None] | None:
    """From when to when it held, open where nobody knows; None: not for long, or
    nobody said when."""
    start, end, said_at = candidate.valid_from, candidate.valid_to, candidate.said_at
    if end is None:
        is_lasting = candidate.aspect not in (None, Aspect.EVENT, Aspect.PLAN)
        return (start, None) if start and is_lasting else None
    is_over_when_said = said_at is None or end <= said_at
    return start or (None if is_over_when_said else said_at), end


def widened(period: Period) -> Period:
    return period if period.first != period.last else period.widened(SLACK)


# --- before and after something -------------------------------------------------------


def sequence_shares(candidates: Sequence[Candidate], asked: Landmark) -> list[float]:
    """How near each lies on the side asked for of what the question names: "before
    Berlin" is what ended by the time that began."""
    none = [0.0] * len(candidates)
    mark = _landmark(candidates, asked)
    turn = _turn(mark, asked.side) if mark else None
    if mark is None or turn is None:
        return none
    distances = [
        None if candidate is mark else _distance(candidate, asked.side, turn)
        for candidate in candidates
    ]
    found = [distance for distance in distances if distance is not None]
    furthest = max(found, default=timedelta()) or timedelta(microseconds=1)
    return [
        0.0
        if distance is None
        else 1.0 - (1.0 - LEAST_NEAR) * (max(distance, timedelta()) / furthest)
        for distance in distances
    ]


def _landmark(candidates: Sequence[Candidate], asked: Landmark) -> Candidate | None:
    """Which fact the question means: with most of its words, then the nearest to it."""

    def standing(candidate: Candidate) -> tuple[int, bool, float]:
        shared = len(asked.words & words_of(candidate.text))
        is_real = candidate.aspect != Aspect.PLAN
        return shared, is_real, candidate.meaning or 0.0

    best = max(candidates, key=standing, default=None)
    return best if best is not None and standing(best)[0] else None


def _turn(mark: Candidate, side: str) -> datetime | None:
    """When what is named began, or for "after" was over: as far as anybody knows."""
    began = mark.valid_from or mark.said_at
    return (mark.valid_to or began) if side == "after" else began


def _distance(candidate: Candidate, side: str, turn: datetime) -> timedelta | None:
    """How long before, or after; None on the other side, or where nobody knows."""
    happened = candidate.valid_from if candidate.aspect == Aspect.EVENT else None
    if side == "after":
        began = candidate.valid_from
        return None if began is None or began + SLACK < turn else began - turn
    ended = candidate.valid_to or happened
    return None if ended is None or ended > turn + SLACK else turn - ended

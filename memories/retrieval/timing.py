"""What the times of facts say about a question's time: cues, and who stands back. Pure.

Without a known time there is no cue; a fact is never left out here (docs/adr/0610).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memories.language.times import LENGTHS, Period
from memories.retrieval.query import Query, overlaps
from memories.types import Aspect

if TYPE_CHECKING:  # it is the ranking that asks
    from memories.retrieval.rank import Candidate

SUPERSEDED_PENALTY = 0.3
"""Current facts come before those they replaced, before what was so once, and before
those of which what they rest on is over."""
OVER_PENALTY = 0.9
"""Of what is over, where it is asked what is so now: more than any one leg but two."""
SLACK = timedelta(days=1)
"""What was said of a day is often said the day after."""
COVERED = 0.5
"""Of the time asked about, where a fact held then but is of no day in it."""
BRIEF = timedelta(days=31)
"""A holiday is of each of its days; where somebody lives is not."""


def penalty(candidate: Candidate, query: Query) -> float:
    """What a fact that is over yields; nothing where the past is asked for."""
    if query.is_now:
        return OVER_PENALTY if _is_over(candidate, query.asked_at) else 0.0
    if query.looks_ahead:
        return OVER_PENALTY if _is_past(candidate, query.asked_at) else 0.0
    if is_of_another_time(candidate, query):
        return OVER_PENALTY
    stands_back = not query.looks_back and _was_so(candidate, query.asked_at)
    return SUPERSEDED_PENALTY if stands_back else 0.0


def is_of_another_time(candidate: Candidate, query: Query) -> bool:
    """Whether it is known not to have been so on any of the days asked about."""
    start, end = candidate.valid_from, candidate.valid_to
    is_known = start is not None or end is not None
    if not (query.periods and is_known and _is_lasting(candidate)):
        return False
    return not overlaps(query.periods, start, end, query.zone)


def in_sight(query: Query, candidates: Sequence[Candidate]) -> Query:
    """The same, and where nothing is known to be still to come, not looking ahead:
    whoever asks then means what was to come."""
    now = query.asked_at
    if not query.looks_ahead or (
        now is not None and any(ahead_share(c, now) for c in candidates)
    ):
        return query
    return replace(query, looks_ahead=False)


def _is_over(candidate: Candidate, now: datetime | None) -> bool:
    return not _is_in_force(candidate) or _has_ended(candidate, now)


def _is_in_force(candidate: Candidate) -> bool:
    return candidate.is_current and not candidate.is_suspect


def _was_so(candidate: Candidate, now: datetime | None) -> bool:
    """Replaced, in doubt since what it rests on is over, or held until then; what
    happened remains as true as ever."""
    has_ended = _is_lasting(candidate) and _has_ended(candidate, now)
    return not _is_in_force(candidate) or has_ended


def _has_ended(candidate: Candidate, now: datetime | None) -> bool:
    end = candidate.valid_to
    return now is not None and end is not None and end <= now


def _is_lasting(candidate: Candidate) -> bool:
    return candidate.aspect not in (None, Aspect.EVENT, Aspect.PLAN)


def _is_past(candidate: Candidate, now: datetime | None) -> bool:
    """Over, or something that happened, or was to: nobody ends these."""
    if _is_over(candidate, now):
        return True
    if now is None or candidate.aspect not in (Aspect.EVENT, Aspect.PLAN):
        return False
    if candidate.valid_from is None:
        return candidate.aspect == Aspect.EVENT
    lasts = LENGTHS.get(candidate.precision, timedelta())
    return now - candidate.valid_from >= lasts


def ahead_share(candidate: Candidate, now: datetime) -> float:
    """1 for what is to begin."""
    return float(candidate.valid_from is not None and candidate.valid_from > now)


def date_share(candidate: Candidate, query: Query, periods: Sequence[Period]) -> float:
    """1 for what began in one of the days asked about, or did not last much longer than
    them; less for what held on them, where nothing of that kind is asked for.

    When it was said counts where nobody knows more, and of plans: they were made then.
    """
    if any(overlaps(periods, at, at, query.zone) for at in _instants(candidate)):
        return 1.0
    held = _held(candidate)
    if held is None or not overlaps(periods, *held, query.zone):
        return 0.0
    start, end = held
    is_brief = start is not None and end is not None and end - start <= BRIEF
    is_asked = query.asks_state and _is_lasting(candidate)
    return 1.0 if is_brief or is_asked else COVERED


def _instants(candidate: Candidate) -> list[datetime]:
    begin, said_at = candidate.valid_from, candidate.said_at
    is_known = begin is not None or candidate.valid_to is not None
    is_said_of = not is_known or candidate.aspect == Aspect.PLAN
    return [at for at in (begin, said_at if is_said_of else None) if at is not None]


def _held(candidate: Candidate) -> tuple[datetime | None, datetime | None] | None:
    """From when to when it held, open where nobody knows; None: not for long, or
    nobody said when."""
    start, end, said_at = candidate.valid_from, candidate.valid_to, candidate.said_at
    if end is None:
        return (start, None) if start and _is_lasting(candidate) else None
    is_over_when_said = said_at is None or end <= said_at
    return start or (None if is_over_when_said else said_at), end


def widened(period: Period) -> Period:
    return period if period.first != period.last else period.widened(SLACK)

"""What lies before or after something that a question names: "before Berlin". Pure.

Without a known time there is no cue, but what a fact replaced was before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memories.language.times import LENGTHS
from memories.retrieval.query import Landmark, words_of
from memories.retrieval.succession import Heirs, direct_successors
from memories.retrieval.timing import SLACK
from memories.types import Aspect

if TYPE_CHECKING:  # it is the ranking that asks
    from memories.retrieval.rank import Candidate

ITSELF = -0.35
"""For what tells of what the question names, once there is something beside it."""
LEAST_NEAR = 0.75
"""For what was over long before, where just before is 1."""
HELD = 0.5
"""For what was so by then, and nobody knows of an end."""
_LASTING = (Aspect.STATE, Aspect.RELATIONSHIP)


def beside_landmark(candidates: Sequence[Candidate], asked: Landmark) -> Heirs:
    """Of each that tells of what the question names: what that replaced, or for "after"
    what replaced it, unless it tells of the same."""
    tellings = _tellings(candidates, asked)
    return {
        telling: others
        for telling, onward in _onward(candidates, asked.side).items()
        if telling in tellings
        and (others := [other for other in onward if other not in tellings])
    }


def sequence_shares(candidates: Sequence[Candidate], asked: Landmark) -> list[float]:
    """How near each lies on the side asked for of what the question names: "before
    Berlin" is what ended by the time that began. What tells of its beginning is not."""
    tellings = _tellings(candidates, asked)
    mark = _mark(candidates, tellings, asked.side)
    turn = None if mark is None else _turn(candidates[mark], asked.side)
    if mark is None or turn is None:
        return [0.0] * len(candidates)
    vague = LENGTHS.get(candidates[mark].precision, timedelta())
    distances = [
        _distance(candidate, asked.side, turn, vague) for candidate in candidates
    ]
    for i in tellings:
        distance = distances[i]
        if i == mark or (distance is not None and abs(distance) <= SLACK):
            distances[i] = None
    found = [distance for distance in distances if distance is not None]
    furthest = max(found, default=timedelta())
    shares = [
        _share(distance, furthest)
        if distance is not None
        else HELD * (i not in tellings and _was_so(candidates[i], asked.side, turn))
        for i, distance in enumerate(distances)
    ]
    if found:
        shares[mark] = ITSELF
    return shares


def _share(distance: timedelta, furthest: timedelta) -> float:
    if distance <= timedelta():
        return 1.0
    return 1.0 - (1.0 - LEAST_NEAR) * (distance / furthest)


def _tellings(candidates: Sequence[Candidate], asked: Landmark) -> frozenset[int]:
    """Those with most words of what the question names."""
    shared = [_shared(candidate.text, asked.words) for candidate in candidates]
    most = max(shared, default=0)
    return frozenset(i for i, count in enumerate(shared) if most and count == most)


def _shared(text: str, words: frozenset[str]) -> int:
    lowered = text.lower()  # most texts have none, and reading words takes longer
    is_any_there = any(word in lowered for word in words)
    return len(words & words_of(text)) if is_any_there else 0


def _onward(candidates: Sequence[Candidate], side: str) -> Mapping[int, Sequence[int]]:
    """From each to what it replaced, or for "after" to what replaced it."""
    onward: dict[int, list[int]] = defaultdict(list)
    for replaced, successor in direct_successors(candidates).items():
        start, end = (replaced, successor) if side == "after" else (successor, replaced)
        onward[start].append(end)
    return onward


def _mark(
    candidates: Sequence[Candidate], tellings: Collection[int], side: str
) -> int | None:
    """Which fact the question means: the nearest to it, and as far onward from there as
    the same is told: "before Lumen" is before the first of two jobs there."""

    def standing(i: int) -> tuple[bool, float]:
        candidate = candidates[i]
        return candidate.aspect != Aspect.PLAN, candidate.meaning or 0.0

    mark = max(tellings, key=standing, default=None)
    onward, left = _onward(candidates, side), set(tellings)
    while mark is not None:
        left.discard(mark)
        real = (i for i in onward.get(mark, ()) if i in left and standing(i)[0])
        following = next(real, None)
        if following is None:
            break
        mark = following
    return mark


def _turn(mark: Candidate, side: str) -> datetime | None:
    """When what is named began, or for "after" was over: as far as anybody knows."""
    began = mark.valid_from or mark.said_at
    return (mark.valid_to or began) if side == "after" else began


def _distance(
    candidate: Candidate, side: str, turn: datetime, vague: timedelta
) -> timedelta | None:
    """How long before, or after; None on the other side, or where nobody knows.

    Who worked somewhere "until 2015" and elsewhere "from 2015" did so one after the
    other: ``vague`` is how inexactly the turn is known.
    """
    slack = SLACK + max(vague, LENGTHS.get(candidate.precision, timedelta()))
    happened = candidate.valid_from if candidate.aspect == Aspect.EVENT else None
    if side == "after":
        began = candidate.valid_from
        return None if began is None or turn - began > slack else began - turn
    ended = candidate.valid_to or happened
    return None if ended is None or ended - turn > slack else turn - ended


def _was_so(candidate: Candidate, side: str, turn: datetime) -> bool:
    """Whether it was so before, and may be still."""
    if side == "after" or candidate.aspect not in _LASTING or candidate.valid_to:
        return False
    since = candidate.valid_from or candidate.said_at
    return since is not None and since < turn

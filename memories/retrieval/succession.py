"""What replaced what among the candidates of a search, and what follows from it. Pure.

A successor answers what the replaced one would have: it has what that says, not what
stood around the messages that was learned from (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it is the ranking that asks
    from memories.retrieval.rank import Candidate, Weights

OWN = ("meaning", "words", "linked")
"""Legs that tell of what a memory says itself."""
WINDOW = ("around", "words_around")
""" … and of the window of the messages it was learned from."""
Heirs = Mapping[int, Sequence[int]]
"""By the position of a candidate, those that answer in its place."""


def direct_successors(candidates: Sequence[Candidate]) -> Mapping[int, int]:
    """By the position of each that was replaced, that of what replaced it, if here."""
    place = {candidate.memory_id: i for i, candidate in enumerate(candidates)}
    return {
        i: place[candidate.successor]
        for i, candidate in enumerate(candidates)
        if candidate.successor in place
    }


def successors_in(candidates: Sequence[Candidate]) -> Heirs:
    """Of each that was replaced: by what, and by what that was in turn, if here."""
    direct, here = direct_successors(candidates), range(len(candidates))
    chains = {i: [*_successors(i, here, direct.get)] for i in direct}
    return {i: chain for i, chain in chains.items() if chain}


def contemporaries_in(
    candidates: Sequence[Candidate], elsewhere: Container[int]
) -> Heirs:
    """Of each of these positions, what replaced it and is none of them, or else what it
    replaced, if either is here."""
    later, here = direct_successors(candidates), range(len(candidates))
    earlier = {one: replaced for replaced, one in later.items()}
    found: dict[int, list[int]] = {}
    for i in {*later, *earlier}:
        if i in elsewhere:
            chain = [
                *_successors(i, here, later.get),
                *_successors(i, here, earlier.get),
            ]
            found[i] = [one for one in chain if one not in elsewhere][:1]
    return {i: heirs for i, heirs in found.items() if heirs}


def taken_over(values: Sequence[float], heirs: Heirs) -> list[float]:
    """Of each at least what those have in whose place it answers."""
    taken = [*values]
    for i, chain in heirs.items():
        for heir in chain:
            taken[heir] = max(taken[heir], values[i])
    return taken


def legs_taken_over(
    scaled: Mapping[str, Sequence[float]], weights: Weights, heirs: Heirs
) -> dict[str, list[float]]:
    """The scaled legs once heirs have all that those say in whose place they answer,
    and of what stood around that no more than that.

    Where work is asked about, "I live in Lisbon" is carried far by "I work at Corvo",
    said beside it; where she lives since then is not.
    """
    taken = {leg: [*scaled[leg]] for leg in (*OWN, *WINDOW)}
    for i, chain in heirs.items():
        share = _share_of_window(scaled, weights, i)
        for leg, values in taken.items():
            lent = scaled[leg][i] * (share if leg in WINDOW else 1.0)
            for heir in chain:
                values[heir] = max(values[heir], lent)
    return taken


def _share_of_window(
    scaled: Mapping[str, Sequence[float]], weights: Weights, i: int
) -> float:
    own = sum(getattr(weights, leg) * scaled[leg][i] for leg in OWN)
    around: float = sum(getattr(weights, leg) * scaled[leg][i] for leg in WINDOW)
    return min(1.0, max(own, 0.0) / around) if around > 0 else 1.0


def behind_successors(
    fused: Sequence[float], order: Sequence[int], successors: Heirs
) -> list[int]:
    """What was replaced right behind what replaced it, where it stood before that."""
    capped = [*fused]
    for i, chain in successors.items():
        capped[i] = min(fused[i], *(fused[later] for later in chain))
    lowered = sorted(order, key=lambda i: -capped[i])
    return successors_first(lowered, lambda i: next(iter(successors.get(i, ())), None))


def successors_first[T: Hashable](
    order: Sequence[T], successor_of: Callable[[T], T | None]
) -> list[T]:
    """What replaced another of these answers the same question: it stands just before
    it."""
    here = set(order)
    placed: dict[T, None] = {}
    for one in order:
        chain = [one, *_successors(one, here, successor_of)]
        placed.update(dict.fromkeys(reversed(chain)))
    return list(placed)


def _successors[T: Hashable](
    one: T, here: Container[T], successor_of: Callable[[T], T | None]
) -> Iterator[T]:
    """What replaced it, and that in turn, as far as they are here."""
    seen = {one}
    following = successor_of(one)
    while following is not None and following in here and following not in seen:
        yield following
        seen.add(following)
        following = successor_of(following)

"""How a new fact stands to one that is known: the same, more, against it, or apart.

Claims decide where both texts state a known attribute. Elsewhere cosine proposes and
guards dispose: other numbers, names, kin or polarity are never the same fact. The
thresholds come from the labelled table in tests/memories/pipeline/local/test_judge.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from memories.pipeline.local.aspects import is_plan, read_aspect
from memories.pipeline.local.claims import (
    Claim,
    is_confirmation,
    is_contradiction,
    is_named_loosely,
    is_of_another,
    is_other_value,
    read_claims,
)
from memories.pipeline.local.grammar import word_set
from memories.pipeline.local.leads import subject_first
from memories.pipeline.local.matters import (
    dates,
    is_called_off,
    is_given_up,
    is_of_other_days,
    is_outcome,
    is_redated,
)
from memories.pipeline.local.words import (
    content_stems,
    denies_value,
    is_negated,
    kin,
    names,
    numbers,
    words_of,
)
from memories.types import Aspect

RELATED = 0.45  # below this cosine two texts are not compared word by word
ALIKE = 0.78  # both say something the other does not, in other words
VERBATIM = 0.95  # only function words differ
RESIDUE_ALIKE = 0.8  # the words only one has, against the words only the other has
CLAIMS_RELATED = 0.25  # claims are compared nearly regardless of cosine

Similarity = Callable[[str, str], float]


class Standing(Enum):
    """What a new fact is to a known one."""

    SAME = "says the same"
    RICHER = "says the same and more"
    POORER = "says less than is known"
    CORRECTS = "sets it right"
    AGAINST = "contradicts"
    APART = "is another fact"


def standing_of(
    new: str,
    old: str,
    similarity: float,
    embed: Similarity,
    *,
    is_correction: bool,
    aspect: Aspect | None = None,
) -> Standing:
    """As :func:`compare`; what was said to set something right corrects what it tells
    anew, and what it contradicts without a word of change."""
    if is_correction and is_redated(subject_first(new), subject_first(old)):
        return Standing.CORRECTS
    standing = compare(new, old, similarity, embed, aspect)
    if standing is Standing.APART and _denies_other_value(new, old):
        return Standing.CORRECTS
    is_correction = is_correction or denies_value(new, old)
    if standing is not Standing.AGAINST or not is_correction:
        return standing
    is_change = is_negated(new) or _CHANGE.search(new) or is_plan(old) != is_plan(new)
    if is_change and not _NEVER.search(new):
        return Standing.AGAINST
    return Standing.CORRECTS


def _denies_other_value(new: str, old: str) -> bool:
    """ "allergic to peanuts, not nuts" of who was told to be allergic to nuts."""
    pairs = ((one, other) for one in read_claims(new) for other in read_claims(old))
    return denies_value(new, old) and any(is_other_value(*pair) for pair in pairs)


_CHANGE = re.compile(
    r"\b(?:moved|relocated|joined|started|became|turned|went|left|got|changed|switched"
    r"|now|since|lately|recently|ago)\b"
)
"""What was so until then was told rightly."""


_NEVER = re.compile(r"\bnever\b")
""" "I lied, I never moved": it was not so until then either."""


def compare(
    new: str,
    old: str,
    similarity: float,
    embed: Similarity,
    aspect: Aspect | None = None,
) -> Standing:
    """How ``new`` stands to ``old``, whose cosine is ``similarity``.

    ``aspect`` is what the old one was read as when it was told; ``embed`` gives the
    cosine of two short texts, and is called only in doubt.
    """
    new, old = subject_first(new), subject_first(old)
    by_claims = _compare_claims(new, old, embed)
    if by_claims is not None:
        return by_claims
    if similarity < CLAIMS_RELATED:
        return Standing.APART
    was_plan = is_plan(old, aspect)
    if was_plan and is_called_off(new) and is_outcome(new, old):
        return Standing.AGAINST
    if was_plan != is_plan(new):
        is_settled = was_plan and is_outcome(new, old)
        return Standing.AGAINST if is_settled else Standing.APART
    if similarity < RELATED or _are_guarded_apart(new, old):
        return Standing.APART
    if is_negated(new) != is_negated(old):
        return _compare_polarity(new, old, similarity)
    return _compare_words(new, old, similarity, embed)


_BORN = ("birthplace", "birth year", "birthday")
"""Whoever tells them anew sets them right: nobody is born twice."""


def _compare_claims(new: str, old: str, embed: Similarity) -> Standing | None:
    """By attribute and value; None when no attribute is shared."""
    new_claims, old_claims = read_claims(new), read_claims(old)
    pairs = [(one, other) for one in new_claims for other in old_claims]
    against = [pair for pair in pairs if is_contradiction(*pair)]
    if against:
        if any(new.attribute in _BORN and not new.is_negated for new, _ in against):
            return Standing.CORRECTS
        is_renamed = all(_is_renamed(*pair, embed) for pair in against)
        return Standing.SAME if is_renamed else Standing.AGAINST
    if any(is_confirmation(*pair) for pair in pairs):
        return None if _are_guarded_apart(new, old) else _by_containment(new, old)
    if any(is_other_value(*pair) or is_of_another(*pair) for pair in pairs):
        return Standing.APART
    return None


def _is_renamed(new: Claim, old: Claim, embed: Similarity) -> bool:
    """ "maths teacher" and "mathematics teacher" do not contradict each other."""
    if new.is_negated != old.is_negated or not is_named_loosely(new):
        return False
    return embed(new.value, old.value) >= RESIDUE_ALIKE


def _by_containment(new: str, old: str) -> Standing:
    """Of two texts with the same claim, the one that says more is richer."""
    added, missing = map(_substance, _differences(new, old))
    if added and not missing:
        return Standing.RICHER
    return Standing.POORER if missing and not added else Standing.SAME


def _are_guarded_apart(new: str, old: str) -> bool:
    """Each says a number, a name or a date that the other does not, or other kin are
    meant."""
    for read in (numbers, names, dates):
        first, second = read(new), read(old)
        if first - second and second - first:
            return True
    return kin(new) != kin(old)


def _compare_polarity(new: str, old: str, similarity: float) -> Standing:
    """A denial of the same words contradicts; of other words, it is another fact.

    Who gave something up did so wherever and whenever they used to do it; of one day of
    two, the other is kept.
    """
    if is_of_other_days(new, old):
        return Standing.APART
    if is_given_up(new, old):
        return Standing.AGAINST
    added, missing = _differences(new, old)
    is_same_matter = similarity >= RELATED and not added and len(missing) <= 1
    return Standing.AGAINST if is_same_matter else Standing.APART


def _compare_words(
    new: str, old: str, similarity: float, embed: Similarity
) -> Standing:
    if _happened_to(new, old):
        return Standing.APART
    added, missing = _differences(new, old)
    if not added and not missing:
        return Standing.SAME
    if not missing:
        is_richer = bool(_substance(added)) and similarity < VERBATIM
        return Standing.RICHER if is_richer else Standing.SAME
    if not added:
        return Standing.POORER
    if similarity < ALIKE or embed(_text(added), _text(missing)) < RESIDUE_ALIKE:
        return Standing.APART
    return Standing.SAME


def _happened_to(new: str, old: str) -> bool:
    """ "sold their car" says all the words of "has a car", and not what it says."""
    return read_aspect(new) is Aspect.EVENT and read_aspect(old) is Aspect.STATE


def _differences(new: str, old: str) -> tuple[list[str], list[str]]:
    """Content words only ``new`` has, and only ``old`` has."""
    shared = content_stems(new) & content_stems(old)
    return _words_beyond(new, shared), _words_beyond(old, shared)


def _words_beyond(text: str, shared: frozenset[str]) -> list[str]:
    return [word for word in words_of(text) if content_stems(word) - shared]


# Words that only carry a claim, or colour it, and add no knowledge of their own.
_FILLING = word_set(
    """stand reaction reactions bad big good great nice new old time like likes love
    loves enjoy enjoys adore adores fond keen fan allergic allergy intolerant live
    lives living reside resides based moved relocated work works working employed
    job hate hates dislike dislikes severe severely sick ill food foods something"""
)


def _substance(words: list[str]) -> list[str]:
    return [word for word in words if word.lower() not in _FILLING]


def _text(words: list[str]) -> str:
    return " ".join(words)

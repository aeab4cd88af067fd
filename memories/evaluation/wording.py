"""How close an answer is to the expected one by its words: F1 and BLEU-1. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_ARTICLES = {"a", "an", "the"}


def words_of(text: str) -> list[str]:
    """Lower case, without punctuation and articles, as SQuAD compares.

    LOCOMO's own evaluation also drops "and" and stems (Porter): its F1 is somewhat
    higher, for "paints" and "painting" are one word there.
    """
    return [word for word in _WORD.findall(text.lower()) if word not in _ARTICLES]


def f1_of(answer: str, expected: str) -> float:
    """Harmonic mean of precision and recall of words, each as often as it is said."""
    mine, theirs = Counter(words_of(answer)), Counter(words_of(expected))
    if not mine or not theirs:
        return float(mine == theirs)
    shared = (mine & theirs).total()
    if not shared:
        return 0.0
    precision, recall = shared / mine.total(), shared / theirs.total()
    return 2 * precision * recall / (precision + recall)


def bleu1_of(answer: str, expected: str) -> float:
    """Clipped unigram precision by the brevity penalty (Papineni et al. 2002)."""
    mine, theirs = words_of(answer), words_of(expected)
    if not mine or not theirs:
        return float(mine == theirs)
    shared = (Counter(mine) & Counter(theirs)).total()
    shortness = min(0.0, 1 - len(theirs) / len(mine))
    return math.exp(shortness) * shared / len(mine)

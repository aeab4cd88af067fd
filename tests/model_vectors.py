"""Deterministic embeddings for the stand-in model server: like texts, like vectors.

Feature hashing (Weinberger et al. 2009) of words and their character trigrams; no
model, no state, the same on every machine.
"""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

WORD_WEIGHT = 2.0
TRIGRAM_WEIGHT = 0.5
STOP_WORD_FACTOR = 0.2


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = word_set(
    "a an the and or but of to in on at for with by from as is are was were be been am "
    "has have had do does did will would can could should it its this that these those "
    "he she they them his her their i you we my your our me us user agent so very just "
    "s m ve ll re not no"
)


def embed_text(text: str, dimension: int) -> NDArray[np.float32]:
    """(dimension,) float32, unit norm; a text without words is the first axis."""
    vector = np.zeros(dimension, dtype=np.float32)
    for word in re.findall(r"\w+", text.lower()):
        hashes, weights = _features(word)
        np.add.at(vector, hashes % dimension, weights)
    norm = float(np.linalg.norm(vector))
    if norm == 0:
        vector[0] = norm = 1.0
    return vector / np.float32(norm)


@lru_cache(maxsize=100_000)
def _features(word: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Hash values and signed weights of a word and its trigrams."""
    padded = f"<{word}>"
    trigrams = [padded[at : at + 3] for at in range(len(padded) - 2)]
    codes = [crc32(feature.encode()) for feature in (word, *trigrams)]
    weights = [WORD_WEIGHT] + [TRIGRAM_WEIGHT] * len(trigrams)
    factor = STOP_WORD_FACTOR if word in STOP_WORDS else 1.0
    signs = [1.0 if code & 1 else -1.0 for code in codes]
    signed = [
        sign * weight * factor for sign, weight in zip(signs, weights, strict=True)
    ]
    return np.array([code >> 1 for code in codes]), np.array(signed, dtype=np.float32)

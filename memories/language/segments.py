"""Words for the full-text search where a script writes none. Pure.

PostgreSQL splits at spaces: a Chinese, Japanese or Thai sentence is one word to it.
Overlapping pairs of characters stand for words there, in texts and questions alike
(the usual CJK bigrams; decision 6).
"""

from __future__ import annotations

import re

_UNSPACED = re.compile(
    "[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


def searchable(text: str) -> str:
    """``text`` with runs of unspaced scripts as pairs of characters."""
    if text.isascii():
        return text
    return _UNSPACED.sub(_pairs, text)


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    if len(run) == 1:
        return f" {run} "
    pairs = (run[at : at + 2] for at in range(len(run) - 1))
    return f" {' '.join(pairs)} "

"""A bound on how many tokens a text costs any byte-pair or word-piece model.

For models whose tokenizer is not at hand (tiktoken downloads its vocabulary at run
time). Errs on the high side; never use it to report what a call did cost.
"""

from __future__ import annotations

import re
from math import ceil

_WORD_OR_SIGN = re.compile(r"[A-Za-z]+|[0-9]+|[^\sA-Za-z0-9]")

# Letters per token: English averages 4–5, rare names and identifiers about 3.
_LETTERS_PER_TOKEN = 3
# Newer vocabularies keep three digits together, older ones split every digit.
_DIGITS_PER_TOKEN = 2
# cl100k spends 1–1.5 tokens on a CJK character (3 bytes) and up to 3 on an emoji (4).
_BYTES_PER_TOKEN = 1.5


def bound_tokens(text: str) -> int:
    """At least as many tokens as ``text`` has for the models in use."""
    return ceil(sum(_bound_piece(match[0]) for match in _WORD_OR_SIGN.finditer(text)))


def clip_tokens(text: str, max_tokens: int) -> str:
    """The longest beginning of ``text`` whose bound is within ``max_tokens``.

    Cuts between words where there are any.
    """
    if _fits_by_size(text, max_tokens):
        return text
    used, end = 0.0, 0
    for match in _WORD_OR_SIGN.finditer(text):
        used += _bound_piece(match[0])
        if used > max_tokens:
            return text[: end or max_tokens].rstrip()
        end = match.end()
    return text


def _fits_by_size(text: str, max_tokens: int) -> bool:
    """A byte costs at most one token, which spares short texts the count."""
    return len(text) * 4 <= max_tokens or len(text.encode()) <= max_tokens


def _bound_piece(piece: str) -> float:
    first = piece[0]
    if not first.isascii():
        return len(piece.encode()) / _BYTES_PER_TOKEN
    if first.isdigit():
        return ceil(len(piece) / _DIGITS_PER_TOKEN)
    if first.isalpha():
        return ceil(len(piece) / _LETTERS_PER_TOKEN)
    return 1

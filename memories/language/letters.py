"""Capital and small letters as classes of a regular expression. Pure.

Python's ``re`` knows no ``\\p{Lu}``, and ``[A-Z]`` neither Łódź nor Örebro. Scripts
without case have no capitals: where English words around it say that a name stands
there, 花子 and محمد are names as well (``INITIAL``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import groupby

_BASIC_PLANE = range(0x10000)


def _ranges(is_one: Callable[[str], bool]) -> str:
    """ "A-ZÀ-ÖØ-Þ…": every letter that is one."""
    letters = (code for code in _BASIC_PLANE if is_one(chr(code)))
    runs = groupby(enumerate(letters), lambda found: found[1] - found[0])
    edges = ([code for _, code in run] for _, run in runs)
    return "".join(f"{chr(codes[0])}-{chr(codes[-1])}" for codes in edges)


def _is_caseless(letter: str) -> bool:
    """A letter of a script that knows no case, and no ª of one that does."""
    is_letter = unicodedata.category(letter) == "Lo"
    return is_letter and letter > "\u0590"


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Mc")


_CAPITALS = _ranges(str.isupper)
CAPITAL = f"[{_CAPITALS}]"
SMALL = f"[{_ranges(str.islower)}]"
INITIAL = f"[{_CAPITALS}{_ranges(_is_caseless)}]"
"""What a name may begin with: a capital, or any letter of a script without case."""
MARKS = _ranges(_is_mark)
"""Ranges of signs that are written on letters, as the vowels of Thai and Hindi are;
``\\w`` does not know them."""

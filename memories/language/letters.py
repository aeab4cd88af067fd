"""Capital and small letters as classes of a regular expression. Pure.

Python's ``re`` knows no ``\\p{Lu}``, and ``[A-Z]`` neither Łódź nor Örebro.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

_BASIC_PLANE = range(0x10000)


def _class(is_one: Callable[[str], bool]) -> str:
    """ "[A-ZÀ-ÖØ-Þ…]": every letter that is one."""
    letters = (code for code in _BASIC_PLANE if is_one(chr(code)))
    runs = groupby(enumerate(letters), lambda found: found[1] - found[0])
    edges = ([code for _, code in run] for _, run in runs)
    ranges = "".join(f"{chr(codes[0])}-{chr(codes[-1])}" for codes in edges)
    return f"[{ranges}]"


CAPITAL = _class(str.isupper)
SMALL = _class(str.islower)

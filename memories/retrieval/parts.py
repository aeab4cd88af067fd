"""A piece of SQL with the values of its places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of SQL with the values of its places, in their order."""

    sql: str
    params: Sequence[Any] = ()

    @classmethod
    def joined(cls, separator: str, parts: Iterable[Self]) -> Part:
        """The pieces as one."""
        pieces = list(parts)
        return Part(
            separator.join(piece.sql for piece in pieces),
            [value for piece in pieces for value in piece.params],
        )

"""A page of a list, as ``components/pagination.html`` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

PAGE_SIZE = 50
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class ListPage[Row]:
    """``count`` is that of all pages."""

    items: list[Row]
    number: int
    count: int
    size: int = PAGE_SIZE

    @property
    def has_next(self) -> bool:
        return self.number * self.size < self.count

    @property
    def next(self) -> int:
        return self.number + 1

    @property
    def previous(self) -> int:
        return self.number - 1


def page_of[Row](rows: QuerySet[Any, Row], query: Mapping[str, Any]) -> ListPage[Row]:
    """The page that ``?page=`` asks for, the first where it asks for none. Two queries;
    call inside the scope of the rows.
    """
    number = page_number(query)
    start = (number - 1) * PAGE_SIZE
    return ListPage(list(rows[start : start + PAGE_SIZE]), number, rows.count())


def page_number(query: Mapping[str, Any]) -> int:
    """1 for anything that is no number of a page."""
    given = str(query.get("page", ""))
    number = int(given) if given.isascii() and given.isdigit() else 1
    return min(max(number, 1), MOST_PAGES)

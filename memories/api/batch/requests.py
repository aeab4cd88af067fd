"""What a batch asks for: up to a thousand memories, each by its id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from memories.api import reading, requests
from memories.api.reading import Fields, Problem
from memories.services.edit_many import ItemChange
from memplatform.lib.errors import InvalidRequest

MAX_ITEMS = 1000
TOO_MANY = f"Maximum of {MAX_ITEMS} memories in one request."
NOBODY = UUID(int=0)
"""Stands where an id was wrong, until that is told."""


def read_item_changes(raw: object) -> list[ItemChange]:
    """What to change of each memory; an item that names no change leaves it as it is.

    Raises InvalidRequest that names every wrong item, before anything is changed.
    """
    items = _items(raw)
    asked = [ItemChange(_id_in(item), requests.changes_in(item)) for item in items]
    _check(items)
    return asked


def read_item_ids(raw: object) -> list[UUID]:
    """The memories to delete; see :func:`read_item_changes`."""
    items = _items(raw)
    ids = [_id_in(item) for item in items]
    _check(items)
    return ids


def _items(raw: object) -> list[Fields]:
    fields = Fields(raw)
    listed: list[Any] = fields.need("memories", _some, [])
    fields.check()
    return [Fields(item, f"memories.{n}") for n, item in enumerate(listed)]


def _some(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Problem("must be a list with at least one memory.")
    if len(value) > MAX_ITEMS:
        raise InvalidRequest(TOO_MANY, fields={"memories": [TOO_MANY]})
    return value


def _id_in(item: Fields) -> UUID:
    return item.need("memory_id", reading.uuid, NOBODY)


def _check(items: list[Fields]) -> None:
    """Raise what is wrong with any item, told by its place in the list."""
    first, *others = items
    for item in others:
        first.problems |= item.problems
    first.check()

"""A year of adds, played once through each engine, and everything that is asked of it."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.memories.year.expected import (
    ACTIVE,
    CITIES,
    EDGES,
    INSTANTS,
    QUESTIONS,
    STATES,
    Edge,
    Stands,
)
from tests.memories.year.playing import Stood, Year, speaks_of
from tests.memories.year.story import YEAR


def test_a_year(year: Year, subtests: pytest.Subtests):
    """One test an engine: a year takes seconds, what is asked of it does not."""
    for check in (_states, _edges, _answers, _restores):
        check(year, subtests)


# --- what is known at five instants -----------------------------------------------------


def _states(year: Year, subtests: pytest.Subtests) -> None:
    for at in INSTANTS:
        known = year.known(at)
        for row in STATES[at]:
            with subtests.test(f"{at:%d %B}: {row.pattern}"):
                assert [m for m in known if _stands(m, row)], _like(known, row.pattern)
        if year.engine != "local":
            with subtests.test(f"{at:%d %B}: nothing else is in force"):
                assert {m.text for m in known if m.state == ACTIVE} == _in_force(at)


def _stands(memory: Stood, row: Stands) -> bool:
    bounds = ((memory.valid_from, row.valid_from), (memory.valid_to, row.valid_to))
    return (
        speaks_of(row.pattern, memory.text)
        and row.state in (None, memory.state)
        and all(wanted in ("", _day(bound)) for bound, wanted in bounds)
    )


def _day(instant: datetime | None) -> str | None:
    return f"{instant:%Y-%m-%d}" if instant else None


def _like(known: list[Stood], pattern: str) -> list[Stood]:
    return [memory for memory in known if speaks_of(pattern, memory.text)]


def _in_force(at: datetime) -> set[str]:
    """What a model would leave in force, as the story tells it."""
    texts: set[str] = set()
    for fact in (fact for said in YEAR if said.at <= at for fact in said.learned):
        how, other = fact.change or ("", "")
        if how != "repeats":
            texts -= {other}
        texts |= {fact.text} - {""}
    return texts


# --- the graph at five instants ---------------------------------------------------------


def _edges(year: Year, subtests: pytest.Subtests) -> None:
    for at in INSTANTS:
        edges = year.edges(at)
        for row in EDGES[at]:
            with subtests.test(f"{at:%d %B}: {row}"):
                assert _is_there(row, edges) == row.is_there, edges

    with subtests.test("two Annas"):
        assert len(year.nodes("Anna")) == 2


def _is_there(row: Edge, edges: list[str]) -> bool:
    return any(speaks_of(f"^{row.pattern}$", edge) for edge in edges)


# --- what a search answers --------------------------------------------------------------


def _answers(year: Year, subtests: pytest.Subtests) -> None:
    for row in QUESTIONS:
        asked = {"as_of": str(row.as_of), "filters": row.filters}
        with subtests.test(row.question, **asked):
            found = year.found(row.question, row.filters, as_of=row.as_of)[: row.first]
            assert [text for text in found if speaks_of(row.expected, text)], found
            if row.never:
                assert not [t for t in found if speaks_of(row.never, t)], found


# --- what a restore brings back ---------------------------------------------------------


def _restores(year: Year, subtests: pytest.Subtests) -> None:
    """Last, for time goes on meanwhile: each is undone, and then all is as it was."""
    past = [_picture(year, at) for at in INSTANTS]
    now = _picture(year)
    for at, city in CITIES.items():
        with subtests.test(f"back to {at:%d %B}"):
            operation = year.restore(at)
            assert _picture(year) == _picture(year, at)
            assert city in year.found("Where does Alice live?")[0]
        with subtests.test(f"back to {at:%d %B}, undone"):
            year.undo(operation)
            assert _picture(year) == now
    with subtests.test("what was known stays what was known"):
        assert [_picture(year, at) for at in INSTANTS] == past


def _picture(year: Year, at: datetime | None = None) -> tuple[set[Stood], list[str]]:
    """What is in force, and the edges that hold, as known at an instant."""
    known = year.known(at)
    return {memory for memory in known if memory.state == ACTIVE}, year.edges(at)

"""How an add came out, beside how it would with another prompt."""

from __future__ import annotations

import pytest

from memories.pipeline.compare import compare, difference_of
from memories.types import Settled
from memplatform.lib.ids import new_id

LISBON = new_id()


def stored(text: str) -> Settled:
    return Settled("stored", text)


def updated(text: str) -> Settled:
    return Settled("updated", text, LISBON, "User lives in Lisbon.")


def confirmed(text: str | None = None) -> Settled:
    return Settled("confirmed", text, LISBON, "User lives in Lisbon.")


BEES, CELLO = stored("User keeps bees."), stored("User plays the cello.")
RETIRED = Settled("retired", None, LISBON, "User lives in Lisbon.")

# then, now → how the add came out
CASES = [
    ([], [], "same"),
    ([BEES], [BEES], "same"),
    ([BEES, CELLO], [CELLO, BEES], "same"),  # the order tells nothing
    ([BEES], [stored("user keeps BEES")], "same"),  # nor do case and marks
    ([BEES], [stored("User keeps many bees.")], "reworded"),
    ([BEES], [BEES, CELLO], "new"),
    ([BEES, CELLO], [BEES], "gone"),
    ([BEES], [CELLO], "changed"),  # one gone, one new
    ([updated("a b c")], [updated("d e f")], "reworded"),  # of one memory
    ([updated("a b c")], [RETIRED], "changed"),
    ([updated("a b c")], [stored("a b c")], "changed"),
    ([confirmed()], [confirmed("User lives in Lisbon.")], "same"),
    ([confirmed()], [], "same"),  # nothing happened, then or now
    ([confirmed()], [updated("User lives in Lisbon with Ben.")], "new"),
    ([BEES], [Settled("dropped", "User keeps bees.")], "gone"),
    ([BEES], [Settled("quarantined", "User keeps bees.")], "changed"),
    ([RETIRED], [RETIRED], "same"),
    ([RETIRED], [Settled("retired", None, new_id(), "x")], "changed"),
]


@pytest.mark.parametrize(("then", "now", "difference"), CASES)
def test_an_add_comes_out(then, now, difference):
    pairs = compare(then, now)
    assert difference_of(pairs) == difference
    assert [p.then for p in pairs if p.then] == then
    assert len([p.now for p in pairs if p.now]) == len(now)


def test_every_fact_stands_once_even_said_twice():
    pairs = compare([BEES, BEES], [BEES])
    assert [(p.then, p.now) for p in pairs] == [(BEES, BEES), (BEES, None)]

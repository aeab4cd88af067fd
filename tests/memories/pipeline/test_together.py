"""What is decided of a whole exchange is divided among the adds that brought it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from memories.models import Ingestion
from memories.pipeline.together import Share, divide
from memories.store.apply import Plan
from memories.types import Decision, Dropped, Fact, ModelCall, Scope, Verdict

AT = datetime(2026, 3, 1, tzinfo=UTC)
CALL = ModelCall("single_pass", "stand-in", "openai", "ok")


def shares(*counts: int) -> tuple[Share, ...]:
    """Adds with so many messages each."""
    ends = [sum(counts[:n]) for n in range(len(counts) + 1)]
    return tuple(
        Share(Ingestion(operation_id=uuid4(), tenant_id=uuid4()), range(*ends), AT)
        for ends in pairwise(ends)
    )


def plan(*decisions: Decision, messages: int = 3, **details) -> Plan:
    plain = {
        "scope": Scope(user_id="ann"),
        "message_ids": tuple(UUID(int=n) for n in range(messages)),
        "dropped": (),
        "known": {},
        "vectors": {},
        "engine": "single_pass",
        "model": "stand-in",
        "prompt_version_id": None,
        "language": "english",
        "created_at": AT,
        "calls": (CALL,),
    }
    return Plan(decisions=decisions, **plain | details)


def says(text: str, *positions: int) -> Decision:
    return Decision(Verdict.ADD, Fact(text, messages=positions))


def texts(part: Plan) -> list[str]:
    return [d.fact.text for d in part.decisions if d.fact]


def test_one_add_keeps_its_plan():
    whole = plan(says("tea", 0))
    (share,) = shares(3)
    assert divide(whole, [share]) == {share.operation_id: whole}


def test_a_fact_is_that_of_the_last_message_it_rests_on():
    adds = shares(1, 1, 1)
    parts = divide(plan(says("a", 0), says("b", 0, 1), says("c", 2)), adds)
    assert [texts(part) for part in parts.values()] == [["a"], ["b"], ["c"]]
    assert list(parts) == [share.operation_id for share in adds]


def test_a_retraction_is_that_of_who_wished_it():
    wish = Decision(
        Verdict.DELETE, target=uuid4(), evidence="Forget it.", messages=(0,)
    )
    first, second = divide(plan(wish), shares(1, 2)).values()
    assert (first.decisions, second.decisions) == ((wish,), ())


def test_what_rests_on_nothing_goes_with_the_last():
    dropped = Dropped("unusable", "?")
    first, last = divide(plan(says("a"), dropped=(dropped,)), shares(1, 2)).values()
    assert (texts(first), texts(last)) == ([], ["a"])
    assert (first.dropped, last.dropped) == ((), (dropped,))


def test_what_is_said_of_each_message_stays_with_it():
    silent = Dropped("nothing to learn", messages=(0, 1, 2))
    whole = plan(dropped=(silent,), recalled=(0, 2), unread={1: "empty"})
    first, second = divide(whole, shares(1, 2)).values()
    assert [d.messages for d in first.dropped] == [(0,)]
    assert [d.messages for d in second.dropped] == [(1, 2)]
    assert (first.recalled, second.recalled) == ((0,), (2,))
    assert (first.unread, second.unread) == ({}, {1: "empty"})


def test_calls_are_counted_once_and_the_others_are_named():
    adds = shares(1, 1, 1)
    parts = divide(plan(), adds)
    assert [part.calls for part in parts.values()] == [(CALL,), (), ()]
    assert parts[adds[1].operation_id].together == (
        adds[0].operation_id,
        adds[2].operation_id,
    )


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=5),
    st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=8),
    st.lists(st.lists(st.integers(0, 30), max_size=4), max_size=8),
)
def test_nothing_is_lost_and_nothing_is_twice(counts, cited, let_go):
    """Whatever positions a model names, also such as are not there."""
    decisions = [says(str(n), *at) for n, at in enumerate(cited)]
    dropped = tuple(Dropped("why", str(n), tuple(at)) for n, at in enumerate(let_go))
    whole = plan(*decisions, messages=sum(counts), dropped=dropped)
    parts = list(divide(whole, shares(*counts)).values())
    found = [d for part in parts for d in part.decisions]
    assert sorted(found, key=decisions.index) == decisions
    assert sum(part.facts for part in parts) == whole.facts
    mine = [at for part in parts for at in part.mine or ()]
    assert mine == list(range(sum(counts)))

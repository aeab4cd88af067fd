"""What is sent to a platform, as it would get it."""

from __future__ import annotations

import pytest

from memories.evaluation.client import Client
from memories.evaluation.ingest import (
    MOST_TURNS,
    VERBATIM,
    OtherEngine,
    ingest,
    user_of,
)
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Session, Turn
from tests.memories.evaluation.wire import listening

TWO_ADDS = MOST_TURNS + 1


@pytest.fixture
def wire():
    with listening() as wire:
        yield wire


@pytest.fixture
def client(wire):
    with Client(wire.url, "key") as client:
        yield client


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.open(data="abc", url=None)
    return run


def told(name):
    """A conversation that takes two adds."""
    turns = tuple(Turn(f"1:{n}", f"Message {n}.") for n in range(TWO_ADDS))
    return Conversation(name, (Session("1", turns),), ())


NAMES = [
    "Zoë",
    "花子 🙂",
    "a line\nand another",
    "n" * 229,  # its user id is as long as one may be: the number was cut off
    "n" * 4_000,
]


@pytest.mark.parametrize("name", NAMES, ids=["ë", "花", "line", "long", "longer"])
def test_a_conversation_may_have_any_name(client, wire, run, name):
    conversation = told(name)
    ingest(client, run, Dataset("custom", (conversation,)), VERBATIM, lambda turns: 0)
    assert len(wire.keys) == 2
    sent = [m["content"] for body in wire.bodies for m in body["messages"]]
    assert sent == [turn.text for turn in conversation.turns]
    assert all(len(body["user_id"]) <= 256 for body in wire.bodies)


def test_what_was_sent_already_is_sent_again_with_its_key(client, wire, run):
    """Killed before it noted that: the platform takes it once."""
    data = Dataset("custom", (told("Zoë"),))
    ingest(client, run, data, VERBATIM, lambda turns: 0)
    run.adds.clear()
    run.links.clear()
    before = list(wire.keys)
    ingest(client, run, data, VERBATIM, lambda turns: 0)
    assert wire.keys == before


def test_long_names_that_end_alike_are_of_two_users(run):
    one, other = ("n" * 4_000 + end for end in ("one", "other"))
    users = {user_of(run, VERBATIM, told(name)) for name in (one, other)}
    assert len(users) == 2


# --- who decides ---------------------------------------------------------------------


def test_an_engine_that_is_named_is_the_one_that_decides(client, wire, run):
    wire.engine = "single_pass"
    data = Dataset("custom", (told("ann"),))
    ingest(client, run, data, "single_pass", lambda turns: 0)
    assert len(list(run.links.read())) == 1


def test_what_another_engine_decides_is_not_reported_as_its_own(client, wire, run):
    """A project of one's own at an address; or no model is set, and rules decide."""
    wire.engine = "single_pass"
    data = Dataset("custom", (told("ann"),))
    with pytest.raises(OtherEngine, match="decided by single_pass, not by local"):
        ingest(client, run, data, "local", lambda turns: 0)
    assert not list(run.links.read())

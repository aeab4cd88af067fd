"""One memory changed from outside: a new version each time, and who did it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from memories.models import MemoryVector, Operation, Relation
from memories.services.edit import restore_version
from memories.types import Verdict
from memplatform.lib.errors import InvalidRequest, NotFound, ProviderError
from tests.memories.agents import adds, at_once, decides

TEA, JAM = "Ann likes tea.", "Ann likes jam."
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def tea(agent):
    """The id of the memory most tests change."""
    return agent.keep(TEA, metadata={"k": 1})


def operations(agent) -> list[str]:
    with agent.scope():
        rows = Operation.objects.exclude(kind="ADD").order_by("created_at", "id")
        return list(rows.values_list("kind", flat=True))


# --- update -------------------------------------------------------------------


def test_an_update_is_a_new_version_and_the_old_one_stays(agent, tea):
    view = agent.edit(tea, text=JAM)
    assert (view.text, view.number, view.metadata) == (JAM, 2, {"k": 1})
    assert [v.text for v in agent.versions(tea)] == [TEA, JAM]
    first, second = agent.history(tea)
    assert (second.old_text, second.new_text) == (TEA, JAM)
    assert (second.kind, second.actor_kind) == ("UPDATE", "api_key")
    assert second.actor_id == agent.access.key_id
    assert first.kind == "ADD"


def test_the_new_words_are_found_and_the_old_ones_are_not(agent, tea):
    agent.edit(tea, text="Ann plays the violin.")
    assert agent.found("Which instrument does Ann play?") == ["Ann plays the violin."]
    with agent.scope():
        rows = MemoryVector.objects.filter(memory_id=tea).order_by("number")
        assert list(rows.values_list("number", "state")) == [(1, "past"), (2, "active")]


def test_an_update_without_a_text_asks_no_embedder(agent, models):
    tea = agent.keep(TEA)
    asked = models.stats()["embeddings"]
    agent.edit(tea, metadata={"k": 2})
    assert models.stats()["embeddings"] == asked
    assert agent.found(TEA) == [TEA]


# what is asked for → the change of the memory
CHANGES = [
    ({"metadata": {"k": 2}}, {"k": 2}),
    ({"metadata": None}, None),
    # equal in Python, not in JSON
    ({"metadata": {"k": True}}, {"k": True}),
    ({"metadata": {"k": 1.0}}, {"k": 1.0}),
]


@pytest.mark.parametrize(("change", "metadata"), CHANGES)
def test_metadata_becomes_what_was_asked_for(agent, tea, change, metadata):
    view = agent.edit(tea, **change)
    assert repr(view.metadata) == repr(metadata)
    assert (view.text, view.number) == (TEA, 2)


def test_the_wires_clock_can_be_set_back(agent, tea):
    told = datetime(2020, 1, 1, tzinfo=UTC)
    view = agent.edit(tea, created_at=told)
    assert view.created_at == told
    assert view.known_from > told


def test_an_expiry_is_given_and_taken_away(agent, tea):
    assert agent.edit(tea, expires_on=date(2000, 1, 1)).expires_on == date(2000, 1, 1)
    assert agent.texts() == []
    assert agent.get(tea).text == TEA
    assert agent.edit(tea, expires_on=None).expires_on is None
    assert agent.texts() == [TEA]


@pytest.mark.parametrize(
    "change", [{}, {"text": TEA}, {"metadata": {"k": 1}}, {"expires_on": None}]
)
def test_what_is_so_already_is_no_change(agent, tea, change):
    before = agent.get(tea)
    assert agent.edit(tea, **change) == before
    assert agent.events(tea) == ["ADD"]
    assert operations(agent) == []


def test_an_immutable_memory_is_not_changed(agent):
    fixed = agent.keep(TEA, is_immutable=True)
    for change in ({"text": JAM}, {"metadata": {}}, {"expires_on": date(2099, 1, 1)}):
        with pytest.raises(InvalidRequest, match="immutable"):
            agent.edit(fixed, **change)
    assert agent.events(fixed) == ["ADD"]


def test_an_immutable_memory_can_be_deleted(agent):
    agent.delete(agent.keep(TEA, is_immutable=True))
    assert agent.texts() == []


def test_two_memories_of_a_scope_do_not_say_the_same(agent, tea):
    jam = agent.keep(JAM)
    with pytest.raises(InvalidRequest, match=str(tea)):
        agent.edit(jam, text=TEA)
    assert agent.get(jam).text == JAM
    assert agent.edit(agent.keep(JAM, user_id="bea"), text=TEA).text == TEA


def test_a_change_is_listed_among_the_operations(agent, tea):
    agent.edit(tea, text=JAM)
    agent.delete(tea)
    assert operations(agent) == ["UPDATE", "DELETE"]
    with agent.scope():
        update, delete = Operation.objects.exclude(kind="ADD").order_by("created_at")
    assert update.results == [{"id": str(tea), "event": "UPDATE", "number": 2}]
    assert (delete.user_id, delete.status) == ("ann", "SUCCEEDED")


def test_what_cannot_be_changed_asks_no_embedder(agent, models):
    """Not a call is spent on it, and no fault of the embedder hides the reason."""
    fixed = agent.keep(TEA, is_immutable=True)
    jam = agent.keep(JAM)
    asked = models.stats()["embeddings"]
    with pytest.raises(NotFound):
        agent.edit(uuid4(), text=JAM)
    with pytest.raises(InvalidRequest, match="immutable"):
        agent.edit(fixed, text=JAM)
    with pytest.raises(InvalidRequest, match="already says"):
        agent.edit(jam, text=TEA)
    assert models.stats()["embeddings"] == asked


def test_what_cannot_be_restored_asks_no_embedder(agent, models):
    tea = agent.keep(TEA)
    agent.edit(tea, text=JAM)
    agent.keep(TEA)
    asked = models.stats()["embeddings"]
    with pytest.raises(InvalidRequest, match="already says"):
        restore_version(agent.access, tea, 1)
    assert models.stats()["embeddings"] == asked


def test_a_superseded_memory_may_say_what_an_active_one_does(agent, tea):
    agent.decide(decides(Verdict.DELETE, JAM, tea))
    assert agent.edit(tea, text=JAM).text == JAM
    assert agent.get(tea).state == "superseded"


def test_an_embedder_that_is_down_changes_nothing(agent, models):
    tea = agent.keep(TEA)
    models.order("error", times=9, path="embeddings")
    with pytest.raises(ProviderError):
        agent.edit(tea, text=JAM)
    assert agent.get(tea).text == TEA


# --- delete -------------------------------------------------------------------


def test_a_deleted_memory_is_gone_and_its_history_stays(agent, tea):
    assert agent.delete(tea) == 0
    assert agent.texts() == []
    assert agent.found(TEA) == []
    with pytest.raises(NotFound):
        agent.get(tea)
    assert [entry.kind for entry in agent.history(tea)] == ["ADD", "DELETE"]
    assert [v.text for v in agent.versions(tea)] == [TEA, TEA]


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_what_is_deleted_is_not_changed_again(agent, tea, change):
    agent.delete(tea)
    with pytest.raises(NotFound):
        getattr(agent, change)(tea)
    assert agent.events(tea) == ["ADD", "DELETE"]


def test_of_two_deletes_at_once_one_finds_it(committed_db, agent):
    tea = agent.keep(TEA)
    answers = at_once(*[lambda: agent.delete(tea)] * 2)
    assert sorted(type(answer).__name__ for answer in answers) == ["NotFound", "int"]
    assert agent.events(tea) == ["ADD", "DELETE"]


@pytest.fixture
def moves(agent):
    """Ids of three addresses, each of which replaced the one before."""
    agent.decide(adds("Ann lives in Lisbon."))
    for town in ("Berlin", "Oslo"):
        (newest,) = [head for head in agent.heads() if head.state == "active"]
        agent.decide(decides(Verdict.DELETE, f"Ann lives in {town}.", newest))
    by_text = {head.text: head.id for head in agent.heads()}
    return [by_text[f"Ann lives in {town}."] for town in ("Lisbon", "Berlin", "Oslo")]


def test_a_memory_goes_alone_unless_its_chain_is_asked_for(agent, moves):
    assert agent.delete(moves[2]) == 0
    assert {str(agent.head(moved).state) for moved in moves[:2]} == {"superseded"}


def test_with_its_chain_go_all_that_it_replaced(agent, moves):
    other = agent.keep(TEA)
    assert agent.delete(moves[2], delete_linked=True) == 2
    assert {str(agent.head(moved).state) for moved in moves} == {"deleted"}
    assert agent.get(other).text == TEA


def test_a_middle_of_a_chain_takes_only_what_is_older(agent, moves):
    assert agent.delete(moves[1], delete_linked=True) == 1
    assert agent.texts() == ["Ann lives in Oslo."]


# --- restore ------------------------------------------------------------------


def test_an_old_version_becomes_the_newest(agent, tea):
    agent.edit(tea, text=JAM, metadata=None)
    view = restore_version(agent.access, tea, 1)
    assert (view.text, view.metadata, view.number) == (TEA, {"k": 1}, 3)
    assert [entry.kind for entry in agent.history(tea)] == ["ADD", "UPDATE", "RESTORE"]
    assert agent.found(TEA) == [TEA]


def test_a_deleted_memory_comes_back(agent, tea):
    agent.delete(tea)
    assert restore_version(agent.access, tea, 1).text == TEA
    assert agent.texts() == [TEA]
    assert operations(agent) == ["DELETE", "RESTORE"]


def test_a_superseded_memory_comes_back_beside_its_successor(agent, moves):
    restore_version(agent.access, moves[0], 1)
    head = agent.head(moves[0])
    assert (head.state, head.replaced_by_id, head.valid_to) == ("active", None, None)


def test_what_another_memory_says_by_now_is_not_restored(agent, tea):
    agent.delete(tea)
    agent.keep(TEA)
    with pytest.raises(InvalidRequest, match="already says"):
        restore_version(agent.access, tea, 1)
    assert agent.texts() == [TEA]


def test_a_version_that_never_was_is_not_found(agent, tea):
    for memory_id, number in ((tea, 2), (tea, 0), (uuid4(), 1)):
        with pytest.raises(NotFound):
            restore_version(agent.access, memory_id, number)


# --- outsiders ----------------------------------------------------------------


def test_another_tenants_memory_is_not_there(agent, other, tea):
    with pytest.raises(NotFound):
        other.edit(tea, text=JAM)
    with pytest.raises(NotFound):
        other.delete(tea)
    with pytest.raises(NotFound):
        restore_version(other.access, tea, 1)
    assert agent.events(tea) == ["ADD"]


# --- where rules read the project ----------------------------------------------------


def test_new_words_tell_when_it_was_and_so_does_the_graph(agent):
    agent.learn("I moved to Oulu on 1 January 2025.")
    (moved,) = (head.id for head in agent.heads())
    view = agent.edit(moved, text="User moved to Oulu on 5 May 2025")
    assert view.valid_from == datetime(2025, 5, 5, tzinfo=UTC)
    with agent.scope():
        (home,) = Relation.objects.filter(type="lives_in", known_to=None)
    assert (home.state, home.valid_from) == ("active", view.valid_from)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "User moved to Oulu at last"},
        {"text": "User moved to Oulu in May 2025", "valid_from": JANUARY},
    ],
)
def test_what_they_do_not_tell_or_somebody_else_does_is_as_it_was(agent, changes):
    agent.learn("I moved to Oulu on 1 January 2025.")
    (moved,) = (head.id for head in agent.heads())
    assert agent.edit(moved, **changes).valid_from == JANUARY

"""A project changes its embedder: no gap for readers, nothing lost, and a way back."""

from __future__ import annotations

import numpy as np
import pytest

from memories.models import (
    EmbeddingSpace,
    Entity,
    MemoryVector,
    MemoryVersion,
    Operation,
)
from memories.providers.factory import configured_space, embedder_for
from memories.providers.local import LocalEmbedder
from memories.providers.vectors import as_literal, embed_in_spaces
from memories.selectors.nodes import likely
from memories.services import reembedding
from memories.services.again import retry_operation
from memories.services.background import wake_due_operations
from memories.services.deletion import erase_subject
from memories.services.reembedding import change_embedder, return_to_previous
from memories.store.batch import Batch, Cause, Revision
from memories.types import Actor, ProposedEntity, SpaceKey
from memplatform.lib.errors import InvalidRequest, NotFound
from tests.memories.agents import Agent, adds
from tests.model_vectors import embed_text

STAND_IN = ("stand-in", 64)
FACTS = ("Ann keeps bees.", "Ann lives in Lisbon.", "Ann plays the cello.")
MESSAGES = FACTS  # what was said, word for word, stands in windows by itself


class Move:
    """A project on its way from the local embedder to the stand-in's."""

    def __init__(self, agent: Agent, server) -> None:
        self.agent = agent
        self.server = server

    def start(self, *, dimension: int = 64, model: str = "stand-in"):
        access = self.agent.access
        return change_embedder(
            access.tenant_id,
            access.project_id,
            SpaceKey("openai", model, dimension),
            base_url=self.server.base_url,
        )

    def back(self) -> EmbeddingSpace:
        access = self.agent.access
        return return_to_previous(access.tenant_id, access.project_id)

    def run(self, operation_id) -> Operation:
        """The operation, run again while it has more to do and may."""
        while (done := self.agent.run(operation_id)).status == "PENDING":
            if done.next_attempt_at:
                break
        return done

    def finish(self, **details) -> None:
        assert self.run(self.start(**details)).status == "SUCCEEDED"

    def states(self) -> dict[tuple[str, int], str]:
        with self.agent.scope():
            spaces = EmbeddingSpace.objects.all()
            return {(space.model, space.dimension): space.state for space in spaces}

    def texts_in(self, state: str) -> list[str | None]:
        """Texts of the versions that have a vector in the space of this state."""
        with self.agent.scope():
            space = EmbeddingSpace.objects.get(state=state)
            kept = MemoryVector.objects.filter(space=space)
            pairs = set(kept.values_list("memory_id", "number"))
            return sorted(
                version.text
                for version in MemoryVersion.objects.all()
                if (version.memory_id, version.number) in pairs
            )

    def asked(self) -> int:
        return self.server.stats()["embeddings"]


@pytest.fixture
def move(agent, model_server) -> Move:
    model_server.configure(dimension=64)
    for text in FACTS:
        agent.keep(text)
    return Move(agent, model_server)


@pytest.fixture
def old(move) -> tuple[str, int]:
    """The space of the local embedder, which is read at first."""
    (name,) = move.states()
    return name


# --- there ---------------------------------------------------------------------------


def test_reads_stay_on_the_old_space_until_the_new_one_is_complete(
    move, agent, monkeypatch, old
):
    monkeypatch.setattr(reembedding, "CHUNK", 2)
    monkeypatch.setattr(reembedding, "CHUNKS_A_RUN", 1)
    operation_id = move.start()
    assert agent.run(operation_id).status == "PENDING"  # a part of it
    assert move.states() == {old: "active", STAND_IN: "building"}
    assert len(move.texts_in("building")) == 2
    asked = move.asked()
    assert agent.found("Who keeps bees?")[0] == "Ann keeps bees."
    assert move.asked() == asked  # the query was embedded by the old embedder
    assert move.run(operation_id).status == "SUCCEEDED"
    assert move.states() == {old: "retired", STAND_IN: "active"}
    assert agent.found("Who keeps bees?")[0] == "Ann keeps bees."
    assert move.asked() > asked


def test_a_text_is_embedded_once(move, monkeypatch):
    monkeypatch.setattr(reembedding, "CHUNK", 1)
    move.finish()
    assert move.server.stats()["texts"] == len(FACTS + MESSAGES)


def test_old_versions_move_too(move, agent):
    memory = agent.heads()[0]
    known_from = memory.known_from
    agent.edit(memory.id, text="Ann keeps wasps.")
    move.finish()
    assert agent.found("bees", as_of=known_from)[0] == "Ann keeps bees."
    assert agent.found("wasps")[0] == "Ann keeps wasps."


def test_nodes_of_the_graph_follow_once_reads_have_moved(move, agent, monkeypatch):
    """Else whoever was named before is not near to who is named from now on."""
    monkeypatch.setattr(reembedding, "CHUNK", 2)
    named = tuple(ProposedEntity(name, "person") for name in ("Mia", "Ben", "Eva"))
    agent.decide(adds("Mia, Ben and Eva sing.", entities=named))
    with agent.scope():
        Entity.objects.update(
            space_id=agent.setup.active_space.id,
            embedding=as_literal(LocalEmbedder().embed(["Mia"])[0]),
        )
    move.finish()
    with agent.scope():
        spaces = set(Entity.objects.values_list("space__model", flat=True))
        mia = Entity.objects.get(name="Mia").id
    assert spaces == {"stand-in"}
    vector = np.array(embed_text("Mia", 64), dtype=np.float32)
    with agent.scope():
        anchor_id = Entity.objects.get(id=mia).anchor_id
        space_id = agent.setup.active_space.id
        found = likely(anchor_id, [], {"mia": vector}, space_id)
    assert max(found, key=lambda node: node.cosine["mia"]).id == mia


def test_states_and_expiries_move_too(move, agent, frozen):
    bees, lisbon, _ = (head.id for head in agent.heads())
    agent.delete(bees)
    agent.edit(lisbon, expires_on=frozen.instant.date())
    move.finish()
    frozen.advance(days=2)
    assert agent.found("Ann", threshold=0.0) == ["Ann plays the cello."]


def test_what_is_written_meanwhile_lands_in_both(move, agent):
    operation_id = move.start()
    agent.keep("Ann speaks Danish.")
    assert "Ann speaks Danish." in move.texts_in("active")
    assert move.texts_in("building") == ["Ann speaks Danish."]
    move.run(operation_id)
    assert agent.found("Danish")[0] == "Ann speaks Danish."


def test_the_engines_write_to_both_too(move, agent):
    move.start()
    agent.learn("I am allergic to peanuts.")
    (learnt,) = move.texts_in("building")
    assert "peanuts" in learnt


def test_an_edit_behind_the_progress_is_filled_in_before_the_switch(
    move, agent, monkeypatch
):
    """By somebody whose setup is older than the space: his vectors lack it."""
    monkeypatch.setattr(reembedding, "CHUNK", 1)
    monkeypatch.setattr(reembedding, "CHUNKS_A_RUN", 2)
    setup = agent.setup
    operation_id = move.start()
    agent.run(operation_id)  # two of three are done
    first = agent.heads()[0]
    with agent.scope():
        batch = Batch.open(first.project_id, [first.anchor_id])
        vectors = {setup.active_space.id: embed_text("x", 384)[None, :]}
        batch.revise(
            first, "UPDATE", Revision(text="Ann keeps ants.", vectors=vectors),
            Cause("system"),
        )  # fmt: skip
        batch.flush()
    assert move.run(operation_id).status == "SUCCEEDED"
    assert "Ann keeps ants." in move.texts_in("active")


def test_what_comes_after_the_switch_without_its_vectors_is_made_up_for(move, agent):
    """An engine that had asked its model before the change applies its plan after it."""
    operation_id = agent.accept("I have a parrot.")
    plan = agent.plan(operation_id, adds("Ann has a parrot."))
    lease = agent.claim(operation_id)
    move.finish()
    agent.apply(lease, plan)
    assert "Ann has a parrot." not in move.texts_in("active")
    with agent.scope():
        (waiting,) = Operation.objects.filter(kind="REEMBED", status="PENDING")
    assert move.run(waiting.id).status == "SUCCEEDED"
    assert "Ann has a parrot." in move.texts_in("active")


@pytest.mark.parametrize("dimension", [3, 1536, 2500, 4096])
def test_a_space_has_any_dimension(move, agent, dimension):
    move.server.configure(dimension=dimension)
    move.finish(dimension=dimension)
    assert move.states()["stand-in", dimension] == "active"
    assert agent.count(MemoryVector) == 2 * len(FACTS)
    assert agent.sql(
        "SELECT DISTINCT vector_dims(embedding) FROM memories_memoryvector v"
        " JOIN memories_embeddingspace s ON s.id = v.space_id WHERE s.state = 'active'"
    ) == [(dimension,)]
    assert "Ann keeps bees." in agent.found("bees", threshold=0.0)


def test_a_project_without_a_memory_moves_at_once(agent, model_server):
    agent.setup  # noqa: B018 - a first request has made its space
    Move(agent, model_server).finish()
    model_server.configure(dimension=64)
    agent.keep("Ann keeps bees.")
    assert agent.found("bees") == ["Ann keeps bees."]


def test_another_project_stays_where_it_is(move, other):
    other.keep("Bob keeps bees.")
    move.finish()
    asked = move.asked()
    assert other.found("bees") == ["Bob keeps bees."]
    assert move.asked() == asked


# --- and back ------------------------------------------------------------------------


def test_the_way_back_embeds_only_what_came_since(move, agent, old):
    move.finish()
    agent.keep("Ann speaks Danish.")
    move.back()
    with agent.scope():
        back = Operation.objects.get(kind="REEMBED", status="PENDING")
    assert move.run(back.id).status == "SUCCEEDED"
    assert move.states() == {old: "active", STAND_IN: "retired"}
    assert sorted([*FACTS, "Ann speaks Danish."]) == move.texts_in("active")
    assert agent.found("Which language does Ann speak?")[0] == "Ann speaks Danish."


def test_going_back_while_it_is_filled_calls_it_off(move, agent, old):
    operation_id = move.start()
    move.back()
    assert move.states() == {old: "active", STAND_IN: "retired"}
    assert agent.run(operation_id).status == "SUCCEEDED"  # and embedded nothing
    assert move.asked() == 0
    with pytest.raises(NotFound):  # a space that was never read is no way back
        move.back()


def test_a_third_embedder_calls_the_second_off(move, old):
    second = move.start()
    move.finish(model="another")
    move.run(second)
    assert move.states() == {
        old: "retired",
        STAND_IN: "retired",
        ("another", 64): "active",
    }


def test_there_is_no_way_back_for_who_never_moved(move):
    with pytest.raises(NotFound):
        move.back()


def test_the_space_that_is_read_is_not_filled_again(move):
    move.finish()
    with pytest.raises(InvalidRequest):
        move.start()


def test_a_new_address_of_the_same_embedder_serves_at_once(move, agent):
    """A key that was replaced, a server that moved: no vector changes."""
    move.finish()
    access = agent.access
    key = SpaceKey("openai", *STAND_IN)
    elsewhere = move.server.base_url.replace("127.0.0.1", "localhost")
    assert (
        change_embedder(access.tenant_id, access.project_id, key, base_url=elsewhere)
        is None
    )
    with agent.scope():
        assert EmbeddingSpace.objects.get(state="active").base_url == elsewhere
    assert agent.found("bees")[0] == "Ann keeps bees."


# --- faults --------------------------------------------------------------------------


@pytest.fixture
def one_by_one(monkeypatch, settings):
    monkeypatch.setattr(reembedding, "CHUNK", 1)
    settings.RETRY_BASE_S = 0.0


def test_a_fault_stops_it_and_it_resumes_where_it_was(move, agent, one_by_one):
    operation_id = move.start()
    move.server.order("unauthorized", path="embeddings")
    failed = agent.run(operation_id)
    assert (failed.status, failed.error_code) == ("FAILED", "provider_rejected")
    assert move.states()[STAND_IN] == "building"
    retry_operation(agent.access, operation_id)
    assert move.run(operation_id).status == "SUCCEEDED"
    assert move.states()[STAND_IN] == "active"


def test_a_passing_fault_is_tried_again_by_the_sweep(move, agent, one_by_one, frozen):
    operation_id = move.start()
    move.server.order("error", path="embeddings", times=4)  # one run's attempts
    postponed = agent.run(operation_id)
    assert (postponed.status, postponed.error_code) == (
        "PENDING",
        "provider_unavailable",
    )
    frozen.advance(minutes=1)
    assert wake_due_operations() == 1
    assert agent.run(operation_id).status == "SUCCEEDED"
    assert move.server.stats()["texts"] == len(FACTS + MESSAGES)


def test_who_gets_on_has_all_attempts_again(move, agent, one_by_one, monkeypatch):
    monkeypatch.setattr(reembedding, "CHUNKS_A_RUN", 2)
    operation_id = move.start()
    agent.claim(operation_id)
    with agent.scope():
        Operation.objects.filter(id=operation_id).update(
            attempts=4, status="PENDING", lease_until=None
        )
    assert agent.run(operation_id).attempts == 0


def test_a_broken_new_embedder_does_not_stop_writes(move, agent):
    move.start(model="stand-in#unauthorized")
    agent.keep("Ann speaks Danish.")
    assert agent.learn("I am allergic to peanuts.").status == "SUCCEEDED"
    agent.edit(agent.heads()[0].id, text="Ann keeps ants.")
    assert move.texts_in("building") == []
    assert agent.found("ants")[0] == "Ann keeps ants."


def test_a_second_runner_does_nothing(move, agent):
    operation_id = move.start()
    agent.claim(operation_id)
    agent.run(operation_id)
    assert move.asked() == 0


def test_what_is_erased_while_it_is_embedded_gets_no_vector(move, agent):
    operation_id = move.start()
    lease = agent.claim(operation_id)
    space, versions = reembedding._next_chunk(agent.operation(operation_id))
    vectors = embed_in_spaces(
        {space.id: embedder_for(space)}, [version.text for version in versions]
    )
    with agent.scope():
        erase_subject(agent.access.project_id, "user", "ann", Actor("system"))
    reembedding._write(lease, space, versions, vectors)
    assert agent.count(MemoryVector) == 0


def test_the_platforms_embedder_is_the_default(models, agent):
    agent.keep("Ann keeps bees.")
    assert configured_space(None) == SpaceKey("openai", *STAND_IN)
    with agent.scope():
        assert EmbeddingSpace.objects.get().base_url == ""

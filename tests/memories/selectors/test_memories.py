"""Lists, reads by id and histories: order, pages, counts, states, and then."""

from __future__ import annotations

from uuid import uuid4

import pytest

from memories.selectors.filters import parse_filters
from memories.selectors.memories import list_memories
from memories.types import Verdict, Visibility
from memplatform.lib.errors import NotFound, ScopeError
from tests.memories.agents import ANN, adds, decides, seen


def test_pages_follow_one_another_newest_first(agent):
    for n in range(5):
        agent.keep(f"Fact {n}.")
    pages = [agent.page(page=number, page_size=2) for number in (1, 2, 3, 4)]
    texts = [[memory.text for memory in page.items] for page in pages]
    assert texts == [["Fact 4.", "Fact 3."], ["Fact 2.", "Fact 1."], ["Fact 0."], []]
    assert [page.count for page in pages] == [5, 5, 5, 5]
    assert [page.has_next for page in pages] == [True, True, False, False]


def test_equal_instants_have_one_order(agent, frozen):
    agent.say("One.", "Two.", "Three.")
    first, second = agent.page(page_size=2), agent.page(page=2, page_size=2)
    ids = [memory.id for memory in (*first.items, *second.items)]
    assert ids == sorted(ids, reverse=True)


def test_the_order_is_the_wires_clock(agent, frozen):
    agent.keep("Said now.")
    long_ago = frozen.instant.replace(year=2020)
    agent.keep("Said long ago.", created_at=long_ago)
    assert agent.texts() == ["Said long ago.", "Said now."]


def test_a_list_can_be_bounded_by_time(agent, frozen):
    agent.keep("Early.")
    middle = frozen.instant
    frozen.advance(hours=1)
    agent.keep("Late.")
    with agent.scope():
        page = list_memories(
            parse_filters(ANN), Visibility(), page=1, page_size=10,
            created_before=frozen.instant, created_from=middle,
        )  # fmt: skip
    assert ([memory.text for memory in page.items], page.count) == (["Early."], 1)


# --- states (decision 12) ------------------------------------------------------------


def superseded(agent):
    lisbon = agent.keep("Ann lives in Lisbon.")
    agent.decide(decides(Verdict.DELETE, "Ann lives in Berlin.", lisbon))
    return lisbon


def merged(agent):
    bees = agent.keep("Ann keeps bees.")
    agent.decide(decides(Verdict.MERGE, "Ann has bees.", bees))
    return next(head.id for head in agent.heads() if head.state == "merged")


def retired(agent):
    address = agent.keep("Ann's address is 1 High Street.")
    agent.decide(decides(Verdict.DELETE, None, address, evidence="Forget my address."))
    return address


def deleted(agent):
    memory = agent.keep("Ann keeps bees.")
    agent.delete(memory)
    return memory


def active(agent):
    return agent.keep("Ann plays the cello.")


@pytest.mark.parametrize(
    ("make", "listed", "latest", "merged_too", "got", "counted"),
    [
        (active, True, True, True, True, 1),
        (superseded, True, False, True, True, 2),  # with its successor
        (merged, False, False, True, True, 1),  # what it was merged into
        (retired, False, False, False, True, 0),
        (deleted, False, False, False, False, 0),
    ],
)
def test_a_state_is_visible_where_it_should_be(
    agent, make, listed, latest, merged_too, got, counted
):
    memory = make(agent)

    def is_shown(**visibility) -> bool:
        shown = {item.id for item in agent.page(**visibility).items}
        hits = {h.memory.id for h in agent.search("Ann", threshold=0.0, **visibility)}
        assert shown == hits  # a list and a search agree
        return memory in shown

    assert is_shown() == listed
    assert is_shown(latest_only=True) == latest
    assert is_shown(include_merged=True) == merged_too
    assert agent.page().count == counted
    if got:
        assert agent.get(memory).id == memory
    else:
        with pytest.raises(NotFound):
            agent.get(memory)


def test_counts_agree_with_what_is_shown_whatever_is_asked(agent, frozen):
    for make in (active, superseded, merged, retired):
        make(agent)
    agent.keep("Ann is in Paris.", expires_on=frozen.instant.date())
    frozen.advance(days=2)
    for visibility in ({}, {"show_expired": True}, {"latest_only": True}):
        page = agent.page(**visibility)
        assert page.count == len(page.items)
    assert agent.page({"user_id": "nobody"}).count == 0


# --- then ----------------------------------------------------------------------------


def test_as_of_answers_as_it_would_have_then(agent):
    bees = agent.keep("Ann keeps bees.", metadata={"n": 1})
    then, first = agent.head(bees).known_from, agent.get(bees)
    agent.edit(bees, text="Ann keeps wasps.", metadata={"n": 2})
    agent.keep("Ann lives in Oslo.")
    agent.delete(bees)
    assert agent.texts() == ["Ann lives in Oslo."]
    assert agent.texts(as_of=then) == ["Ann keeps bees."]
    assert agent.page(as_of=then).count == 1
    assert seen(agent.get(bees, as_of=then)) == seen(first)


def test_as_of_between_two_changes_of_one_instant(agent, frozen):
    """The clock stands still; what was known still has an order."""
    bees = agent.keep("Version 1.")
    for number in (2, 3):
        agent.edit(bees, text=f"Version {number}.")
    instants = [version.known_from for version in agent.versions(bees)]
    assert [agent.texts(as_of=at) for at in instants] == [
        ["Version 1."], ["Version 2."], ["Version 3."],
    ]  # fmt: skip


def test_a_memory_is_not_there_before_it_was_known(agent, frozen):
    before = frozen.instant
    frozen.advance(minutes=1)
    bees = agent.keep("Ann keeps bees.", created_at=before)
    assert agent.texts(as_of=before) == []
    with pytest.raises(NotFound):
        agent.get(bees, as_of=before)


# --- history, and whose --------------------------------------------------------------


def test_a_history_tells_old_new_and_cause(agent):
    operation = agent.decide(adds("Ann keeps bees."))
    bees = agent.heads()[0].id
    agent.edit(bees, text="Ann keeps wasps.")
    learnt, edited = agent.history(bees)
    assert (learnt.old_text, learnt.new_text) == (None, "Ann keeps bees.")
    assert (learnt.operation_id, learnt.engine) == (operation.id, "single_pass")
    assert [message.content for message in learnt.messages] == ["Hello."]
    assert (edited.old_text, edited.new_text) == ("Ann keeps bees.", "Ann keeps wasps.")
    assert edited.actor_kind == "api_key"


def test_anothers_memory_is_not_there(agent, other):
    theirs = other.keep("Bea keeps bees.")
    for read in (agent.get, agent.history):
        with pytest.raises(NotFound):
            read(theirs)
        with pytest.raises(NotFound):
            read(uuid4())
    assert agent.texts({"user_id": "*"}) == []


def test_nothing_is_read_outside_a_scope(agent):
    agent.keep("Ann keeps bees.")
    with pytest.raises(ScopeError):
        list_memories(parse_filters(ANN), Visibility(), page=1, page_size=10)

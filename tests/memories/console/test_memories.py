"""The memories of one subject: looked through, changed together, added by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from memories.models import Ingestion, Memory, Message, Subject
from memories.types import State, Verdict
from tests.memories.agents import decides

TEA, JAM = "Ann likes tea.", "Ann likes jam."
HTMX = {"HX-Request": "true"}


@pytest.fixture
def tea(agent):
    return agent.keep(TEA, metadata={"plan": "gold", "visits": 7})


@pytest.fixture
def ann(agent, tea):
    """The row of the subject most tests look at."""
    with agent.scope():
        return Subject.objects.get(kind="user", external_id="ann").id


def texts(answer) -> list[str]:
    return [memory.text for memory in answer.context["page"].items]


# --- browse ---------------------------------------------------------------------


def test_what_is_current_is_shown_newest_first(console, bob, page, agent, ann):
    agent.keep(JAM)
    agent.say("Bea sails.", user_id="bea")
    seen = console(bob).get(page("memories:subject", ann))
    assert texts(seen) == [JAM, TEA]
    oldest = console(bob).get(page("memories:subject", ann, sort="oldest"))
    assert texts(oldest) == [TEA, JAM]


def test_other_states_are_counted_and_shown_when_asked_for(
    console, bob, page, agent, ann, tea
):
    agent.decide(decides(Verdict.DELETE, JAM, tea))
    agent.delete(agent.keep("Ann likes rum."))
    seen = console(bob).get(page("memories:subject", ann))
    assert texts(seen) == [JAM]
    assert seen.context["browsed"].by_state == {
        State.ACTIVE: 1,
        State.SUPERSEDED: 1,
        State.DELETED: 1,
    }
    deleted = console(bob).get(page("memories:subject", ann, state="deleted"))
    assert texts(deleted) == ["Ann likes rum."]
    every = console(bob).get(page("memories:subject", ann, state="any"))
    assert len(texts(every)) == every.context["page"].count == 3


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"text": "TEA"}, [TEA]),
        ({"text": "100%"}, []),
        ({"metadata": "plan=gold"}, [TEA]),
        ({"metadata": "visits=7"}, [TEA]),
        ({"metadata": "plan=lead"}, []),
        ({"metadata": ["plan=gold", "visits=7"]}, [TEA]),
        ({"metadata": ["plan=gold", "visits=8"]}, []),
        ({"category": "drin"}, [TEA]),
        ({"kind": "procedure"}, []),
        ({"kind": "fact"}, [JAM, TEA]),
        ({"since": "2026-03-02"}, [JAM]),
        # True since it was said on.
        ({"true_on": "2026-02-28"}, []),
        ({"true_on": "2026-03-01"}, [TEA]),
        ({"true_on": "2026-03-02"}, [TEA]),
        ({"true_on": "2026-03-03"}, [JAM, TEA]),
        ({"aspect": "plan"}, []),
        ({"until": "2026-03-01"}, [TEA]),
    ],
)
def test_filters_narrow_it_down(console, bob, page, agent, asked, shown, ann, tea):
    with agent.scope():  # what the console of each filter needs, without a model
        first, second = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 3))
        Memory.objects.filter(id=tea).update(categories=["drinks"], created_at=first)
    jam = agent.keep(JAM)
    with agent.scope():
        Memory.objects.filter(id=jam).update(created_at=second)
    assert texts(console(bob).get(page("memories:subject", ann, **asked))) == shown


def test_every_pair_has_a_field_and_there_is_one_for_another(console, bob, page, ann):
    asked = page("memories:subject", ann, metadata=["plan=gold", "visits=7"])
    body = console(bob).get(asked).content.decode()
    given = re.findall(r'<input[^>]* name="metadata"(?: value="([^"]*)")?', body)
    assert given == ["plan=gold", "visits=7", ""]


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "soon"},
        {"metadata": "plan"},
        {"metadata": [f"n={n}" for n in range(6)]},
        {"state": "lost"},
        {"kind": "cat"},
    ],
)
def test_what_no_filter_understands_is_told(console, bob, page, ann, asked):
    seen = console(bob).get(page("memories:subject", ann, **asked))
    assert seen.status_code == 422
    assert list(seen.context["form"].errors) == list(asked)
    assert texts(seen) == []


def test_a_page_costs_the_same_for_three_and_for_thirty(
    console, bob, page, agent, ann, queries
):
    agent.say(JAM, "Ann sails.")
    few = queries(console(bob), page("memories:subject", ann))
    agent.say(*(f"Ann owns {number} boats." for number in range(27)))
    assert queries(console(bob), page("memories:subject", ann)) == few <= MOST_QUERIES


MOST_QUERIES = 20
"""Session, operator, memberships, projects, what opens scopes, and three of its own."""


def test_pages_follow_one_another(console, bob, page, agent, ann):
    agent.say(*(f"Ann owns {number} boats." for number in range(59)))
    first = texts(console(bob).get(page("memories:subject", ann)))
    second = texts(console(bob).get(page("memories:subject", ann, page=2)))
    assert (len(first), len(second)) == (50, 10)
    assert not set(first) & set(second)


def test_a_subject_without_memories_shows_the_call(console, bob, page, agent):
    with agent.scope():
        project_id = agent.company.project.id
        cleo = Subject.objects.create(
            project_id=project_id, kind="user", external_id="cleo"
        )
    said = console(bob).get(page("memories:subject", cleo.id)).content.decode()
    assert "Nothing is remembered of them" in said
    assert "&quot;user_id&quot;: &quot;cleo&quot;" in said


def test_a_viewer_is_offered_nothing_to_change(console, bob, page, ann, tea):
    said = console(bob).get(page("memories:subject", ann)).content.decode()
    assert TEA in said
    assert "Delete" not in said
    assert "checkbox" not in said


def test_who_is_not_there_is_not_found(console, bob, carol, globex, page, ann):
    assert console(bob).get(page("memories:subject", uuid4())).status_code == 404
    assert console(carol).get(page("memories:subject", ann)).status_code == 404


# --- several at once --------------------------------------------------------------


def test_several_are_deleted_after_a_look_and_brought_back(
    console, sam, page, agent, ann, tea
):
    jam = agent.keep(JAM)
    browser, address = console(sam), page("memories:bulk", ann)
    chosen = {"action": "delete", "memory": [tea, jam]}
    look = browser.get(address, chosen)
    assert TEA in look.content.decode()
    assert agent.texts() == [TEA, JAM]
    done = browser.post(address, chosen | {"reason": "asked"})
    assert [one.outcome for one in done.context["told"]] == ["deleted", "deleted"]
    assert agent.texts() == []
    assert agent.history(jam)[-1].reason == "asked"
    browser.post(address, chosen | {"action": "restore"})
    assert agent.texts() == [TEA, JAM]


def test_each_has_an_outcome_of_its_own(console, sam, page, agent, ann, tea):
    gone = agent.keep(JAM)
    agent.delete(gone)
    form = {"action": "delete", "memory": [gone, tea]}
    done = console(sam).post(page("memories:bulk", ann), form)
    assert [(one.outcome, one.is_done) for one in done.context["told"]] == [
        ("not there any more", False),
        ("deleted", True),
    ]


def test_of_two_in_the_same_words_only_one_comes_back(
    console, sam, page, agent, ann, tea
):
    agent.delete(tea)
    again = agent.keep(TEA)
    agent.delete(again)
    form = {"action": "restore", "memory": [tea, again]}
    done = console(sam).post(page("memories:bulk", ann), form)
    assert sorted(one.is_done for one in done.context["told"]) == [False, True]
    assert agent.texts() == [TEA]


def test_several_get_the_same_categories(console, sam, page, agent, ann, tea):
    form = {"action": "categorize", "memory": [tea], "categories": "food, drinks"}
    console(sam).post(page("memories:bulk", ann), form)
    assert agent.head(tea).categories == ["food", "drinks"]


def test_another_subjects_memories_are_not_among_them(
    console, sam, page, agent, ann, tea
):
    bea = agent.keep("Bea sails.", user_id="bea")
    form = {"action": "delete", "memory": [bea]}
    done = console(sam).post(page("memories:bulk", ann), form)
    assert done.context["told"] == []
    assert agent.head(bea).state == State.ACTIVE


@pytest.mark.parametrize(
    "form",
    [{"action": "eat"}, {"action": "delete"}, {"action": "delete", "memory": ["x"]}],
)
def test_nonsense_is_refused(console, sam, page, ann, form):
    assert console(sam).post(page("memories:bulk", ann), form).status_code == 400


def test_only_support_changes_several(
    console, bob, carol, globex, page, agent, ann, tea
):
    form = {"action": "delete", "memory": [tea]}
    assert console(bob).post(page("memories:bulk", ann), form).status_code == 403
    assert console(carol).post(page("memories:bulk", ann), form).status_code == 404
    assert agent.texts() == [TEA]


# --- by hand ----------------------------------------------------------------------


def test_a_memory_is_written_by_hand(console, sam, page, agent, ann):
    form = {
        "text": "Ann moved to Berlin.",
        "categories": "home",
        "metadata": '{"ticket": 12}',
        "valid_from": "2026-05-01T00:00",
        "expires_on": "2099-01-01",
        "agent_id": "helper",
        "reason": "she called",
    }
    answer = console(sam).post(page("memories:add-memory", ann), form)
    head = next(h for h in agent.heads() if h.text == "Ann moved to Berlin.")
    assert answer["Location"] == page("memories:memory", head.id)
    assert (head.user_id, head.agent_id) == ("ann", "helper")
    assert (head.origin, head.categories) == ("console", ["home"])
    assert (head.metadata, head.expires_on) == ({"ticket": 12}, date(2099, 1, 1))
    assert head.valid_from == datetime(2026, 5, 1, tzinfo=UTC)
    (event,) = agent.history(head.id)
    assert (event.actor_kind, event.actor_id) == ("operator", sam.id)
    assert event.reason == "she called"


def test_what_is_written_by_hand_may_recur(console, sam, page, agent, ann):
    form = {"text": "Ann swims.", "recurs": "every Sunday", "aspect": "state"}
    console(sam).post(page("memories:add-memory", ann), form)
    head = next(h for h in agent.heads() if h.text == "Ann swims.")
    assert (head.recurs, head.aspect) == ("FREQ=WEEKLY;BYDAY=SU", "state")


def test_what_is_written_by_hand_is_found_and_its_note_is_the_operators(
    console, sam, page, agent, ann
):
    form = {"text": "Ann plays the violin."}
    console(sam).post(page("memories:add-memory", ann), form)
    assert agent.found("Which instrument does Ann play?")[0] == form["text"]
    with agent.scope():
        note = Message.objects.get(content=form["text"])
        ledger = Ingestion.objects.get(id=note.ingestion_id).ledger
    assert (note.role, note.name) == ("system", sam.email)
    assert ledger["totals"] == {"messages": 1, "facts": {"stored": 1}}


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("text", {"text": " "}),
        ("text", {"text": TEA}),
        ("metadata", {"text": JAM, "metadata": "gold"}),
        (
            "valid_to",
            {
                "text": JAM,
                "valid_from": "2026-05-02T00:00",
                "valid_to": "2026-05-01T00:00",
            },
        ),
        ("agent_id", {"text": JAM, "agent_id": "*"}),
        ("recurs", {"text": JAM, "recurs": "now and then"}),
        ("aspect", {"text": JAM, "aspect": "hobby"}),
    ],
)
def test_what_cannot_be_remembered_is_told_beside_its_field(
    console, sam, page, agent, ann, field, form
):
    answer = console(sam).post(page("memories:add-memory", ann), form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert agent.texts() == [TEA]


def test_what_was_typed_stays_when_no_embedder_answers(models, console, sam, page, ann):
    models.order("error", times=9, path="embeddings")
    answer = console(sam).post(page("memories:add-memory", ann), {"text": JAM})
    assert answer.status_code == 422
    assert JAM in answer.content.decode()


def test_only_support_writes_by_hand(console, bob, carol, globex, page, agent, ann):
    address = page("memories:add-memory", ann)
    assert console(bob).get(address).status_code == 403
    assert console(bob).post(address, {"text": JAM}).status_code == 403
    assert console(carol).post(address, {"text": JAM}).status_code == 404
    assert agent.texts() == [TEA]


# --- what may be stale ------------------------------------------------------------


def test_what_may_be_stale_is_marked_found_and_counted(
    console, bob, page, agent, ann, tea
):
    agent.keep(JAM)
    with agent.scope():
        Memory.objects.filter(id=tea).update(is_stale_suspect=True)
    listed = console(bob).get(page("memories:subject", ann))
    assert listed.content.decode().count("maybe stale</span>") == 1
    only = console(bob).get(page("memories:subject", ann), {"doubted": "yes"})
    assert texts(only) == [TEA]
    overview = console(bob).get(page("memories:overview")).content.decode()
    assert "1 memory that may be stale" in overview
    assert page("memories:memory", tea) in overview

"""What was known of a subject then and now, and what became of it between."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Memory
from memories.selectors.compare import About, Fate, compare, last_restore, list_days
from memories.selectors.restoring import Aim
from memories.services.deletion import erase_subject
from memories.services.edit import restore_version
from memories.services.restore import preview_restore, restore
from memories.types import Actor, Verdict
from tests.memories.agents import adds, decides, now

ANN = About("user", "ann")
LISBON, BERLIN = "Ann lives in Lisbon.", "Ann lives in Berlin."
TEA, JAM, CAT = "Ann likes tea.", "Ann likes jam.", "Ann has a cat."


@pytest.fixture
def compared(agent):
    """``compared(then)`` against now."""

    def result(then, at=None, about=ANN, **details):
        with agent.scope():
            return compare(about, then, at or now(), **details)

    return result


def fates(comparison) -> dict[str, list[str]]:
    """What each group says, then where it was known then, else now."""
    return {
        str(group.fate): sorted((item.then or item.now).text for item in group.items)
        for group in comparison.groups
    }


def test_what_came_since_and_what_is_still_the_same_is_read_off_an_index(
    agent, compared
):
    """Of 20,000 memories heads and versions are read only of those that moved."""
    agent.keep(TEA)
    with CaptureQueriesContext(connection) as captured:
        compared(now())
    (statement,) = [q["sql"] for q in captured if "WITH moved" in q["sql"]]
    (index,) = (i for i in Memory._meta.indexes if i.name == "memory_moved_user")
    names = [*index.fields, *index.include]
    carried = {Memory._meta.get_field(name).column for name in names}
    reads = [
        part
        for part in re.split(r"UNION ALL|\), sides AS|GROUP BY", statement)
        if "memories_memory m" in part
    ]
    light = [part for part in reads if set(re.findall(r"\bm\.(\w+)", part)) <= carried]
    assert len(light) == 3
    rest = [part for part in reads if part not in light]
    assert all("'deleted'" in part or "FROM moved" in part for part in rest)


# --- groups -------------------------------------------------------------------


def test_every_memory_is_in_the_group_of_what_happened_to_it(agent, compared):
    lisbon, tea, jam, _ = (agent.keep(t) for t in (LISBON, TEA, JAM, CAT))
    gone = agent.keep("Ann rows.")
    agent.delete(gone)
    then = now()
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon))
    agent.edit(tea, text="Ann likes green tea.")
    agent.delete(jam)
    restore_version(agent.access, gone, 1)
    agent.delete(agent.keep("Ann has a bird."))
    comparison = compared(then)
    assert fates(comparison) == {
        "changed": [TEA],
        "superseded": [LISBON],
        "gone": [JAM],
        "added": [BERLIN],
        "restored": ["Ann rows."],
        "between": ["Ann has a bird."],
    }
    assert comparison.unchanged == 1
    assert (comparison.known_then, comparison.known_now) == (4, 4)


def test_nothing_happened(agent, compared):
    agent.keep(TEA)
    then = now()
    comparison = compared(then)
    assert comparison.is_same
    assert (comparison.known_then, comparison.unchanged) == (1, 1)


def test_both_instants_may_be_past(agent, compared):
    before = now()
    tea = agent.keep(TEA)
    first = now()
    agent.edit(tea, text=JAM)
    second = now()
    agent.delete(tea)
    assert fates(compared(before, first)) == {"added": [TEA]}
    assert fates(compared(first, second)) == {"changed": [TEA]}
    assert fates(compared(before, second)) == {"added": [JAM]}
    assert fates(compared(second)) == {"gone": [JAM]}
    assert fates(compared(before)) == {"between": [JAM]}


def test_what_was_changed_and_changed_back_is_the_same(agent, compared):
    tea = agent.keep(TEA)
    then = now()
    agent.edit(tea, text=JAM)
    agent.edit(tea, text=TEA)
    comparison = compared(then)
    assert comparison.is_same
    assert comparison.unchanged == 1


def test_what_was_known_is_what_a_list_as_of_then_shows(agent, compared):
    ids = [agent.keep(f"Ann has {n} cats.") for n in range(4)]
    instants = [now()]
    agent.edit(ids[0], metadata={"n": 1})
    instants.append(now())
    agent.delete(ids[1])
    agent.decide(decides(Verdict.DELETE, "Ann has no cats.", ids[2]))
    instants.append(now())
    for then in instants:
        comparison = compared(then)
        shown = agent.page(as_of=then, latest_only=True)
        assert comparison.known_then == shown.count
        assert comparison.known_now == agent.page(latest_only=True).count


def test_another_subjects_memories_are_not_there(agent, other, compared):
    then = now()
    agent.keep("Bob likes tea.", user_id="bob")
    other.keep(TEA)
    assert compared(then).is_same


@pytest.mark.parametrize("kind", ["user", "agent", "app", "run"])
def test_every_kind_of_subject_can_be_compared(agent, compared, kind):
    then = now()
    agent.keep(TEA, **{f"{kind}_id": "it"})
    assert fates(compared(then, about=About(kind, "it"))) == {"added": [TEA]}


def test_erased_memories_are_only_counted(agent, compared):
    agent.keep(TEA, user_id="ann", run_id="secret")
    then = now()
    with agent.scope():
        actor = Actor("api_key", agent.access.key_id)
        erase_subject(agent.access.project_id, "run", "secret", actor)
    comparison = compared(then)
    assert (comparison.erased, comparison.is_same) == (1, True)
    assert comparison.known_then == comparison.known_now == 0


# --- what differs, and why ----------------------------------------------------


def one(comparison):
    ((item,),) = (group.items for group in comparison.groups)
    return item


def test_words_and_everything_beside_them_are_told(agent, compared):
    tea = agent.keep(TEA, metadata={"a": 1, "b": True})
    then = now()
    agent.edit(tea, text="Ann likes green tea.", metadata={"a": 1, "b": 1, "c": "x"})
    change = one(compared(then)).change
    assert [(s.kind, s.text) for s in change.words] == [
        ("equal", "Ann likes "),
        ("added", "green "),
        ("equal", "tea."),
    ]
    assert [(c.name, c.old, c.new) for c in change.fields] == [
        ("metadata.b", True, 1),
        ("metadata.c", None, "x"),
    ]


def test_the_cause_is_quoted(agent, compared):
    lisbon = agent.keep(LISBON)
    then = now()
    on = agent.accept("I have moved to Berlin.")
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon), on=on)
    groups = {group.fate: group.items[0] for group in compared(then).groups}
    superseded = groups[Fate.SUPERSEDED]
    (event,) = superseded.events
    assert (event.kind, event.actor_kind, event.engine) == (
        "SUPERSEDE",
        "engine",
        "single_pass",
    )
    assert [quote.text for quote in event.quotes] == ["I have moved to Berlin."]
    assert (event.reason, event.model) == ("because", "stand-in")
    assert event.related.text == superseded.successor == BERLIN
    assert event.operation_id == on


def test_the_prompt_that_spoke_is_named(agent, compared):
    then = now()
    prompt = agent.setup.prompts["single_pass_user"]
    agent.decide(adds(TEA), prompt_version_id=prompt.version_id)
    (event,) = one(compared(then)).events
    assert (event.prompt.name, event.prompt.number) == ("single_pass_user", 1)


def test_only_causes_between_the_instants_are_told(agent, compared):
    tea = agent.keep(TEA)
    then = now()
    agent.edit(tea, text=JAM)
    at = now()
    agent.edit(tea, text=CAT)
    assert [event.kind for event in one(compared(then, at)).events] == ["UPDATE"]


def test_of_many_causes_the_last_are_shown_and_the_rest_counted(agent, compared):
    tea = agent.keep(TEA)
    then = now()
    for n in range(7):
        agent.edit(tea, metadata={"n": n})
    item = one(compared(then))
    assert (len(item.events), item.more) == (5, 2)
    assert [event.new_number for event in item.events] == [8, 7, 6, 5, 4]


# --- pages --------------------------------------------------------------------


def test_a_group_has_its_first_memories_and_pages(agent, compared):
    then = now()
    texts = [f"Ann has {n} cats." for n in range(5)]
    for text in texts:
        agent.keep(text)
    (group,) = compared(then, page_size=2).groups
    assert [item.now.text for item in group.items] == texts[:2:-1]
    assert (group.total, group.rest) == (5, 3)
    (group,) = compared(then, only=Fate.ADDED, page=3, page_size=2).groups
    assert [item.now.text for item in group.items] == texts[:1]
    assert compared(then, only=Fate.GONE).groups == ()


def test_it_asks_as_often_for_thirty_as_for_three(agent, compared):
    then = now()
    counts = []
    for many in (3, 27):
        for n in range(many):
            agent.keep(f"Ann has {many + n} cats.")
        with agent.scope(), CaptureQueriesContext(connection) as queries:
            compare(ANN, then, now(), page_size=50)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


# --- instants to choose -------------------------------------------------------


def test_the_days_of_a_history(agent, frozen):
    tea = agent.keep(TEA)
    frozen.advance(days=1)
    agent.keep(JAM)
    agent.keep(CAT)
    frozen.advance(days=2)
    agent.edit(tea, metadata={"n": 1})
    with agent.scope():
        days = [(d.day.isoformat(), d.changes) for d in list_days(ANN, "UTC")]
        early = list_days(ANN, "Pacific/Auckland")
    assert days == [("2026-03-04", 1), ("2026-03-02", 2), ("2026-03-01", 1)]
    assert [d.day.isoformat() for d in early] == [
        "2026-03-04",
        "2026-03-02",
        "2026-03-01",
    ]


def test_the_instant_before_the_last_restore(agent, alice):
    with agent.scope():
        assert last_restore(ANN) is None
    then = now()
    agent.keep(TEA)
    aim = Aim(ANN, then)
    operation = restore(agent.access, aim, preview_restore(agent.access, aim).token)
    with agent.scope():
        assert last_restore(ANN) == operation.created_at
        assert last_restore(About("user", "bob")) is None

"""One memory: its page in every state, its provenance, and what is done from there."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from memories.models import Entity, Feedback, Memory, Subject
from memories.services.deletion import erase_subject
from memories.store.batch import Batch, Cause
from memories.types import (
    Actor,
    Aspect,
    ProposedEntity,
    ProposedRelation,
    State,
    ValidTime,
    Verdict,
)
from tenants.models import AuditEntry
from tests.memories.agents import adds, decides
from tests.memories.services.conftest import use_engine

TEA, JAM = "Ann likes tea.", "Ann likes jam."
HTMX = {"HX-Request": "true"}
ACTIONS = ("edit", "supersede", "delete", "wrong", "confirm", "doubt", "restore")


@pytest.fixture
def tea(agent):
    return agent.keep(TEA, metadata={"plan": "gold"})


def audited(agent) -> list[tuple[str, str]]:
    """(action, object id) of what operators changed, oldest first."""
    with agent.scope():
        rows = AuditEntry.objects.filter(actor_kind="operator").order_by("at", "id")
        actions = rows.filter(action__startswith="memory.")
        return list(actions.values_list("action", "object_id"))


def edit_form(head: Memory, **changes) -> dict:
    form = {"text": head.text, "number": head.number, "metadata": '{"plan": "gold"}'}
    return form | changes


# --- the page -------------------------------------------------------------------


def test_it_shows_what_it_says_since_when_and_of_whom(console, bob, page, tea):
    said = console(bob).get(page("memories:memory", tea)).content.decode()
    assert TEA in said
    assert "Current: agents recall it." in said
    assert "stored word for word" in said
    assert "gold" in said


def test_it_is_followed_down_to_the_message_and_the_models_reply(
    console, bob, page, agent, models
):
    use_engine(agent, "single_pass")
    agent.learn("I moved to Berlin.")
    (head,) = agent.heads()
    said = console(bob).get(page("memories:memory", head.id)).content.decode()
    assert "I moved to Berlin." in said
    assert "What the model said" in said
    assert "&quot;facts&quot;" in said
    assert "learned by single_pass" in said
    assert "version 1" in said


def test_two_versions_are_compared_word_by_word(console, bob, page, agent, tea):
    agent.edit(tea, text=JAM)
    agent.edit(tea, text="Ann likes honey.")
    seen = console(bob).get(page("memories:memory", tea, old=1, new=2))
    assert "<del>tea</del>" in seen.content.decode()
    assert "<ins>jam</ins>" in seen.content.decode()
    last = console(bob).get(page("memories:memory", tea))
    assert (last.context["old"], last.context["new"]) == (2, 3)


@pytest.mark.parametrize("numbers", [{"old": "x"}, {"old": "99"}])
def test_a_version_that_is_none_is_refused(console, bob, page, agent, tea, numbers):
    agent.edit(tea, text=JAM)
    seen = console(bob).get(page("memories:memory", tea, **numbers))
    assert seen.status_code in (400, 404)


def test_a_deleted_memory_still_opens_and_says_so(console, sam, page, agent, tea):
    agent.delete(tea)
    said = console(sam).get(page("memories:memory", tea)).content.decode()
    assert TEA in said
    assert "Deleted: nobody recalls it." in said
    assert page("memories:restore-memory", tea) in said
    assert page("memories:edit-memory", tea) not in said


def test_of_an_erased_memory_only_that_it_was_is_left(
    console, sam, page, agent, acme, tea
):
    with agent.scope():
        actor = Actor("operator", sam.id)
        erase_subject(acme.project.id, "user", "ann", actor)
    seen = console(sam).get(page("memories:memory", tea))
    said = seen.content.decode()
    assert seen.status_code == 200
    assert "This memory was erased." in said
    assert TEA not in said
    assert ">ann<" not in said
    assert console(sam).get(page("memories:edit-memory", tea)).status_code == 404


def test_a_superseded_memory_names_what_took_its_place(console, bob, page, agent, tea):
    agent.decide(decides(Verdict.DELETE, JAM, tea))
    old = console(bob).get(page("memories:memory", tea)).content.decode()
    assert "Superseded by" in old
    successor = agent.head(tea).replaced_by_id
    assert page("memories:memory", successor) in old
    new = console(bob).get(page("memories:memory", successor)).content.decode()
    assert "What it took the place of" in new
    assert TEA in new


def test_a_viewer_is_offered_nothing_to_change(console, bob, page, tea):
    said = console(bob).get(page("memories:memory", tea)).content.decode()
    for name in ("edit", "delete", "supersede", "wrong"):
        assert page(f"memories:{name}-memory", tea) not in said


def test_a_long_story_costs_no_more_queries(console, bob, page, agent, tea, queries):
    agent.edit(tea, text=JAM)
    few = queries(console(bob), page("memories:memory", tea))
    for number in range(25):
        agent.edit(tea, text=f"Ann likes tea number {number}.")
    address = page("memories:memory", tea)
    assert queries(console(bob), address) <= few
    assert len(console(bob).get(address).context["story"].told.items) == 20


def test_what_is_not_there_is_not_found(console, bob, page):
    assert console(bob).get(page("memories:memory", uuid4())).status_code == 404


def test_another_tenants_memory_is_not_there(console, carol, globex, page, tea):
    answer = console(carol).get(page("memories:memory", tea))
    assert answer.status_code == 404
    assert TEA not in answer.content.decode()


# --- edit -----------------------------------------------------------------------


def test_an_edit_is_a_new_version_with_its_reason_and_who_did_it(
    console, sam, page, agent, tea
):
    changes = edit_form(
        agent.head(tea), text=JAM, categories="food, drinks", reason="r"
    )
    answer = console(sam).post(page("memories:edit-memory", tea), changes)
    assert answer["Location"] == page("memories:memory", tea)
    head = agent.head(tea)
    assert (head.text, head.number, head.categories) == (JAM, 2, ["food", "drinks"])
    assert head.metadata == {"plan": "gold"}
    event = agent.history(tea)[-1]
    assert (event.actor_kind, event.actor_id, event.reason) == ("operator", sam.id, "r")
    assert audited(agent) == [("memory.update", str(tea))]


def test_how_often_and_what_it_tells_of_are_shown(console, bob, page, agent):
    weekly = ValidTime(recurs="FREQ=WEEKLY;BYDAY=SU")
    agent.decide(adds("Ann swims.", valid=weekly, aspect=Aspect.STATE))
    with agent.scope():
        swims = Memory.objects.get(text="Ann swims.").id
    seen = console(bob).get(page("memories:memory", swims)).content.decode()
    assert "every Sunday" in seen
    assert "a state" in seen


def test_when_it_is_true_is_corrected_and_can_be_undone(console, sam, page, agent, tea):
    browser, address = console(sam), page("memories:edit-memory", tea)
    given = {"valid_from": "2026-01-05T09:30", "valid_to": "2026-02-01T00:00"}
    browser.post(address, edit_form(agent.head(tea), **given))
    head = agent.head(tea)
    assert head.valid_from == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert head.valid_to == datetime(2026, 2, 1, tzinfo=UTC)
    assert (head.text, head.number) == (TEA, 2)
    assert audited(agent) == [("memory.update", str(tea))]
    seen = browser.get(page("memories:memory", tea)).content.decode()
    assert "True from" in seen
    browser.post(page("memories:restore-memory", tea, version=1))
    browser.post(page("memories:restore-memory", tea, version=1), {"reason": "no"})
    assert (agent.head(tea).valid_from, agent.head(tea).valid_to) == (None, None)


def test_an_instant_that_is_left_alone_stays_exact(console, sam, page, agent, tea):
    """The form shows minutes, what is known may be more exact."""
    exact = datetime(2026, 1, 5, 9, 30, 12, 345, tzinfo=UTC)
    with agent.scope():
        Memory.objects.filter(id=tea).update(valid_from=exact, valid_precision="month")
    address = page("memories:edit-memory", tea)
    shown = console(sam).get(address).content.decode()
    assert 'value="2026-01-05T09:30"' in shown
    given = edit_form(agent.head(tea), text=JAM, valid_from="2026-01-05T09:30")
    console(sam).post(address, given)
    head = agent.head(tea)
    assert (head.text, head.valid_from, head.valid_precision) == (JAM, exact, "month")


def test_a_row_of_a_list_becomes_a_form_and_a_row_again(console, sam, page, agent, tea):
    browser, address = console(sam), page("memories:edit-memory", tea)
    form = browser.get(address, headers=HTMX).content.decode()
    assert form.lstrip().startswith("<tr")
    assert "hx-post" in form
    changes = edit_form(agent.head(tea), text=JAM)
    saved = browser.post(address, changes, headers=HTMX)
    assert saved.content.decode().lstrip().startswith("<tr")
    assert JAM in saved.content.decode()
    assert "Memory changed." in saved["HX-Trigger"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("metadata", "[1]"),
        ("metadata", '{"a": NaN}'),
        ("metadata", '{"a": "\\u0000"}'),
        ("metadata", '{"a": "\\ud800"}'),
        ("expires_on", "someday"),
        ("categories", "x" * 101),
        ("valid_from", "in May"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(
    console, sam, page, agent, tea, field, value
):
    form = edit_form(agent.head(tea), **{field: value})
    answer = console(sam).post(page("memories:edit-memory", tea), form, headers=HTMX)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert agent.head(tea).number == 1


def test_what_ends_before_it_begins_is_told_beside_its_end(
    console, sam, page, agent, tea
):
    given = {"valid_from": "2026-02-01T00:00", "valid_to": "2026-01-01T00:00"}
    form = edit_form(agent.head(tea), **given)
    answer = console(sam).post(page("memories:edit-memory", tea), form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["valid_to"]
    assert agent.head(tea).number == 1


def test_what_another_memory_says_already_is_told_beside_the_text(
    console, sam, page, agent, tea
):
    agent.keep(JAM)
    form = edit_form(agent.head(tea), text=JAM)
    answer = console(sam).post(page("memories:edit-memory", tea), form)
    assert answer.status_code == 422
    assert "already says exactly this" in answer.context["form"].errors["text"][0]


def test_who_was_slower_is_told_before_anything_is_overwritten(
    console, sam, page, agent, tea
):
    form = edit_form(agent.head(tea), text="Ann likes rum.")
    agent.edit(tea, text=JAM)
    answer = console(sam).post(page("memories:edit-memory", tea), form)
    assert answer.status_code == 422
    assert "changed since you opened it" in answer.content.decode()
    assert agent.head(tea).text == JAM
    again = answer.context["form"].data
    assert (again["number"], again["text"]) == (2, "Ann likes rum.")


# --- supersede --------------------------------------------------------------------


def test_the_new_truth_closes_the_time_of_the_old_one(console, sam, page, agent, tea):
    since = {"text": "Ann likes coffee.", "valid_from": "2026-05-01T00:00"}
    answer = console(sam).post(
        page("memories:supersede-memory", tea), {**since, "reason": "she wrote to us"}
    )
    old = agent.head(tea)
    assert answer["Location"] == page("memories:memory", old.replaced_by_id)
    new = agent.head(old.replaced_by_id)
    may = datetime(2026, 5, 1, tzinfo=UTC)
    assert (old.state, new.state) == (State.SUPERSEDED, State.ACTIVE)
    assert (new.text, new.origin) == ("Ann likes coffee.", "console")
    assert new.valid_from == may
    assert agent.events(tea) == ["ADD", "SUPERSEDE"]
    assert agent.history(tea)[-1].reason == "she wrote to us"
    assert {action for action, _ in audited(agent)} == {"memory.supersede"}


def test_what_is_true_now_may_recur(console, sam, page, agent, tea):
    form = {"text": "Ann swims.", "recurs": "every Sunday", "aspect": "state"}
    console(sam).post(page("memories:supersede-memory", tea), form)
    new = agent.head(agent.head(tea).replaced_by_id)
    assert (new.recurs, new.aspect) == ("FREQ=WEEKLY;BYDAY=SU", "state")


@pytest.mark.parametrize(("field", "value"), [("recurs", "soon"), ("aspect", "hobby")])
def test_a_successor_has_no_unknown_recurrence_or_aspect(
    console, sam, page, agent, tea, field, value
):
    form = {"text": "Ann swims.", field: value}
    answer = console(sam).post(page("memories:supersede-memory", tea), form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert agent.head(tea).state == State.ACTIVE


def test_an_event_told_of_the_wrong_day_is_corrected(console, sam, page, agent):
    """To an earlier one, too: it is not true until another is."""
    met = ValidTime(start=datetime(2026, 5, 2, tzinfo=UTC))
    agent.decide(adds("Ann met Bob on 2 May.", valid=met, aspect=Aspect.EVENT))
    (event,) = agent.heads()
    form = {"text": "Ann met Bob on 1 May.", "valid_from": "2026-05-01T00:00"}
    address = page("memories:supersede-memory", event.id)
    console(sam).post(address, {**form, "aspect": "event"})
    assert agent.head(event.id).state == State.SUPERSEDED


def test_what_began_later_is_not_superseded_by_what_was_before(
    console, sam, page, agent, tea
):
    agent.decide(adds("Ann lives in Rome.", valid=_from(2026, 4)))
    rome = next(head for head in agent.heads() if "Rome" in head.text)
    form = {"text": "Ann lives in Oslo.", "valid_from": "2025-01-01T00:00"}
    answer = console(sam).post(page("memories:supersede-memory", rome.id), form)
    assert answer.status_code == 422
    assert "cannot be true before it" in answer.context["form"].errors["valid_from"][0]
    assert agent.head(rome.id).state == State.ACTIVE


def _from(year: int, month: int) -> ValidTime:
    return ValidTime(start=datetime(year, month, 1, tzinfo=UTC))


def test_a_deleted_memory_is_not_superseded(console, sam, page, agent, tea):
    agent.delete(tea)
    address = page("memories:supersede-memory", tea)
    answer = console(sam).post(address, {"text": JAM})
    assert answer.status_code == 422
    assert agent.count(Memory) == 1


# --- delete, wrong, restore -------------------------------------------------------


def test_a_delete_is_asked_for_once_and_can_be_undone(console, sam, page, agent, tea):
    browser, address = console(sam), page("memories:delete-memory", tea)
    assert TEA in browser.get(address).content.decode()
    after = browser.post(address, {"reason": "asked by phone"}, follow=True)
    assert agent.head(tea).state == State.DELETED
    assert agent.history(tea)[-1].reason == "asked by phone"
    undo = page("memories:restore-memory", tea)
    assert f'<a href="{undo}">Undo</a>' in after.content.decode()
    assert "before it was deleted" in browser.get(undo).content.decode()
    browser.post(undo, {"reason": ""})
    assert agent.head(tea).state == State.ACTIVE
    assert [action for action, _ in audited(agent)] == [
        "memory.delete",
        "memory.restore",
    ]


def test_undoing_a_delete_brings_back_the_state_it_had(console, sam, page, agent, tea):
    agent.decide(decides(Verdict.DELETE, JAM, tea))
    agent.delete(tea)
    console(sam).post(page("memories:restore-memory", tea), {"reason": "mistake"})
    assert agent.head(tea).state == State.SUPERSEDED
    assert agent.texts({"user_id": "ann"}) == [TEA, JAM]


def test_what_was_said_again_meanwhile_is_not_brought_back(
    console, sam, page, agent, tea
):
    agent.delete(tea)
    agent.keep(TEA)
    answer = console(sam).post(page("memories:restore-memory", tea), {"reason": "x"})
    assert answer.status_code == 422
    assert "already says exactly this" in answer.content.decode()


def test_a_version_is_restored_after_its_diff_was_shown(console, sam, page, agent, tea):
    agent.edit(tea, text=JAM)
    browser, address = console(sam), page("memories:restore-memory", tea, version=1)
    assert "<ins>tea</ins>" in browser.get(address).content.decode()
    browser.post(address, {"reason": "it was right"})
    head = agent.head(tea)
    assert (head.text, head.number) == (TEA, 3)
    assert agent.history(tea)[-1].reason == "it was right"


def test_what_is_wrong_is_deleted_and_judged(console, sam, page, agent, tea):
    console(sam).post(page("memories:wrong-memory", tea), {"reason": "never said"})
    assert agent.head(tea).state == State.DELETED
    assert agent.history(tea)[-1].reason == "Marked as wrong: never said"
    with agent.scope():
        opinion = Feedback.objects.get(memory_id=tea)
    assert (opinion.feedback, opinion.operator_id) == ("VERY_NEGATIVE", sam.id)
    said = console(sam).get(page("memories:memory", tea)).content.decode()
    assert "Sam" in said
    assert "never said" in said


# --- what may be stale ------------------------------------------------------------


@pytest.fixture
def doubted(agent, tea):
    """As when what it rests on is over."""
    with agent.scope():
        head = Memory.objects.get(id=tea)
        batch = Batch.open(head.project_id, [head.anchor_id])
        batch.doubt(head, None, Cause("system", reason="what it rests on is over"))
        batch.flush()
    return tea


def test_what_holds_all_the_same_is_said_so_and_that_is_taken_back(
    console, sam, page, agent, doubted
):
    said = console(sam).get(page("memories:memory", doubted)).content.decode()
    assert page("memories:confirm-memory", doubted) in said
    answer = console(sam).post(
        page("memories:confirm-memory", doubted), {"reason": "asked"}, follow=True
    )
    assert page("memories:doubt-memory", doubted) in answer.content.decode()
    assert not agent.head(doubted).is_stale_suspect
    assert audited(agent) == [("memory.confirm", str(doubted))]
    console(sam).post(page("memories:doubt-memory", doubted), {"reason": ""})
    assert agent.head(doubted).is_stale_suspect
    assert agent.events(doubted) == ["ADD", "SUSPECT", "CONFIRM", "SUSPECT"]


def test_nobody_confirms_what_nobody_doubts(console, sam, page, tea):
    answer = console(sam).post(page("memories:confirm-memory", tea), {"reason": ""})
    assert (answer.status_code, "Nobody doubts" in answer.content.decode()) == (
        422,
        True,
    )


# --- who may ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIONS)
def test_a_viewer_changes_nothing(console, bob, page, agent, tea, name):
    address = page(f"memories:{name}-memory", tea)
    assert console(bob).get(address).status_code == 403
    assert console(bob).post(address, {"text": JAM}).status_code == 403
    assert agent.head(tea).number == 1


@pytest.mark.parametrize("name", ACTIONS)
def test_an_outsider_changes_nothing(console, carol, globex, page, agent, tea, name):
    address = page(f"memories:{name}-memory", tea)
    assert console(carol).post(address, {"text": JAM}).status_code == 404
    assert agent.head(tea).number == 1


def test_what_it_mentions_leads_to_its_page(console, bob, page, agent):
    """Each once, by its name; where its relations name it, too."""
    agent.decide(
        adds(
            "Ann visited Riga.",
            entities=(ProposedEntity("Ann", "person"), ProposedEntity("Riga", "place")),
            relations=(ProposedRelation("Ann", "visited", "Riga"),),
        )
    )
    (memory,) = agent.heads()
    with agent.scope():
        ann = Subject.objects.get(kind="user", external_id="ann")
        nodes = dict(Entity.objects.values_list("name", "id"))
    told = console(bob).get(page("memories:memory", memory.id)).content.decode()
    for name in ("Ann", "Riga"):
        link = f'<a href="{page("memories:entity", ann.id, nodes[name])}">{name}</a>'
        assert told.count(link) == 2
        assert console(bob).get(page("memories:entity", ann.id, nodes[name])).content
    assert 'aria-label="Names in it"' in told


WEEKLY = "FREQ=WEEKLY;BYDAY=SU"


@pytest.mark.parametrize("said", [WEEKLY, "rrule:freq=weekly;byday=su", "every Sunday"])
def test_what_it_tells_of_and_how_often_is_corrected(
    console, sam, page, agent, tea, said
):
    address = page("memories:edit-memory", tea)
    given = edit_form(agent.head(tea), recurs=said, aspect="preference")
    console(sam).post(address, given)
    head = agent.head(tea)
    assert (head.recurs, head.aspect, head.number) == (WEEKLY, "preference", 2)
    form = console(sam).get(address).content.decode()
    assert f'value="{WEEKLY}"' in form
    assert '<option value="preference" selected>' in form
    console(sam).post(address, edit_form(head, recurs="", aspect=""))
    head = agent.head(tea)
    assert (head.recurs, head.aspect) == (None, None)


def test_what_was_left_alone_makes_no_version(console, sam, page, agent, tea):
    given = {"recurs": WEEKLY, "aspect": "state"}
    address = page("memories:edit-memory", tea)
    console(sam).post(address, edit_form(agent.head(tea), **given))
    console(sam).post(address, edit_form(agent.head(tea), **given))
    assert agent.head(tea).number == 2


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("recurs", "now and then", "Neither an RRULE"),
        ("recurs", "FREQ=WEEKLY;UNTIL=20260101T000000Z", "Neither an RRULE"),
        ("aspect", "hobby", "Select a valid choice"),
    ],
)
def test_what_is_no_aspect_or_recurrence_is_told_beside_its_field(
    console, sam, page, agent, tea, field, value, problem
):
    given = edit_form(agent.head(tea), **{field: value})
    answer = console(sam).post(page("memories:edit-memory", tea), given)
    told = answer.content.decode()
    assert answer.status_code == 422
    assert problem in told.partition(f'name="{field}"')[2].partition("name=")[0]
    assert "<details open>" in told
    assert agent.head(tea).number == 1

"""Subject → Compare: then and now side by side, and back to then after a preview."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.console.subjects import compare as pages
from memories.models import Operation
from memories.services import restore as restoring
from memories.types import Verdict
from tests.memories.agents import decides, now
from tests.memories.console.pages import subject_of, text_of

TEA, JAM = "Ann likes tea.", "Ann likes jam."
LISBON, BERLIN = "Ann lives in Lisbon.", "Ann lives in Berlin."


@pytest.fixture
def moved(agent):
    """(subject's id, the instant before everything moved) of ann."""
    lisbon, tea = agent.keep(LISBON), agent.keep(TEA)
    then = now()
    on = agent.accept("I live in Berlin now.")
    agent.decide(decides(Verdict.DELETE, BERLIN, lisbon), on=on)
    agent.edit(tea, text=JAM)
    return subject_of(agent), then


def hidden(answer) -> dict[str, str]:
    """The hidden fields of a preview's form."""
    names = r'<input type="hidden" name="(token|to|memory|undo)" value="([^"]*)">'
    return dict(re.findall(names, answer.content.decode()))


# --- comparing ----------------------------------------------------------------


def test_then_and_now_stand_side_by_side_with_their_cause(console, bob, page, moved):
    subject_id, then = moved
    url = page("memories:compare", subject_id, then=then.isoformat())
    answer = console(bob).get(url)
    body, seen = answer.content.decode(), text_of(answer)
    assert "<del>tea</del>" in body
    assert "<ins>jam</ins>" in body
    assert "I live in Berlin now." in seen
    assert "learned by single_pass with stand-in" in seen
    assert [name for name in ("Changed", "Superseded", "Added") if name in seen] == [
        "Changed",
        "Superseded",
        "Added",
    ]
    assert "Restore to then" not in seen  # a viewer reads


def test_support_may_restore_from_here(console, sam, page, moved):
    subject_id, then = moved
    url = page("memories:compare", subject_id, then=then.isoformat())
    seen = text_of(console(sam).get(url))
    assert "Restore everything to then" in seen
    assert seen.count("Restore to then") == 3


def test_a_group_alone(console, bob, page, moved):
    subject_id, then = moved
    query = {"then": then.isoformat(), "group": "added"}
    seen = text_of(console(bob).get(page("memories:compare", subject_id, **query)))
    assert BERLIN in seen
    assert JAM not in seen


def test_without_instants_it_compares_with_the_beginning_of_a_young_subject(
    console, bob, page, moved
):
    seen = text_of(console(bob).get(page("memories:compare", moved[0])))
    assert "Known then 0" in seen
    assert "Known now 2" in seen


def test_a_date_field_is_read_in_the_operators_zone(console, bob, page, agent, frozen):
    bob.timezone = "Pacific/Auckland"  # 13 hours before UTC in March
    bob.save()
    agent.keep(TEA)  # 09:30 UTC, 22:30 in Auckland
    subject_id = subject_of(agent)
    frozen.advance(days=1)
    for then, known in (("2026-03-01T22:29", 0), ("2026-03-01T22:31", 1)):
        url = page("memories:compare", subject_id, then=then)
        assert f"Known then {known}" in text_of(console(bob).get(url))


# query → what is wrong with it
NONSENSE = [{"then": "yesterday"}, {"then": "2026-13-01"}, {"group": "lost"}]


@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_is_refused_in_a_sentence(console, bob, page, moved, query):
    answer = console(bob).get(page("memories:compare", moved[0], **query))
    assert answer.status_code == 400


def test_it_asks_as_often_for_thirty_as_for_three(console, bob, page, agent):
    counts = []
    for many in (3, 27):
        for n in range(many):
            agent.keep(f"Ann has {many + n} cats.")
        url = page("memories:compare", subject_of(agent), group="added")
        browser = console(bob)
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_another_tenants_subject_is_not_there(console, alice, page, other, acme):
    other.keep(TEA)
    for name in ("memories:compare", "memories:restore-subject"):
        url = page(name, subject_of(other), to="2026-01-01T00:00")
        assert console(alice).get(url).status_code == 404


# --- restoring ----------------------------------------------------------------


@pytest.fixture
def preview(page, moved):
    subject_id, then = moved
    return page("memories:restore-subject", subject_id, to=then.isoformat())


def test_a_viewer_may_neither_preview_nor_restore(console, bob, preview):
    assert console(bob).get(preview).status_code == 403
    assert console(bob).post(preview, {"token": "x"}).status_code == 403


def test_restore_and_undo(console, sam, agent, preview):
    support = console(sam)
    asked = support.get(preview)
    assert "This will change 3 memories" in text_of(asked)
    done = support.post(preview, hidden(asked), follow=True)
    assert set(agent.texts()) == {LISBON, TEA}
    assert "3 memories restored." in text_of(done)
    (undo,) = re.findall(r'href="([^"]+)">Undo', done.content.decode())
    undo = unescape(undo)
    undone = support.post(undo, hidden(support.get(undo)), follow=True)
    assert "A restore was undone" in text_of(undone)
    assert set(agent.texts()) == {BERLIN, JAM, LISBON}
    with agent.scope():
        assert {e.operator_id for e in Operation.objects.filter(kind="RESTORE")} == {
            sam.id
        }


def test_one_memory_is_restored_and_what_replaced_it_is_named(
    console, sam, page, agent, moved
):
    subject_id, then = moved
    (lisbon,) = (head.id for head in agent.heads() if head.text == LISBON)
    query = {"to": then.isoformat(), "memory": lisbon}
    url = page("memories:restore-subject", subject_id, **query)
    asked = console(sam).get(url)
    assert "This will change 1 memory" in text_of(asked)
    assert f"stays current beside it: {BERLIN}" in text_of(asked)
    console(sam).post(url, hidden(asked))
    assert agent.get(lisbon).state == "active"
    assert JAM in agent.texts()


def test_a_stale_preview_is_shown_anew_and_nothing_is_done(
    console, sam, agent, preview
):
    support = console(sam)
    fields = hidden(support.get(preview))
    agent.keep("Ann rows.")
    answer = support.post(preview, fields)
    assert answer.status_code == 422
    assert "This will change 4 memories" in text_of(answer)
    assert "RESTORE" not in agent.events()
    support.post(preview, hidden(answer))
    assert set(agent.texts()) == {LISBON, TEA}


def test_what_cannot_be_restored_is_named(console, sam, page, agent):
    tea = agent.keep(TEA)
    then = now()
    agent.edit(tea, text=JAM)
    agent.keep(TEA)
    query = {"to": then.isoformat(), "memory": tea}
    url = page("memories:restore-subject", subject_of(agent), **query)
    seen = text_of(console(sam).get(url))
    assert "There is nothing to restore" in seen
    assert "says exactly this by now" in seen


def test_a_large_restore_shows_its_progress(
    console, sam, agent, page, moved, preview, monkeypatch
):
    monkeypatch.setattr(restoring, "AT_ONCE", 1)
    support = console(sam)
    going = support.post(preview, hidden(support.get(preview)), follow=True)
    assert "0 of 3 memories restored" in text_of(going)
    (path, _) = going.redirect_chain[-1]
    fragment = support.get(path, headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()
    same = {"HX-Request": "true", "If-None-Match": fragment["ETag"]}
    assert support.get(path, headers=same).status_code == 304
    with agent.scope():
        operation = Operation.objects.get(kind="RESTORE")
    agent.run(operation.id)
    assert "3 of 3 memories restored" in text_of(support.get(path, headers=same))


def test_the_preview_of_much_comes_after_its_page(
    console, sam, page, moved, monkeypatch
):
    """Of 20,000 memories it takes most of a second to say what becomes of each."""
    monkeypatch.setattr(pages, "MOST_AT_ONCE", 1)
    subject_id, then = moved
    support = console(sam)
    url = page("memories:restore-subject", subject_id, to=then.isoformat())
    first = support.get(url)
    assert "is being worked out" in text_of(first)
    assert 'name="token"' not in first.content.decode()
    later = support.get(url, headers={"HX-Request": "true"})
    assert "This will change 3 memories" in text_of(later)
    assert "<html" not in later.content.decode()
    without_script = support.get(f"{url}&worked_out=1")
    assert hidden(without_script) == hidden(later)
    assert "<html" in without_script.content.decode()


def test_the_future_cannot_be_restored(console, sam, page, moved):
    later = (now() + timedelta(days=1)).isoformat()
    url = page("memories:restore-subject", moved[0], to=later)
    assert console(sam).get(url).status_code == 400


def test_another_subjects_restore_is_not_there(console, sam, page, agent, moved):
    agent.keep("Bob likes tea.", user_id="bob")
    subject_id, then = moved
    support = console(sam)
    url = page("memories:restore-subject", subject_id, to=then.isoformat())
    support.post(url, hidden(support.get(url)))
    with agent.scope():
        operation = Operation.objects.get(kind="RESTORE")
    bobs = subject_of(agent, "bob")
    assert support.get(page("memories:restored", bobs, operation.id)).status_code == 404
    undo = page("memories:restore-subject", bobs, undo=operation.id)
    assert support.get(undo).status_code == 404

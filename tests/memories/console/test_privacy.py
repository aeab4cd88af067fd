"""Subject → Privacy: a copy of everything, and its erasure with a receipt."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from memories.models import Export, Operation, Subject
from memories.selectors.compare import About
from memories.selectors.privacy import count_held
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject
from memories.types import (
    Actor,
    ModelCall,
    ProposedEntity,
    ProposedRelation,
    Verdict,
)
from tenants.models import AuditEntry
from tests.memories.agents import adds, decides
from tests.memories.console.pages import subject_of, text_of

NAME = "canary-7f3a"
SECRET = "Canary keeps a zebrafinch."


@pytest.fixture
def canary(agent):
    """The id of a subject with a memory in every drawer there is."""
    graph = {
        "entities": (ProposedEntity("Canary", "person"),),
        "relations": (ProposedRelation("Canary", "keeps", "zebrafinch"),),
    }
    agent.decide(adds(SECRET, **graph), user_id=NAME)
    agent.delete(agent.keep("Canary hums.", user_id=NAME))
    agent.keep("Ann likes tea.")
    return subject_of(agent, NAME)


def held(agent):
    with agent.scope():
        return count_held(About("user", NAME))


def pending(agent, kind: str) -> Operation:
    with agent.scope():
        return Operation.objects.get(kind=kind, status="PENDING")


# --- roles --------------------------------------------------------------------


def test_a_viewer_sees_neither_the_tab_nor_the_page(console, bob, page, canary):
    browser = console(bob)
    url = page("memories:privacy", canary)
    assert browser.get(url).status_code == 403
    for name in ("memories:export-subject", "memories:erase-subject"):
        assert browser.post(page(name, canary)).status_code == 403
    assert url not in browser.get(page("memories:history", canary)).content.decode()


def test_another_tenants_subject_is_not_there(console, alice, page, other, acme):
    other.keep(SECRET)
    subject_id = subject_of(other)
    for name in ("memories:privacy", "memories:erase-subject"):
        assert console(alice).get(page(name, subject_id)).status_code == 404


# --- a copy -------------------------------------------------------------------


def test_a_copy_of_everything_held_can_be_taken_away(console, sam, page, agent, canary):
    support = console(sam)
    asked = support.post(page("memories:export-subject", canary), follow=True)
    assert "The copy is being made." in text_of(asked)
    assert 'hx-trigger="every 2s"' in asked.content.decode()
    agent.run(pending(agent, "EXPORT").id)
    seen = support.get(page("memories:privacy", canary)).content.decode()
    assert ">ready<" in seen
    (url,) = re.findall(r'href="([^"]+/exports/[^"]+)"', seen)
    answer = support.get(url)
    lines = [json.loads(line) for line in b"".join(answer).decode().splitlines()]
    texts = [v["text"] for x in lines if x["type"] == "memory" for v in x["versions"]]
    assert SECRET in texts
    assert "Ann likes tea." not in texts
    with agent.scope():
        actions = {e.action: e.actor_id for e in AuditEntry.objects.all()}
    assert actions["subject.export"] == actions["subject.download"] == sam.id


def test_another_subjects_copy_is_not_there(console, sam, page, agent, canary):
    support = console(sam)
    support.post(page("memories:export-subject", canary))
    agent.run(pending(agent, "EXPORT").id)
    with agent.scope():
        export = Export.objects.get()
    url = page("memories:download", subject_of(agent), export.id)
    assert support.get(url).status_code == 404


def test_progress_is_asked_for_cheaply(console, sam, page, agent, canary):
    support, url = console(sam), page("memories:export-subject", canary)
    support.post(url)
    first = support.get(url, headers={"HX-Request": "true"})
    same = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert f'data-etag="{escape(first["ETag"])}"' in first.content.decode()
    assert support.get(url, headers=same).status_code == 304
    agent.run(pending(agent, "EXPORT").id)
    assert "Download" in text_of(support.get(url, headers=same))


# --- erasure ------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "canary", NAME.upper(), f"{NAME} "])
def test_another_word_erases_nothing(console, sam, page, agent, canary, typed):
    url = page("memories:erase-subject", canary)
    answer = console(sam).post(url, {"confirmation": typed})
    assert answer.status_code == 422
    assert agent.count(Operation, kind="DELETE_USER") == 0


def test_the_page_says_what_goes_and_that_it_cannot_be_undone(
    console, sam, page, canary
):
    seen = text_of(console(sam).get(page("memories:privacy", canary, counted=1)))
    assert "cannot be undone" in seen
    assert "Memories 2 of every state Versions 3 Messages 2" in seen


def test_the_page_counts_nothing_and_asks_for_it(console, sam, page, canary):
    """Of somebody with very much it takes seconds; nobody has to wait for the page."""
    support, url = console(sam), page("memories:privacy", canary)
    with CaptureQueriesContext(connection) as asked:
        body = support.get(url).content.decode()
    assert not [q for q in asked if "memories_llmcall" in q["sql"]]
    counted = page("memories:privacy", canary, counted=1)
    assert f'hx-get="{counted}"' in body
    assert f'<a href="{counted}">' in body  # without a script
    part = support.get(counted, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert "Versions 3" in text_of(part)


def test_the_receipt_counts_what_went(console, sam, page, agent, canary):
    before = held(agent)
    support = console(sam)
    url = page("memories:erase-subject", canary)
    waiting = support.post(url, {"confirmation": NAME}, follow=True)
    (path, _) = waiting.redirect_chain[-1]
    assert "is being done" in text_of(waiting)
    first = support.get(path, headers={"HX-Request": "true"})
    same = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert support.get(path, headers=same).status_code == 304
    agent.run(pending(agent, "DELETE_USER").id)
    seen = text_of(support.get(path))
    assert f"Memories {before.memories} Messages {before.messages}" in seen
    with agent.scope():
        entry = AuditEntry.objects.get(action="erase_subject")
    assert f"Audit entry {entry.id}" in seen
    assert entry.actor_id == sam.id
    assert "by Sam" in seen


def test_what_is_counted_of_a_run_is_what_its_erasure_takes(agent):
    """With a memory of another run that took over its words, and a later add's call,
    which was shown them; a search changes nothing, but is asked by the run.
    """
    agent.decide(adds("Ann has a pet."), user_id="ann", run_id="r1")
    (pet,) = agent.heads()
    update = decides(Verdict.UPDATE, "Ann has a finch.", pet)
    agent.decide(update, user_id="ann", run_id="r2")
    agent.keep("Ann sings.", user_id="ann", run_id="r2")
    agent.keep("Ann likes tea.", user_id="ann", run_id="r1")
    quoting = ModelCall("single_pass", "m", "openai", "ok", reply="a finch")
    agent.decide(adds("Ann hums."), user_id="ann", run_id="r3", calls=(quoting,))
    agent.found("finch", {"user_id": "ann", "run_id": "r2"})
    with agent.scope():
        counted = count_held(About("run", "r2"))
        actor = Actor("operator", None)
        gone = erase_subject(agent.company.project.id, "run", "r2", actor)
    assert gone == {"memories": counted.memories, "messages": counted.messages}
    assert (counted.memories, counted.versions, counted.messages) == (2, 3, 2)
    assert counted.model_texts == 1


def test_nothing_of_it_is_left_anywhere(console, sam, page, agent, canary):
    support = console(sam)
    url = page("memories:erase-subject", canary)
    done = support.post(url, {"confirmation": NAME}, follow=True)
    (path, _) = done.redirect_chain[-1]
    agent.run(pending(agent, "DELETE_USER").id)
    after = held(agent)
    assert (after.memories, after.messages, after.relations) == (0, 0, 0)
    receipt = support.get(path).content.decode()
    for word in (NAME, "zebrafinch", "hums"):
        assert word not in receipt
    assert support.get(page("memories:history", canary)).status_code == 404
    with agent.scope():
        assert not Subject.objects.filter(external_id=NAME).exists()
        told = [f"{e.object_id} {e.changes}" for e in AuditEntry.objects.all()]
    assert not [line for line in told if NAME in line or "finch" in line]
    assert agent.texts() == ["Ann likes tea."]


def test_it_erases_also_where_a_key_only_deletes(console, sam, page, agent, canary):
    with agent.scope():
        change_settings(agent.company.project, {"subject_deletion": "soft"})
    url = page("memories:erase-subject", canary)
    console(sam).post(url, {"confirmation": NAME})
    agent.run(pending(agent, "DELETE_USER").id)
    assert held(agent).memories == 0


def test_a_receipt_of_another_tenant_is_not_there(
    console, alice, carol, sam, page, agent, canary, globex
):
    url = page("memories:erase-subject", canary)
    done = console(sam).post(url, {"confirmation": NAME}, follow=True)
    (path, _) = done.redirect_chain[-1]
    assert console(carol).get(path).status_code == 404
    assert console(alice).get(path).status_code == 200

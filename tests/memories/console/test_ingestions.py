"""The queue of ingestions, one of them from messages to memories, and doing it again."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.console.ingestions.problems import WHAT_TO_DO, problem_of
from memories.models import LlmCall, Message, Operation
from memories.selectors import ingestions
from memories.services.configuration import change_settings
from memplatform.lib.errors import ProviderRejected
from tenants.models import AuditEntry

ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"


@pytest.fixture
def learned(models, agent):
    """An add that a model learned something from."""
    return agent.learn("I keep bees in my garden.").id


@pytest.fixture
def failed(models, agent):
    models.order("refusal")
    operation = agent.learn("I keep bees in my garden.")
    assert operation.error_code == "provider_rejected"
    return operation.id


def body(response) -> str:
    """What is told, without the tags and with single spaces."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(text))


# --- the queue -----------------------------------------------------------------------


def test_it_lists_what_came_in(console, bob, page, learned):
    told = body(console(bob).get(page("memories:ingestions")))
    assert "succeeded" in told
    assert "1 → 1 stored" in told
    assert "user ann" in told
    assert "single_pass" in told


def test_it_says_how_to_send_the_first(console, bob, page):
    told = body(console(bob).get(page("memories:ingestions")))
    assert "/v3/memories/add/" in told


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"status": "FAILED"}, True),
        ({"status": "SUCCEEDED"}, False),
        ({"error": "provider_rejected"}, True),
        ({"error": "gave_up"}, False),
        ({"subject": "ann"}, True),
        ({"subject": "ben"}, False),
        ({"kind": "agent", "subject": "ann"}, False),
        ({"kind": "run", "subject": "ann"}, False),
        ({"since": "2020-01-01", "until": "2020-01-02"}, False),
        ({"since": "2020-01-01"}, True),
        ({"since": "0001-01-01", "until": "9999-12-31"}, True),
        ({"status": "nonsense", "since": "?", "page": "x"}, True),  # filters nothing
    ],
)
def test_it_filters(console, bob, page, failed, query, is_found):
    response = console(bob).get(page("memories:ingestions", **query))
    assert (str(failed) in response.content.decode()) is is_found


def test_it_finds_what_was_said_in_a_run(console, bob, page, agent):
    inside = agent.say("Ann drinks tea.", user_id="ann", run_id="r1").operation_id
    outside = agent.say("Ann eats figs.").operation_id
    url = page("memories:ingestions", kind="run", subject="r1")
    told = console(bob).get(url).content.decode()
    assert (str(inside) in told, str(outside) in told) == (True, False)


def test_searches_are_no_ingestions(console, bob, page, agent):
    agent.keep("Ann keeps bees.")
    agent.search("bees")
    told = body(console(bob).get(page("memories:ingestions")))
    assert told.count("succeeded") == 1


def test_it_pages(console, bob, page, agent, monkeypatch):
    monkeypatch.setattr("memories.console.ingestions.views.PAGE_SIZE", 2)
    for n in range(5):
        agent.keep(f"Ann owns book {n}.")
    first = body(console(bob).get(page("memories:ingestions")))
    last = body(console(bob).get(page("memories:ingestions", page=3)))
    assert ("Older" in first, "Newer" in first) == (True, False)
    assert ("Older" in last, "Newer" in last) == (False, True)
    assert "5 in all" in last


def test_paging_ends_where_it_would_become_slow(console, bob, page, agent, monkeypatch):
    monkeypatch.setattr(ingestions, "MOST_LISTED", 2)
    monkeypatch.setattr("memories.console.ingestions.views.MOST_LISTED", 2)
    monkeypatch.setattr("memories.console.ingestions.views.PAGE_SIZE", 1)
    for n in range(4):
        agent.keep(f"Ann owns book {n}.")
    told = body(console(bob).get(page("memories:ingestions", page=9)))
    assert "Page 2 · more than 2" in told
    assert "Choose days or a subject" in told


@pytest.mark.parametrize("count", [3, 30])
def test_it_asks_as_often_for_many(console, bob, page, agent, count):
    for n in range(count):
        agent.keep(f"Ann owns book {n}.")
    browser = console(bob)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        browser.get(page("memories:ingestions"))
    assert len([q for q in asked if "memories_" in q["sql"]]) <= 6


def test_it_refreshes_for_nothing_while_nothing_changes(
    console, bob, page, agent, frozen
):
    agent.keep("Ann keeps bees.")
    browser, url = console(bob), page("memories:ingestions")
    first = browser.get(url, headers={"hx-request": "true"})
    assert "<html" not in first.content.decode()
    again = {"hx-request": "true", "if-none-match": first["ETag"]}
    assert browser.get(url, headers=again).status_code == 304
    frozen.advance(seconds=1)
    agent.keep("Ann eats figs.")
    assert browser.get(url, headers=again).status_code == 200


def test_ages_are_told_anew_every_minute(console, bob, page, agent, frozen):
    agent.keep("Ann keeps bees.")
    browser, url = console(bob), page("memories:ingestions")
    tag = browser.get(url, headers={"hx-request": "true"})["ETag"]
    frozen.advance(minutes=1)
    again = {"hx-request": "true", "if-none-match": tag}
    assert browser.get(url, headers=again).status_code == 200


# --- one of them ---------------------------------------------------------------------


def test_it_shows_the_way_from_messages_to_memories(console, bob, page, agent, learned):
    response = console(bob).get(page("memories:ingestion", learned))
    told = body(response)
    assert "I keep bees in my garden." in told
    assert "learned" in told
    assert "single_pass" in told
    (head,) = agent.heads()
    assert page("memories:memory", head.id) in response.content.decode()
    assert head.text in told
    assert "These texts are kept until" in told


def test_it_shows_what_the_model_was_asked_and_said(console, bob, page, agent, learned):
    with agent.scope():
        call = LlmCall.objects.get(operation_id=learned)
    told = console(bob).get(page("memories:ingestion", learned)).content.decode()
    assert call.model in told
    assert call.request[0]["content"][:40].split("&")[0][:20] in told
    assert "reply" in told


def test_it_says_when_the_texts_are_kept_no_longer(
    console, bob, page, agent, frozen, learned
):
    frozen.advance(days=31)
    with agent.scope():
        LlmCall.objects.update(request=None, reply=None)
        Message.objects.update(content=None)
    told = body(console(bob).get(page("memories:ingestion", learned)))
    assert "They were kept for 30 days, until 31 Mar 2026" in told
    assert "The text is kept no longer." in told


def test_it_says_what_an_erasure_took(console, bob, page, agent, learned):
    with agent.scope():
        LlmCall.objects.update(request=None, reply=None)
    told = body(console(bob).get(page("memories:ingestion", learned)))
    assert "erased with a subject that they quoted" in told


def test_a_failed_one_says_what_happened_and_what_to_do(console, bob, page, failed):
    told = body(console(bob).get(page("memories:ingestion", failed)))
    assert "Why it failed" in told
    assert "refuses us: check its key" in told


def test_one_that_waits_for_its_next_attempt_says_why(
    console, bob, page, agent, models
):
    models.order("error", times=9)
    waiting = agent.learn("I keep bees.")
    assert waiting.status == "PENDING"
    response = console(bob).get(page("memories:ingestion", waiting.id))
    assert "Why it waits" in body(response)
    assert 'hx-trigger="every 5s"' in response.content.decode()


def test_a_hostile_message_is_only_text(console, bob, page, agent):
    said = agent.say("<script>alert(1)</script>").operation_id
    told = console(bob).get(page("memories:ingestion", said)).content.decode()
    assert "<script>alert" not in told
    assert "&lt;script&gt;alert" in told


@pytest.mark.parametrize(
    "code", re.findall(r"^\| `((?:provider|document)_\w+|gave_up|internal_error|erased)`", ERRORS.read_text(), re.M)
)  # fmt: skip
def test_every_failure_is_explained_as_in_the_docs(code):
    (row,) = re.findall(rf"^\| `{code}` .*\| (.*) \|$", ERRORS.read_text(), re.M)[-1:]
    assert WHAT_TO_DO[code] == row.replace("`", "")
    assert problem_of(code).happened.endswith(".")


def test_a_code_is_told_by_its_most_general_error():
    assert problem_of("provider_rejected").happened == ProviderRejected.__doc__


def test_what_is_new_is_explained_all_the_same():
    assert problem_of("unheard_of", "It broke.").happened == "It broke."


# --- once more -----------------------------------------------------------------------


def test_support_retries_a_failed_one(console, sam, page, agent, failed):
    browser = console(sam)
    url = page("memories:retry-ingestion", failed)
    assert "gets all its attempts again" in body(browser.get(url))
    response = browser.post(url)
    assert response["Location"] == page("memories:ingestion", failed)
    assert agent.operation(failed).status == "PENDING"
    assert agent.run(failed).status == "SUCCEEDED"
    assert audited(agent, "operation.retry") == [sam.id]


def test_support_reprocesses_one_that_ended_well(console, sam, page, agent, learned):
    browser = console(sam)
    url = page("memories:reprocess-ingestion", learned)
    assert "processed once more as a new ingestion" in body(browser.get(url))
    browser.post(url)
    with agent.scope():
        later = Operation.objects.get(payload__reprocess_of=str(learned))
    assert later.operator_id == sam.id
    assert audited(agent, "operation.reprocess") == [sam.id]
    told = browser.get(page("memories:ingestion", later.id)).content.decode()
    assert page("memories:ingestion", learned) in told
    earlier = browser.get(page("memories:ingestion", learned)).content.decode()
    assert page("memories:ingestion", later.id) in earlier


def test_what_cannot_be_reprocessed_says_why(console, sam, page, agent):
    said = agent.say("Ann keeps bees.").operation_id
    browser, url = console(sam), page("memories:reprocess-ingestion", said)
    assert "stored word for word" in body(browser.get(url))
    response = browser.post(url)
    assert response.status_code == 400
    assert "stored word for word" in body(response)


def test_support_retries_all_of_a_kind(console, sam, page, agent, models):
    for text in ("I keep bees.", "I live in Oslo."):
        models.order("refusal")
        agent.learn(text)
    browser = console(sam)
    url = page("memories:retry-ingestions", error="provider_rejected")
    assert "2 ingestions will be run again" in body(browser.get(url))
    browser.post(page("memories:retry-ingestions"), {"error": "provider_rejected"})
    assert agent.count(Operation, status="PENDING") == 2
    assert audited(agent, "operation.retry") == [sam.id, sam.id]
    assert "None that failed so" in body(browser.get(url))


def test_support_processes_all_of_a_kind_again(
    console, sam, page, agent, models, failed
):
    browser = console(sam)
    url = page("memories:reprocess-ingestions", error="provider_rejected")
    assert "1 ingestion will be processed again" in body(browser.get(url))
    browser.post(page("memories:reprocess-ingestions"), {"error": "provider_rejected"})
    with agent.scope():
        again = Operation.objects.get(payload__reprocess_of=str(failed))
    assert (again.status, agent.operation(failed).status) == ("PENDING", "FAILED")
    assert audited(agent, "operation.reprocess") == [sam.id]
    assert "None that failed so" in body(browser.get(url))


def test_the_way_to_all_of_a_kind_is_there_for_support(console, sam, bob, page, failed):
    url = page("memories:ingestions", error="provider_rejected")
    for way in ("Retry all of these", "Process all again"):
        assert way in body(console(sam).get(url))
        assert way not in body(console(bob).get(url))


def test_one_that_runs_is_asked_for_cheaply(console, bob, page, agent, models):
    models.order("error", times=9)
    waiting = agent.learn("I keep bees.")
    browser, url = console(bob), page("memories:ingestion", waiting.id)
    first = browser.get(url, headers={"hx-request": "true"})
    assert first.status_code == 200
    same = {"hx-request": "true", "if-none-match": first["ETag"]}
    assert browser.get(url, headers=same).status_code == 304
    with agent.scope():
        Operation.objects.update(status="FAILED", error_code="gave_up")
    assert browser.get(url, headers=same).status_code == 286  # asks no more


@pytest.mark.parametrize("verb", ["retry", "reprocess"])
def test_a_viewer_starts_nothing(console, bob, page, agent, failed, verb):
    browser = console(bob)
    url = page(f"memories:{verb}-ingestion", failed)
    assert browser.post(url).status_code == 403
    assert browser.get(url).status_code == 403
    all_of_it = page(f"memories:{verb}-ingestions")
    assert browser.post(all_of_it, {"error": "provider_rejected"}).status_code == 403
    assert agent.operation(failed).status == "FAILED"
    told = body(browser.get(page("memories:ingestion", failed)))
    assert "Retry…" not in told
    assert "Process again…" not in told


def test_an_outsider_finds_nothing(console, carol, globex, page, failed):
    browser = console(carol)
    assert browser.get(page("memories:ingestions")).status_code == 404
    for name in ("ingestion", "retry-ingestion", "reprocess-ingestion"):
        assert browser.get(page(f"memories:{name}", failed)).status_code == 404
        assert browser.post(page(f"memories:{name}", failed)).status_code in (404, 405)


def test_anothers_is_not_there_on_ones_own_pages(console, alice, page, other):
    theirs = other.say("Globex sells bees.").operation_id
    assert console(alice).get(page("memories:ingestion", theirs)).status_code == 404


def audited(agent, action):
    with agent.scope():
        rows = AuditEntry.objects.filter(action=action, actor_kind="operator")
        return list(rows.values_list("actor_id", flat=True))


def test_what_the_ontology_left_out_is_told(console, bob, page, agent):
    with agent.scope():
        ontology = {"entity_types": ["person"], "relation_types": ["works_at"]}
        change_settings(agent.company.project, {"ontology": ontology})
    operation = agent.learn("I live in Lisbon.")
    (fact,) = agent.ledger(operation.id)["facts"]
    assert any(one.startswith("no entity type") for one in fact["left_out"])
    told = body(console(bob).get(page("memories:ingestion", operation.id)))
    assert f"Left out by the ontology: {', '.join(fact['left_out'])}" in told


def test_without_an_ontology_nothing_is_left_out(console, bob, page, agent):
    operation = agent.learn("I live in Lisbon.")
    assert "left_out" not in agent.ledger(operation.id)["facts"][0]
    told = body(console(bob).get(page("memories:ingestion", operation.id)))
    assert "ontology" not in told

"""What nobody waits for: wake-ups that were lost, expiries, summaries, old records."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from memories.models import ConversationSummary, IdempotencyRecord, LlmCall, Outbox
from memories.selectors.due import due_ids
from memories.services import background
from memories.services.background import (
    keep_house,
    note_expiries,
    refresh_anchor_summary,
    wake_due_operations,
)
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject
from memories.types import Actor
from memplatform.celery import app
from memplatform.lib import clock
from tenants.models import ApiKey

# --- the sweep -----------------------------------------------------------------------


def test_an_add_whose_message_was_lost_is_woken_again(agent, other, frozen):
    mine, theirs = agent.accept("I keep bees."), other.accept("I keep bees.")
    assert wake_due_operations() == 0  # patience: a message may still arrive
    frozen.advance(seconds=6)
    assert wake_due_operations() == 2
    assert agent.operation(mine).woken_at == clock.now()
    assert other.operation(theirs).woken_at == clock.now()
    assert wake_due_operations() == 0  # a second beat at the same time


def test_an_add_whose_worker_died_is_woken_when_its_lease_is_over(agent, frozen):
    operation_id = agent.accept("I keep bees.")
    agent.claim(operation_id)  # for 60 seconds
    frozen.advance(seconds=50)
    assert wake_due_operations() == 0
    frozen.advance(seconds=20)
    assert wake_due_operations() == 1
    assert agent.run(operation_id).status == "SUCCEEDED"


def test_only_the_oldest_of_an_anchor_is_woken(agent, frozen):
    first, second = agent.accept("I keep bees."), agent.accept("I live in Oslo.")
    frozen.advance(seconds=6)
    assert wake_due_operations() == 1
    assert agent.operation(first).woken_at == clock.now()
    assert agent.operation(second).woken_at < clock.now()


def test_an_add_that_waits_for_its_model_is_not_woken_early(
    agent, frozen, models, settings
):
    settings.RETRY_BASE_S = 60.0
    models.order("error", path="embeddings", times=4)
    operation_id = agent.accept("I keep bees.")
    assert agent.run(operation_id).status == "PENDING"
    frozen.advance(seconds=50)
    assert wake_due_operations() == 0
    frozen.advance(seconds=15)
    assert wake_due_operations() == 1


def test_finished_work_is_not_woken(agent, frozen):
    agent.learn("I keep bees.")
    agent.keep("I live in Oslo.")
    frozen.advance(hours=1)
    assert wake_due_operations() == 0


# --- expiries ------------------------------------------------------------------------


@pytest.fixture
def passing(agent, frozen):
    """A memory for today."""
    return agent.keep("Ann is in Paris.", expires_on=frozen.instant.date())


def test_an_expiry_is_told_once_its_day_is_past(agent, passing, frozen):
    assert note_expiries() == 0
    frozen.advance(days=1)
    assert (note_expiries(), note_expiries()) == (1, 0)
    assert agent.events(passing) == ["ADD", "EXPIRE"]
    assert agent.get(passing).text == "Ann is in Paris."  # nothing is deleted


def test_each_day_that_was_given_is_told(agent, passing, frozen):
    frozen.advance(days=1)
    note_expiries()
    agent.edit(passing, expires_on=frozen.instant.date())
    assert note_expiries() == 0
    frozen.advance(days=1)
    assert note_expiries() == 1
    agent.edit(passing, metadata={"a": 1})  # leaves the day
    assert note_expiries() == 0
    assert agent.events(passing).count("EXPIRE") == 2


def test_a_deleted_memory_does_not_expire(agent, passing, frozen):
    agent.delete(passing)
    frozen.advance(days=1)
    assert note_expiries() == 0


def test_every_tenants_expiries_are_told(agent, other, passing, frozen):
    theirs = other.keep("Bob is in Rome.", expires_on=frozen.instant.date())
    frozen.advance(days=1)
    assert note_expiries() == 2
    assert other.events(theirs) == ["ADD", "EXPIRE"]


def test_no_webhook_takes_an_expiry_for_a_delete(agent, passing, frozen):
    """The memory is hidden from lists; whoever asks for it still gets it."""
    agent.subscribe()
    frozen.advance(days=1)
    keep_house()
    assert agent.events(passing) == ["ADD", "EXPIRE"]
    assert agent.told() == []
    assert agent.get(passing).text == "Ann is in Paris."


def test_the_outbox_is_due_across_tenants_and_tells_keys_only(agent, other):
    for company in (agent, other):
        company.subscribe("memory_add")
        company.keep("Ann keeps bees.")
    due = due_ids("due_outbox", clock.now(), 10)
    assert {tenant: len(rows) for tenant, rows in due.items()} == {
        agent.company.id: 1,
        other.company.id: 1,
    }
    with agent.scope():
        Outbox.objects.update(handled_at=clock.now())
    assert list(due_ids("due_outbox", clock.now(), 10)) == [other.company.id]


# --- the rolling summary -------------------------------------------------------------


@pytest.fixture
def talk(agent):
    """``talk(text, …)`` says something and returns the anchor."""

    def say(*texts, **details):
        agent.say(*texts, **details)
        return agent.heads()[-1].anchor_id

    return say


def summary_of(agent, anchor_id) -> ConversationSummary | None:
    with agent.scope():
        return ConversationSummary.objects.filter(anchor_id=anchor_id).first()


def refresh(agent, anchor_id) -> str | None:
    refresh_anchor_summary(agent.access.tenant_id, anchor_id)
    summary = summary_of(agent, anchor_id)
    return summary.text if summary else None


def test_a_summary_takes_up_what_was_said_since(agent, talk):
    anchor = talk("I keep bees.")
    assert "I keep bees." in refresh(agent, anchor)
    talk("I moved to Oslo.")
    text = refresh(agent, anchor)
    assert text.count("I keep bees.") == 1
    assert "I moved to Oslo." in text
    assert summary_of(agent, anchor).upto_position == 1


def test_nothing_new_asks_no_model(agent, talk, models):
    anchor = talk("I keep bees.")
    refresh(agent, anchor)
    refresh(agent, anchor)
    assert models.stats()["by_purpose"] == {"summary": 1}


def test_a_models_summary_is_recorded_without_its_texts(agent, talk, models):
    refresh(agent, talk("I keep bees."))
    with agent.scope():
        (call,) = LlmCall.objects.all()
    assert (call.purpose, call.request, call.reply) == ("summary", None, None)
    assert call.prompt_tokens > 0


def test_a_failing_model_leaves_the_summary_as_it_was(agent, talk, models):
    anchor = talk("I keep bees.")
    before = refresh(agent, anchor)
    talk("I moved to Oslo.")
    models.order("refusal")
    assert refresh(agent, anchor) == before
    assert "Oslo" in refresh(agent, anchor)


def test_the_next_extraction_reads_the_summary(agent, models):
    agent.learn("I keep bees.")
    anchor = agent.heads()[0].anchor_id
    models.reply('{"summary": "Ann told of her bees."}')
    refresh(agent, anchor)
    models.configure(keep_bodies=True)
    agent.learn("I moved to Oslo.")
    (body,) = [b for b in models.stats()["bodies"] if "messages" in b]
    assert "Ann told of her bees." in body["messages"][1]["content"]


@pytest.fixture
def sent(agent, valkey):
    """``sent()``: which tasks the broker was given for acme, oldest first."""
    before, app.conf.broker_url = app.conf.broker_url, valkey
    app.amqp._producer_pool = None  # or it goes on with the address it has met first
    broker = Redis.from_url(valkey)

    def read() -> list[str]:
        rows = [
            json.loads(row)["headers"] for row in broker.lrange("memplatform", 0, -1)
        ]
        mine = [row for row in rows if str(agent.company.id) in row["argsrepr"]]
        return [row["task"] for row in reversed(mine)]

    yield read
    app.conf.broker_url = before
    app.amqp._producer_pool = None
    broker.close()


def test_an_add_asks_for_a_summary_when_enough_was_said(agent, sent):
    with agent.scope():
        change_settings(agent.company.project, {"summary_every_messages": 3})
    agent.learn("I keep bees.", "I live in Oslo.")
    assert sent() == []
    agent.learn("I play the cello.")
    assert sent() == ["summaries.refresh"]


def test_a_slower_refresh_does_not_undo_a_faster_one(agent, talk):
    anchor = talk("I keep bees.")
    slow = background._read_said(agent.access.tenant_id, anchor)
    talk("I moved to Oslo.")
    refresh(agent, anchor)
    with agent.scope():
        background._write_summary(slow, "late")
    assert "Oslo" in summary_of(agent, anchor).text


def erase(agent, kind, name):
    with agent.scope():
        erase_subject(agent.access.project_id, kind, name, Actor("system"))


def test_what_is_erased_while_it_is_summarized_is_not_kept(agent, talk):
    """One run of an anchor is erased, what was said last belongs to another."""
    anchor = talk("I keep bees.", user_id="ann", run_id="r1")
    talk("I moved to Oslo.", user_id="ann", run_id="r2")
    said = background._read_said(agent.access.tenant_id, anchor)
    erase(agent, "run", "r1")
    with agent.scope():
        background._write_summary(said, "Ann keeps bees and moved to Oslo.")
    assert summary_of(agent, anchor) is None


def test_a_summary_that_was_erased_does_not_come_back(agent, talk):
    anchor = talk("I keep bees.", user_id="ann", run_id="r1")
    refresh(agent, anchor)
    talk("I moved to Oslo.", user_id="ann", run_id="r2")
    said = background._read_said(agent.access.tenant_id, anchor)
    erase(agent, "run", "r1")
    with agent.scope():
        background._write_summary(said, f"{said.previous.text} and moved to Oslo.")
    assert summary_of(agent, anchor) is None
    assert "bees" not in refresh(agent, anchor)


# --- house-keeping -------------------------------------------------------------------


def test_idempotency_records_are_forgotten_after_a_day(agent, other, frozen):
    agent.say("I keep bees.", idempotency_key="old", body_hash="x")
    other.say("I keep bees.", idempotency_key="old", body_hash="x")
    frozen.advance(hours=23)
    agent.say("I keep wasps.", idempotency_key="new", body_hash="x")
    frozen.advance(hours=2)
    keep_house()
    with agent.scope():
        left = list(IdempotencyRecord.objects.values_list("key", flat=True))
    assert left == ["new"]
    assert other.count(IdempotencyRecord) == 0


def test_house_keeping_counts_the_use_of_keys(agent):
    used = agent.access.key_id
    keep_house()
    with agent.scope():
        assert ApiKey.objects.get(id=used).last_used_at is not None

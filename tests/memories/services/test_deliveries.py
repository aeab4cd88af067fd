"""From a change to the receiver: told once written, sent until taken, never twice."""

from __future__ import annotations

import json
import logging
import threading
from datetime import timedelta

import pytest
from django.db import connections

from memories.models import Delivery, Operation, Outbox, Webhook
from memories.services import deliveries
from memories.services.deletion import delete_scope, erase_subject, purge
from memories.services.deliveries import (
    deliver,
    fan_out,
    forget_deliveries,
    wake_due,
)
from memories.services.edit import restore_version
from memories.services.webhooks import (
    WebhookChanges,
    change_webhook,
    delete_webhook,
    redeliver,
    rotate_secret,
    send_test,
)
from memories.store import operations
from memories.types import Actor
from memplatform.celery import app
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, ScopeError
from tenants.models import AuditEntry, Project
from tenants.scopes import tenant_scope
from tests.memories.agents import adds, at_once
from tests.webhook_receiver import HANG, Answer, Receiver

CANARY = "zebrafinch"


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(agent, receiver) -> Webhook:
    """Everything is told to the receiver."""
    return agent.subscribe(url=receiver.url)


def tell(agent) -> None:
    """What the workers do: fan out, and send what is due."""
    fan_out(agent.access.tenant_id, agent.access.project_id)
    send(agent)


def send(agent) -> None:
    with agent.scope():
        ids = list(Webhook.objects.values_list("id", flat=True))
    for webhook_id in ids:
        deliver(agent.access.tenant_id, webhook_id)


def sent(agent, **conditions) -> list[Delivery]:
    with agent.scope():
        rows = Delivery.objects.filter(**conditions).select_related("webhook")
        return list(rows.order_by("created_at", "id"))


def only(agent) -> Delivery:
    (delivery,) = sent(agent)
    return delivery


def fresh(agent, webhook: Webhook) -> Webhook:
    with agent.scope():
        return Webhook.objects.get(id=webhook.id)


# --- What is told -----------------------------------------------------------


def test_the_life_of_a_memory_is_told(agent, receiver):
    agent.subscribe("memory_add", "memory_update", "memory_delete", url=receiver.url)
    memory_id = agent.keep("Ann keeps bees.")
    agent.edit(memory_id, text="Ann keeps goats.")
    agent.delete(memory_id)
    restore_version(agent.access, memory_id, 1)
    tell(agent)
    assert receiver.events() == ["ADD", "UPDATE", "DELETE", "ADD"]
    details = [request.json["event_details"] for request in receiver.received]
    assert {told["id"] for told in details} == {str(memory_id)}
    assert [told["data"]["memory"] for told in details] == [
        "Ann keeps bees.",
        "Ann keeps goats.",
        "Ann keeps goats.",
        "Ann keeps bees.",
    ]
    assert [told["version"] for told in details] == [1, 2, 3, 4]


def test_only_what_was_subscribed_to_is_told(agent, receiver):
    agent.subscribe("memory_delete", url=receiver.url)
    agent.delete(agent.keep("Ann keeps bees."))
    tell(agent)
    assert receiver.events() == ["DELETE"]


def test_each_webhook_is_told(agent, receiver):
    with Receiver() as other:
        agent.subscribe("memory_add", url=receiver.url)
        agent.subscribe("memory_add", url=other.url)
        agent.keep("Ann keeps bees.")
        tell(agent)
        assert receiver.events() == other.events() == ["ADD"]
        assert receiver.ids() != other.ids()


def test_categories_are_told(agent, receiver):
    agent.subscribe("memory_categorize", url=receiver.url)
    agent.decide(adds("Ann keeps bees.", categories=("hobbies", "animals")))
    tell(agent)
    (request,) = receiver.received
    details = request.json["event_details"]
    assert details["event"] == "CATEGORIZE"
    assert details["memory_id"] == str(agent.heads()[0].id)
    assert details["categories"] == ["hobbies", "animals"]


def test_what_was_told_is_not_told_again(agent, hook, receiver):
    agent.keep("Ann keeps bees.")
    tell(agent)
    tell(agent)
    assert sorted(receiver.events()) == ["ADD", "INGEST_JOB_COMPLETED"]
    assert agent.told() == []


def test_what_is_rolled_back_is_not_told(agent, hook):
    with pytest.raises(RuntimeError), agent.scope():
        operations.fail(_held(agent), "x", "x")
        raise RuntimeError
    assert agent.told() == []


def _held(agent) -> Operation:
    operation_id = agent.accept("I keep bees.")
    return operations.hold(agent.claim(operation_id))


def test_a_webhook_that_came_later_is_not_told_of_before(agent, receiver):
    agent.subscribe("memory_delete")
    memory_id = agent.keep("Ann keeps bees.")
    agent.subscribe("memory_add", url=receiver.url)
    agent.edit(memory_id, text="Ann keeps goats.")
    tell(agent)
    assert receiver.received == []


def test_what_nobody_waits_for_any_more_leaves_no_row(agent, hook):
    agent.keep("Ann keeps bees.")
    with agent.scope():
        delete_webhook(hook)
    tell(agent)
    assert agent.count(Outbox) == 0


def test_many_changes_are_told_in_chunks(agent, receiver, monkeypatch):
    monkeypatch.setattr(deliveries, "CHUNK", 3)
    agent.subscribe("memory_add", url=receiver.url)
    agent.say(*(f"Ann keeps {n} bees." for n in range(8)))
    tell(agent)
    assert receiver.events() == ["ADD"] * 8


def test_one_project_hears_nothing_of_another(agent, other, receiver):
    other.subscribe(url=receiver.url)
    agent.subscribe("memory_add", url="https://ann.example/")
    agent.keep("Ann keeps bees.")
    fan_out(other.access.tenant_id, agent.access.project_id)
    tell(other)
    assert receiver.received == []
    assert agent.told() == ["memory_add"]


# --- Jobs -------------------------------------------------------------------


JOBS = ("completed", "partially_completed", "failed", "cancelled")


@pytest.fixture
def jobs(agent, receiver):
    """``jobs()``: how adds ended, as the receiver was told."""
    agent.subscribe(*(f"ingest_job_{word}" for word in JOBS), url=receiver.url)

    def jobs() -> list[dict]:
        tell(agent)
        return [request.json["event_details"] for request in receiver.received]

    return jobs


def test_a_finished_add_is_told_with_what_it_touched(agent, jobs):
    operation = agent.learn("I keep bees.")
    (job,) = jobs()
    assert job["event"] == "INGEST_JOB_COMPLETED"
    assert (job["event_id"], job["status"]) == (str(operation.id), "SUCCEEDED")
    assert job["results"] == [{"id": str(agent.heads()[0].id), "event": "ADD"}]
    assert "bees" not in json.dumps(job)


def test_an_add_that_drops_a_message_is_told_as_partial(agent, jobs):
    operation_id = agent.accept("I keep bees.", "And this?")
    unread = {1: "could not be read"}
    agent.decide(adds("Ann keeps bees."), on=operation_id, unread=unread)
    assert [job["event"] for job in jobs()] == ["INGEST_JOB_PARTIALLY_COMPLETED"]


def test_an_add_that_fails_is_told_with_its_reason(agent, jobs):
    with agent.scope():
        operations.fail(_held(agent), "gave_up", "Too often.")
    (job,) = jobs()
    assert job["event"] == "INGEST_JOB_FAILED"
    assert (job["status"], job["error_code"]) == ("FAILED", "gave_up")


def test_an_add_whose_scope_was_deleted_is_told_as_cancelled(agent, jobs):
    operation_id = agent.accept("I keep bees.")
    delete_scope(agent.access, {"user_id": "ann"})
    agent.decide(adds("Ann keeps bees."), on=operation_id)
    assert [job["event"] for job in jobs()] == ["INGEST_JOB_CANCELLED"]


def test_an_add_whose_subject_was_erased_is_told_as_cancelled(agent, jobs):
    agent.accept("I keep bees.")
    erase(agent)
    (job,) = jobs()
    assert (job["event"], job["error_code"]) == ("INGEST_JOB_CANCELLED", "erased")
    assert job["user_id"].startswith("erased-")


def test_each_add_of_a_burst_is_told(agent, models, jobs, settings, frozen):
    """Decided in one call, they are two jobs all the same."""
    settings.ADD_WINDOW_S = 2.0
    first, second = agent.accept("I keep bees."), agent.accept("I keep goats.")
    frozen.advance(seconds=3)
    agent.run(first)
    told = jobs()
    assert {job["event_id"] for job in told} == {str(first), str(second)}
    assert {job["event"] for job in told} == {"INGEST_JOB_COMPLETED"}


def test_other_requests_are_no_jobs(agent, jobs):
    memory_id = agent.keep("Ann keeps bees.")
    agent.edit(memory_id, text="Ann keeps goats.")
    agent.run(delete_scope(agent.access, {"user_id": "ann"}))
    assert len(jobs()) == 1


# --- The request ------------------------------------------------------------


def test_a_request_is_signed_with_the_secret(agent, receiver, frozen):
    agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Zoë ♥ bees.")
    tell(agent)
    (request,) = receiver.received
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == str(only(agent).id)
    at = int(frozen.instant.timestamp())
    assert request.headers["webhook-timestamp"] == str(at)
    assert request.is_signed_with(agent.secret)
    assert not request.is_signed_with("whsec_AAAA")


def test_for_a_day_both_secrets_sign(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    with agent.scope():
        _, fresh_secret = rotate_secret(hook)
    for hours in (23, 2):
        frozen.advance(hours=hours)
        agent.keep(f"Ann keeps bees {hours}.")
        tell(agent)
    during, after = receiver.received
    assert during.is_signed_with(fresh_secret)
    assert during.is_signed_with(agent.secret)
    assert after.is_signed_with(fresh_secret)
    assert not after.is_signed_with(agent.secret)


def test_a_secret_that_cannot_be_read_is_no_crash(agent, hook, receiver, settings):
    agent.keep("Ann keeps bees.")
    settings.ENCRYPTION_KEYS = ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
    tell(agent)
    assert receiver.received == []
    assert "ENCRYPTION_KEYS" in sent(agent)[0].error


def test_it_keeps_what_was_sent_and_answered(agent, receiver):
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(Answer(200, body=b"got it"))
    agent.keep("Ann keeps bees.")
    tell(agent)
    delivery = only(agent)
    (request,) = receiver.received
    assert (delivery.status, delivery.attempts) == ("delivered", 1)
    assert delivery.delivered_at is not None
    assert delivery.url == receiver.url
    assert delivery.body == request.json
    assert delivery.request_headers.items() <= request.headers.items()
    assert (delivery.response_status, delivery.response_body) == (200, "got it")
    (entry,) = delivery.attempt_log
    assert (entry["status"], entry["error"]) == (200, "")


def test_nothing_is_sent_inside_a_transaction(agent, hook, receiver):
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    attempt = deliveries._claim(agent.access.tenant_id, hook.id)
    with agent.scope(), pytest.raises(ScopeError):
        deliveries._send(attempt)
    assert receiver.received == []


def test_the_log_tells_no_text(agent, receiver, caplog, settings):
    settings.WEBHOOK_RETRY_HOURS = 0.0
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(Answer(500, body=CANARY.encode()))
    with caplog.at_level(logging.DEBUG):
        agent.keep(f"Ann keeps a {CANARY}.")
        tell(agent)
    assert "webhook disabled" in caplog.text
    assert CANARY not in caplog.text
    assert agent.secret not in caplog.text


# --- When it fails ----------------------------------------------------------


def test_what_fails_is_tried_again_under_the_same_id(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(500, 200)
    agent.keep("Ann keeps bees.")
    tell(agent)
    delivery = only(agent)
    assert (delivery.status, delivery.error) == ("pending", "HTTP 500")
    failing = fresh(agent, hook)
    assert (failing.failures, failing.failing_since) == (1, frozen.instant)
    send(agent)
    assert len(receiver.received) == 1  # not before its time
    frozen.move_to(max(delivery.next_attempt_at, failing.paused_until))
    send(agent)
    assert (only(agent).status, only(agent).attempts) == ("delivered", 2)
    assert receiver.ids() == [str(delivery.id)] * 2
    well = fresh(agent, hook)
    assert (well.failures, well.failing_since, well.paused_until) == (0, None, None)


@pytest.mark.parametrize("status", [300, 302, 400, 401, 404, 429, 500, 503])
def test_all_but_2xx_is_a_failure(agent, receiver, status):
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(status)
    agent.keep("Ann keeps bees.")
    tell(agent)
    assert (only(agent).status, only(agent).error) == ("pending", f"HTTP {status}")


@pytest.mark.parametrize("status", [201, 202, 204])
def test_every_2xx_is_a_success(agent, receiver, status):
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(Answer(status, body=b""))
    agent.keep("Ann keeps bees.")
    tell(agent)
    assert only(agent).status == "delivered"


def test_pauses_grow_until_a_day_is_over(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(*[500] * 50)
    agent.keep("Ann keeps bees.")
    began, instants = frozen.instant, []
    tell(agent)
    while only(agent).status == "pending":
        instants.append(only(agent).next_attempt_at - began)
        frozen.move_to(
            max(only(agent).next_attempt_at, fresh(agent, hook).paused_until)
        )
        send(agent)
    assert 10 <= len(receiver.received) <= 17
    assert instants[0] < timedelta(seconds=7)
    assert instants[-1] == timedelta(hours=24)
    assert only(agent).status == "failed"


def disabled_by(agent, hook) -> str:
    """Why it is disabled; checks that everybody can see that it is."""
    webhook = fresh(agent, hook)
    assert not webhook.is_active
    assert webhook.disabled_at is not None
    with tenant_scope(agent.access.tenant_id):
        entry = AuditEntry.objects.get(action="webhook.disable")
    assert (entry.actor_kind, entry.object_id) == ("system", str(hook.id))
    assert entry.changes["reason"] == ["", webhook.disabled_reason]
    return webhook.disabled_reason


def test_after_a_day_of_failures_the_webhook_is_disabled(
    agent, receiver, frozen, caplog
):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(*[500] * 3)
    agent.say("Ann keeps bees.", "Ann keeps goats.")
    tell(agent)
    frozen.advance(hours=24)
    send(agent)
    reason = disabled_by(agent, hook)
    assert reason == "Nothing was delivered for 24 hours: HTTP 500."
    assert "webhook disabled" in caplog.text
    assert sorted(d.status for d in sent(agent)) == ["cancelled", "failed"]
    agent.keep("Ann keeps ants.")
    assert agent.told() == []


def test_one_delivery_that_is_never_taken_disables_nothing(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(500, 200, 500)
    agent.keep("Ann keeps bees.")
    tell(agent)
    frozen.advance(hours=1)
    with agent.scope():
        Delivery.objects.update(next_attempt_at=frozen.instant + timedelta(hours=23))
    agent.keep("Ann keeps goats.")
    tell(agent)
    frozen.advance(hours=23)
    send(agent)
    assert [d.status for d in sent(agent)] == ["failed", "delivered"]
    assert fresh(agent, hook).is_active


def test_gone_disables_at_once(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(410)
    agent.say("Ann keeps bees.", "Ann keeps goats.")
    tell(agent)
    assert disabled_by(agent, hook) == "It answered 410 Gone."
    assert sorted(d.status for d in sent(agent)) == ["cancelled", "failed"]


def test_a_disabled_webhook_gets_a_new_start(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(410)
    agent.keep("Ann keeps bees.")
    tell(agent)
    with agent.scope():
        change_webhook(hook, WebhookChanges(is_active=True))
    webhook = fresh(agent, hook)
    assert (webhook.is_active, webhook.disabled_at) == (True, None)
    assert (webhook.disabled_reason, webhook.failures) == ("", 0)
    agent.keep("Ann keeps goats.")
    tell(agent)
    assert [d.status for d in sent(agent)] == ["failed", "delivered"]


def test_another_address_is_a_new_start_for_what_waits(agent, receiver):
    with Receiver() as gone:
        url = gone.url
    hook = agent.subscribe("memory_add", url=url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    assert only(agent).error == "cannot be connected to"
    with agent.scope():
        change_webhook(hook, WebhookChanges(url=receiver.url))
        redeliver(hook, only(agent))
    send(agent)
    assert (only(agent).status, only(agent).url) == ("delivered", receiver.url)


def test_a_webhook_that_fails_rests(agent, receiver, frozen):
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(500)
    agent.say("Ann keeps bees.", "Ann keeps goats.")
    tell(agent)
    send(agent)
    assert len(receiver.received) == 1
    frozen.advance(seconds=5)
    send(agent)
    assert len(set(receiver.ids())) == 2  # the other one: it works again


def test_who_asks_for_a_pause_gets_it(agent, receiver, frozen):
    agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(Answer(429, headers=(("Retry-After", "600"),)))
    agent.keep("Ann keeps bees.")
    tell(agent)
    assert only(agent).next_attempt_at == frozen.instant + timedelta(minutes=10)


def test_an_address_inside_is_never_asked(agent, receiver, settings):
    """Whatever it meant when the webhook was made."""
    agent.subscribe("memory_add", url=receiver.url)
    settings.ALLOW_PRIVATE_WEBHOOKS = []
    agent.keep("Ann keeps bees.")
    tell(agent)
    assert receiver.received == []
    assert "not an address on the internet" in only(agent).error


# --- Never twice, never lost ------------------------------------------------


def test_couriers_at_once_send_each_delivery_once(committed_db, agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.say(*(f"Ann keeps {n} bees." for n in range(12)))
    fan_out(agent.access.tenant_id, agent.access.project_id)
    tenant_id = agent.access.tenant_id
    at_once(*[lambda: deliver(tenant_id, hook.id)] * 6)
    send(agent)
    assert len(receiver.received) == len(set(receiver.ids())) == 12


def test_fanning_out_at_once_tells_each_change_once(committed_db, agent):
    agent.subscribe("memory_add")
    agent.say(*(f"Ann keeps {n} bees." for n in range(12)))
    access = agent.access
    answers = at_once(*[lambda: fan_out(access.tenant_id, access.project_id)] * 4)
    assert sum(answers) == 12
    assert agent.count(Delivery) == 12


def test_what_a_dead_worker_held_is_sent_when_its_lease_is_over(
    agent, receiver, frozen
):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    assert deliveries._claim(agent.access.tenant_id, hook.id)  # and dies
    send(agent)
    assert receiver.received == []
    frozen.advance(minutes=5)
    assert wake_due() == 1
    send(agent)
    assert (only(agent).status, only(agent).attempts) == ("delivered", 2)


def test_who_has_lost_its_lease_writes_nothing(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    slow = deliveries._claim(agent.access.tenant_id, hook.id)
    frozen.advance(minutes=5)
    quick = deliveries._claim(agent.access.tenant_id, hook.id)
    receiver.answer(410)
    assert not deliveries._record(slow, *deliveries._send(slow))
    assert fresh(agent, hook).is_active
    assert deliveries._record(quick, *deliveries._send(quick))
    assert (only(agent).status, len(only(agent).attempt_log)) == ("delivered", 1)


@pytest.fixture
def hanging(committed_db, agent):
    """A receiver that is being asked and does not answer, until it is released."""
    with Receiver() as receiver:
        receiver.answer(HANG)
        hook = agent.subscribe("memory_add", url=receiver.url)
        agent.keep("Ann keeps bees.")
        fan_out(agent.access.tenant_id, agent.access.project_id)
        courier = threading.Thread(target=_courier, args=(agent, hook))
        courier.start()
        wait_for(lambda: receiver.received)
        yield receiver
        receiver.release()
        courier.join(30)
        assert not courier.is_alive()


def _courier(agent, hook) -> None:
    try:
        deliver(agent.access.tenant_id, hook.id)
    finally:
        connections.close_all()


def wait_for(condition, within_s: float = 20) -> None:
    event, deadline = threading.Event(), within_s
    while not condition():
        event.wait(0.01)
        deadline -= 0.01
        assert deadline > 0, "the receiver was never asked"


def test_a_receiver_that_hangs_holds_up_nobody(agent, hanging, receiver):
    agent.subscribe("memory_delete", url=receiver.url)
    memory_id = agent.keep("Ann keeps goats.")
    agent.learn("I keep ants.")
    agent.delete(memory_id)
    tell(agent)
    assert receiver.events() == ["DELETE"]
    assert len(hanging.received) == 3  # its other deliveries had a courier, too


def test_an_erasure_does_not_wait_for_a_receiver_that_hangs(agent, hanging):
    erase(agent)
    with agent.scope():
        assert Delivery.objects.get().status == "cancelled"
    hanging.release()


def test_a_worker_sends_with_some_of_its_threads_only(agent, hook, receiver, settings):
    settings.WEBHOOK_CONCURRENCY = 1
    deliveries._threads.cache_clear()
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    try:
        with deliveries._threads():
            assert deliver(agent.access.tenant_id, hook.id) == 0
        assert deliver(agent.access.tenant_id, hook.id) == 2
    finally:
        deliveries._threads.cache_clear()


def test_others_get_their_turn_when_there_is_much_to_send(agent, receiver, monkeypatch):
    monkeypatch.setattr(deliveries, "TURN_S", -1.0)
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.say("Ann keeps bees.", "Ann keeps goats.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    assert deliver(agent.access.tenant_id, hook.id) == 1
    assert deliver(agent.access.tenant_id, hook.id) == 1
    assert len(set(receiver.ids())) == 2


def test_deliveries_have_a_lane_of_their_own():
    routes = app.amqp.router
    for name in ("webhooks.fan_out", "webhooks.deliver", "webhooks.sweep"):
        assert routes.route({}, name)["queue"].name == "webhooks"


# --- The sweep --------------------------------------------------------------


def test_what_lost_its_message_is_woken(agent, other, receiver, frozen):
    agent.subscribe("memory_add", url=receiver.url)
    other.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    assert wake_due() == 0  # patience: the message may still arrive
    frozen.advance(seconds=6)
    assert wake_due() == 1
    fan_out(agent.access.tenant_id, agent.access.project_id)
    assert wake_due() == 1
    assert wake_due() == 0  # it was woken just now
    frozen.advance(seconds=6)
    assert wake_due() == 1
    send(agent)
    frozen.advance(seconds=6)
    assert wake_due() == 0


@pytest.mark.parametrize("why", ["inactive", "resting", "project deleted"])
def test_a_webhook_that_may_not_be_sent_to_is_not_woken(agent, frozen, why):
    hook = agent.subscribe("memory_add")
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    with agent.scope():
        rows = Webhook.objects.filter(id=hook.id)
        if why == "inactive":
            rows.update(is_active=False)
        elif why == "resting":
            rows.update(paused_until=frozen.instant + timedelta(hours=1))
        else:
            Project.objects.update(deleted_at=frozen.instant)
    frozen.advance(minutes=1)
    assert wake_due() == 0
    assert deliver(agent.company.id, hook.id) == 0


def test_due_tells_keys_across_tenants(agent, other):
    for company in (agent, other):
        company.subscribe("memory_add")
        company.keep("Ann keeps bees.")
        fan_out(company.access.tenant_id, company.access.project_id)
    due = deliveries.due_ids("due_webhooks", clock.now(), timedelta(seconds=5), 10)
    assert set(due) == {agent.company.id, other.company.id}


# --- By hand ----------------------------------------------------------------


def test_a_test_is_sent_marked_and_not_tried_again(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    receiver.answer(500)
    with agent.scope():
        send_test(hook, "memory_delete")
    send(agent)
    (request,) = receiver.received
    assert request.json["test"] is True
    assert request.json["event_details"]["event"] == "DELETE"
    assert only(agent).status == "failed"
    assert fresh(agent, hook).is_active


def test_every_event_has_a_sample(agent, receiver):
    hook = agent.subscribe(url=receiver.url)
    with agent.scope():
        for topic in hook.event_types:
            send_test(hook, topic)
    send(agent)
    assert sorted(r.json["type"] for r in receiver.received) == sorted(hook.event_types)


def test_it_is_sent_again_by_hand(agent, receiver, frozen):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    with agent.scope():
        redeliver(hook, only(agent))
    send(agent)
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (only(agent).status, only(agent).attempts) == ("delivered", 2)


def test_nothing_is_sent_by_hand_to_one_that_is_not_active(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    with agent.scope():
        change_webhook(hook, WebhookChanges(is_active=False))
        with pytest.raises(InvalidRequest, match="active"):
            redeliver(hook, only(agent))
        with pytest.raises(InvalidRequest, match="active"):
            send_test(hook, "memory_add")


# --- Erasure and retention --------------------------------------------------


def erase(agent) -> None:
    with agent.scope():
        erase_subject(agent.access.project_id, "user", "ann", Actor("system"))


def test_an_erasure_takes_what_was_told_and_ends_what_was_to_be(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    agent.keep("Ann keeps goats.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    agent.keep("Ann keeps ants.")
    erase(agent)
    tell(agent)
    assert [d.status for d in sent(agent)] == ["delivered", "cancelled"]
    assert [(d.body, d.response_body) for d in sent(agent)] == [(None, None)] * 2
    assert receiver.events() == ["ADD"]
    assert agent.told() == []
    with agent.scope(), pytest.raises(InvalidRequest, match="erased"):
        redeliver(hook, sent(agent)[0])


def test_who_has_copies_is_told_that_they_are_erased(agent, receiver):
    agent.subscribe("memory_delete", url=receiver.url)
    agent.delete(agent.keep("Ann keeps ants."))
    tell(agent)
    memory_id = agent.keep("Ann keeps bees.")
    erase(agent)
    tell(agent)
    _, told = (request.json["event_details"] for request in receiver.received)
    assert (told["id"], told["event"]) == (str(memory_id), "DELETE")
    assert told["data"] == {"memory": ""}


def test_an_answer_that_comes_after_the_erasure_is_not_kept(agent, receiver):
    hook = agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    fan_out(agent.access.tenant_id, agent.access.project_id)
    attempt = deliveries._claim(agent.access.tenant_id, hook.id)
    receiver.answer(Answer(200, body=b"Ann keeps bees."))
    answer = deliveries._send(attempt)
    erase(agent)
    assert not deliveries._record(attempt, *answer)
    assert (only(agent).status, only(agent).response_body) == ("cancelled", None)


def test_other_subjects_deliveries_stay(agent, receiver):
    agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Bea keeps bees.", user_id="bea")
    tell(agent)
    erase(agent)
    assert only(agent).body["event_details"]["data"] == {"memory": "Bea keeps bees."}


def test_an_erasure_and_a_fan_out_at_once_leave_no_text(committed_db, agent):
    agent.subscribe("memory_add")
    access = agent.access
    for turn in range(4):
        agent.say(*(f"Ann keeps {n} bees, {turn}." for n in range(5)))
        answers = at_once(
            lambda: fan_out(access.tenant_id, access.project_id), lambda: erase(agent)
        )
        assert not [a for a in answers if isinstance(a, Exception)], answers
        fan_out(access.tenant_id, access.project_id)
    assert [d.body for d in sent(agent)] == [None] * len(sent(agent))


def test_a_purge_takes_webhooks_and_deliveries(agent, receiver):
    agent.subscribe(url=receiver.url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    with tenant_scope(agent.access.tenant_id):
        purge(agent.access.tenant_id, agent.access.project_id)
    for model in (Outbox, Webhook, Delivery):
        assert agent.count(model) == 0


def test_old_deliveries_are_forgotten(agent, receiver, frozen, settings):
    settings.WEBHOOK_DELIVERY_DAYS = 30
    agent.subscribe("memory_add", url=receiver.url)
    agent.keep("Ann keeps bees.")
    tell(agent)
    frozen.advance(days=20)
    agent.keep("Ann keeps goats.")
    tell(agent)
    assert forget_deliveries() == 0
    frozen.advance(days=11)
    assert forget_deliveries() == 1
    assert agent.count(Delivery) == agent.count(Outbox) == 1

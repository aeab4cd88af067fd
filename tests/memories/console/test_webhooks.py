from __future__ import annotations

import re

import pytest

from memories.models import Delivery, Webhook
from memories.providers.secrets import decrypt
from memories.services import webhooks as services
from memories.services.deliveries import deliver, fan_out
from memplatform.lib.ids import new_id
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope
from tests.webhook_receiver import Answer, Receiver

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(acme, receiver) -> Webhook:
    """A webhook of acme that is told of new memories."""
    new = services.NewWebhook("Desk", receiver.url, ["memory_add"])
    with tenant_scope(acme.id, project_id=acme.project.id):
        made, _ = services.create_webhook(acme.project, new, owner_id=acme.owner.id)
    return made


@pytest.fixture
def work(acme):
    """What the workers do."""

    def work(hook: Webhook) -> None:
        fan_out(acme.id, acme.project.id)
        deliver(acme.id, hook.id)

    return work


@pytest.fixture
def rows(acme):
    def rows(model):
        with tenant_scope(acme.id):
            return list(model.objects.order_by("created_at", "id"))

    return rows


@pytest.fixture
def audited(acme):
    def audited(action: str) -> list[AuditEntry]:
        with tenant_scope(acme.id):
            return list(AuditEntry.objects.filter(action=action, actor_kind="operator"))

    return audited


def chosen(**changes):
    return {
        "webhook_id": new_id(),
        "name": "Desk",
        "url": "https://desk.example/in",
        "event_types": ["memory_add", "memory_delete"],
        **changes,
    }


def test_an_empty_list_says_what_a_webhook_is_for(console, ada, page):
    seen = console(ada).get(page("memories:webhooks")).content.decode()
    assert "No webhook yet" in seen


def test_a_new_webhook_shows_its_secret_once(
    console, ada, page, rows, audited, settings
):
    client = console(ada)
    made = client.post(page("memories:new-webhook"), chosen())
    secret = SECRET.search(made.content.decode())[0]
    (hook,) = rows(Webhook)
    assert made["Cache-Control"] == "no-store"
    assert decrypt(hook.secret_encrypted, settings.ENCRYPTION_KEYS) == secret
    assert hook.event_types == ["memory_add", "memory_delete"]
    assert [entry.actor_id for entry in audited("webhook.create")] == [ada.id]
    for url in (
        page("memories:webhooks"),
        page("memories:webhook", hook.id),
        page("memories:edit-webhook", hook.id),
    ):
        assert "whsec_" not in client.get(url).content.decode()


def test_the_form_sent_twice_makes_one_webhook(console, ada, page, rows):
    client, same = console(ada), chosen()
    client.post(page("memories:new-webhook"), same)
    again = client.post(page("memories:new-webhook"), same)
    assert again.status_code == 422
    assert "made already" in again.content.decode()
    assert len(rows(Webhook)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://desk.example"},
        {"url": "http://10.0.0.1/in"},
        {"url": "http://user:pass@desk.example"},
        {"event_types": []},
        {"event_types": ["everything"]},
        {"name": ""},
        {"webhook_id": "7"},
    ],
)
def test_what_is_wrong_is_told_and_makes_nothing(console, ada, page, rows, wrong):
    answer = console(ada).post(page("memories:new-webhook"), chosen(**wrong))
    assert answer.status_code == 422
    assert rows(Webhook) == []


def test_it_changes_and_the_audit_tells_only_what_did(
    console, ada, page, hook, rows, audited
):
    wanted = {"name": "Desk 2", "url": hook.url, "event_types": hook.event_types}
    url = page("memories:edit-webhook", hook.id)
    answer = console(ada).post(url, {**wanted, "is_active": "on"})
    assert answer["Location"] == page("memories:webhook", hook.id)
    (entry,) = audited("webhook.update")
    assert entry.changes == {"name": ["Desk", "Desk 2"]}
    console(ada).post(url, {**wanted, "is_active": "on"})
    assert len(audited("webhook.update")) == 1
    console(ada).post(url, wanted)
    assert rows(Webhook)[0].is_active is False


def test_a_new_secret_is_shown_and_a_reload_does_not_make_another(
    console, ada, page, hook, rows, audited
):
    client = console(ada)
    form = client.get(page("memories:edit-webhook", hook.id)).context["rotation"]
    seen = {"seen_at": form["seen_at"].value()}
    url = page("memories:rotate-webhook-secret", hook.id)
    rotated = client.post(url, seen)
    assert SECRET.search(rotated.content.decode())
    assert rotated["Cache-Control"] == "no-store"
    again = client.post(url, seen)
    assert again.status_code == 400
    assert "whsec_" not in again.content.decode()
    assert len(audited("webhook.rotate_secret")) == 1
    assert rows(Webhook)[0].previous_secret_encrypted == hook.secret_encrypted


@pytest.mark.parametrize("seen", [{}, {"seen_at": "soon"}, {"seen_at": "2026-01-01"}])
def test_a_rotation_without_its_form_is_refused(console, ada, page, hook, rows, seen):
    answer = console(ada).post(page("memories:rotate-webhook-secret", hook.id), seen)
    assert answer.status_code == 400
    assert rows(Webhook)[0].secret_encrypted == hook.secret_encrypted


def test_a_webhook_is_deleted_with_what_it_was_sent(
    console, ada, agent, page, hook, work, rows, audited
):
    agent.keep("I keep bees.")
    work(hook)
    answer = console(ada).post(page("memories:delete-webhook", hook.id))
    assert answer["Location"] == page("memories:webhooks")
    assert rows(Webhook) == rows(Delivery) == []
    assert len(audited("webhook.delete")) == 1


def test_a_delivery_shows_request_and_response(
    console, ada, agent, page, hook, work, receiver, rows
):
    receiver.answer(Answer(503, body=b"<b>not now</b>"))
    agent.keep("I keep bees.")
    work(hook)
    (sent,) = rows(Delivery)
    client = console(ada)
    listed = client.get(page("memories:webhook", hook.id)).content.decode()
    assert "HTTP 503" in listed
    seen = client.get(page("memories:delivery", hook.id, sent.id)).content.decode()
    assert "webhook-signature" in seen
    assert "I keep bees." in seen
    assert "&lt;b&gt;not now&lt;/b&gt;" in seen


def test_deliveries_are_filtered_by_status(
    console, ada, agent, page, hook, work, receiver
):
    agent.keep("I keep bees.")
    work(hook)
    client = console(ada)

    def shown(status):
        answer = client.get(page("memories:webhook", hook.id, status=status))
        return len(answer.context["page"].items)

    assert [shown(s) for s in ("delivered", "failed", "", "x")] == [1, 0, 1, 1]


def test_a_delivery_is_sent_again(
    console, ada, agent, page, hook, work, receiver, rows, audited
):
    agent.keep("I keep bees.")
    work(hook)
    (sent,) = rows(Delivery)
    answer = console(ada).post(page("memories:redeliver", hook.id, sent.id))
    assert answer["Location"] == page("memories:delivery", hook.id, sent.id)
    work(hook)
    assert receiver.ids() == [str(sent.id)] * 2
    (entry,) = audited("webhook.redeliver")
    assert entry.changes == {"delivery": str(sent.id)}


def test_its_page_asks_until_the_fate_is_known(
    console, ada, agent, page, hook, work, receiver, rows
):
    receiver.answer(503)
    agent.keep("I keep bees.")
    work(hook)
    client, url = console(ada), page("memories:delivery", hook.id, rows(Delivery)[0].id)
    assert 'hx-trigger="every 5s"' in client.get(url).content.decode()
    asked = client.get(url, headers={"HX-Request": "true"})
    assert asked.status_code == 200
    assert "<h1" not in asked.content.decode()
    same = {"HX-Request": "true", "If-None-Match": asked["ETag"]}
    assert client.get(url, headers=same).status_code == 304
    client.post(page("memories:redeliver", hook.id, rows(Delivery)[0].id))
    work(hook)
    assert client.get(url, headers=same).status_code == 286
    assert "every 5s" not in client.get(url).content.decode()


def test_a_test_is_sent(console, ada, page, hook, work, receiver, audited):
    url = page("memories:test-webhook", hook.id)
    answer = console(ada).post(url, {"topic": "memory_add"})
    assert "/deliveries/" in answer["Location"]
    work(hook)
    assert receiver.events() == ["ADD"]
    assert len(audited("webhook.test")) == 1
    refused = console(ada).post(url, {"topic": "memory_delete"})
    assert refused.status_code == 400


def test_what_was_erased_is_not_offered_again(
    console, ada, agent, page, hook, work, rows, acme
):
    agent.keep("I keep bees.")
    work(hook)
    (sent,) = rows(Delivery)
    with tenant_scope(acme.id):
        Delivery.objects.filter(id=sent.id).update(body=None)
    client = console(ada)
    seen = client.get(page("memories:delivery", hook.id, sent.id)).content.decode()
    assert "was erased" in seen
    assert "Send it again" not in seen
    again = client.post(page("memories:redeliver", hook.id, sent.id))
    assert again.status_code == 400


def test_another_projects_webhook_is_not_there(console, carol, globex, hook, acme):
    client = console(carol)
    for place in (("acme", acme.project.id), ("globex", globex.project.id)):
        url = f"/console/{place[0]}/{place[1]}/webhooks/{hook.id}/"
        assert client.get(url).status_code == 404
        assert client.post(f"{url}delete/").status_code == 404


def test_support_and_viewers_see_no_webhooks(console, sam, bob, alice, page, hook):
    for operator in (sam, bob):
        client = console(operator)
        assert client.get(page("memories:webhooks")).status_code == 403
        assert client.post(page("memories:delete-webhook", hook.id)).status_code == 403
        overview = client.get(page("memories:overview")).content.decode()
        assert page("memories:webhooks") not in overview
    seen = console(alice).get(page("memories:webhooks")).content.decode()
    assert hook.name in seen


def test_the_number_of_queries_does_not_grow(console, ada, page, hook, acme, queries):
    client, taken = console(ada), []
    for many in (3, 27):
        with tenant_scope(acme.id, project_id=acme.project.id):
            for number in range(many):
                services.create_webhook(
                    acme.project,
                    services.NewWebhook(f"w{number}", hook.url, ["memory_add"]),
                    owner_id=ada.id,
                )
                services.send_test(hook, "memory_add")
        taken.append(
            (
                queries(client, page("memories:webhooks")),
                queries(client, page("memories:webhook", hook.id)),
            )
        )
    assert taken[0] == taken[1]

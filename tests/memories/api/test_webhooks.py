"""Webhooks over the API: make, list, read, change, delete, rotate, try."""

from __future__ import annotations

import base64

import pytest

from memories.models import Delivery, Webhook
from memories.services import webhooks
from memories.services.deliveries import deliver
from memories.services.projects import delete_project
from memories.services.webhooks import disable_webhook
from tenants import services
from tenants.models import AuditEntry, Role
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD
from tests.memories.api.conftest import NOBODYS_ID
from tests.webhook_receiver import Receiver

GIVEN = {
    "name": "log",
    "url": "https://example.com/h",
    "event_types": ["memory_add", "memory_categorize"],
}


def webhooks_path(company) -> str:
    return f"/api/v1/webhooks/projects/{company.project.id}/"


def webhook_path(webhook_id: str, *rest: str) -> str:
    return "/".join(["/api/v1/webhooks", webhook_id, *rest, ""])


@pytest.fixture
def make(client, acme):
    """``make(name="x")``: the body of a new webhook, secret and all."""

    def make(**fields: object) -> dict:
        answer = client.post(webhooks_path(acme), {**GIVEN, **fields})
        assert answer.status_code == 201, answer.json()
        return answer.json()

    return make


def rows(company) -> list[Webhook]:
    with tenant_scope(company.id):
        return list(Webhook.objects.order_by("created_at"))


# --- Make and see -----------------------------------------------------------


def test_it_is_made_with_a_secret_that_is_shown_once(client, make, acme):
    made = make()
    secret = made.pop("secret")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert {name: made[name] for name in GIVEN} == GIVEN
    assert (made["is_active"], made["owner"]) == (True, "alice@acme.example")
    assert (made["project"], made["disabled_at"]) == ("acme project", None)
    assert made["created_at"] == made["updated_at"]
    (webhook,) = rows(acme)
    assert secret not in webhook.secret_encrypted
    path = webhook_path(made["webhook_id"])
    assert client.get(webhooks_path(acme)).json() == [made]
    assert client.get(path).json() == made


def test_a_change_keeps_the_rest(client, make):
    made = make()
    path = webhook_path(made["webhook_id"])
    answer = client.put(path, {"name": "audit", "unknown": 1, "url": None})
    assert answer.json() == {"message": "Webhook updated successfully"}
    now = client.get(path).json()
    assert (now["name"], now["url"]) == ("audit", GIVEN["url"])
    assert now["event_types"] == GIVEN["event_types"]
    assert now["updated_at"] > made["updated_at"]
    client.put(path, {"event_types": ["memory_delete", "memory_delete"]})
    assert client.get(path).json()["event_types"] == ["memory_delete"]


def test_it_is_switched_off_and_on(client, make):
    path = webhook_path(make(is_active=False)["webhook_id"])
    assert client.get(path).json()["is_active"] is False
    client.put(path, {"is_active": True})
    assert client.get(path).json()["is_active"] is True


def test_it_is_deleted_with_its_deliveries(client, make, acme):
    path = webhook_path(make()["webhook_id"])
    client.post(f"{path}test/")
    answer = client.delete(path)
    assert answer.json() == {"message": "Webhook deleted successfully"}
    assert client.get(path).status_code == 404
    assert client.get(webhooks_path(acme)).json() == []
    with tenant_scope(acme.id):
        assert not Delivery.objects.exists()


def test_a_webhook_that_was_given_up_says_why(client, make, acme):
    made = make()
    with tenant_scope(acme.id):
        disable_webhook(Webhook.objects.get(), "It answered 410 Gone.")
    now = client.get(webhook_path(made["webhook_id"])).json()
    assert (now["is_active"], now["disabled_reason"]) == (
        False,
        "It answered 410 Gone.",
    )
    assert now["disabled_at"]


def test_every_change_is_audited_without_the_secret(client, make, acme):
    made = make()
    path = webhook_path(made["webhook_id"])
    client.put(path, {"name": "audit"})
    secret = client.post(f"{path}rotate-secret/").json()["secret"]
    client.delete(path)
    with tenant_scope(acme.id):
        entries = list(
            AuditEntry.objects.filter(action__startswith="webhook").order_by("at", "id")
        )
    assert [entry.action for entry in entries] == [
        "webhook.create",
        "webhook.update",
        "webhook.rotate_secret",
        "webhook.delete",
    ]
    assert entries[1].changes == {"name": ["log", "audit"]}
    told = str([entry.changes for entry in entries])
    assert made["secret"] not in told
    assert secret not in told


def test_rotating_shows_the_new_secret_once(client, make, acme, frozen):
    made = make()
    path = webhook_path(made["webhook_id"])
    rotated = client.post(f"{path}rotate-secret/").json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    assert rotated["previous_secret_until"] == "2026-03-02T09:30:00+00:00"
    assert "secret" not in client.get(path).json()


def test_a_project_may_have_many_but_not_any_number(client, make, acme, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST", 2)
    make(), make()
    answer = client.post(webhooks_path(acme), GIVEN)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "A project may have 2 webhooks."


# --- What is refused --------------------------------------------------------

WRONG = [
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"name": 7}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"url": "not a url"}, "url"),
    ({"url": "ftp://example.com/"}, "url"),
    ({"url": "http://10.0.0.1/"}, "url"),
    ({"url": "http://169.254.169.254/"}, "url"),
    ({"url": ["https://example.com/"]}, "url"),
    ({"event_types": []}, "event_types"),
    ({"event_types": "memory_add"}, "event_types"),
    ({"event_types": ["memory_exploded"]}, "event_types"),
    ({"event_types": [1]}, "event_types"),
    ({"is_active": "yes"}, "is_active"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG)
def test_bad_input_is_400_under_the_fields_name(client, acme, wrong, field):
    answer = client.post(webhooks_path(acme), {**GIVEN, **wrong})
    assert answer.status_code == 400
    body = answer.json()
    assert list(body["fields"]) == [field]
    assert body[field] == body["fields"][field]
    assert body["detail"].startswith(field)
    assert rows(acme) == []


@pytest.mark.parametrize(
    ("wrong", "field"), [case for case in WRONG if None not in case[0].values()]
)
def test_a_bad_change_changes_nothing(client, make, wrong, field):
    made = make()
    path = webhook_path(made["webhook_id"])
    answer = client.put(path, {**wrong, "is_active": wrong.get("is_active", False)})
    assert answer.status_code == 400
    assert field in answer.json()["fields"]
    assert client.get(path).json()["is_active"] is True


def test_what_is_missing_is_named_all_at_once(client, acme):
    answer = client.post(webhooks_path(acme), {})
    assert list(answer.json()["fields"]) == ["name", "url", "event_types"]


@pytest.mark.parametrize("webhook_id", [NOBODYS_ID, "wh_3", "projects"])
def test_an_unknown_webhook_is_404(client, db, webhook_id):
    path = webhook_path(webhook_id)
    answers = [
        client.get(path),
        client.put(path, {"name": "x"}),
        client.delete(path),
        client.post(f"{path}rotate-secret/"),
        client.post(f"{path}test/"),
        client.get(f"{path}deliveries/"),
        client.get(f"{path}deliveries/{NOBODYS_ID}/"),
        client.post(f"{path}deliveries/{NOBODYS_ID}/redeliver/"),
    ]
    assert {answer.status_code for answer in answers} <= {404, 405}
    assert answers[0].status_code == 404


def test_an_unknown_project_is_404(client, globex):
    for path in (webhooks_path(globex), "/api/v1/webhooks/projects/mine/"):
        assert client.get(path).status_code == 404
        assert client.post(path, GIVEN).status_code == 404


def test_webhooks_of_a_deleted_project_are_gone(client, make, acme):
    """Asked for with the key of another project, which the owner has too."""
    path = webhook_path(make()["webhook_id"])
    with tenant_scope(acme.id):
        elsewhere = services.create_project("Elsewhere")
        key = services.issue_api_key(elsewhere, acme.owner).text
        delete_project(acme.project)
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    assert client.get(path).status_code == 404
    assert client.get(webhooks_path(acme)).status_code == 404


# --- Outsiders --------------------------------------------------------------


def test_another_tenants_webhook_is_404(outsider, make, acme):
    made = make()
    path = webhook_path(made["webhook_id"])
    for answer in (
        outsider.get(webhooks_path(acme)),
        outsider.post(webhooks_path(acme), GIVEN),
        outsider.get(path),
        outsider.put(path, {"url": "https://evil.example/"}),
        outsider.delete(path),
        outsider.post(f"{path}rotate-secret/"),
        outsider.post(f"{path}test/"),
        outsider.get(f"{path}deliveries/"),
    ):
        assert answer.status_code == 404
    (webhook,) = rows(acme)
    assert webhook.url == GIVEN["url"]


def test_a_narrowed_key_stays_outside(idas, make, acme):
    """A webhook tells of everybody."""
    made = make()
    for answer in (
        idas.get(webhooks_path(acme)),
        idas.post(webhooks_path(acme), GIVEN),
        idas.get(webhook_path(made["webhook_id"])),
        idas.get(webhook_path(made["webhook_id"], "deliveries")),
    ):
        assert answer.status_code == 403


def test_a_read_only_key_sees_and_changes_nothing(reader, make, acme):
    made = make()
    path = webhook_path(made["webhook_id"])
    assert reader.get(path).status_code == 200
    assert reader.get(webhooks_path(acme)).status_code == 200
    for answer in (
        reader.post(webhooks_path(acme), GIVEN),
        reader.put(path, {"name": "x"}),
        reader.delete(path),
        reader.post(f"{path}rotate-secret/"),
        reader.post(f"{path}test/"),
    ):
        assert answer.status_code == 403


@pytest.fixture
def bobs(api, acme, bob):
    """A client with a key of bob's, who may only view."""
    with tenant_scope(acme.id):
        return api(services.issue_api_key(acme.project, bob).text)


def test_only_owners_and_admins_change_webhooks(bobs, make, acme):
    made = make()
    path = webhook_path(made["webhook_id"])
    assert bobs.get(path).status_code == 200
    for answer in (
        bobs.post(webhooks_path(acme), GIVEN),
        bobs.put(path, {"url": "https://evil.example/"}),
        bobs.delete(path),
        bobs.post(f"{path}rotate-secret/"),
        bobs.post(f"{path}test/"),
    ):
        assert answer.status_code == 403
        assert "owner or admin" in answer.json()["detail"]


def test_a_key_reaches_webhooks_of_its_owners_other_projects(client, make, acme):
    with tenant_scope(acme.id):
        elsewhere = services.create_project("Elsewhere")
    place = f"/api/v1/webhooks/projects/{elsewhere.id}/"
    made = client.post(place, GIVEN).json()
    assert made["project"] == "Elsewhere"
    assert client.get(webhooks_path(acme)).json() == []
    assert client.get(webhook_path(made["webhook_id"])).status_code == 200


def test_a_key_does_not_reach_where_its_owner_does_not(client, api, acme):
    with tenant_scope(acme.id):
        elsewhere = services.create_project("Elsewhere")
        dora = services.create_operator("dora@acme.example", PASSWORD)
        services.add_member(dora, Role.ADMIN, project=acme.project)
        doras = api(services.issue_api_key(acme.project, dora).text)
    place = f"/api/v1/webhooks/projects/{elsewhere.id}/"
    made = client.post(place, GIVEN).json()
    assert doras.get(place).status_code == 404
    assert doras.get(webhook_path(made["webhook_id"])).status_code == 404
    assert doras.post(webhooks_path(acme), GIVEN).status_code == 201


# --- Trying it --------------------------------------------------------------


def test_a_test_is_on_its_way_at_once(client, make, acme):
    with Receiver() as receiver:
        made = make(url=receiver.url)
        path = webhook_path(made["webhook_id"])
        sent = client.post(f"{path}test/", {"event_type": "ingest_job_failed"}).json()
        assert (sent["status"], sent["event_type"]) == ("pending", "ingest_job_failed")
        deliver(acme.id, rows(acme)[0].id)
        detail = client.get(f"{path}deliveries/{sent['id']}/").json()
        (request,) = receiver.received
    assert detail["status"] == "delivered"
    assert detail["request"]["body"] == request.json
    assert request.json["test"] is True


def test_a_test_of_nothing_in_particular_is_of_the_first_event(client, make):
    path = webhook_path(make()["webhook_id"])
    assert client.post(f"{path}test/").json()["event_type"] == "memory_add"
    assert client.post(f"{path}test/", {"event_type": "x"}).status_code == 400


def test_one_that_is_switched_off_is_not_tried(client, make):
    path = webhook_path(make(is_active=False)["webhook_id"])
    answer = client.post(f"{path}test/")
    assert answer.status_code == 400
    assert "Make it active" in answer.json()["detail"]

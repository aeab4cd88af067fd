"""What a webhook was sent: list, read, send again."""

from __future__ import annotations

import pytest

from memories.models import Webhook
from memories.services.deletion import erase_subject
from memories.services.deliveries import deliver, fan_out
from memories.types import Actor
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import NOBODYS_ID
from tests.memories.api.test_webhooks import GIVEN, webhook_path, webhooks_path
from tests.webhook_receiver import Answer, Receiver


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def path(client, acme, receiver) -> str:
    """The deliveries of a webhook that is told of new memories."""
    given = {**GIVEN, "url": receiver.url, "event_types": ["memory_add"]}
    made = client.post(webhooks_path(acme), given).json()
    return webhook_path(made["webhook_id"], "deliveries")


@pytest.fixture
def tell(acme):
    """What the workers do."""

    def tell() -> None:
        fan_out(acme.id, acme.project.id)
        with tenant_scope(acme.id):
            webhook = Webhook.objects.get()
        deliver(acme.id, webhook.id)

    return tell


def listed(client, path, query="") -> list[dict]:
    answer = client.get(f"{path}{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_a_delivery_shows_request_and_response(client, path, store, tell, receiver):
    receiver.answer(Answer(200, body=b"got it"))
    memory_id = store("I keep bees.")
    tell()
    (summary,) = listed(client, path)
    assert (summary["event_type"], summary["status"]) == ("memory_add", "delivered")
    assert (summary["attempts"], summary["response_status"]) == (1, 200)
    assert "request" not in summary
    detail = client.get(f"{path}{summary['id']}/").json()
    assert summary.items() <= detail.items()
    assert detail["request"]["url"] == receiver.url
    assert detail["request"]["headers"]["webhook-id"] == summary["id"]
    told = detail["request"]["body"]["event_details"]
    assert (told["id"], told["data"]["memory"]) == (memory_id, "I keep bees.")
    assert detail["response"] == {"status": 200, "body": "got it"}
    assert [entry["status"] for entry in detail["attempt_log"]] == [200]


def test_they_are_listed_newest_first_in_pages(client, path, store, tell):
    for text in ("one", "two", "three"):
        store(text)
        tell()
    answer = client.get(f"{path}?page=1&page_size=2").json()
    assert (answer["count"], len(answer["results"])) == (3, 2)
    assert answer["next"].endswith("page=2&page_size=2")
    last = listed(client, path, "?page=2&page_size=2")
    assert last[0]["created_at"] < answer["results"][0]["created_at"]


def test_they_are_filtered_by_status(client, path, store, tell, receiver):
    receiver.answer(500)
    store("one")
    tell()
    assert [d["error"] for d in listed(client, path, "?status=pending")] == ["HTTP 500"]
    assert listed(client, path, "?status=delivered") == []
    assert client.get(f"{path}?status=lost").status_code == 400


def test_it_is_sent_again(client, path, store, tell, receiver):
    store("one")
    tell()
    (delivery,) = listed(client, path)
    again = client.post(f"{path}{delivery['id']}/redeliver/").json()
    assert again["status"] == "pending"
    tell()
    assert receiver.ids() == [delivery["id"]] * 2
    assert listed(client, path)[0]["attempts"] == 2


def test_what_was_erased_is_not_sent_again(client, path, store, tell, acme, receiver):
    store("one")
    tell()
    with tenant_scope(acme.id):
        erase_subject(acme.project.id, "user", "ida", Actor("system"))
    (delivery,) = listed(client, path)
    answer = client.post(f"{path}{delivery['id']}/redeliver/")
    assert answer.status_code == 400
    assert "erased" in answer.json()["detail"]
    detail = client.get(f"{path}{delivery['id']}/").json()
    assert detail["request"]["body"] is detail["response"]["body"] is None


def test_a_delivery_of_another_webhook_is_404(client, acme, path, store, tell):
    store("one")
    tell()
    (delivery,) = listed(client, path)
    other = client.post(webhooks_path(acme), GIVEN).json()["webhook_id"]
    elsewhere = webhook_path(other, "deliveries", delivery["id"])
    assert client.get(elsewhere).status_code == 404
    assert client.post(f"{elsewhere}redeliver/").status_code == 404
    assert client.get(f"{path}{NOBODYS_ID}/").status_code == 404
    assert client.get(f"{path}nonsense/").status_code == 404


def test_another_tenants_deliveries_are_404(
    client, outsider, path, store, tell, receiver
):
    store("one")
    tell()
    (delivery,) = listed(client, path)
    assert outsider.get(path).status_code == 404
    assert outsider.get(f"{path}{delivery['id']}/").status_code == 404
    answer = outsider.post(f"{path}{delivery['id']}/redeliver/")
    assert answer.status_code == 404
    tell()
    assert len(receiver.received) == 1


def test_a_narrowed_key_reads_none_of_it(client, idas, path, store, tell):
    store("one")
    tell()
    (delivery,) = listed(client, path)
    assert idas.get(path).status_code == 403
    assert idas.get(f"{path}{delivery['id']}/").status_code == 403


def test_a_read_only_key_reads_and_sends_nothing(client, reader, path, store, tell):
    store("one")
    tell()
    (delivery,) = listed(client, path)
    assert reader.get(f"{path}{delivery['id']}/").status_code == 200
    assert reader.post(f"{path}{delivery['id']}/redeliver/").status_code == 403

"""The first thing every client asks: whose key is this?"""

from __future__ import annotations

from tests.memories.api.conftest import PING


def test_it_tells_who_the_key_belongs_to(client, acme):
    answer = client.get(PING)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "org_id": str(acme.id),
        "project_id": str(acme.project.id),
        "user_email": "alice@acme.example",
    }


def test_a_read_only_key_is_a_key(reader):
    assert reader.get(PING).json()["status"] == "ok"


def test_the_query_never_changes_the_tenant(client, acme, globex):
    """Old clients send these with every request."""
    asked = {"org_id": str(globex.id), "project_id": str(globex.project.id)}
    assert client.get(PING, asked).json()["org_id"] == str(acme.id)


def test_without_a_key_it_says_so_and_nothing_else(api, db):
    answer = api().get(PING)
    assert answer.status_code == 401
    assert answer.json().keys() == {"detail", "code"}

"""How a project's profiles are made: read, changed, and by whom."""

from __future__ import annotations

import pytest

from tenants import services
from tenants.models import AuditEntry, Role
from tenants.scopes import tenant_scope
from tenants.services import issue_api_key

SETTINGS = "/v2/profiles/settings/"
SCHEMA = {
    "type": "object",
    "properties": {
        "job_title": {"type": "string", "description": "What they do for a living"}
    },
}


def of_users(**settings):
    return {"entities": {"user": settings}}


@pytest.fixture
def change(client):
    def change(body):
        answer = client.post(SETTINGS, body)
        assert answer.status_code == 200, answer.json()
        assert answer.json() == client.get(SETTINGS).json()
        return answer.json()

    return change


def test_at_first_they_are_off(client):
    answer = client.get(SETTINGS)
    assert answer.status_code == 200
    assert answer.json() == {
        "enabled": False,
        "refresh_after_memories": 10,
        "capabilities": {"engine": "rules", "sample_limit": 10},
        "entities": {"user": {"schema": None, "custom_instructions": None}},
    }


def test_what_is_absent_stays_and_null_clears(change):
    change(of_users(schema=SCHEMA, custom_instructions="Short, please."))
    after = change({"enabled": True, "refresh_after_memories": 0})
    assert (after["enabled"], after["refresh_after_memories"]) == (True, 0)
    assert after["entities"]["user"]["schema"] == SCHEMA
    assert after["entities"]["user"]["custom_instructions"] == "Short, please."
    after = change(of_users(schema=None))
    assert after["entities"]["user"]["schema"] is None
    assert after["entities"]["user"]["custom_instructions"] == "Short, please."
    assert after["enabled"] is True
    after = change(of_users(custom_instructions=None))
    assert after["entities"]["user"]["custom_instructions"] is None


@pytest.mark.parametrize("body", [{}, {"org_id": "x"}, {"enabled": None}, of_users()])
def test_nothing_asked_is_nothing_changed(change, acme, body):
    change(body)
    with tenant_scope(acme.id):
        assert not AuditEntry.objects.filter(action="project.settings").exists()


def test_a_change_is_on_record(change, acme):
    change({"enabled": True})
    with tenant_scope(acme.id):
        entry = AuditEntry.objects.get(action="project.settings")
    assert entry.changes == {"profiles_enabled": [None, True]}
    assert entry.actor_kind == "api_key"


def test_a_model_is_told_of(models, client):
    assert client.get(SETTINGS).json()["capabilities"]["engine"] == "model"


BAD = [
    # what, the field it is told of
    ({"schema": SCHEMA}, "schema"),
    ({"schema": {}}, "schema"),
    ({"custom_instructions": "x"}, "custom_instructions"),
    ({"enabled": "yes"}, "enabled"),
    ({"refresh_after_memories": -1}, "refresh_after_memories"),
    ({"entities": []}, "entities"),
    ({"entities": {"user": "x"}}, "entities.user"),
    ({"entities": {"agent": {"schema": SCHEMA}}}, "entities.agent"),
    (of_users(custom_instructions=3), "entities.user.custom_instructions"),
    (of_users(custom_instructions="x" * 10_001), "entities.user.custom_instructions"),
    (of_users(schema="{}"), "entities.user.schema"),
    (of_users(schema=[]), "entities.user.schema"),
    (of_users(schema={}), "entities.user.schema"),
    (
        of_users(schema={"type": "object", "properties": {"a": {"type": "string"}}}),
        "entities.user.schema.a",
    ),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_bad_settings_are_told_by_field(client, body, field):
    before = client.get(SETTINGS).json()
    answer = client.post(SETTINGS, body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert client.get(SETTINGS).json() == before


def test_a_body_that_is_no_object_is_refused(client):
    assert client.post(SETTINGS, []).status_code == 400


# --- Outsiders --------------------------------------------------------------


def test_another_tenant_has_its_own(change, outsider):
    change({"enabled": True})
    assert outsider.get(SETTINGS).json()["enabled"] is False


def test_a_read_only_key_reads(reader):
    assert reader.get(SETTINGS).status_code == 200
    assert reader.post(SETTINGS, {"enabled": True}).status_code == 403


def test_a_narrowed_key_changes_nothing(idas):
    answer = idas.post(SETTINGS, {"enabled": True})
    assert answer.status_code == 403
    assert "user_id=ida" in answer.json()["detail"]


def test_only_an_owner_or_admin_changes_them(api, acme, bob):
    with tenant_scope(acme.id):
        key = issue_api_key(acme.project, bob).text
    assert api(key).get(SETTINGS).status_code == 200
    assert api(key).post(SETTINGS, {"enabled": True}).status_code == 403


def test_a_lost_role_is_a_lost_right(api, acme, carol):
    with tenant_scope(acme.id):
        member = services.add_member(carol, Role.ADMIN)
        key = issue_api_key(acme.project, carol).text
    assert api(key).post(SETTINGS, {"enabled": True}).status_code == 200
    with tenant_scope(acme.id):
        services.remove_member(member)
    assert api(key).post(SETTINGS, {"enabled": False}).status_code == 403

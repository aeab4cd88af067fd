"""Organizations and members over the API."""

from __future__ import annotations

import pytest

from memories.services.projects import purge_closed_tenant
from tenants import selectors, services
from tenants.models import (
    AuditEntry,
    Invitation,
    Membership,
    Project,
    Role,
    Tenant,
)
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD
from tests.memories.api.conftest import NOBODYS_ID, PING
from tests.memories.api.test_projects import (
    ORGANIZATIONS,
    key_of,
    project_path,
    projects_path,
)


def organization_path(company) -> str:
    return f"{ORGANIZATIONS}{company.id}/"


def roles(answer) -> dict[str, str]:
    assert answer.status_code == 200, answer.json()
    return {m["username"].split("@")[0]: m["role"] for m in answer.json()["members"]}


@pytest.fixture(params=["organization", "project"])
def members(request, acme) -> str:
    """The path of the members of acme, or of its project."""
    is_project = request.param == "project"
    place = project_path(acme) if is_project else organization_path(acme)
    return f"{place}members/"


@pytest.fixture
def dora(acme):
    """Viewer of another project of acme."""
    dora = services.create_operator("dora@acme.example", PASSWORD)
    with tenant_scope(acme.id):
        elsewhere = services.create_project("Elsewhere")
        services.add_member(dora, Role.VIEWER, project=elsewhere)
    return dora


def member(operator, role="READER") -> dict[str, str]:
    return {"email": operator.email, "role": role}


# --- Members ----------------------------------------------------------------


def test_members_are_who_reach_the_place(client, members, acme, bob, dora):
    assert roles(client.get(members)) == {"alice": "OWNER", "bob": "READER"}
    (alice, _) = client.get(members).json()["members"]
    assert alice == {
        "user_id": str(acme.owner.id),
        "username": "alice@acme.example",
        "email": "alice@acme.example",
        "role": "OWNER",
    }


def test_a_colleague_is_made_a_member_and_a_member_no_more(client, members, dora):
    answer = client.post(members, {**member(dora), "email": "Dora@ACME.example"})
    assert answer.status_code == (200 if "projects" in members else 201)
    assert answer.json().keys() == {"message"}
    assert roles(client.get(members))["dora"] == "READER"
    assert client.put(members, member(dora, "OWNER")).json().keys() == {"message"}
    assert roles(client.get(members))["dora"] == "OWNER"
    assert client.put(members, member(dora)).status_code == 200
    assert roles(client.get(members))["dora"] == "READER"
    removed = client.delete(f"{members}?email={dora.email}")
    assert (removed.status_code, removed.json().keys()) == (200, {"message"})
    assert "dora" not in roles(client.get(members))


def test_each_change_of_members_is_audited(client, members, acme, dora):
    client.post(members, member(dora))
    client.put(members, member(dora, "OWNER"))
    client.delete(f"{members}?email={dora.email}")
    with tenant_scope(acme.id):
        by_keys = AuditEntry.objects.filter(actor_kind="api_key").order_by("at", "id")
        assert [entry.action for entry in by_keys] == [
            "member.add",
            "member.change_role",
            "member.remove",
        ]


@pytest.mark.parametrize("who", ["nobody", "carol"])
def test_who_is_new_here_is_invited(client, members, acme, carol, who):
    """Known elsewhere on the platform or not: the answer is the same."""
    email = carol.email if who == "carol" else "nobody@example.org"
    body = client.post(members, {"email": email, "role": "OWNER"}).json()
    assert body["message"] == f"{email} is invited."
    assert roles(client.get(members)) == {"alice": "OWNER"}
    waiting = client.get(organization_path(acme)).json()["invitations"]
    is_project = "projects" in members
    assert [(i["email"], i["role"]) for i in waiting] == [(email, "OWNER")]
    assert waiting[0]["project_id"] == (str(acme.project.id) if is_project else None)
    services.accept_invitation(body["invitation"], password=PASSWORD)
    assert roles(client.get(members))[email.split("@")[0]] == "OWNER"
    assert client.get(organization_path(acme)).json()["invitations"] == []


@pytest.mark.parametrize("method", ["post", "put"])
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"role": "READER"}, "email"),
        ({"email": "", "role": "READER"}, "email"),
        ({"email": 7, "role": "READER"}, "email"),
        ({"email": "x@example.org"}, "role"),
        ({"email": "x@example.org", "role": "KING"}, "role"),
        ({"email": "x@example.org", "role": "owner"}, "role"),
    ],
)
def test_a_member_needs_an_email_and_a_role(client, members, method, body, wrong):
    answer = getattr(client, method)(members, body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [wrong]


def test_what_is_no_email_is_not_invited(client, members, acme):
    answer = client.post(members, {"email": "not one", "role": "READER"})
    assert answer.status_code == 400
    with tenant_scope(acme.id):
        assert not Invitation.objects.exists()


def test_a_member_is_not_added_twice(client, members, dora):
    client.post(members, member(dora))
    assert client.post(members, member(dora, "OWNER")).status_code == 400
    assert roles(client.get(members))["dora"] == "READER"


def test_strangers_are_neither_changed_nor_removed(client, members, carol):
    assert client.put(members, member(carol)).status_code == 404
    assert client.delete(f"{members}?email={carol.email}").status_code == 404
    assert client.delete(members).status_code == 400


def test_the_last_owner_stays(client, members, acme):
    alice = acme.owner
    assert client.delete(f"{members}?email={alice.email}").status_code == 400
    assert client.put(members, member(alice)).status_code == 400
    assert roles(client.get(members)) == {"alice": "OWNER"}


def test_of_two_owners_one_may_go(client, acme, bob):
    members = f"{organization_path(acme)}members/"
    client.put(members, member(bob, "OWNER"))
    assert client.delete(members, member(acme.owner)).status_code == 200
    # The key goes on remembering, and rules no more.
    assert client.get(PING).status_code == 200
    assert client.delete(members, member(bob)).status_code == 403


def test_an_admin_gives_no_more_than_they_have(api, client, acme, bob, dora):
    members = f"{organization_path(acme)}members/"
    with tenant_scope(acme.id):
        services.change_role(selectors.get_member(bob.email), Role.ADMIN)
    bobs = api(key_of(acme, bob))
    assert bobs.post(members, member(dora, "OWNER")).status_code == 201
    with tenant_scope(acme.id):
        assert selectors.get_member(dora.email).role == Role.ADMIN
    assert bobs.delete(members, member(acme.owner)).status_code == 403
    assert bobs.put(members, member(acme.owner)).status_code == 403
    assert roles(client.get(members))["alice"] == "OWNER"


def test_a_role_that_reads_the_same_is_kept(client, acme, bob):
    members = f"{organization_path(acme)}members/"
    with tenant_scope(acme.id):
        services.change_role(selectors.get_member(bob.email), Role.ADMIN)
    assert client.put(members, member(bob, "OWNER")).status_code == 200
    with tenant_scope(acme.id):
        assert selectors.get_member(bob.email).role == Role.ADMIN


def test_a_viewers_key_sees_members_and_changes_none(api, members, acme, bob, dora):
    bobs = api(key_of(acme, bob))
    assert roles(bobs.get(members)) == {"alice": "OWNER", "bob": "READER"}
    assert bobs.post(members, member(dora)).status_code == 403
    assert bobs.put(members, member(bob, "OWNER")).status_code == 403
    assert bobs.delete(f"{members}?email={acme.owner.email}").status_code == 403


@pytest.mark.parametrize(
    ("who", "status"), [("outsider", 404), ("idas", 403), ("nobody", 401)]
)
def test_members_are_not_for_outsiders(request, api, members, acme, bob, who, status):
    client = api() if who == "nobody" else request.getfixturevalue(who)
    assert client.get(members).status_code == status
    assert client.post(members, member(bob)).status_code == status
    assert client.put(members, member(bob, "OWNER")).status_code == status
    assert client.delete(f"{members}?email={bob.email}").status_code == status
    with tenant_scope(acme.id):
        assert Membership.objects.count() == 2


# --- Organizations ----------------------------------------------------------


def test_the_organization_of_the_key(client, acme):
    shown = client.get(organization_path(acme)).json()
    assert client.get(ORGANIZATIONS).json() == [shown]
    assert shown == {
        "org_id": str(acme.id),
        "name": "Acme",
        "members": shown["members"],
        "invitations": [],
        "is_default": True,
        "is_owner": True,
        "user_role": "OWNER",
        "created_at": acme.tenant.created_at.isoformat(),
    }
    assert [m["username"] for m in shown["members"]] == ["alice@acme.example"]


def test_other_organizations_are_not_there(client, outsider, acme, globex):
    for path in (organization_path(globex), f"{ORGANIZATIONS}{NOBODYS_ID}/"):
        assert client.get(path).status_code == 404
        assert client.delete(path).status_code == 404
        assert client.get(f"{path}projects/").status_code == 404
    assert [o["name"] for o in outsider.get(ORGANIZATIONS).json()] == ["Globex"]


def test_an_owner_founds_another_organization(client, acme):
    answer = client.post(ORGANIZATIONS, {"name": "Bees & Co"})
    assert answer.status_code == 201
    assert answer.json().keys() == {"message", "org_id"}
    (standing,) = [
        s
        for s in selectors.list_standings(acme.owner.id)
        if str(s.tenant_id) == answer.json()["org_id"]
    ]
    assert (standing.tenant_name, standing.role) == ("Bees & Co", Role.OWNER)
    assert standing.tenant_slug.startswith("bees-co-")
    assert len(selectors.list_visible_projects(standing)) == 1


def test_an_organization_needs_a_name(client, acme):
    answer = client.post(ORGANIZATIONS, {})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"name": ["name is required."]}


def test_who_has_limits_founds_no_other(client, acme):
    Tenant.objects.filter(id=acme.id).update(limits={"requests_per_minute": 100})
    assert client.post(ORGANIZATIONS, {"name": "More"}).status_code == 403
    assert Tenant.objects.count() == 1


def test_a_viewers_key_founds_and_deletes_nothing(api, acme, bob):
    bobs = api(key_of(acme, bob))
    assert bobs.post(ORGANIZATIONS, {"name": "Mine"}).status_code == 403
    assert bobs.delete(organization_path(acme)).status_code == 403
    assert bobs.get(projects_path(acme)).status_code == 200


def test_an_admin_deletes_projects_and_no_organization(api, acme, bob):
    with tenant_scope(acme.id):
        services.change_role(selectors.get_member(bob.email), Role.ADMIN)
    assert api(key_of(acme, bob)).delete(organization_path(acme)).status_code == 403


def test_a_deleted_organization_is_gone_at_once_and_then_purged(
    client, acme, globex, outsider, store
):
    store("I keep bees.")
    answer = client.delete(organization_path(acme))
    assert (answer.status_code, answer.json().keys()) == (200, {"message"})
    assert client.get(PING).status_code == 401
    assert selectors.list_standings(acme.owner.id) == []
    purge_closed_tenant(acme.id)
    assert Tenant.objects.get(id=acme.id).status == Tenant.Status.PURGED
    with tenant_scope(acme.id):
        assert not Project.objects.exists()
    assert outsider.get(organization_path(globex)).status_code == 200


def test_a_tenant_that_is_open_is_not_purged(client, acme):
    purge_closed_tenant(acme.id)
    assert client.get(PING).status_code == 200

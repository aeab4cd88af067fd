from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from django.db import IntegrityError, connection

from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotAuthenticated, ScopeError
from memplatform.lib.ids import new_id
from tenants import purge, selectors, services
from tenants.audit import Actor, record_audit
from tenants.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Operator,
    Project,
    Role,
    Tenant,
)
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD
from tests.factories import MembershipFactory, OperatorFactory


@pytest.fixture
def in_acme(acme):
    """Inside acme's scope."""
    with tenant_scope(acme.id):
        yield acme


def audit(action):
    return AuditEntry.objects.get(action=action)


# --- Tenants and projects ---------------------------------------------------


@pytest.mark.parametrize(
    "slug", ["", "A", "a b", "-a", "a-", "a_b", "ä", "a" * 65, "a\n"]
)
def test_a_slug_has_a_shape(db, slug):
    with pytest.raises(InvalidRequest) as refused:
        services.create_tenant(slug)
    assert "slug" in refused.value.fields


@pytest.mark.parametrize(
    "limits",
    [
        {"requests_per_minute": None},
        {"requests_per_minute": -1},
        {"requests_per_minute": True},
        {"per_month": 5},
        {"per_month": {"ADD": "many"}},
        {"per_year": {}},
    ],
)
def test_limits_have_a_shape(db, limits):
    with pytest.raises(InvalidRequest) as refused:
        services.create_tenant("new", limits=limits)
    assert "limits" in refused.value.fields


def test_good_limits_are_kept(db):
    limits = {"requests_per_minute": 0, "per_month": {"add": 5}}
    assert services.create_tenant("new", limits=limits).limits == limits


def test_a_slug_is_taken_once(acme):
    with pytest.raises(InvalidRequest, match="already"):
        services.create_tenant("acme")
    assert Tenant.objects.count() == 1


def test_the_first_project_is_the_default(in_acme):
    second = services.create_project("Second")
    assert (in_acme.project.is_default, second.is_default) == (True, False)


def test_a_project_name_is_taken_once_per_tenant(in_acme, globex):
    with pytest.raises(InvalidRequest, match="already"):
        services.create_project("acme project")
    assert services.create_project("globex project")


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\0b"])
def test_a_project_needs_a_name(in_acme, name):
    with pytest.raises(InvalidRequest) as refused:
        services.create_project(name)
    assert "name" in refused.value.fields


@pytest.mark.parametrize(
    "timezone", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "a\0"]
)
def test_a_timezone_must_exist(in_acme, timezone):
    with pytest.raises(InvalidRequest) as refused:
        services.create_project("New", timezone=timezone)
    assert "timezone" in refused.value.fields


@pytest.mark.parametrize(
    "change",
    [
        lambda acme: services.create_project("x"),
        lambda acme: services.add_member(acme.owner, Role.VIEWER),
        lambda acme: services.issue_api_key(acme.project, acme.owner),
        lambda acme: services.revoke_api_key(ApiKey(tenant_id=acme.id)),
        lambda acme: services.invite_member(
            "x@x.org", Role.VIEWER, invited_by=acme.owner
        ),
        lambda acme: record_audit("x", acme.project),
    ],
)
def test_a_change_needs_an_open_scope(acme, change):
    with pytest.raises(ScopeError):
        change(acme)


# --- Operators and members --------------------------------------------------


@pytest.mark.parametrize(
    "email", ["", "x", "x@", "a b@c.de", "x@y.z\n", "x" * 60 + "@" + "y." * 100 + "org"]
)
def test_an_email_has_a_shape(db, email):
    with pytest.raises(InvalidRequest) as refused:
        services.create_operator(email, PASSWORD)
    assert "email" in refused.value.fields


def test_an_email_is_taken_once_in_any_case(alice):
    with pytest.raises(InvalidRequest, match="already"):
        services.create_operator("ALICE@Acme.example", PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "password"])
def test_a_password_must_be_good(db, password):
    with pytest.raises(InvalidRequest) as refused:
        services.create_operator("x@x.org", password)
    assert "password" in refused.value.fields


def test_an_operator_is_a_member_once(in_acme):
    with pytest.raises(InvalidRequest, match="already a member"):
        services.add_member(in_acme.owner, Role.VIEWER)


def test_a_member_of_another_tenants_project_is_refused_as_such(acme, globex, bob):
    """A broken wall must not be told as a name that is taken."""
    with pytest.raises(IntegrityError, match="_wall"), tenant_scope(acme.id):
        services.add_member(bob, Role.VIEWER, project=globex.project)


def test_a_role_changes_with_an_audit(in_acme, bob, alice):
    member = Membership.objects.get(operator=bob)
    services.change_role(member, Role.ADMIN, actor=Actor.operator(alice, "192.0.2.1"))
    entry = audit("member.change_role")
    assert entry.changes == {"role": ["viewer", "admin"]}
    assert (entry.actor_id, entry.address) == (alice.id, "192.0.2.1")
    assert Membership.objects.get(operator=bob).role == Role.ADMIN


def test_the_last_owner_stays(in_acme):
    member = Membership.objects.get()
    with pytest.raises(InvalidRequest, match="at least one owner"):
        services.change_role(member, Role.VIEWER)
    with pytest.raises(InvalidRequest, match="at least one owner"):
        services.remove_member(member)


def test_one_of_two_owners_may_go(in_acme):
    first = Membership.objects.get()
    MembershipFactory(role=Role.OWNER)
    services.remove_member(first)
    assert Membership.objects.get().role == Role.OWNER
    assert audit("member.remove").object_id == str(first.id)


def test_two_owners_leaving_at_once_leave_one(committed_db, acme):
    with tenant_scope(acme.id):
        MembershipFactory(role=Role.OWNER)
    both_read = threading.Barrier(2)

    def leave(position):
        with tenant_scope(acme.id):
            member = Membership.objects.order_by("id")[position]
            both_read.wait(10)
            with suppress(InvalidRequest):
                services.remove_member(member)
        connection.close()

    threads = [threading.Thread(target=leave, args=[position]) for position in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with tenant_scope(acme.id):
        assert Membership.objects.filter(role=Role.OWNER).count() == 1


def test_an_invited_person_becomes_a_member(acme, alice):
    with tenant_scope(acme.id):
        token = services.invite_member("Dora@x.org", Role.SUPPORT, invited_by=alice)
    dora = services.accept_invitation(token, password=PASSWORD, name="Dora")
    assert selectors.get_standing(dora.id, acme.id).role == Role.SUPPORT
    with tenant_scope(acme.id):
        assert audit("member.invite").actor_id == alice.id
        assert token.rpartition("_")[2] not in Invitation.objects.get().digest


def test_an_invitation_serves_once(acme, alice):
    with tenant_scope(acme.id):
        token = services.invite_member("dora@x.org", Role.SUPPORT, invited_by=alice)
    services.accept_invitation(token, password=PASSWORD)
    with pytest.raises(NotAuthenticated):
        services.accept_invitation(token, password=PASSWORD)


def test_an_invitation_expires(acme, alice, frozen):
    with tenant_scope(acme.id):
        token = services.invite_member("dora@x.org", Role.SUPPORT, invited_by=alice)
    frozen.advance(days=7)
    with pytest.raises(NotAuthenticated):
        services.accept_invitation(token, password=PASSWORD)


def test_an_invited_operator_gives_their_own_password(acme, carol, alice):
    """Else a link would be a way into somebody's account."""
    with tenant_scope(acme.id):
        token = services.invite_member(carol.email, Role.VIEWER, invited_by=alice)
    with pytest.raises(NotAuthenticated):
        services.accept_invitation(token, password="a guess of mine")
    assert services.accept_invitation(token, password=PASSWORD).id == carol.id
    assert Operator.objects.filter(email=carol.email).count() == 1


# --- API keys ---------------------------------------------------------------


def test_a_key_is_kept_as_prefix_and_digest_only(in_acme):
    issued = services.issue_api_key(in_acme.project, in_acme.owner)
    kept = ApiKey.objects.filter(id=issued.key.id).values().get()
    secret = issued.text.rpartition("_")[2]
    assert kept["prefix"] in issued.text
    assert not any(secret in str(value) for value in kept.values())
    assert not any(secret in str(entry.changes) for entry in AuditEntry.objects.all())


@pytest.mark.parametrize("field", ["only_user_id", "only_agent_id"])
@pytest.mark.parametrize("value", ["", " ", "*", "**", "* *", "x" * 257, "a\0b"])
def test_a_key_is_narrowed_to_a_real_id(in_acme, field, value):
    with pytest.raises(InvalidRequest) as refused:
        services.issue_api_key(in_acme.project, in_acme.owner, **{field: value})
    assert field in refused.value.fields


def test_a_key_does_not_expire_in_the_past(in_acme):
    with pytest.raises(InvalidRequest) as refused:
        services.issue_api_key(in_acme.project, in_acme.owner, expires_at=clock.now())
    assert "expires_at" in refused.value.fields


def test_revoking_twice_changes_nothing(in_acme, frozen):
    key = services.issue_api_key(in_acme.project, in_acme.owner).key
    services.revoke_api_key(key)
    first = frozen.instant
    frozen.advance(hours=1)
    services.revoke_api_key(key)
    assert ApiKey.objects.get(id=key.id).revoked_at == first
    assert AuditEntry.objects.filter(action="key.revoke").count() == 1


def test_admitted_access_carries_the_narrowing(acme):
    with tenant_scope(acme.id):
        issued = services.issue_api_key(
            acme.project, acme.owner, access=ApiKey.Access.READ, only_user_id="ida"
        )
    access = services.admit_key(issued.text)
    assert (access.may_write, access.only) == (False, {"user_id": "ida"})


# --- Audit ------------------------------------------------------------------


def test_everything_the_cast_did_is_audited(in_acme):
    actions = AuditEntry.objects.order_by("action").values_list("action", flat=True)
    assert list(actions) == [
        "key.issue",
        "key.issue",
        "member.add",
        "project.create",
        "tenant.create",
    ]


def test_a_change_that_fails_leaves_no_audit(acme):
    with pytest.raises(LookupError), tenant_scope(acme.id):
        services.create_project("Never")
        raise LookupError
    with tenant_scope(acme.id):
        assert not AuditEntry.objects.filter(object_id="Never").exists()
        assert AuditEntry.objects.filter(action="project.create").count() == 1


# --- Purging ----------------------------------------------------------------


def test_purging_a_project_calls_the_registry_and_leaves_the_audit(
    in_acme, monkeypatch
):
    called = []
    monkeypatch.setattr(purge, "_purges", {"test": lambda *ids: called.append(ids)})
    services.purge_project(in_acme.project)
    assert called == [(in_acme.id, in_acme.project.id)]
    assert not Project.objects.exists()
    assert not ApiKey.objects.exists()
    assert Membership.objects.count() == 1
    assert audit("project.purge").project_id == in_acme.project.id


def test_purging_a_tenant_leaves_its_audit_and_nothing_else(acme, globex, monkeypatch):
    monkeypatch.setattr(purge, "_purges", {})
    with tenant_scope(acme.id):
        services.purge_tenant(acme.tenant)
        assert not Project.objects.exists()
        assert not Membership.objects.exists()
        assert audit("tenant.purge")
    tenant = Tenant.objects.get(id=acme.id)
    assert (tenant.name, tenant.status) == ("", Tenant.Status.PURGED)
    with tenant_scope(globex.id):
        assert Project.objects.count() == 1


# --- The first start --------------------------------------------------------


def test_the_demo_has_two_tenants_with_keys(db):
    demo = services.seed_demo()
    first, second = services.admit_key(demo.api_key), services.admit_key(demo.api_key_2)
    assert first.tenant_id != second.tenant_id
    assert first.operator_email == demo.email == "demo@example.com"
    assert Operator.objects.get(email=demo.email).check_password(demo.password)
    with tenant_scope(first.tenant_id):
        assert Project.objects.get().name == "Default project"


def test_the_demo_is_seeded_once(db):
    services.seed_demo()
    with pytest.raises(services.AlreadySeeded):
        services.seed_demo()
    assert Tenant.objects.count() == 2


def test_the_demo_is_seeded_whole_or_not_at_all(committed_db):
    services.create_operator("neighbour@example.com", PASSWORD)
    with pytest.raises(InvalidRequest):
        services.seed_demo()
    assert Tenant.objects.count() == 0
    assert Operator.objects.count() == 1


# --- Reading ----------------------------------------------------------------


def test_standings_reach_across_tenants(acme, globex, carol):
    with tenant_scope(acme.id):
        services.add_member(carol, Role.SUPPORT, project=acme.project)
    slugs = [standing.tenant_slug for standing in selectors.list_standings(carol.id)]
    assert slugs == ["acme", "globex"]


def test_a_membership_of_one_project_does_not_reach_the_tenant(acme, carol):
    with tenant_scope(acme.id):
        services.add_member(carol, Role.OWNER, project=acme.project)
    reach = selectors.get_standing(carol.id, acme.id, project_id=acme.project.id)
    assert reach.role == Role.OWNER
    for project_id in (None, new_id()):
        with pytest.raises(selectors.NotFound):
            selectors.get_standing(carol.id, acme.id, project_id=project_id)


def test_the_widest_membership_counts(acme, bob):
    with tenant_scope(acme.id):
        services.add_member(bob, Role.ADMIN, project=acme.project)
    reach = selectors.get_standing(bob.id, acme.id, project_id=acme.project.id)
    assert (reach.role, reach.may(Role.SUPPORT), reach.may(Role.OWNER)) == (
        Role.ADMIN,
        True,
        False,
    )


def test_a_strangers_tenant_is_not_there(acme, carol):
    with pytest.raises(selectors.NotFound):
        selectors.get_standing(carol.id, acme.id)


def test_reading_by_name_or_id_says_what_is_missing(in_acme):
    OperatorFactory()
    for read in (
        lambda: selectors.get_tenant("nobody"),
        lambda: selectors.get_operator("nobody@x.org"),
        lambda: selectors.get_project(new_id()),
    ):
        with pytest.raises(selectors.NotFound):
            read()

from __future__ import annotations

import re
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from memplatform.lib.ids import new_id
from tenants import selectors, services
from tenants.models import AuditEntry, Membership, Role
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD

LINK = re.compile(r"http://testserver(/console/invitation/\?token=mpi_\w+)")


@pytest.fixture
def member(acme):
    """A new member of acme: ``member("dora", Role.ADMIN)``."""

    def member(name: str, role: Role, **where) -> Membership:
        operator = services.create_operator(f"{name}@acme.example", PASSWORD)
        with tenant_scope(acme.id):
            return services.add_member(operator, role, **where)

    return member


@pytest.fixture
def role_of(acme):
    def role_of(member: Membership) -> str | None:
        with tenant_scope(acme.id):
            found = Membership.objects.filter(id=member.id).first()
        return found and found.role

    return role_of


@pytest.fixture
def audited(acme):
    def audited(action: str) -> AuditEntry:
        with tenant_scope(acme.id):
            return AuditEntry.objects.get(action=action, actor_kind="operator")

    return audited


@pytest.fixture
def invited(acme):
    """Who is invited: e-mail and role."""

    def invited() -> list[tuple[str, str]]:
        with tenant_scope(acme.id):
            waiting = selectors.list_invitations()
            return list(waiting.values_list("email", "role"))

    return invited


INVITE = {"email": "Eve@acme.example", "role": "support", "project": ""}


def test_an_invitation_is_shown_once_as_a_link_that_serves(
    console, ada, client, page, invited, audited
):
    admin = console(ada)
    made = admin.post(page("tenants:invite-member"), INVITE)
    assert made["Cache-Control"] == "no-store"
    link = LINK.search(made.content.decode())[1]
    assert "Join Acme" in client.get(link, follow=True).content.decode()
    assert invited() == [("eve@acme.example", "support")]
    assert audited("member.invite").actor_id == ada.id
    assert (
        link.partition("=")[2]
        not in admin.get(page("tenants:members")).content.decode()
    )


def test_without_a_mail_server_it_says_so(console, ada, page):
    made = console(ada).post(page("tenants:invite-member"), INVITE)
    assert "No mail was sent" in made.content.decode()
    assert mail.outbox == []


def test_with_one_the_link_is_mailed(console, ada, page, settings):
    settings.SENDS_MAIL = True
    made = console(ada).post(page("tenants:invite-member"), INVITE).content.decode()
    (sent,) = mail.outbox
    assert sent.to == ["eve@acme.example"] or sent.to == ["Eve@acme.example"]
    assert LINK.search(made)[0] in sent.body
    assert "ada@acme.example invites you to Acme" in sent.body


def test_a_mail_that_cannot_leave_loses_no_invitation(
    console, ada, page, settings, monkeypatch, invited
):
    settings.SENDS_MAIL = True

    def refuse(self, messages):
        raise SMTPServerDisconnected

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", refuse)
    made = console(ada).post(page("tenants:invite-member"), INVITE).content.decode()
    assert "No mail was sent" in made
    assert LINK.search(made)
    assert len(invited()) == 1


def test_who_is_invited_already_is_not_invited_again(console, ada, page, invited):
    client = console(ada)
    client.post(page("tenants:invite-member"), INVITE)
    again = client.post(page("tenants:invite-member"), INVITE)
    assert again.status_code == 422
    assert "invited already" in again.content.decode()
    assert len(invited()) == 1


def test_a_colleague_joins_a_project_at_once(console, ada, acme, member, page):
    member("dora", Role.VIEWER)
    colleague = {"email": "dora@acme.example", "role": "support"}
    answer = console(ada).post(
        page("tenants:invite-member"), {**colleague, "project": acme.project.id}
    )
    assert answer["Location"] == page("tenants:members")
    with tenant_scope(acme.id):
        member = selectors.get_member("dora@acme.example", acme.project)
    assert member.role == "support"


def test_an_invitation_can_be_withdrawn(console, ada, acme, client, page, audited):
    admin = console(ada)
    made = admin.post(page("tenants:invite-member"), INVITE)
    link = LINK.search(made.content.decode())[1]
    with tenant_scope(acme.id):
        invitation = selectors.list_invitations().get()
    assert "eve@acme.example" in admin.get(page("tenants:members")).content.decode()
    admin.post(page("tenants:withdraw-invitation", invitation.id))
    assert client.get(link, follow=True).status_code == 410
    assert audited("member.withdraw").changes["email"] == ["eve@acme.example", None]
    again = admin.post(page("tenants:withdraw-invitation", invitation.id))
    assert again.status_code == 404


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_only_owners_invite_admins_and_owners(console, ada, alice, page, invited, role):
    wanted = {**INVITE, "role": role}
    assert console(ada).post(page("tenants:invite-member"), wanted).status_code == 422
    assert invited() == []
    assert console(alice).post(page("tenants:invite-member"), wanted).status_code == 200
    assert invited() == [("eve@acme.example", role)]


def test_an_admin_does_not_withdraw_what_an_owner_offered(
    console, ada, alice, acme, page, invited
):
    console(alice).post(page("tenants:invite-member"), {**INVITE, "role": "admin"})
    with tenant_scope(acme.id):
        invitation = selectors.list_invitations().get()
    answer = console(ada).post(page("tenants:withdraw-invitation", invitation.id))
    assert answer.status_code == 403
    assert len(invited()) == 1


def test_an_owner_gives_a_role(console, alice, member, role_of, audited, page):
    dora = member("dora", Role.VIEWER)
    url = page("tenants:change-role", dora.id)
    assert "selected" in console(alice).get(url).content.decode()
    console(alice).post(url, {"role": "admin"})
    assert role_of(dora) == "admin"
    assert audited("member.change_role").changes == {"role": ["viewer", "admin"]}


def test_an_admin_gives_no_roles(console, ada, member, role_of, page):
    dora = member("dora", Role.VIEWER)
    url = page("tenants:change-role", dora.id)
    assert console(ada).post(url, {"role": "support"}).status_code == 403
    assert role_of(dora) == "viewer"
    assert url not in console(ada).get(page("tenants:members")).content.decode()


def test_an_admin_removes_viewers_but_no_admin_or_owner(
    console, ada, acme, member, role_of, page
):
    client, dora = console(ada), member("dora", Role.VIEWER)
    erik = member("erik", Role.ADMIN)
    with tenant_scope(acme.id):
        alice = selectors.get_member("alice@acme.example")
    for other in (erik, alice):
        url = page("tenants:remove-member", other.id)
        assert client.get(url).status_code == client.post(url).status_code == 403
        assert role_of(other)
    assert client.get(page("tenants:remove-member", dora.id)).status_code == 200
    assert role_of(dora)
    client.post(page("tenants:remove-member", dora.id))
    assert role_of(dora) is None


def test_who_is_removed_sees_nothing_any_more(console, alice, member, page):
    dora = member("dora", Role.SUPPORT)
    client = console(dora.operator)
    assert client.get(page("memories:overview")).status_code == 200
    console(alice).post(page("tenants:remove-member", dora.id))
    assert client.get(page("memories:overview")).status_code == 404


def test_the_last_owner_stays(console, alice, acme, role_of, page):
    with tenant_scope(acme.id):
        last = selectors.get_member("alice@acme.example")
    client = console(alice)
    demoted = client.post(page("tenants:change-role", last.id), {"role": "viewer"})
    assert demoted.status_code == 422
    assert "at least one owner" in demoted.content.decode()
    removed = client.post(page("tenants:remove-member", last.id))
    assert removed.status_code == 400
    assert role_of(last) == "owner"


def test_an_owner_who_leaves_is_led_home(console, alice, acme, member, page):
    member("dora", Role.OWNER)
    with tenant_scope(acme.id):
        own = selectors.get_member("alice@acme.example")
    answer = console(alice).post(page("tenants:remove-member", own.id))
    assert answer["Location"] == "/console/"


def test_members_of_another_tenant_are_not_there(console, alice, globex, page):
    with tenant_scope(globex.id):
        carol = selectors.get_member("carol@globex.example")
    for name in ("tenants:change-role", "tenants:remove-member"):
        url = page(name, carol.id)
        assert console(alice).post(url, {"role": "viewer"}).status_code == 404
    with tenant_scope(globex.id):
        assert selectors.get_member("carol@globex.example").role == "owner"


def test_a_project_of_another_tenant_cannot_be_named(
    console, alice, globex, page, invited
):
    wanted = {**INVITE, "project": globex.project.id}
    assert console(alice).post(page("tenants:invite-member"), wanted).status_code == 422
    assert invited() == []


def test_an_admin_of_one_project_is_no_admin_of_the_tenant(console, acme, member, page):
    dora = member("dora", Role.OWNER, project=acme.project)
    assert console(dora.operator).get(page("tenants:members")).status_code == 404


def test_outsiders_and_small_roles(console, carol, globex, sam, bob, page):
    url = page("tenants:members")
    assert console(carol).get(url).status_code == 404
    for operator in (sam, bob):
        assert console(operator).get(url).status_code == 403
    missing = console(carol).get(page("tenants:remove-member", new_id()))
    assert missing.status_code == 404


def test_the_number_of_queries_does_not_grow(console, ada, acme, member, page, queries):
    client, taken = console(ada), []
    for many in (2, 18):
        for number in range(many):
            member(f"m{many}-{number}", Role.VIEWER)
            with tenant_scope(acme.id):
                services.invite_member(
                    f"i{many}-{number}@x.example", Role.VIEWER, invited_by=acme.owner
                )
        taken.append(queries(client, page("tenants:members")))
    assert taken[0] == taken[1]

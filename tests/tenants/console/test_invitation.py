"""From the link of an invitation to the membership."""

from __future__ import annotations

import pytest

from tenants import selectors, services
from tenants.audit import AuditEntry
from tenants.models import Operator, Role, Tenant
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD
from tests.tenants.console.signing_in import is_signed_in, signed_in

INVITATION = "/console/invitation/"
DORA = "dora@x.org"
CHOSEN = {"name": "Dora", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def invite(acme, alice):
    def invite(email=DORA, role=Role.SUPPORT, **options):
        with tenant_scope(acme.id):
            return services.invite_member(email, role, invited_by=alice, **options)

    return invite


def open_link(client, token):
    """The page that the link leads to."""
    arrived = client.get(INVITATION, {"token": token})
    assert arrived["Location"] == INVITATION  # the token is not in the address any more
    return client.get(INVITATION)


def test_it_says_what_is_offered(client, invite):
    page = open_link(client, invite("Dora@x.org")).content.decode()
    for words in ("Join Acme", "alice@acme.example", DORA, "support"):
        assert words in page


def test_it_names_the_project(client, invite, acme):
    page = open_link(client, invite(project=acme.project)).content.decode()
    assert "the project acme project of" in page


def test_somebody_new_chooses_a_password_and_is_in(client, invite, acme):
    open_link(client, invite())
    answer = client.post(INVITATION, CHOSEN)
    assert answer["Location"] == "/console/"
    dora = Operator.objects.get(email=DORA)
    assert dora.name == "Dora"
    assert selectors.get_standing(dora.id, acme.id).role == Role.SUPPORT
    assert is_signed_in(client)
    assert is_signed_in(signed_in(DORA))
    with tenant_scope(acme.id):
        added = AuditEntry.objects.get(action="member.add", actor_id=dora.id)
        assert added.changes["operator"] == [None, DORA]


def test_a_weak_password_is_refused_and_the_link_stays_good(client, invite):
    open_link(client, invite())
    weak = {**CHOSEN, "password1": "short", "password2": "short"}
    assert client.post(INVITATION, weak).status_code == 422
    assert client.post(INVITATION, CHOSEN).status_code == 302


def test_an_operator_signs_in_and_accepts(client, invite, carol, acme):
    page = open_link(client, invite(carol.email)).content.decode()
    assert "Sign in to accept" in page
    answer = client.post(
        f"/console/sign-in/?next={INVITATION}",
        {"login": carol.email, "password": PASSWORD, "next": INVITATION},
    )
    assert answer["Location"] == INVITATION
    assert "Accept the invitation" in client.get(INVITATION).content.decode()
    assert client.post(INVITATION)["Location"] == "/console/"
    assert selectors.get_standing(carol.id, acme.id).role == Role.SUPPORT


def test_an_operators_link_sets_no_password(client, invite, carol):
    """Else a link would be a way into somebody's account."""
    open_link(client, invite(carol.email))
    client.post(
        INVITATION, {**CHOSEN, "password1": "mine" * 4, "password2": "mine" * 4}
    )
    assert not is_signed_in(client)
    assert is_signed_in(signed_in(carol.email, PASSWORD))


def test_somebody_else_who_is_signed_in_cannot_accept(invite, carol):
    client = signed_in(carol.email)
    page = open_link(client, invite()).content.decode()
    assert f"signed in as {carol.email}" in page
    client.post(INVITATION, CHOSEN)
    assert not Operator.objects.filter(email=DORA).exists()
    assert selectors.list_standings(carol.id) == []


def test_a_member_is_told_so(invite, alice):
    client = signed_in(alice.email)
    open_link(client, invite(alice.email))
    answer = client.post(INVITATION)
    assert answer.status_code == 422
    assert "already a member" in answer.content.decode()


def test_a_used_link_says_so(client, invite):
    token = invite()
    open_link(client, token)
    client.post(INVITATION, CHOSEN)
    answer = open_link(client.__class__(), token)
    assert answer.status_code == 410
    assert "accepted already" in answer.content.decode()


def test_an_expired_link_says_so(client, invite, frozen):
    token = invite()
    frozen.advance(days=7)
    answer = open_link(client, token)
    assert answer.status_code == 410
    assert "expired" in answer.content.decode()


def test_a_changed_link_says_no_more_than_that(client, invite, globex):
    token = invite()
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    for text in (wrong, "mpi_x", "\x00"):
        answer = open_link(client, text)
        assert answer.status_code == 410
        assert DORA not in answer.content.decode()


def test_without_a_link_there_is_nothing(client, db):
    assert client.get(INVITATION).status_code == 410


def test_a_closed_tenant_takes_nobody_in(client, invite, acme):
    token = invite()
    Tenant.objects.filter(id=acme.id).update(status=Tenant.Status.SUSPENDED)
    assert "closed" in open_link(client, token).content.decode()


def test_a_tenant_is_not_called_like_a_page(db):
    for slug in ("account", "invitation", "sign-in", "sign-out"):
        with pytest.raises(services.InvalidRequest, match="page of the console"):
            services.create_tenant(slug)

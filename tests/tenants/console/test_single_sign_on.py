"""Single sign-on, against a provider over the wire."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from memplatform import env
from tenants import selectors, services
from tenants.models import Operator, Role
from tenants.scopes import tenant_scope
from tests.openid_provider import CLIENT_ID, SECRET, OpenIdProvider
from tests.tenants.console.signing_in import (
    SECOND,
    SIGN_IN,
    is_signed_in,
    said,
    signed_in,
    switch_on_app,
)

BEGIN = "/console/sign-in/with/oidc/"
DORA = "dora@x.org"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


@pytest.fixture
def provider(settings):
    with OpenIdProvider() as provider:
        settings.OIDC_NAME = "Acme ID"
        settings.SOCIALACCOUNT_PROVIDERS = env.oidc(
            provider.url, name="Acme ID", client_id=CLIENT_ID, secret=SECRET
        )
        yield provider


def person(email, *, verified=True, **claims):
    return {"sub": f"of {email}", "email": email, "email_verified": verified, **claims}


def go(client, path=BEGIN):
    """To the provider and back; returns what the console answers then."""
    leaving = client.get(path)
    assert leaving.status_code == 302, leaving.content.decode()
    return come_back(client, leaving["Location"])


def come_back(client, address):
    opener = build_opener(_Stay)
    try:
        opener.open(address)
    except OSError as redirect:  # urllib's word for an answer it does not follow
        back = urlsplit(redirect.headers["Location"])
    return client.get(f"{back.path}?{back.query}")


def test_the_button_is_there_when_a_provider_is_set(client, db, provider):
    page = client.get(SIGN_IN, {"next": "/console/account/"}).content.decode()
    assert "Sign in with Acme ID" in page
    assert f'{BEGIN}?next=/console/account/"' in page


def test_without_a_provider_there_is_no_button_and_no_page(client, db):
    assert "Sign in with Acme" not in client.get(SIGN_IN).content.decode()
    assert client.get(BEGIN).status_code == 404
    assert client.get(f"{BEGIN}callback/").status_code == 404


def test_an_operator_is_known_by_the_verified_email(client, alice, provider):
    provider.person = person("Alice@acme.example")
    assert go(client)["Location"] == "/console/"
    assert is_signed_in(client)
    assert Operator.objects.count() == 1


def test_it_leads_where_the_operator_wanted_to_go(client, alice, provider):
    provider.person = person(alice.email)
    assert go(client, f"{BEGIN}?next=/console/account/")["Location"] == (
        "/console/account/"
    )


def test_it_leads_nowhere_else(client, alice, provider):
    provider.person = person(alice.email)
    answer = go(client, f"{BEGIN}?next=https://evil.example/")
    assert answer["Location"] == "/console/"


def test_the_password_still_serves(client, alice, provider):
    provider.person = person(alice.email)
    go(client)
    assert is_signed_in(signed_in(alice.email))


@pytest.mark.parametrize("verified", [False, None, "false", 1])
def test_an_unverified_email_signs_nobody_in(client, alice, provider, verified):
    provider.person = person(alice.email, verified=verified)
    assert go(client)["Location"] == SIGN_IN
    assert "no verified e-mail" in said(client)
    assert not is_signed_in(client)


def test_an_email_that_is_not_verified_any_more_signs_nobody_in(
    client, alice, provider
):
    provider.person = person(alice.email)
    go(client)
    other = client.__class__()
    provider.person["email_verified"] = False
    go(other)
    assert not is_signed_in(other)


def test_somebody_unknown_is_not_signed_up(client, acme, provider):
    provider.person = person(DORA)
    assert go(client)["Location"] == SIGN_IN
    assert "Ask an owner" in said(client)
    assert not Operator.objects.filter(email=DORA).exists()


def invited(client, acme, email):
    with tenant_scope(acme.id):
        token = services.invite_member(email, Role.SUPPORT, invited_by=acme.owner)
    client.get("/console/invitation/", {"token": token})
    page = client.get("/console/invitation/").content.decode()
    assert "Accept with Acme ID" in page


def test_an_invited_person_comes_in(client, acme, provider):
    invited(client, acme, DORA)
    provider.person = person(DORA, name="Dora Dee")
    assert go(client).status_code == 302
    dora = Operator.objects.get(email=DORA)
    assert dora.name == "Dora Dee"
    assert not dora.has_usable_password()
    assert selectors.get_standing(dora.id, acme.id).role == Role.SUPPORT
    assert is_signed_in(client)


def test_an_invitation_of_somebody_else_does_not_serve(client, acme, provider):
    invited(client, acme, DORA)
    provider.person = person("eve@x.org")
    assert go(client)["Location"] == SIGN_IN
    assert f"This invitation is for {DORA}" in said(client)
    assert not Operator.objects.filter(email="eve@x.org").exists()


def test_the_second_factor_is_asked_for_all_the_same(client, alice, provider):
    switch_on_app(signed_in(alice.email))
    provider.person = person(alice.email)
    assert go(client)["Location"] == SECOND
    assert not is_signed_in(client)


def test_who_was_switched_off_stays_out(client, alice, provider):
    alice.is_active = False
    alice.save()
    provider.person = person(alice.email)
    go(client)
    assert not is_signed_in(client)


def test_who_cancels_is_back_at_the_sign_in(client, alice, provider):
    assert go(client)["Location"] == SIGN_IN
    assert "did not work" in said(client)


def test_a_token_for_another_client_is_refused(client, alice, provider):
    provider.person = person(alice.email)
    provider.audience = "another client"
    assert go(client)["Location"] == SIGN_IN
    assert not is_signed_in(client)


def test_an_answer_that_was_not_asked_for_is_refused(client, alice, provider):
    """A stranger's code in a victim's browser: there is no such state."""
    provider.person = person(alice.email)
    leaving = client.get(BEGIN)["Location"]
    victim = client.__class__()
    assert come_back(victim, leaving)["Location"] == SIGN_IN
    assert not is_signed_in(victim)


def test_another_site_cannot_start_it(client, alice, provider):
    answer = client.get(BEGIN, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer["Location"] == SIGN_IN


def test_it_only_signs_in(client, alice, provider):
    """allauth's other processes would tie a provider's account to an open session."""
    client.force_login(alice)
    assert client.get(f"{BEGIN}?process=connect")["Location"] == SIGN_IN


def test_a_provider_that_is_down_is_said_in_words(client, alice, provider, settings):
    settings.SOCIALACCOUNT_PROVIDERS = env.oidc(
        "http://127.0.0.1:1", name="Acme ID", client_id=CLIENT_ID, secret=SECRET
    )
    assert client.get(BEGIN)["Location"] == SIGN_IN
    assert "did not work" in said(client)


@pytest.mark.parametrize(
    ("issuer", "client_id"),
    [("login.example.com", "x"), ("https://login.example.com", ""), ("", "x")],
)
def test_a_half_configured_provider_stops_the_start(issuer, client_id):
    with pytest.raises(SystemExit, match="OIDC_"):
        env.oidc(issuer, name="x", client_id=client_id, secret="")

"""An authenticator app and recovery codes; passkeys need a browser: tests/browser."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.cache import cache

from memplatform.lib import sealing
from tenants import second_factor
from tenants.console import lockout
from tests.conftest import PASSWORD
from tests.tenants.console.signing_in import (
    SECOND,
    SIGN_IN,
    TWO_FACTOR,
    app_code,
    is_signed_in,
    signed_in,
    switch_on_app,
)


@pytest.fixture
def protected(alice, client):
    """Alice's secret and recovery codes, and a browser that gave the password only."""
    secret, codes = switch_on_app(signed_in(alice.email))
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == SECOND
    return secret, codes, client


def test_the_password_alone_does_not_do(protected):
    _, _, client = protected
    assert not is_signed_in(client)
    page = client.get(SECOND).content.decode()
    assert "Second factor" in page


def test_the_code_of_the_app_signs_in(protected):
    secret, _, client = protected
    assert client.post(SECOND, {"code": app_code(secret, steps=1)}).status_code == 302
    assert is_signed_in(client)


def test_a_code_serves_once(protected, alice):
    secret, _, client = protected
    code = app_code(secret, steps=1)
    client.post(SECOND, {"code": code})
    cache.clear()  # which another process never had
    other = client.__class__()
    other.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    page = other.post(SECOND, {"code": code})
    assert "used already" in page.content.decode()
    assert not is_signed_in(other)


def test_a_recovery_code_serves_once(protected, alice):
    _, codes, client = protected
    client.post(SECOND, {"code": codes[0]})
    assert is_signed_in(client)
    other = client.__class__()
    other.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    other.post(SECOND, {"code": codes[0]})
    assert not is_signed_in(other)


def test_codes_cannot_be_tried_from_many_addresses(protected, alice):
    secret, _, client = protected
    for number in range(lockout.MAX_FAILURES):
        client.post(SECOND, {"code": "000000"}, REMOTE_ADDR=f"203.0.113.{number}")
    page = client.post(SECOND, {"code": app_code(secret)}, REMOTE_ADDR="192.0.2.1")
    assert "Too many failed" in page.content.decode()
    assert not is_signed_in(client)


def test_nothing_is_switched_on_without_confirming(alice):
    client = signed_in(alice.email)
    for path in ("app/", "recovery-codes/new/"):
        answer = client.get(TWO_FACTOR + path)
        assert answer["Location"].startswith("/console/account/confirm/?next=")
    answer = client.get("/console/account/passkeys/add/")
    assert answer["Location"].startswith("/console/account/confirm/?next=")


def test_confirming_needs_the_password(alice):
    client = signed_in(alice.email)
    answer = client.post("/console/account/confirm/", {"password": "a guess"})
    assert "not your password" in answer.content.decode()
    assert client.get(f"{TWO_FACTOR}app/").status_code == 302


def test_the_app_is_switched_off(alice):
    client = signed_in(alice.email)
    switch_on_app(client)
    assert client.post(f"{TWO_FACTOR}app/remove/").status_code == 302
    assert not Authenticator.objects.exists()  # recovery codes go with it
    assert is_signed_in(signed_in(alice.email))


def test_recovery_codes_are_shown_once(alice):
    client = signed_in(alice.email)
    _, codes = switch_on_app(client)
    assert len(codes) == 10
    page = client.get(f"{TWO_FACTOR}recovery-codes/").content.decode()
    assert "10 of 10 are left" in page
    assert not any(code in page for code in codes)
    client.post(f"{TWO_FACTOR}recovery-codes/new/")
    fresh = client.get(f"{TWO_FACTOR}recovery-codes/").context["unused_codes"]
    assert set(fresh).isdisjoint(codes)


def test_secrets_are_stored_encrypted(alice, settings):
    secret, codes = switch_on_app(signed_in(alice.email))
    kept = {factor.type: factor.data for factor in Authenticator.objects.all()}
    assert secret not in str(kept)
    assert not any(code in str(kept) for code in codes)
    sealed = kept["totp"]["secret"]
    assert sealing.decrypt(sealed, settings.ENCRYPTION_KEYS) == secret


def test_secrets_move_to_a_new_key(protected, settings):
    secret, _, client = protected
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    assert second_factor.rotate_secrets() == 2
    settings.ENCRYPTION_KEYS = [new]
    client.post(SECOND, {"code": app_code(secret, steps=1)})
    assert is_signed_in(client)


def test_the_page_says_what_is_on(alice):
    client = signed_in(alice.email)
    assert "None is on" in client.get(TWO_FACTOR).content.decode()
    switch_on_app(client)
    page = client.get(TWO_FACTOR).content.decode()
    assert "10 left" in page
    assert "None is on" not in page


def test_passkeys_say_that_an_address_has_no_name(alice):
    client = signed_in(alice.email)
    page = client.get("/console/account/passkeys/", HTTP_HOST="127.0.0.1:8000")
    assert "you came by an address" in page.content.decode()
    page = client.get("/console/account/passkeys/", HTTP_HOST="localhost:8000")
    assert "Add a passkey" in page.content.decode()


def test_the_second_factor_is_not_a_page_for_strangers(client, db):
    assert client.get(SECOND)["Location"] == SIGN_IN

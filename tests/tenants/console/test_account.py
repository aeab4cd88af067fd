"""An operator's own profile and password."""

from __future__ import annotations

from allauth.usersessions.models import UserSession

from tenants.console import lockout
from tenants.models import Operator
from tests.conftest import PASSWORD
from tests.tenants.console.signing_in import SIGN_IN, is_signed_in, signed_in

PROFILE = "/console/account/"
CHANGE = "/console/account/password/"
NEW = "seven white horses"


def change(client, old=PASSWORD, new=NEW, again=None):
    return client.post(
        CHANGE, {"oldpassword": old, "password1": new, "password2": again or new}
    )


def test_name_and_time_zone_are_changed(alice):
    client = signed_in(alice.email)
    client.post(PROFILE, {"name": "Alice Acme", "timezone": "Europe/Lisbon"})
    alice.refresh_from_db()
    assert (alice.name, alice.timezone) == ("Alice Acme", "Europe/Lisbon")


def test_a_time_zone_must_exist(alice):
    answer = signed_in(alice.email).post(PROFILE, {"timezone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert Operator.objects.get().timezone == "UTC"


def test_the_profile_changes_nothing_else(alice):
    sent = {"timezone": "UTC", "email": "x@x.org", "is_staff": "on"}
    signed_in(alice.email).post(PROFILE, sent)
    alice.refresh_from_db()
    assert (alice.email, alice.is_staff) == ("alice@acme.example", False)


def test_times_are_told_in_the_operators_zone(alice, frozen):
    client = signed_in(alice.email)
    UserSession.objects.update(created_at=frozen.instant)
    assert "09:30" in client.get("/console/account/sessions/").content.decode()
    client.post(PROFILE, {"timezone": "Asia/Tokyo"})
    assert "18:30" in client.get("/console/account/sessions/").content.decode()


def test_a_new_password_ends_the_other_sessions(alice):
    here, there = signed_in(alice.email), signed_in(alice.email)
    assert change(here).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert is_signed_in(signed_in(alice.email, NEW))


def test_it_needs_the_old_one(alice):
    answer = change(signed_in(alice.email), old="a guess")
    assert answer.status_code == 422
    assert "not your password" in answer.content.decode()


def test_an_open_session_is_no_place_to_guess(alice):
    client = signed_in(alice.email)
    for _ in range(lockout.MAX_FAILURES):
        change(client, old="a guess")
    assert "Too many failed" in change(client).content.decode()
    assert Operator.objects.get().check_password(PASSWORD)


def test_it_must_be_a_good_one(alice):
    for new, again in (("short", None), ("password1234", None), (NEW, "another one")):
        assert change(signed_in(alice.email), new=new, again=again).status_code == 422
    assert Operator.objects.get().check_password(PASSWORD)


def test_who_has_none_may_set_one(alice, client):
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    assert client.get(CHANGE)["Location"] == f"{CHANGE}set/"
    client.post(f"{CHANGE}set/", {"password1": NEW, "password2": NEW})
    assert is_signed_in(signed_in(alice.email, NEW))


def test_who_has_one_cannot_set_another_without_it(alice):
    answer = signed_in(alice.email).post(
        f"{CHANGE}set/", {"password1": NEW, "password2": NEW}
    )
    assert answer["Location"] == CHANGE
    assert Operator.objects.get().check_password(PASSWORD)


def test_nobody_signs_up(client, db):
    for path in ("signup/", "account/signup/", "sign-up/"):
        assert client.get(f"/console/{path}").status_code in (302, 404)
    sent = {"email": "x@x.org", "login": "x@x.org", "password1": NEW, "password": NEW}
    assert client.post(SIGN_IN, sent).status_code == 422
    assert not Operator.objects.exists()


def test_who_was_switched_off_is_like_nobody(alice, client):
    alice.is_active = False
    alice.save()
    sent = {"login": alice.email, "password": PASSWORD}
    answer = client.post(SIGN_IN, sent)
    assert answer.status_code == 422
    assert "do not match" in answer.content.decode()

"""Where an operator is signed in, and ending that."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession

from tenants.console.account.activity import RESOLUTION_S
from tests.conftest import PASSWORD
from tests.tenants.console.signing_in import is_signed_in, signed_in

SESSIONS = "/console/account/sessions/"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)


@pytest.fixture
def here(alice):
    return signed_in(alice.email)


@pytest.fixture
def there(alice):
    return signed_in(alice.email, agent=CHROME, REMOTE_ADDR="203.0.113.7")


def session_of(client):
    return UserSession.objects.get(session_key=client.session.session_key)


def test_it_lists_browser_and_address(here, there):
    page = here.get(SESSIONS).content.decode()
    assert "Firefox on Linux" in page
    assert "Chrome on Windows" in page
    assert "203.0.113.7" in page
    assert page.count("this one") == 1


def test_one_session_is_ended(here, there):
    here.post(f"{SESSIONS}{session_of(there).pk}/end/")
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_all_others_are_ended(here, there):
    here.post(SESSIONS)
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_ending_this_one_signs_out(here):
    answer = here.post(f"{SESSIONS}{session_of(here).pk}/end/")
    assert answer["Location"] == "/console/sign-in/"
    assert not is_signed_in(here)


def test_somebody_elses_session_is_not_there(here, carol):
    theirs = signed_in(carol.email)
    answer = here.post(f"{SESSIONS}{session_of(theirs).pk}/end/")
    assert answer.status_code == 404
    assert is_signed_in(theirs)
    assert "Firefox on Linux" in here.get(SESSIONS).content.decode()
    assert len(here.get(SESSIONS).context["sessions"]) == 1


def test_a_session_is_not_ended_by_a_link(here, there):
    assert here.get(f"{SESSIONS}{session_of(there).pk}/end/").status_code == 405
    assert is_signed_in(there)


def test_when_it_was_last_seen_is_written_now_and_then(alice, frozen):
    client = signed_in(alice.email)
    frozen.advance(seconds=RESOLUTION_S - 1)
    client.get("/console/account/")
    assert session_of(client).last_seen_at != frozen.instant
    frozen.advance(seconds=1)
    client.get("/console/account/", REMOTE_ADDR="192.0.2.9")
    seen = session_of(client)
    assert (seen.last_seen_at, seen.ip) == (frozen.instant, "192.0.2.9")


def test_a_peer_without_an_address_signs_in_too(alice):
    """As behind a server that listens on a socket file."""
    client = signed_in(alice.email, REMOTE_ADDR="")
    assert client.get(SESSIONS).status_code == 200


def test_a_session_from_before_the_list_is_on_it(client, alice):
    client.force_login(alice)
    assert len(client.get(SESSIONS).context["sessions"]) == 1


def test_signing_in_changes_the_session(client, alice):
    """Else somebody could plant a session and wait."""
    client.get("/console/sign-in/")
    client.session["x"] = 1
    planted = client.session
    planted.save()
    before = planted.session_key
    client.post("/console/sign-in/", {"login": alice.email, "password": PASSWORD})
    assert client.session.session_key != before


def test_an_operator_who_is_switched_off_is_out_at_once(here, alice):
    alice.is_active = False
    alice.save()
    assert not is_signed_in(here)


@pytest.mark.parametrize("is_secure", [True, False])
def test_cookies_carry_their_flags(alice, client, settings, is_secure):
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = is_secure
    client.get("/console/sign-in/")
    client.post("/console/sign-in/", {"login": alice.email, "password": PASSWORD})
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert bool(cookie["secure"]) is is_secure
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"

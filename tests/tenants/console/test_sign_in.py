from __future__ import annotations

import pytest

from tenants.console import lockout
from tenants.models import SignInFailures
from tests.conftest import PASSWORD

URL = "/console/sign-in/"


@pytest.fixture
def sign_in(client):
    def sign_in(email, password=PASSWORD, **extra):
        return client.post(URL, {"login": email, "password": password}, **extra)

    return sign_in


def test_the_root_leads_to_the_sign_in(client, db):
    assert client.get("/", follow=True).redirect_chain == [
        ("/console/", 302),
        ("/console/sign-in/?next=/console/", 302),
    ]


def test_an_operator_signs_in_in_any_case(sign_in, acme):
    answer = sign_in("ALICE@acme.example")
    assert (answer.status_code, answer["Location"]) == (302, "/console/")


def test_home_shows_own_projects_only(sign_in, client, acme, globex):
    sign_in(acme.owner.email)
    page = client.get("/console/").content.decode()
    assert "acme project" in page
    assert acme.key not in page
    assert "globex" not in page.lower()


def test_an_operator_without_tenant_is_told_what_to_do(sign_in, client, alice):
    sign_in(alice.email)
    assert "Ask an owner" in client.get("/console/").content.decode()


def test_a_viewer_of_one_project_sees_that_project(sign_in, client, acme, bob):
    sign_in(bob.email)
    assert "acme project" in client.get("/console/").content.decode()


def test_a_wrong_password_is_422_and_says_nothing_of_the_email(sign_in, alice):
    known, unknown = sign_in(alice.email, "wrong"), sign_in("nobody@x.org", "wrong")
    assert known.status_code == unknown.status_code == 422
    for answer in (known, unknown):
        assert "do not match" in answer.content.decode()


def test_repeated_failures_lock_out_for_a_while(sign_in, alice, frozen):
    for _ in range(lockout.MAX_FAILURES):
        assert sign_in(alice.email, "wrong").status_code == 422
    locked = sign_in(alice.email)
    assert locked.status_code == 422
    assert "Too many failed" in locked.content.decode()
    frozen.advance(minutes=15)
    assert sign_in(alice.email).status_code == 302


def test_nobody_is_locked_out_from_elsewhere(sign_in, alice):
    for _ in range(lockout.MAX_FAILURES):
        sign_in(alice.email, "wrong", REMOTE_ADDR="203.0.113.9")
    assert sign_in(alice.email, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_one_address_cannot_try_everybody(sign_in, alice, monkeypatch):
    monkeypatch.setattr(lockout, "MAX_FAILURES_OF_ADDRESS", 3)
    for number in range(3):
        sign_in(f"{number}@x.org", "wrong")
    assert "Too many failed" in sign_in(alice.email).content.decode()


def test_a_success_forgets_the_failures(sign_in, alice):
    sign_in(alice.email, "wrong")
    assert sign_in(alice.email).status_code == 302
    assert not SignInFailures.objects.filter(count__gt=1).exists()
    for _ in range(lockout.MAX_FAILURES - 1):
        sign_in(alice.email, "wrong")
    assert sign_in(alice.email).status_code == 302


def test_the_counter_tells_no_email(sign_in, alice):
    sign_in(alice.email, "wrong")
    assert all(len(row.key) == 64 for row in SignInFailures.objects.all())


def test_signing_out_is_a_post(sign_in, client, acme):
    sign_in(acme.owner.email)
    assert client.get("/console/sign-out/").status_code == 405
    assert client.post("/console/sign-out/").status_code == 302
    assert client.get("/console/").status_code == 302


def test_it_does_not_lead_elsewhere_after_sign_in(client, alice):
    sent = {
        "login": alice.email,
        "password": PASSWORD,
        "next": "https://evil.example/",
    }
    assert client.post(URL, sent)["Location"] == "/console/"


def test_pages_carry_the_policy_and_no_inline_code(sign_in, client, acme):
    sign_in(acme.owner.email)
    for path in ("/console/", URL, "/api/docs/"):
        answer = client.get(path, follow=True)
        page = answer.content.decode()
        assert answer["Content-Security-Policy"].startswith("default-src 'self'")
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page
        assert "http://" not in page.replace("http://testserver", "")

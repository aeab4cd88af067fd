"""Back in by a link that was mailed, or printed by a command."""

from __future__ import annotations

import io
import re

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from memplatform.celery import app
from tenants.console import lockout
from tests.conftest import PASSWORD
from tests.tenants.console.signing_in import (
    SECOND,
    SIGN_IN,
    is_signed_in,
    said,
    signed_in,
    switch_on_app,
)

FORGOTTEN = "/console/sign-in/forgotten/"
NEW_PASSWORD = "/console/sign-in/new-password/"
NEW = "seven white horses"
CHOSEN = {"new_password1": NEW, "new_password2": NEW}


@pytest.fixture
def mailing(settings, monkeypatch):
    """The worker's part happens at once; there is a mail server."""
    monkeypatch.setitem(app.conf, "task_always_eager", True)
    settings.SENDS_MAIL = True


def ask(client, email, **extra):
    answer = client.post(FORGOTTEN, {"email": email}, **extra)
    assert answer.status_code == 200
    return answer.content.decode().partition("<main")[2].partition("</main>")[0]


def mailed_link():
    (letter,) = mail.outbox
    return re.search(r"http\S+", letter.body)[0]


def printed_link(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("reset_password", *arguments, stdout=out, stderr=err)
    return out.getvalue().strip()


def test_the_link_lets_choose_a_new_password(client, alice, mailing):
    there = signed_in(alice.email)
    ask(client, "Alice@acme.example")
    assert mail.outbox[0].to == [alice.email]
    arrived = client.get(mailed_link())
    assert arrived["Location"] == NEW_PASSWORD  # the key is not in the address any more
    assert client.post(NEW_PASSWORD, CHOSEN)["Location"] == SIGN_IN
    assert "Sign in with it" in said(client)
    assert not is_signed_in(there)
    assert is_signed_in(signed_in(alice.email, NEW))


def test_a_link_serves_once(client, alice, mailing):
    ask(client, alice.email)
    link = mailed_link()
    client.get(link)
    client.post(NEW_PASSWORD, CHOSEN)
    client.get(link)
    again = client.post(NEW_PASSWORD, {"new_password1": "x", "new_password2": "x"})
    assert again.status_code == 410
    assert "used already" in again.content.decode()


def test_a_link_grows_old(client, alice, mailing, settings):
    ask(client, alice.email)
    settings.PASSWORD_RESET_TIMEOUT = -1
    client.get(mailed_link())
    assert client.get(NEW_PASSWORD).status_code == 410


@pytest.mark.parametrize("key", ["", "x", "x-y", "0" * 32 + "-abc-def", "\x00-\x00"])
def test_a_wrong_key_leads_nowhere(client, alice, key):
    client.get(NEW_PASSWORD, {"key": key})
    assert client.get(NEW_PASSWORD).status_code == 410


def test_a_key_of_one_operator_is_not_anothers(client, alice, carol):
    link = printed_link(alice.email)
    client.get(link.replace(alice.pk.hex, carol.pk.hex))
    assert client.get(NEW_PASSWORD).status_code == 410


def test_nobody_learns_who_has_an_account(client, alice, mailing):
    known, unknown = ask(client, alice.email), ask(client, "nobody@x.org")
    assert known == unknown
    assert len(mail.outbox) == 1


def test_the_request_does_the_same_for_every_email(
    client, alice, django_assert_num_queries, django_capture_on_commit_callbacks
):
    """Looking up and mailing are a worker's: the time taken tells nothing."""
    client.get(FORGOTTEN)
    for email in (alice.email, "nobody@x.org"):
        with django_assert_num_queries(3):
            ask(client, email)


@pytest.mark.parametrize("email", ["x", "", f"{'x' * 300}@x.org", "a\0@x.org"])
def test_what_is_no_email_is_refused(client, db, email):
    assert client.post(FORGOTTEN, {"email": email}).status_code == 422


def test_who_was_switched_off_gets_no_link(client, alice, mailing):
    alice.is_active = False
    alice.save()
    ask(client, alice.email)
    assert mail.outbox == []


def test_a_mailbox_is_not_flooded_and_nobody_told(client, alice, mailing):
    pages = {
        ask(client, alice.email, REMOTE_ADDR=f"203.0.113.{number}")
        for number in range(lockout.MAX_FAILURES + 3)
    }
    assert len(mail.outbox) == lockout.MAX_FAILURES
    assert len(pages) == 1
    assert is_signed_in(signed_in(alice.email))  # it locks nobody out


def test_without_a_mail_server_the_page_says_what_to_ask_for(client, alice):
    page = ask(client, alice.email)
    assert "./manage.py reset_password" in page


def test_without_a_broker_the_page_is_the_same(client, alice, settings, caplog):
    ask(client, alice.email)
    assert "password reset lost" in caplog.text
    assert alice.email not in caplog.text


def test_a_bad_password_is_refused(client, alice):
    client.get(printed_link(alice.email))
    for first, second in (("short", "short"), (NEW, "another"), ("password",) * 2):
        sent = {"new_password1": first, "new_password2": second}
        assert client.post(NEW_PASSWORD, sent).status_code == 422
    assert is_signed_in(signed_in(alice.email, PASSWORD))


def test_the_command_prints_a_link(client, alice):
    link = printed_link(alice.email, "--url", "https://memory.example.com/")
    assert link.startswith("https://memory.example.com/console/sign-in/new-password/?")
    client.get(link)
    client.post(NEW_PASSWORD, CHOSEN)
    assert is_signed_in(signed_in(alice.email, NEW))


def test_the_command_knows_nobody_it_does_not_know(db):
    with pytest.raises(CommandError, match="no operator"):
        printed_link("nobody@x.org")


def test_the_mail_leads_to_the_public_address(client, alice, mailing, settings):
    settings.PUBLIC_URL = "https://memory.example.com"
    ask(client, alice.email, HTTP_HOST="evil.example")
    assert mailed_link().startswith("https://memory.example.com/console/")


def test_a_reset_leaves_the_second_factor(client, alice):
    switch_on_app(signed_in(alice.email))
    client.get(printed_link(alice.email))
    client.post(NEW_PASSWORD, CHOSEN)
    answer = client.post(SIGN_IN, {"login": alice.email, "password": NEW})
    assert answer["Location"] == SECOND


def test_the_command_forgets_a_lost_second_factor(client, alice):
    switch_on_app(signed_in(alice.email))
    client.get(printed_link(alice.email, "--forget-second-factor"))
    client.post(NEW_PASSWORD, CHOSEN)
    assert is_signed_in(signed_in(alice.email, NEW))

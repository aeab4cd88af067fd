"""A browser without a screen: signs in through the form, as a person would."""

from __future__ import annotations

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from tests.conftest import PASSWORD

SIGN_IN = "/console/sign-in/"
TWO_FACTOR = "/console/account/two-factor/"
SECOND = "/console/sign-in/second-factor/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(email, password=PASSWORD, *, agent=FIREFOX, **extra):
    client = Client(headers={"User-Agent": agent}, **extra)
    answer = client.post(SIGN_IN, {"login": email, "password": password})
    assert answer.status_code == 302, answer.content.decode()
    return client


def is_signed_in(client):
    return client.get("/console/").status_code == 200


def confirm(client, password=PASSWORD):
    """What stands before every change of a second factor."""
    answer = client.post("/console/account/confirm/", {"password": password})
    assert answer.status_code == 302, answer.content.decode()


def app_code(secret, *, steps=0):
    """The six digits of the authenticator app; ``steps`` half minutes from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def said(client, path="/console/sign-in/"):
    """What the next page tells in its messages."""
    page = client.get(path, follow=True)
    return " ".join(str(message) for message in page.context["messages"])


def switch_on_app(client):
    """Returns the secret and the recovery codes."""
    confirm(client)
    form = client.get(f"{TWO_FACTOR}app/").context["form"]
    answer = client.post(f"{TWO_FACTOR}app/", {"code": app_code(form.secret)})
    assert answer["Location"] == f"{TWO_FACTOR}recovery-codes/"
    codes = client.get(answer["Location"]).context["unused_codes"]
    return form.secret, codes

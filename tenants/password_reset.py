"""A link that lets an operator choose a new password.

The link carries a key of the operator's id and a token that Django signs over the
present password, the last sign-in and the time: it serves once and for three days.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode

from tenants.models import Operator


def find_operator(email: str) -> Operator | None:
    """Who may be sent a link; nobody, if switched off. Needs no scope."""
    return Operator.objects.filter(email=email.strip().lower(), is_active=True).first()


def link_for(operator: Operator, base_url: str) -> str:
    """``base_url`` has no path; it is how the console is reached."""
    key = f"{operator.pk.hex}-{default_token_generator.make_token(operator)}"
    path = reverse("console:new-password")
    return f"{base_url.rstrip('/')}{path}?{urlencode({'key': key})}"


def operator_of(key: str) -> Operator | None:
    """Whose link it is; None when it serves nobody, or no more."""
    operator_id, _, token = key.partition("-")
    try:
        found = Operator.objects.filter(pk=UUID(operator_id), is_active=True).first()
    except ValueError:
        return None
    is_good = found is not None and default_token_generator.check_token(found, token)
    return found if is_good else None


def send_link(email: str, base_url: str) -> None:
    """Mail the link to the operator of this e-mail, if there is one."""
    operator = find_operator(email)
    if operator is None:
        return
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    context = {"link": link_for(operator, base_url), "hours": hours}
    EmailMessage(
        subject="Choose a new password for Memplatform",
        body=render_to_string("account/email/password_reset.txt", context),
        to=[operator.email],
    ).send()

"""The invitation, by mail."""

from __future__ import annotations

from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from memplatform.lib import logs
from tenants.scopes import forbid_open_scope
from tenants.services import INVITATION_TTL

log = logs.get(__name__)


def send_invitation(email: str, link: str, *, by: str, tenant_name: str) -> bool:
    """Whether the mail left; False without a mail server, and where it refused.

    Whoever invited has the link on the page, so a failure loses nothing. Never inside a
    transaction.
    """
    forbid_open_scope()
    if not settings.SENDS_MAIL:
        return False
    days = INVITATION_TTL // timedelta(days=1)
    context = {"link": link, "by": by, "tenant_name": tenant_name, "days": days}
    mail = EmailMessage(
        subject=f"Join {tenant_name} on Memplatform".replace("\n", " "),
        body=render_to_string("tenants/email/invitation.txt", context),
        to=[email],
    )
    try:
        return bool(mail.send())
    except (OSError, SMTPException) as exc:
        log.error("invitation not mailed", extra={"reason": type(exc).__name__})
        return False

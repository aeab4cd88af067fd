"""What happens to mail where no mail server is set: the log shows it."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from memplatform.lib import logs

log = logs.get(__name__)


class LogBackend(BaseEmailBackend):
    """Writes a line for each mail, whose text may hold a link that signs somebody in.

    Who may read the log may already do everything on this machine.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for mail in email_messages:
            told = {"to": mail.to, "subject": mail.subject, "text": mail.body}
            log.warning("mail was not sent: EMAIL_HOST is not set", extra=told)
        return 0

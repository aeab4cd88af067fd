"""Celery entry points of tenants: thin, one call."""

from __future__ import annotations

from smtplib import SMTPException

from celery import shared_task

from tenants import password_reset


@shared_task(
    name="operators.send_password_reset",
    autoretry_for=(OSError, SMTPException),
    retry_backoff=30,
    max_retries=4,
)
def send_password_reset(email: str, base_url: str) -> None:
    """Away from the request, whose answer then takes as long for any e-mail."""
    password_reset.send_link(email, base_url)

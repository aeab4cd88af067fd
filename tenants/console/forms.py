"""The console's forms."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from tenants.console import lockout


class SignInForm(AuthenticationForm):
    """E-mail and password, with a pause after repeated failures."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This e-mail and password do not match.",
        "locked_out": "Too many failed sign-ins. Try again in 15 minutes.",
    }

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username", "")
        address = self._address()
        if lockout.is_locked_out(email, address):
            raise ValidationError(self.error_messages["locked_out"], code="locked_out")
        try:
            cleaned = super().clean()
        except ValidationError:
            lockout.note_failure(email, address)
            raise
        lockout.forget_failures(email, address)
        return cleaned

    def _address(self) -> str:
        return self.request.META.get("REMOTE_ADDR", "") if self.request else ""

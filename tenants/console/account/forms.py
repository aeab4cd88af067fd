"""Forms of the account pages; what guesses is counted by ``lockout``."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, cast

from allauth.account import forms as account
from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.http import HttpRequest

from tenants import checks
from tenants.console import lockout
from tenants.console.account.activity import address_of
from tenants.models import Operator

if TYPE_CHECKING:
    _OperatorForm = forms.ModelForm[Operator]
    _CreationForm = BaseUserCreationForm[Operator]
else:
    _OperatorForm = forms.ModelForm
    _CreationForm = BaseUserCreationForm


class _CountedCode(mfa.BaseAuthenticateForm):  # type: ignore[misc]
    """A code of the app, or a recovery code."""

    def clean_code(self) -> str:
        attempt = lockout.code(self.user)
        if not attempt.begin():
            raise get_adapter().validation_error("too_many_login_attempts")
        code = cast("str", super().clean_code())
        if not lockout.use_of_code(self.user, code).begin():
            raise forms.ValidationError("This code was used already.")
        attempt.succeed()
        return code


class CodeForm(_CountedCode, mfa.AuthenticateForm):  # type: ignore[misc]
    """The second factor of a sign-in."""


class ConfirmingCodeForm(_CountedCode, mfa.ReauthenticateForm):  # type: ignore[misc]
    """The second factor before something is changed that matters."""


class ChangePasswordForm(account.ChangePasswordForm):  # type: ignore[misc]
    """A session left open must not become a place to guess the password at."""

    def clean_oldpassword(self) -> str:
        adapter = get_adapter()
        if not adapter.reauthenticate(self.user, self.cleaned_data["oldpassword"]):
            raise adapter.validation_error("enter_current_password")
        return cast("str", self.cleaned_data["oldpassword"])


class ForgottenPasswordForm(forms.Form):
    """To whom a link is sent; whether anybody has this e-mail is not told."""

    email = forms.EmailField(
        label="E-mail",
        max_length=checks.MAX_EMAIL_CHARS,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )


class ProfileForm(_OperatorForm):
    """How an operator is called, and in which time zone they read."""

    timezone = forms.ChoiceField(label="Time zone")

    class Meta:
        model = Operator
        fields = ["name", "timezone"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        names = sorted(zoneinfo.available_timezones() - {"localtime"})
        zones = cast("forms.ChoiceField", self.fields["timezone"])
        zones.choices = [(name, name.replace("_", " ")) for name in names]
        self.fields["name"].widget.attrs["autocomplete"] = "name"


class NewOperatorForm(_CreationForm):
    """Who was invited says how they are called and chooses a password."""

    class Meta:
        model = Operator
        fields = ["name"]
        field_classes: dict[str, type[forms.Field]] = {}


def forgotten_email(form: ForgottenPasswordForm, request: HttpRequest) -> str | None:
    """The e-mail to send a link to; None when it was asked for too often."""
    email = form.cleaned_data["email"].lower()
    attempt = lockout.reset_link(email, address_of(request))
    return email if attempt.begin() else None

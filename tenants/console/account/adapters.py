"""Where django-allauth asks us: guessing, wording, secrets, and who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memplatform.lib import clock, logs, sealing
from memplatform.lib.errors import PlatformError
from tenants import checks, services
from tenants.console import lockout
from tenants.console.account.activity import SEEN_AT, address_of
from tenants.models import Operator

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin

INVITATION = "invitation"
"""Where the session keeps the token of an invitation that is being accepted."""
UNPROVEN = "The sign-in gave no verified e-mail, so nobody can be found by it."
UNINVITED = (
    "{email} has no access here. Ask an owner of your tenant for an invitation, open"
    " its link, and sign in from there."
)
WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code of your app, or a recovery code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}

log = logs.get(__name__)


class OperatorAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Passwords, sessions and words of the account pages."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail and password do not match.",
        "enter_current_password": "This is not your password.",
        "incorrect_password": "This is not your password.",
        "too_many_login_attempts": "Too many failed tries. Try again in 15 minutes.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Operator | None:
        """The operator of these credentials, counted against guessing."""
        email = credentials.get("email", "")
        attempt = lockout.password(email, self.get_client_ip(request))
        if not attempt.begin():
            raise self.validation_error("too_many_login_attempts")
        found = super().authenticate(request, **credentials)
        # An operator who was switched off gets the answer of one who is not there.
        if found is None or not found.is_active:
            return None
        attempt.succeed()
        return cast("Operator", found)

    def reauthenticate(self, user: Operator, password: str) -> bool:
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def get_reauthentication_methods(self, user: Operator) -> list[dict[str, Any]]:
        """allauth's ways to confirm that it is you, in our words."""
        methods = super().get_reauthentication_methods(user)
        return [{**way, "description": WAYS[way["id"]]} for way in methods]

    def login(self, request: HttpRequest, user: Operator) -> None:
        super().login(request, user)
        request.session[SEEN_AT] = clock.now().timestamp()
        told = {"operator_id": str(user.pk), "address": self.get_client_ip(request)}
        log.info("signed in", extra=told)

    def respond_user_inactive(
        self, request: HttpRequest, user: Operator
    ) -> HttpResponse:
        messages.error(request, "This operator was switched off.")
        return redirect("console:sign-in")

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are encrypted like those of providers."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or was used already.",
    }

    def encrypt(self, text: str) -> str:
        return sealing.encrypt(text, settings.ENCRYPTION_KEYS)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.decrypt(encrypted_text, settings.ENCRYPTION_KEYS)

    def generate_authenticator_name(
        self, user: Operator, type: Authenticator.Type
    ) -> str:
        known = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {known + 1}" if known else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Memplatform"}


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Single sign-on: for operators, and for who holds an invitation."""

    def is_open_for_signup(
        self, request: HttpRequest, sociallogin: SocialLogin
    ) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find whose sign-in this is, by the verified e-mail; else refuse."""
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            _refuse(request, "This is only for signing in.")
        email = _verified_email(sociallogin)
        if email is None:
            _refuse(request, UNPROVEN)
        if not sociallogin.is_existing:
            sociallogin.connect(request, _find_or_admit(request, email, sociallogin))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, **kwargs: Any
    ) -> NoReturn:
        note_provider_failure(request, kwargs.get("exception") or kwargs.get("error"))
        raise ImmediateHttpResponse(redirect("console:sign-in"))


def note_provider_failure(request: HttpRequest, reason: object) -> None:
    """In words for the visitor, in detail for the log."""
    log.warning("single sign-on failed", extra={"reason": repr(reason)})
    messages.error(request, f"Signing in with {settings.OIDC_NAME} did not work.")


def _verified_email(sociallogin: SocialLogin) -> str | None:
    """Some providers write booleans as words."""
    for address in sociallogin.email_addresses:
        if address.verified is True or address.verified == "true":
            return str(address.email).lower()
    return None


def _find_or_admit(
    request: HttpRequest, email: str, sociallogin: SocialLogin
) -> Operator:
    operator = Operator.objects.filter(email=email).first()
    if operator is not None:
        return operator
    token = request.session.get(INVITATION)
    if token is None:
        _refuse(request, UNINVITED.format(email=email))
    told = sociallogin.account.get_provider_account().get_user_data()
    name = str(told.get("name") or "")[: checks.MAX_NAME_CHARS]
    try:
        operator = services.accept_invitation_as(token, email, name=name)
    except PlatformError as error:
        _refuse(request, error.message)
    del request.session[INVITATION]
    return operator


def _refuse(request: HttpRequest, message: str) -> NoReturn:
    messages.error(request, message)
    raise ImmediateHttpResponse(redirect("console:sign-in"))

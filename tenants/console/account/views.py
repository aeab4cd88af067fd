"""Sign in, get back in, and the operator's own profile and sessions.

Second factors and passkeys are django-allauth's views (urls.py) in our templates.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, cast

from allauth.account import views as account
from allauth.mfa.webauthn.views import AddWebAuthnView, ListWebAuthnView
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from kombu.exceptions import KombuError
from redis import RedisError
from requests import RequestException

from memplatform.lib import logs
from tenants import password_reset, tasks
from tenants.console.account.adapters import note_provider_failure
from tenants.console.account.forms import (
    ForgottenPasswordForm,
    ProfileForm,
    forgotten_email,
)
from tenants.models import Operator

RESET_KEY = "password_reset_key"
log = logs.get(__name__)


class SignIn(account.LoginView):  # type: ignore[misc]
    """E-mail and password, a passkey, or single sign-on; a refusal answers 422."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return _refused(super().form_invalid(form))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "passkey_host": passkey_host(self.request),
            "single_sign_on": settings.OIDC_NAME if _has_provider() else None,
        }


class ChangePassword(account.PasswordChangeView):  # type: ignore[misc]
    """The present password and a new one; every other session ends."""

    def form_invalid(self, form: Any) -> HttpResponse:
        return _refused(super().form_invalid(form))


class Passkeys(ListWebAuthnView):  # type: ignore[misc]
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        host = passkey_host(self.request)
        return {**super().get_context_data(**kwargs), "passkey_host": host}


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """A passkey belongs to the name of a host; an address has none."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if passkey_host(request) is None:
            return redirect("mfa_list_webauthn")
        return cast("HttpResponse", super().get(request, *args, **kwargs))

    def get_initial(self) -> dict[str, Any]:
        return {**super().get_initial(), "passwordless": True}


def passkey_host(request: HttpRequest) -> str | None:
    """The host that passkeys are bound to; None where browsers would refuse."""
    host = request.get_host().rpartition("]")[0] or request.get_host().split(":")[0]
    try:
        ip_address(host.strip("["))
    except ValueError:
        return host
    return None


def _refused(response: HttpResponse) -> HttpResponse:
    response.status_code = 422
    return response


def _has_provider() -> bool:
    return bool(settings.SOCIALACCOUNT_PROVIDERS)


@require_safe
@never_cache
def begin_single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Off to the provider; a link on another site cannot start this by itself."""
    is_from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if is_from_elsewhere or "process" in request.GET:
        return redirect("console:sign-in")
    if not _has_provider():
        raise Http404
    try:
        return cast("HttpResponse", openid_connect.login(request, provider_id))
    except RequestException as exc:
        note_provider_failure(request, exc)
        return redirect("console:sign-in")


@require_safe
@never_cache
def finish_single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    if not _has_provider():
        raise Http404
    return cast("HttpResponse", openid_connect.callback(request, provider_id))


# --- A forgotten password ---------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """Ask for a link by mail; the answer is the same for every e-mail."""
    form = ForgottenPasswordForm(request.POST or None)
    if not form.is_valid():
        return _form_page(request, "account/forgotten_password.html", form)
    if email := forgotten_email(form, request):
        _send_later(email, settings.PUBLIC_URL or request.build_absolute_uri("/"))
    return render(
        request, "account/link_sent.html", {"sends_mail": settings.SENDS_MAIL}
    )


def _send_later(email: str, base_url: str) -> None:
    """By a worker; without a broker the link is not sent, and the log says so."""
    try:
        tasks.send_password_reset.apply_async((email, base_url), retry=False)
    except (OSError, KombuError, RedisError) as exc:
        log.error("password reset lost", extra={"reason": type(exc).__name__})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def new_password(request: HttpRequest) -> HttpResponse:
    """Where the link leads; its key moves into the session, out of the address."""
    if key := request.GET.get("key"):
        request.session[RESET_KEY] = key
        return redirect("console:new-password")
    operator = password_reset.operator_of(request.session.get(RESET_KEY, ""))
    if operator is None:
        return render(request, "account/link_over.html", status=410)
    form = SetPasswordForm(operator, request.POST or None)
    if not form.is_valid():
        return _form_page(request, "account/new_password.html", form, email=operator)
    form.save()
    del request.session[RESET_KEY]
    messages.success(request, "Your password was changed. Sign in with it.")
    return redirect("console:sign-in")


# --- One's own account ------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name and time zone."""
    operator = Operator.objects.get(pk=_operator(request).pk)
    form = ProfileForm(request.POST or None, instance=operator)
    if not form.is_valid():
        return _form_page(request, "account/profile.html", form)
    form.save()
    messages.success(request, "Profile saved.")
    return redirect("console:account")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where this operator is signed in; POST ends all sessions but this one."""
    if request.method == "POST":
        end_other_sessions(request, _operator(request))
        messages.success(request, "Every other session was ended.")
        return redirect("usersessions_list")
    _list_this_session(request)
    known = UserSession.objects.purge_and_list(_operator(request))
    known.sort(key=lambda session: session.last_seen_at, reverse=True)
    return render(request, "account/sessions.html", {"sessions": known})


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one session of one's own, maybe this one."""
    session = get_object_or_404(UserSession, pk=session_id, user=_operator(request))
    is_this = session.is_current()
    session.end()
    if is_this:
        request.session.flush()
        return redirect("console:sign-in")
    messages.success(request, "The session was ended.")
    return redirect("usersessions_list")


def _list_this_session(request: HttpRequest) -> None:
    """One that began before sessions were listed."""
    key = request.session.session_key
    if not UserSession.objects.filter(session_key=key).exists():
        UserSession.objects.create_from_request(request)


def _operator(request: HttpRequest) -> Operator:
    return cast("Operator", request.user)


def _form_page(
    request: HttpRequest, template: str, form: Any, **context: Any
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, template, {"form": form, **context}, status=status)

"""An invitation, from the link to the membership."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from memplatform.lib.errors import NotAuthenticated, PlatformError
from tenants import services
from tenants.console.account.adapters import INVITATION
from tenants.console.account.forms import NewOperatorForm
from tenants.models import Operator
from tenants.services import Invited


def invitation_link(request: HttpRequest, token: str) -> str:
    """The link that the invited person opens. No access log keeps a query string."""
    base_url = settings.PUBLIC_URL or request.build_absolute_uri("/")
    path = reverse("console:invitation")
    return f"{base_url.rstrip('/')}{path}?{urlencode({'token': token})}"


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest) -> HttpResponse:
    """What is offered, and what this visitor has to do to accept it.

    The token moves into the session, so that it survives a sign-in on the way.
    """
    if token := request.GET.get("token"):
        request.session[INVITATION] = token
        return redirect("console:invitation")
    token = request.session.get(INVITATION, "")
    try:
        return _offer(request, token, services.read_invitation(token))
    except NotAuthenticated as error:
        return render(
            request, "account/invitation_over.html", {"error": error}, status=410
        )


def _offer(request: HttpRequest, token: str, invited: Invited) -> HttpResponse:
    is_somebody = request.user.is_authenticated
    is_invited = is_somebody and cast("Operator", request.user).email == invited.email
    if request.method == "POST" and is_invited:
        return _join(request, token, invited)
    if is_somebody or invited.is_known:
        return _show(request, invited, is_invited=is_invited)
    form = NewOperatorForm(request.POST or None)
    if not form.is_valid():
        return _show(request, invited, form=form)
    return _begin(request, token, form)


def _join(request: HttpRequest, token: str, invited: Invited) -> HttpResponse:
    """Somebody who has an account already."""
    try:
        services.accept_invitation_as(token, invited.email)
    except PlatformError as error:
        return _show(request, invited, is_invited=True, problem=error.message)
    return _welcome(request)


def _begin(request: HttpRequest, token: str, form: NewOperatorForm) -> HttpResponse:
    """Somebody new, who is signed in right away."""
    chosen = form.cleaned_data
    operator = services.accept_invitation(
        token, password=chosen["password1"], name=chosen["name"]
    )
    _welcome(request)
    return cast("HttpResponse", perform_login(request, operator))


def _welcome(request: HttpRequest) -> HttpResponse:
    del request.session[INVITATION]
    messages.success(request, "Welcome. This is what you can see now.")
    return redirect("console:home")


def _show(request: HttpRequest, invited: Invited, **context: Any) -> HttpResponse:
    form = context.get("form")
    is_refused = "problem" in context or (form is not None and form.is_bound)
    shown = {"invited": invited, "single_sign_on": _single_sign_on(), **context}
    return render(
        request, "account/invitation.html", shown, status=422 if is_refused else 200
    )


def _single_sign_on() -> str | None:
    return settings.OIDC_NAME if settings.SOCIALACCOUNT_PROVIDERS else None

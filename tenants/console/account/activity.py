"""When a session was last seen, for their list; at most one write in minutes."""

from __future__ import annotations

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponseBase

from memplatform.lib import clock

SEEN_AT = "seen_at"
UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 - of a peer on a socket file
RESOLUTION_S = 300


class ActivityMiddleware:
    """Sessions that began by signing in carry ``seen_at``; others are left alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        # Not for whoever did not look at the session anyway, such as the API.
        if request.session.accessed:
            note_activity(request)
        return response


def address_of(request: HttpRequest) -> str:
    """Who asks, as the database can keep it."""
    return request.META.get("REMOTE_ADDR") or UNKNOWN_ADDRESS


def note_activity(request: HttpRequest) -> None:
    now = clock.now()
    seen_at = request.session.get(SEEN_AT)
    if seen_at is None or now.timestamp() - seen_at < RESOLUTION_S:
        return
    request.session[SEEN_AT] = now.timestamp()
    UserSession.objects.filter(session_key=request.session.session_key).update(
        last_seen_at=now, ip=address_of(request)
    )

"""An API key in the ``Authorization`` header, and nowhere else, says who is asking."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from memplatform.lib.errors import NotAuthenticated
from tenants import services
from tenants.models import Operator
from tenants.selectors import Access

KEYWORDS = ("token", "bearer")


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Token <key>`` or ``Bearer <key>``: ``request.auth`` is Access.

    ``request.user`` stays None: a key is not a person. Any fault of the key is 401.
    """

    def authenticate(self, request: Request) -> tuple[Operator | None, Access]:
        return None, services.admit_key(key_in(request.META))

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="api"'


def key_in(meta: dict[str, str]) -> str:
    """The key's text in a WSGI environment; raises NotAuthenticated."""
    header = meta.get("HTTP_AUTHORIZATION", "")
    if not header.strip():
        raise NotAuthenticated("Authentication credentials were not provided.")
    keyword, _, key = header.strip().partition(" ")
    if keyword.lower() not in KEYWORDS:
        raise NotAuthenticated("Use the header 'Authorization: Token <key>'.")
    return key.strip()

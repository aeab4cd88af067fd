"""Charges a request to its key's rate and its tenant's, and refuses those beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from memplatform.lib import http
from memplatform.lib.errors import RateLimited
from tenants import limits
from tenants.selectors import Access

if TYPE_CHECKING:  # DRF's views import this module while they are loaded
    from rest_framework.views import APIView


class KeyThrottle(BaseThrottle):
    """Raises RateLimited; the answer says what is left, whatever it is."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, Access):
            self._take(request, request.auth)
        return True

    def _take(self, request: Request, access: Access) -> None:
        allowance = limits.take_request(access)
        if allowance is None:
            return
        http.add_headers(request._request, allowance.headers())
        if allowance.is_exceeded:
            raise RateLimited(
                f"{allowance.whose} may send {allowance.limit} requests a minute.",
                retry_after_s=allowance.retry_after_s,
            )

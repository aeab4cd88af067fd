"""Counts a key's requests, and refuses those beyond its rate."""

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
    """Raises RateLimited; counts usage under the view's ``operation``, if any."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        access = request.auth
        if isinstance(access, Access):
            self._take(request, access)
            self._count(access, view)
        return True

    def _take(self, request: Request, access: Access) -> None:
        allowance = limits.take_request(access)
        if allowance is None:
            return
        http.add_headers(request._request, allowance.headers())
        if allowance.is_exceeded:
            raise RateLimited(
                f"This API key may send {allowance.limit} requests a minute.",
                retry_after_s=allowance.retry_after_s,
            )

    def _count(self, access: Access, view: APIView) -> None:
        operation = getattr(view, "operation", None)
        if operation is not None:
            limits.count_usage(access, operation)
            limits.flush_usage_if_due()


class UsageOnly(KeyThrottle):
    """For a request made by another one, which its key's rate has counted already."""

    def _take(self, request: Request, access: Access) -> None:
        pass

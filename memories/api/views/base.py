"""What the views of memories share: who asks, and one key for errors."""

from __future__ import annotations

from uuid import UUID

from rest_framework.request import Request
from rest_framework.views import APIView

from memories.selectors.memories import get_memory
from memories.types import MemoryView
from memplatform.lib.errors import NotFound
from tenants import limits
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MISSING = "Memory not found!"


class MemoryApiView(APIView):
    """Errors repeat their message under ``error``, as clients of memories expect."""

    error_key = "error"

    @property
    def access(self) -> Access:
        """What the request's key may do; permissions have seen to it that there is."""
        return access_of(self.request)


def access_of(request: Request) -> Access:
    access = request.auth
    if not isinstance(access, Access):  # a bug: the view was opened to everyone
        raise TypeError("This view needs an API key.")
    return access


def spend_quota(access: Access, operation: str) -> None:
    """Raise QuotaExceeded when the month is used up; opens its own scope if needed."""
    if limits.PER_MONTH in access.limits:
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            limits.require_quota(access, operation)


def check_is_own(access: Access, memory_id: UUID) -> None:
    """Raise NotFound for a memory outside the subject the key is narrowed to.

    Opens its own scope, and only for narrowed keys. Nothing moves a memory to another
    subject, so the answer still holds when the caller acts on it.
    """
    if access.only:
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            require_own(access, get_memory(memory_id))


def require_own(access: Access, memory: MemoryView) -> None:
    if any(getattr(memory, key) != only for key, only in access.only.items()):
        raise NotFound(MISSING)

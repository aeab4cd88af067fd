"""What the views of memories share: who asks, and one key for errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Empty, Request

from memories.api.reading import given_in, unread_fields, watched
from memories.retrieval.rerank import Reranking
from memories.selectors.memories import get_memory
from memories.services.usage import subjects_of
from memories.types import MemoryView, Scope
from memplatform.lib.errors import NotFound
from tenants import quotas
from tenants.api.views import KeyApiView, notes
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MISSING = "Memory not found!"


class MemoryApiView(KeyApiView):
    """Errors repeat their message under ``error``, as clients of memories expect.

    Fields of a body, and parameters of a GET, that nobody read are named in a header of
    the answer.
    """

    error_key = "error"

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        with watched() as self._read:
            return super().dispatch(request, *args, **kwargs)

    def warnings(self) -> list[str]:
        body = getattr(self.request, "_full_data", Empty)
        unread = {
            "body fields": unread_fields(body, self._read),
            "query parameters": self._unread_parameters(),
        }
        return [f"unknown {what}: {', '.join(n)}" for what, n in unread.items() if n]

    def _unread_parameters(self) -> list[str]:
        """Of a GET; others may take theirs from the query and a body."""
        if self.request.method != "GET":
            return []
        asked = given_in(self.request.query_params)
        read = [fields for fields in self._read if fields.raw == asked]
        return unread_fields(asked, read)

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
    """Count against the month's quotas; raises QuotaExceeded. Outside a scope."""
    spent = quotas.spend(access, operation)
    noted = notes()
    noted.spent.append(spent)
    noted.warnings += [f"quota exceeded: {state}" for state in spent.exceeded]


def tell_reranking(reranking: Reranking | None) -> None:
    """Warn where a reranker was to be asked and the order is not its own."""
    if reranking is not None and reranking.problem:
        notes().warnings.append(f"not reranked: {reranking.problem}")


def count_for(scope: Scope) -> None:
    """Put the request on the account of whom it names, too."""
    notes().subjects.update(subjects_of(scope))


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

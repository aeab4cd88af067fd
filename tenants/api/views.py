"""What every request with a key goes through: its rate, its usage, its warnings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from memplatform.lib import clock, http
from memplatform.lib.meter import Meter, metered
from tenants import quotas, usage
from tenants.quotas import Spent
from tenants.selectors import Access
from tenants.usage import Amounts, Payer, Subject


@dataclass(slots=True)
class Notes:
    """What a request gathers on its way, for the account and for the answer."""

    started: datetime = field(default_factory=clock.now)
    subjects: set[Subject] = field(default_factory=set)
    spent: list[Spent] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


_notes: ContextVar[Notes | None] = ContextVar("request_notes", default=None)


def notes() -> Notes:
    """Those of the request at hand; outside of one, some that nobody reads."""
    return _notes.get() or Notes()


@contextmanager
def _noted() -> Iterator[Notes]:
    """Requests that a request makes itself have notes of their own."""
    taken = Notes()
    token = _notes.set(taken)
    try:
        yield taken
    finally:
        _notes.reset(token)


class KeyApiView(APIView):
    """Counts what it served under ``operation`` (None: nothing is counted).

    A request that is refused or fails costs its rate and the tokens that were used up
    to then, and no part of a quota.
    """

    _admitted: Access | None = None

    @property
    def operation(self) -> str | None:
        """What usage is counted under."""
        return None

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        is_served = False
        with _noted() as taken, metered() as meter:
            try:
                response = super().dispatch(request, *args, **kwargs)
                is_served = response.status_code < 400
            finally:
                self._settle(taken, meter, is_served=is_served)
        if is_served:
            http.warn(request, [*self.warnings(), *taken.warnings])
        return response

    def check_permissions(self, request: Request) -> None:
        """The rate first: also a refusal says what is left of it."""
        super().check_throttles(request)
        self._admitted = request.auth if isinstance(request.auth, Access) else None
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Done before the permissions."""

    def warnings(self) -> list[str]:
        """What else to say of a request that was served."""
        return []

    def _settle(self, taken: Notes, meter: Meter, *, is_served: bool) -> None:
        if not is_served:
            for spent in taken.spent:
                spent.give_back()
        access, operation = self._admitted, self.operation
        if access and operation and self.request.method != "OPTIONS":
            _count(access, operation, taken, meter, is_served=is_served)


def _count(
    access: Access, operation: str, taken: Notes, meter: Meter, *, is_served: bool
) -> None:
    amounts = Amounts(requests=int(is_served), embedding_tokens=meter.tokens)
    if amounts == Amounts():
        return
    payer = Payer(access.tenant_id, access.project_id, access.key_id)
    usage.count(payer, operation, amounts, taken.subjects, since=taken.started)
    if any(quota.name == quotas.TOKENS for quota in quotas.quotas_of(access)):
        quotas.count_tokens(access.tenant_id, access.project_id, meter.tokens)

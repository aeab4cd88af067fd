"""What keys and subjects did, by day; operation names and subjects are opaque here.

Counting costs a request no query: counts gather in the process, and a thread writes
them every ``WRITE_EVERY_S``, a process that ends writes what is left. Who is killed
loses at most that much of its counts, never an effect.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants.models import ForgottenSubject, Project, SubjectUsage
from tenants.scopes import current_tenant_id, tenant_scope

log = logging.getLogger(__name__)

WRITE_EVERY_S = 2.0
DIGESTS_KEPT = timedelta(days=2)
"""For counts that waited for a database; they are not kept any longer themselves."""
MAX_WAITING = 50_000
"""Counters kept while the database is away; counts for others are dropped."""


@dataclass(slots=True)
class Amounts:
    """What is added to a row of usage; ``cost`` by the prices of providers."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    embedding_tokens: int = 0
    model_calls: int = 0
    cost: Decimal = Decimal(0)

    def add(self, other: Amounts) -> None:
        for field in fields(self):
            more = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, more)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens + self.embedding_tokens


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account: ``key_id`` None is work that no key asked for."""

    tenant_id: UUID
    project_id: UUID
    key_id: UUID | None


Subject = tuple[str, str]
"""Kind (``user``, ``agent``, ``app``) and name."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Which row a count belongs to: of a key, or of a subject."""

    tenant_id: UUID
    project_id: UUID
    day: date
    operation: str
    key_id: UUID | None = None
    subject: Subject | None = None

    @property
    def order(self) -> str:
        """The same in every process, so that two writers cannot deadlock."""
        return f"{self.project_id} {self.day} {self.key_id} {self.operation}"


def count(
    payer: Payer,
    operation: str,
    amounts: Amounts,
    subjects: Iterable[Subject] = (),
    *,
    since: datetime | None = None,
) -> None:
    """Count what an operation took, for the key and for each subject; no query.

    ``since`` is when it began (None: now): who was erased meanwhile stays nameless.
    """
    now = clock.now()
    place = (payer.tenant_id, payer.project_id, now.date(), operation)
    counters = [Counter(*place, key_id=payer.key_id)]
    counters += [Counter(*place, subject=subject) for subject in subjects]
    for counter in counters:
        _buffer.add(counter, amounts, since or now)


def waiting(
    tenant_id: UUID, project_id: UUID | None, since: date
) -> list[tuple[str, Amounts]]:
    """What this process has not written yet, by operation; None is any project."""
    return [
        (counter.operation, amounts)
        for counter, amounts in _buffer.copy()
        if counter.subject is None
        and counter.tenant_id == tenant_id
        and project_id in (None, counter.project_id)
        and counter.day >= since
    ]


def flush() -> int:
    """Write what this process counted; returns the rows. Opens its own scopes.

    Counts of a project that is gone are dropped. What cannot be written now waits for
    the next time; what never can is logged.
    """
    since, counts = _buffer.take()
    by_tenant: dict[UUID, dict[Counter, Amounts]] = defaultdict(dict)
    for counter, amounts in counts.items():
        by_tenant[counter.tenant_id][counter] = amounts
    for tenant_id, rows in by_tenant.items():
        try:
            with tenant_scope(tenant_id):
                _write(rows, since)
        except (OperationalError, InterfaceError):
            _buffer.put_back(rows, since)
        except DatabaseError as exc:
            log.warning("%d usage counts are lost: %s", len(rows), exc)
    return len(counts)


def forget_subject(project_id: UUID, kind: str, name: str) -> None:
    """Take a name out of usage, also of what is not written yet; inside its scope.

    Its counts stay under a pseudonym. What is counted for the name from now on is
    counted for it again.
    """
    _lock_names(is_exclusive=True)
    forgotten = ForgottenSubject.objects.create(
        project_id=project_id,
        digest=_digest(kind, name),
        pseudonym=f"erased-{new_id()}",
    )
    counted = SubjectUsage.objects.filter(project_id=project_id, kind=kind, name=name)
    counted.update(name=forgotten.pseudonym)


def drop_digests() -> None:
    """Forget of whom names were forgotten long ago; in the open tenant's scope."""
    longest_wait = clock.now() - DIGESTS_KEPT
    ForgottenSubject.objects.filter(at__lt=longest_wait).delete()


# --- What waits to be written -----------------------------------------------


class _Buffer:
    """Counts that are not written yet, and the thread that writes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Counter, Amounts] = {}
        self._since = clock.now()
        self.writing = threading.Lock()
        self._came = threading.Event()
        self._writer: threading.Thread | None = None

    def add(self, counter: Counter, amounts: Amounts, since: datetime) -> None:
        with self._lock:
            self._since = min(self._since, since) if self._counts else since
            if len(self._counts) < MAX_WAITING or counter in self._counts:
                self._counts.setdefault(counter, Amounts()).add(amounts)
        if not connection.in_atomic_block:
            self._wake()

    def copy(self) -> list[tuple[Counter, Amounts]]:
        with self._lock:
            return [(c, Amounts(*astuple(a))) for c, a in self._counts.items()]

    def take(self) -> tuple[datetime, dict[Counter, Amounts]]:
        """Since when, and everything counted; the buffer is empty afterwards."""
        with self._lock:
            counts, self._counts = self._counts, {}
            return self._since, counts

    def put_back(self, counts: Mapping[Counter, Amounts], since: datetime) -> None:
        with self._lock:
            self._since = min(self._since, since) if self._counts else since
            for counter, amounts in counts.items():
                self._counts.setdefault(counter, Amounts()).add(amounts)

    def _wake(self) -> None:
        if self._writer is None:
            with self._lock:
                if self._writer is None:
                    self._writer = threading.Thread(
                        target=self._write_for_ever, name="usage", daemon=True
                    )
                    self._writer.start()
        self._came.set()

    def _write_for_ever(self) -> None:
        pause = threading.Event()
        while True:
            self._came.wait()
            pause.wait(WRITE_EVERY_S)
            self._came.clear()
            _write_what_waits()


_buffer = _Buffer()


def _write_what_waits() -> None:
    """In a thread of its own, or at the end of the process, which waits for it."""
    with _buffer.writing:
        try:
            flush()
        finally:
            connection.close()


def _start_anew() -> None:
    """A forked child has no writer, and its parent's counts are its parent's."""
    global _buffer
    _buffer = _Buffer()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(_write_what_waits)


# --- Rows -------------------------------------------------------------------


def _write(counts: Mapping[Counter, Amounts], since: datetime) -> None:
    """Add counts to the rows of the open tenant, in a statement for each table."""
    present = set(Project.objects.values_list("id", flat=True))
    known = sorted(
        (item for item in counts.items() if item[0].project_id in present),
        key=lambda item: item[0].order,
    )
    of_keys = [(c, a, (c.key_id,)) for c, a in known if c.subject is None]
    _add(_ADD_USAGE, of_keys)
    _lock_names(is_exclusive=False)
    forgotten = _forgotten(known, since)
    of_subjects = [(c, a, _called(c, forgotten)) for c, a in known if c.subject]
    _add(_ADD_SUBJECT_USAGE, of_subjects)


def _add(
    statement: str, rows: Iterable[tuple[Counter, Amounts, tuple[Any, ...]]]
) -> None:
    """``rows`` end with the columns that only their table has."""
    values = [
        [new_id(), c.project_id, c.day, c.operation, *astuple(a), *own]
        for c, a, own in rows
    ]
    if not values:
        return
    with connection.cursor() as cursor:
        columns = [list(column) for column in zip(*values, strict=True)]
        cursor.execute(statement, [current_tenant_id(), *columns])


def _lock_names(*, is_exclusive: bool) -> None:
    """Names are not written while one is being forgotten, nor the other way round."""
    shared = "" if is_exclusive else "_shared"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))",
            [f"usage {current_tenant_id()}"],
        )


def _forgotten(
    counts: Sequence[tuple[Counter, Amounts]], since: datetime
) -> dict[tuple[UUID, str], str]:
    """Pseudonyms of those erased after their counts began to gather."""
    digests = {_digest(*counter.subject) for counter, _ in counts if counter.subject}
    if not digests:
        return {}
    rows = ForgottenSubject.objects.filter(digest__in=digests, at__gte=since)
    return {(row.project_id, row.digest): row.pseudonym for row in rows.order_by("at")}


def _called(counter: Counter, forgotten: Mapping[tuple[UUID, str], str]) -> Subject:
    kind, name = counter.subject or ("", "")
    place = (counter.project_id, _digest(kind, name))
    return kind, forgotten.get(place, name)


def _digest(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}\0{name}".encode()).hexdigest()


_ADD_USAGE = """
INSERT INTO tenants_usage AS u (
    tenant_id, id, project_id, day, operation, requests, prompt_tokens,
    completion_tokens, embedding_tokens, model_calls, cost, api_key_id)
SELECT %s, added.* FROM unnest(
    %s::uuid[], %s::uuid[], %s::date[], %s::text[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::numeric[], %s::uuid[]
) AS added
ON CONFLICT (tenant_id, project_id, day, api_key_id, operation) DO UPDATE SET
    requests = u.requests + excluded.requests,
    prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = u.completion_tokens + excluded.completion_tokens,
    embedding_tokens = u.embedding_tokens + excluded.embedding_tokens,
    model_calls = u.model_calls + excluded.model_calls,
    cost = u.cost + excluded.cost
"""
_ADD_SUBJECT_USAGE = """
INSERT INTO tenants_subjectusage AS u (
    tenant_id, id, project_id, day, operation, requests, prompt_tokens,
    completion_tokens, embedding_tokens, model_calls, cost, kind, name)
SELECT %s, added.* FROM unnest(
    %s::uuid[], %s::uuid[], %s::date[], %s::text[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::numeric[], %s::text[], %s::text[]
) AS added
ON CONFLICT (tenant_id, project_id, day, kind, name, operation) DO UPDATE SET
    requests = u.requests + excluded.requests,
    prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = u.completion_tokens + excluded.completion_tokens,
    embedding_tokens = u.embedding_tokens + excluded.embedding_tokens,
    model_calls = u.model_calls + excluded.model_calls,
    cost = u.cost + excluded.cost
"""

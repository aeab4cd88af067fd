"""Exports shaped by a JSON schema: asked for, filled in by a worker, kept a while.

With a model its words fill the schema in, portion by portion; after each one what there
is so far is stored, so that a run that dies goes on from there. Without a model rules
put memories, word for word, where they answer best (``memories.exports.by_rules``).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.exports import by_rules
from memories.models import Export, Operation
from memories.pipeline.asking import Asker
from memories.pipeline.exporting import fill_portion, fillable
from memories.providers.factory import LOCAL
from memories.providers.vectors import head_of
from memories.retrieval.search import look_for, read
from memories.selectors.exports import list_matching
from memories.selectors.filters import parse_filters, restrict
from memories.selectors.projects import ProjectSetup
from memories.services.raw_exports import run_raw_export
from memories.services.setup import ready_setup
from memories.store import operations
from memories.store.apply import record_calls
from memories.store.operations import Lease
from memories.types import (
    EngineOptions,
    Filters,
    JsonDict,
    KnownMemory,
    MemoryView,
    ModelCall,
    Scope,
    SearchRequest,
)
from memplatform.lib import clock, logs
from tenants.scopes import tenant_scope
from tenants.selectors import Access

READ_AT_ONCE = 500
RELEVANT = 0.2
"""What a memory must score to stand in a field, where rules choose."""
MODEL, RULES = "model", "rules"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A validated request; ``filters`` are as they were written."""

    schema: JsonDict
    filters: JsonDict
    instructions: str = ""


def request_export(access: Access, request: ExportRequest) -> Export:
    """Write it down and wake a worker; opens its own scope."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        export = Export(
            project_id=access.project_id,
            schema=request.schema,
            filters=request.filters,
            narrowed_to=access.only or None,
            instructions=request.instructions,
        )
        return _accept(access, export)


def request_raw_export(access: Access, kind: str | None, name: str | None) -> Export:
    """Of one subject, or of everything; opens its own scope."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        export = Export(
            project_id=access.project_id,
            kind=Export.Kind.RAW,
            subject_kind=kind,
            subject_name=name,
        )
        return _accept(access, export)


def _accept(access: Access, export: Export) -> Export:
    """Store an export with the operation that makes it; inside the project's scope."""
    now = clock.now()
    export.operation = Operation.objects.create(
        project_id=access.project_id,
        kind=Operation.Kind.EXPORT,
        payload={"export_id": str(export.id)},
        request_id=logs.request_id.get(),
        **access.asker,
        woken_at=now,
        created_at=now,
        updated_at=now,
    )
    export.created_at = now
    export.save(force_insert=True)
    wake.after_commit(wake.RUN_OPERATION, access.tenant_id, export.operation.id)
    return export


def run_export(operation: Operation, lease: Lease, calls: list[ModelCall]) -> None:
    """Make the export that an operation is for; repeating it changes nothing."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        export = Export.objects.get(id=operation.payload["export_id"])
    if export.kind == Export.Kind.RAW:
        run_raw_export(operation, lease, export)
    else:
        _run_schema_export(operation, lease, export, calls)


def _run_schema_export(
    operation: Operation, lease: Lease, export: Export, calls: list[ModelCall]
) -> None:
    """Fill it in; raises ProviderError, leaving what is done in place."""
    setup = ready_setup(operation.tenant_id, operation.project_id)
    filters = restrict(
        parse_filters(export.filters), Scope(**(export.narrowed_to or {}))
    )
    if setup.chat is None or setup.engine == LOCAL:
        made_by, data = RULES, _fill_by_rules(setup, export, filters)
    else:
        made_by, data = MODEL, _fill_by_model(setup, lease, export, filters, calls)
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        held = operations.hold(lease)
        record_calls(operation.project_id, operation.id, calls)
        _finish(export, made_by, data)
        operations.succeed(held, [])


def _finish(export: Export, made_by: str, data: JsonDict) -> None:
    export.status, export.made_by, export.data = Export.Status.FINISHED, made_by, data
    export.cursor, export.completed_at = None, clock.now()
    export.save(update_fields=["status", "made_by", "data", "cursor", "completed_at"])


# --- by a model -----------------------------------------------------------------------


def _fill_by_model(
    setup: ProjectSetup,
    lease: Lease,
    export: Export,
    filters: Filters,
    calls: list[ModelCall],
) -> JsonDict:
    """Oldest memories first, so that what is newer counts."""
    if setup.chat is None:
        raise TypeError("A model fills this in.")  # the caller has looked
    asker = Asker(setup.chat, calls.append)
    wanted = fillable(export.schema)
    options = EngineOptions(
        reference=export.created_at,
        timezone=setup.timezone,
        instructions=export.instructions,
    )
    while memories := _next_portion(setup, export, filters):
        known = [_as_known(memory) for memory in memories]
        export.data, read = fill_portion(
            asker, setup.prompts, wanted, export.data, known, options
        )
        export.cursor = {"after": str(memories[read - 1].id)}
        _keep(setup, lease, export)
    return export.data or dict.fromkeys(wanted["properties"])


def _next_portion(
    setup: ProjectSetup, export: Export, filters: Filters
) -> tuple[MemoryView, ...]:
    after = UUID(export.cursor["after"]) if export.cursor else None
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        return list_matching(filters, after, READ_AT_ONCE)


def _keep(setup: ProjectSetup, lease: Lease, export: Export) -> None:
    """What there is so far, if the lease still holds; who gets on has all attempts."""
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        operation = operations.hold(lease)
        operation.attempts = 1
        operation.save(update_fields=["attempts"])
        operations.renew(operation, lease_s=settings.LEASE_S)
        export.save(update_fields=["data", "cursor"])


def _as_known(memory: MemoryView) -> KnownMemory:
    return KnownMemory(memory.id, memory.text, memory.created_at)


# --- by rules -------------------------------------------------------------------------


def _fill_by_rules(setup: ProjectSetup, export: Export, filters: Filters) -> JsonDict:
    schema: JsonDict = export.schema or {}
    asked = by_rules.questions(schema)
    answers = _answers(setup, filters, list(asked.values()))
    return by_rules.shape(schema, dict(zip(asked, answers, strict=True)))


def _answers(
    setup: ProjectSetup, filters: Filters, questions: list[str]
) -> list[list[str]]:
    """For each question the memories that answer it, the best first."""
    space = setup.active_space
    if space is None or not questions:
        return [[] for _ in questions]
    embedder = setup.embedders[space.id]
    requests = [
        SearchRequest(q, filters, top_k=by_rules.MOST_ITEMS, threshold=RELEVANT)
        for q in questions
    ]
    queries = [read(setup, request) for request in requests]
    heads = [head_of(query.unnamed, embedder.max_tokens) for query in queries]
    found = []
    for request, query, vector in zip(
        requests, queries, embedder.embed(heads), strict=True
    ):
        looked = look_for(setup, space, request, query, vector)
        places = looked.ranked()
        found.append([looked.pool.view(place.memory_id).text for place in places])
    return found

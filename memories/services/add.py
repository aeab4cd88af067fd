"""Accept an add: on disk before the answer, processed afterwards, or verbatim at once.

An inferred add answers PENDING; a verbatim one (``infer=false``) is embedded before its
one transaction and readable when it answers (decision 22).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import IdempotencyRecord, Operation
from memories.pipeline.attachments import place_of
from memories.pipeline.verbatim import plan_verbatim
from memories.providers import media
from memories.providers.factory import LOCAL
from memories.selectors.bursts import HAS_ATTACHMENTS, may_follow
from memories.selectors.operations import get_operation
from memories.selectors.projects import ProjectSetup
from memories.selectors.sources import UNKNOWN, Source, source_of
from memories.services.actors import actor_of
from memories.services.idempotency import remember, reserve
from memories.services.setup import ready_setup
from memories.store.accept import accept
from memories.store.apply import Plan, apply
from memories.store.operations import Lease
from memories.types import AddAnswer, AddRequest
from memplatform.lib import clock, logs
from memplatform.lib.errors import InvalidRequest, ProviderError
from memplatform.lib.ids import new_id
from tenants.scopes import tenant_scope
from tenants.selectors import Access

log = logs.get(__name__)

NOT_SEEN = (
    "is an image, and this project has no model that sees images (LLM_VISION, or the"
    " option vision=1 of the project's own chat provider)."
)

LOCAL_CHARS_AT_ONCE = 40_000
"""What the local embedder reads in under five seconds of one core (11,000 a second);
it cannot be told to stop in the middle, as an endpoint can."""


def add_memories(
    access: Access,
    request: AddRequest,
    *,
    idempotency_key: str | None = None,
    body_hash: str = "",
) -> AddAnswer:
    """Accept what was said; opens its own scopes.

    Raises InvalidRequest, and Conflict for an idempotency key reused with another body.
    """
    setup = ready_setup(
        access.tenant_id, access.project_id, changed_at=access.project_changed_at
    )
    _refuse_unseen(setup, request)
    request = _with_ids(request)
    at = clock.now()
    plan = None if request.infer else _plan_now(access, setup, request, at)
    window = _window_of(setup, request)
    actor = actor_of(access)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        record = reserve(access, idempotency_key, body_hash, at)
        if record and record.answer is not None:
            return _answer_again(record)
        operation = accept(
            setup,
            request,
            actor,
            options=_options(request),
            at=at,
            is_running=plan is not None,
            due_at=at + window if window else None,
        )
        if plan:
            answer = _apply_now(operation, plan)
        else:
            answer = _leave_to_worker(operation, window)
        remember(record, answer)
    return answer


def _refuse_unseen(setup: ProjectSetup, request: AddRequest) -> None:
    """Raise InvalidRequest for an image that no model of the project would see."""
    if setup.sees_images:
        return
    fields = {
        path: [f"{path} {NOT_SEEN}"]
        for number, message in enumerate(request.messages)
        for attached in message.attached
        if attached.kind == media.IMAGE
        for path in [place_of(number, attached.part)]
    }
    if fields:
        raise InvalidRequest(next(iter(fields.values()))[0], fields=fields)


def _leave_to_worker(operation: Operation, window: timedelta) -> AddAnswer:
    wake.after_commit(
        wake.RUN_OPERATION,
        operation.tenant_id,
        operation.id,
        in_s=window.total_seconds(),
    )
    return AddAnswer(operation.id, Operation.Status.PENDING)


def _window_of(setup: ProjectSetup, request: AddRequest) -> timedelta:
    """How long an add waits for others to be decided with it."""
    if not may_follow(request, setup.engine):
        return timedelta()
    return setup.add_window


def _apply_now(operation: Operation, plan: Plan) -> AddAnswer:
    """Settle the operation in the transaction that accepted it."""
    lease = Lease(operation.id, operation.lease_token)
    applied = apply(lease, plan, accept_stale=True)
    return AddAnswer(operation.id, Operation.Status.SUCCEEDED, applied.results)


def _plan_now(
    access: Access, setup: ProjectSetup, request: AddRequest, at: datetime
) -> Plan | None:
    """Vectors of verbatim texts, or None to leave the add to the worker."""
    if len(request.messages) > settings.VERBATIM_MAX_TEXTS:
        return None
    space = setup.active_space
    chars = sum(len(message.content) for message in request.messages)
    if space and space.provider == LOCAL and chars > LOCAL_CHARS_AT_ONCE:
        return None
    try:
        return plan_verbatim(
            setup,
            request.scope,
            request.messages,
            request.created_at or at,
            kind=request.memory_type,
            source=_source_of(access, setup, request),
            is_hurried=True,
        )
    except ProviderError as exc:
        log.warning("verbatim add left to the worker", extra={"reason": exc.code})
        return None


def _source_of(access: Access, setup: ProjectSetup, request: AddRequest) -> Source:
    """Whom it comes from; opens its own scope, where the project asks for that."""
    kept = setup.settings
    if not kept.has_review:
        return UNKNOWN
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        operator_id = access.asker["operator_id"]
        key_id = access.key_id
        return source_of(kept, request.scope, key_id=key_id, operator_id=operator_id)


def _with_ids(request: AddRequest) -> AddRequest:
    messages = tuple(replace(message, id=new_id()) for message in request.messages)
    return replace(request, messages=messages)


def _answer_again(record: IdempotencyRecord) -> AddAnswer:
    """The stored answer; its texts are read again, for they may be erased by now."""
    answer: dict[str, Any] = record.answer or {}
    operation_id = UUID(answer["operation_id"])
    results = get_operation(operation_id).results if answer["has_results"] else None
    return AddAnswer(operation_id, answer["status"], results)


def _options(request: AddRequest) -> dict[str, Any]:
    """What the worker must know of the request; absent means the project's setting."""
    reference = request.reference
    given: dict[str, Any] = {
        "created_at": request.created_at and request.created_at.isoformat(),
        "expires_on": request.expires_on and request.expires_on.isoformat(),
        "is_immutable": request.is_immutable or None,
        "categories": request.categories,
        "instructions": request.instructions,
        "agent_instructions": request.agent_instructions,
        "includes": request.includes,
        "excludes": request.excludes,
        "timezone": request.timezone,
        "reference": reference and reference.isoformat(),
        "with_graph": request.with_graph,
        HAS_ATTACHMENTS: any(m.attached for m in request.messages) or None,
    }
    return {name: value for name, value in given.items() if value is not None}

"""An add is on disk before it is answered: operation, ingestion and messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from memories.language.times import utc_offset
from memories.models import Attachment, Ingestion, Message, Operation
from memories.models.ingestion import REPROCESS_OF
from memories.selectors.bursts import ALONE
from memories.selectors.projects import ProjectSetup
from memories.store.barriers import pass_barriers
from memories.types import SCOPE_KEYS, Actor, AddRequest, ChatMessage, Scope
from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants.scopes import current_tenant_id

GAP = "gap:"
"""Begins the session key of turns outside any run; their first position follows."""

_TAKE_ANCHOR = """
INSERT INTO memories_anchor AS a
    (id, tenant_id, project_id, user_id, agent_id, app_id, next_seq, next_position,
     created_at)
VALUES (%s, %s, %s, %s, %s, %s, 1, %s, %s)
ON CONFLICT
    (tenant_id, project_id, memories_anchor_hash(user_id, agent_id, app_id))
DO UPDATE SET
    next_seq = a.next_seq + 1, next_position = a.next_position + %s
RETURNING id, next_seq - 1, next_position - %s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an add stands in its anchor: its number and its first message's."""

    anchor_id: UUID
    seq: int
    position: int


def accept(
    setup: ProjectSetup,
    request: AddRequest,
    actor: Actor,
    *,
    options: dict[str, Any],
    at: datetime,
    is_running: bool = False,
    due_at: datetime | None = None,
) -> Operation:
    """Write an add as PENDING, or as RUNNING for whoever accepts it; inside a scope.

    With ``due_at`` it is not run before, so that others may join it.

    Holding the anchor's row until the commit makes the order of ``seq`` the order in
    which adds become visible (decision 19). It is accepted once it has its place: who
    came ``at`` an earlier instant and waited longer for it has not said it earlier.
    """
    if is_running:
        pass_barriers(setup.project_id)
    place = take_place(setup.project_id, request.scope, len(request.messages), at)
    at = max(at, clock.now())
    operation = _operation(setup.project_id, request, actor, place, at)
    operation.next_attempt_at = due_at
    if is_running:
        operation.status = Operation.Status.RUNNING
        operation.started_at = at
        operation.attempts = operation.lease_token = 1
    ingestion = Ingestion(
        project_id=setup.project_id,
        operation_id=operation.id,
        anchor_id=place.anchor_id,
        infer=request.infer,
        engine=setup.engine if request.infer else None,
        memory_type=request.memory_type,
        options=options,
        metadata=request.metadata,
        session_key=_session_key(setup, request, place, at),
        accepted_at=at,
    )
    Operation.objects.bulk_create([operation])
    Ingestion.objects.bulk_create([ingestion])
    Message.objects.bulk_create(_messages(ingestion, request, place, at))
    if attachments := list(_attachments(ingestion, request, place, at)):
        Attachment.objects.bulk_create(attachments)
    return operation


def accept_again(
    source: Ingestion, actor: Actor, *, engine: str, at: datetime
) -> Operation:
    """Write an add again that has ended, as the newest of its anchor, PENDING.

    Its messages stay where they are. It was accepted when the earlier one was: what was
    deleted since then stays deleted (decision 13). Whose key it came with is kept, for
    a project may distrust that. Call inside a scope.
    """
    earlier = source.operation
    scope = Scope(**{key: getattr(earlier, key) for key in SCOPE_KEYS})
    place = take_place(source.project_id, scope, 0, at)
    is_asked_for = earlier.api_key_id or earlier.operator_id
    operation = Operation(
        project_id=source.project_id,
        kind=Operation.Kind.ADD,
        **scope.as_dict(),
        anchor_id=place.anchor_id,
        seq=place.seq,
        payload={"infer": True, REPROCESS_OF: str(earlier.id)},
        request_id=actor.request_id,
        api_key_id=earlier.api_key_id,
        operator_id=actor.id if is_asked_for and actor.kind == "operator" else None,
        woken_at=at,
        created_at=at,
        updated_at=at,
    )
    ingestion = Ingestion(
        project_id=source.project_id,
        operation_id=operation.id,
        anchor_id=place.anchor_id,
        engine=engine,
        memory_type=source.memory_type,
        options={**source.options, REPROCESS_OF: str(source.said_in), ALONE: True},
        metadata=source.metadata,
        session_key=source.session_key,
        accepted_at=source.accepted_at,
    )
    Operation.objects.bulk_create([operation])
    Ingestion.objects.bulk_create([ingestion])
    return operation


def take_place(project_id: UUID, scope: Scope, messages: int, at: datetime) -> Place:
    """The next number of an anchor, made when it is new; locks it until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_ANCHOR,
            [
                new_id(),
                current_tenant_id(),
                project_id,
                *scope.anchor_key,
                messages,
                at,
                messages,
                messages,
            ],
        )
        return Place(*cursor.fetchone())


def _operation(
    project_id: UUID, request: AddRequest, actor: Actor, place: Place, at: datetime
) -> Operation:
    return Operation(
        project_id=project_id,
        kind=Operation.Kind.ADD,
        **{key: getattr(request.scope, key) for key in SCOPE_KEYS},
        anchor_id=place.anchor_id,
        seq=place.seq,
        payload={"infer": request.infer},
        request_id=actor.request_id,
        api_key_id=actor.id if actor.kind == "api_key" else None,
        operator_id=actor.id if actor.kind == "operator" else None,
        woken_at=at,
        created_at=at,
        updated_at=at,
    )


def _messages(
    ingestion: Ingestion, request: AddRequest, place: Place, at: datetime
) -> Iterable[Message]:
    for offset, message in enumerate(request.messages):
        yield Message(
            id=message.id or new_id(),
            project_id=ingestion.project_id,
            ingestion_id=ingestion.id,
            anchor_id=place.anchor_id,
            run_id=request.scope.run_id,
            position=place.position + offset,
            session_key=ingestion.session_key,
            role=message.role,
            name=message.name,
            content=message.content,
            sent_at=_sent_at(message, request, at),
            utc_offset=utc_offset(_sent_at(message, request, at)),
            created_at=at,
        )


def _attachments(
    ingestion: Ingestion, request: AddRequest, place: Place, at: datetime
) -> Iterable[Attachment]:
    for offset, message in enumerate(request.messages):
        for number, attached in enumerate(message.attached):
            yield Attachment(
                project_id=ingestion.project_id,
                ingestion_id=ingestion.id,
                position=place.position + offset,
                number=number,
                part=attached.part,
                kind=attached.kind,
                url=attached.url,
                data=attached.data,
                media_type=attached.media_type,
                size=None if attached.data is None else len(attached.data),
                created_at=at,
            )


def _sent_at(message: ChatMessage, request: AddRequest, at: datetime) -> datetime:
    return message.sent_at or request.reference or request.created_at or at


def _session_key(
    setup: ProjectSetup, request: AddRequest, place: Place, at: datetime
) -> str:
    """The run, else turns outside any run that follow one another within the gap."""
    if request.scope.run_id is not None:
        return f"run:{request.scope.run_id}"
    if place.position == 0:
        return f"{GAP}{place.position}"
    previous = (
        Message.objects.filter(anchor_id=place.anchor_id, position=place.position - 1)
        .values_list("session_key", "sent_at")
        .first()
    )
    sent_at = _sent_at(request.messages[0], request, at)
    gap = timedelta(hours=setup.settings.session_gap_hours)
    key, last_sent_at = previous or (None, sent_at)
    if key and key.startswith(GAP) and abs(sent_at - last_sent_at) <= gap:
        return str(key)
    return f"{GAP}{place.position}"

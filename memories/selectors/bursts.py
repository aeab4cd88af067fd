"""Bursts: small adds of one scope that came in together and are decided together.

An add that nothing keeps apart from its neighbours waits for its window; whoever
claims the oldest takes the ones right behind it along. Nothing is written for them
before the result is, so that a runner that dies leaves them as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Length

from memories.models import DeleteBarrier, Ingestion, Memory, Message, Operation
from memories.models.ingestion import UNFINISHED
from memories.selectors.recall import as_chat
from memories.types import AddRequest, ChatMessage, State

MOST_ADDS = 20
"""In one model call; with more, recall of details falls."""
MOST_CHARS = 8_000
"""Of all messages of a burst, about 2,000 tokens: longer ones gain nothing by it."""
ALONE = "alone"
"""The option of an add that is not decided with others: it was, and that failed."""
HAS_ATTACHMENTS = "has_attachments"
"""The option of an add that brings images or documents: it is decided alone."""
OWN = {"expires_on", "is_immutable", ALONE}
"""Options that an add keeps for itself; every other one must be the same."""
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Follower:
    """An add that is decided with an older one, and what was said for it."""

    ingestion: Ingestion
    messages: tuple[ChatMessage, ...]


def may_follow(request: AddRequest, engine: str) -> bool:
    """Whether an add could be decided with others, as far as it alone says."""
    chars = sum(len(message.content) for message in request.messages)
    is_fact = request.infer and request.memory_type == "fact"
    is_plain = not any(message.attached for message in request.messages)
    return is_fact and is_plain and engine != LOCAL and chars <= MOST_CHARS


def list_followers(leader: Ingestion, window: timedelta) -> tuple[Follower, ...]:
    """The adds right behind a claimed one that came in within its window.

    None for one that is tried again: what failed or was left is decided alone. The
    first that differs ends the burst, for adds are applied in their order; one that is
    stored word for word is in nobody's way.
    """
    if not window or not _is_fresh(leader, attempts=1):
        return ()
    behind = _list_behind(leader, window)
    alike = list(takewhile(lambda other: _is_alike(leader, other), behind))
    said = _fitting(leader, alike)
    return () if is_parted([leader, *(f.ingestion for f in said)]) else said


def is_parted(ingestions: Iterable[Ingestion]) -> bool:
    """Whether something was deleted between the first and the last of these adds.

    It concerns what was accepted before it and not what was accepted after it: one
    decision cannot serve both.
    """
    accepted = sorted(ingestion.accepted_at for ingestion in ingestions)
    first, last = accepted[0], accepted[-1]
    if first == last:
        return False
    anchor_id, project_id = _place_of(ingestions)
    barriers = DeleteBarrier.objects.filter(
        project_id=project_id, accepted_at__gte=first, accepted_at__lt=last
    )
    deleted = Memory.objects.filter(
        anchor_id=anchor_id,
        state=State.DELETED,
        known_from__gte=first,
        known_from__lt=last,
    )
    return barriers.exists() or deleted.exists()


def _place_of(ingestions: Iterable[Ingestion]) -> tuple[UUID, UUID]:
    first = next(iter(ingestions))
    return first.anchor_id, first.project_id


def _list_behind(leader: Ingestion, window: timedelta) -> list[Ingestion]:
    """Unfinished inferred adds of the anchor within the window, in their order."""
    rows = Ingestion.objects.filter(
        anchor_id=leader.anchor_id,
        infer=True,
        operation__seq__gt=leader.operation.seq,
        operation__status__in=UNFINISHED,
    )
    behind = rows.select_related("operation").order_by("operation__seq")[:MOST_ADDS]
    first, last = leader.accepted_at, leader.accepted_at + window
    return list(takewhile(lambda i: first <= i.accepted_at <= last, behind))


def _is_alike(leader: Ingestion, other: Ingestion) -> bool:
    is_waiting = other.operation.status == Operation.Status.PENDING
    return is_waiting and _is_fresh(other, attempts=0) and _way(leader) == _way(other)


def _is_fresh(ingestion: Ingestion, *, attempts: int) -> bool:
    return (
        ingestion.infer
        and ingestion.memory_type == "fact"
        and ingestion.engine != LOCAL
        and ingestion.operation.attempts == attempts
        and not ingestion.options.get(ALONE)
        and not ingestion.options.get(HAS_ATTACHMENTS)
    )


def _way(ingestion: Ingestion) -> tuple[Any, ...]:
    """Whose add it is and how it is to be decided: the same in all of a burst."""
    operation, options = ingestion.operation, ingestion.options
    return (
        operation.run_id,
        ingestion.session_key,
        operation.api_key_id,
        operation.operator_id,
        ingestion.engine,
        {name: value for name, value in options.items() if name not in OWN},
    )


def _fitting(leader: Ingestion, others: list[Ingestion]) -> tuple[Follower, ...]:
    """As many as are small enough together, with what they say."""
    sizes = _sizes_of([leader, *others]) if others else {}
    room = MOST_CHARS - sizes.get(leader.id, 0)
    kept: list[Ingestion] = []
    for other in others[: MOST_ADDS - 1]:
        room -= sizes.get(other.id, 0)
        if room < 0:
            break
        kept.append(other)
    said = said_for(kept)
    return tuple(Follower(other, tuple(said[other.id])) for other in kept)


def _sizes_of(ingestions: list[Ingestion]) -> dict[UUID, int]:
    """Characters of each add; what is not all text, or was emptied, fits nowhere."""
    rows = (
        Message.objects.filter(ingestion_id__in=[i.id for i in ingestions])
        .annotate(is_odd=_IS_ODD, chars=Length("content"))
        .values_list("ingestion_id", "is_odd", "chars")
    )
    sizes: dict[UUID, int] = {}
    for ingestion_id, is_odd, chars in rows:
        size = MOST_CHARS + 1 if is_odd else chars
        sizes[ingestion_id] = sizes.get(ingestion_id, 0) + size
    return sizes


_IS_ODD = ExpressionWrapper(
    Q(content=None) | Q(attachments__isnull=False), output_field=BooleanField()
)


def said_for(ingestions: Sequence[Ingestion]) -> dict[UUID, list[ChatMessage]]:
    """The messages of each add, in their order, by ingestion."""
    said: dict[UUID, list[ChatMessage]] = {i.id: [] for i in ingestions}
    if said:
        rows = Message.objects.filter(ingestion_id__in=said).order_by("position")
        for row in rows:
            said[row.ingestion_id].append(as_chat(row))
    return said

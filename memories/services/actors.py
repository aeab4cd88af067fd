"""Who acts, in the words of events, operations and the audit."""

from __future__ import annotations

from collections.abc import Iterable

from memories.models import Memory
from memories.store.batch import Cause
from memories.types import Actor
from memplatform.lib import logs
from tenants import audit
from tenants.selectors import Access


def actor_of(access: Access) -> Actor:
    """The operator or the key behind an access."""
    request_id = logs.request_id.get()
    if access.is_operator:
        return Actor("operator", access.operator_id, request_id, access.address)
    return Actor("api_key", access.key_id, request_id, access.address)


def cause_of(access: Access, reason: str = "") -> Cause:
    """Who changes memories from outside, and why, in their own words."""
    actor = actor_of(access)
    return Cause(actor_kind=actor.kind, actor_id=actor.id, reason=reason)


def audit_edit(access: Access, action: str, heads: Iterable[Memory]) -> None:
    """What an operator changes is audited by name; a key's edits are events only."""
    if access.is_operator:
        for head in heads:
            audit.record_audit(action, head, actor=audit.Actor.of(access))

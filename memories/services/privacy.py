"""What people may ask: a copy of everything held about them, or to be forgotten.

Both are accepted at once and done in the background; both name the operator.
"""

from __future__ import annotations

from uuid import UUID

from memories.models import Export, Subject
from memories.models.settings import ERASE
from memories.selectors.compare import About
from memories.selectors.privacy import get_subject_export
from memories.services.exports import request_raw_export
from memories.services.subjects import delete_subject
from memplatform.lib.errors import NotFound
from tenants.audit import Actor, record_audit
from tenants.scopes import tenant_scope
from tenants.selectors import Access


def export_subject(access: Access, about: About) -> Export:
    """Ask for a copy of everything held about a subject; opens its own scope."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        export = request_raw_export(access, about.kind, about.name)
        changes = {"export": [None, str(export.id)]}
        record_audit(
            "subject.export", _row(about), actor=Actor.of(access), changes=changes
        )
    return export


def open_export(access: Access, about: About, export_id: UUID) -> Export:
    """A finished copy, to be taken away; opens its own scope. Raises NotFound."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        export = get_subject_export(about, export_id)
        changes = {"export": [None, str(export.id)]}
        record_audit(
            "subject.download", _row(about), actor=Actor.of(access), changes=changes
        )
    return export


def erase(access: Access, about: About) -> UUID:
    """Erase a subject for good, whatever the project does on a delete by a key.

    Returns the operation's id, by which the receipt is found. Opens its own scope.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        record_audit("subject.erase", _row(about), actor=Actor.of(access))
        return delete_subject(access, about.kind, about.name, mode=ERASE)


def _row(about: About) -> Subject:
    row = Subject.objects.filter(kind=about.kind, external_id=about.name).first()
    if row is None:
        raise NotFound
    return row

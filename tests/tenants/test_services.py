from __future__ import annotations

from tenants.models import AuditEntry
from tenants.scopes import tenant_scope


def test_the_cast_is_audited(acme):
    with tenant_scope(acme.id):
        actions = list(AuditEntry.objects.values_list("action", flat=True))
    assert sorted(actions) == [
        "key.issue",
        "key.issue",
        "member.add",
        "project.create",
        "tenant.create",
    ]


def test_committed(committed_db, acme, globex):
    with tenant_scope(acme.id):
        assert AuditEntry.objects.count() == 5

"""Tenants, projects, operators and keys, behind the walls from the first row on."""

from __future__ import annotations

from collections.abc import Mapping

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from memplatform.lib import clock, ids
from tenants.tables import (
    APP_ROLE,
    APPEND_ONLY,
    CURRENT_OPERATOR,
    CreateTables,
    TenantTable,
)

# An operator sees its own memberships in every tenant, to choose one (decision 4).
OWN_MEMBERSHIPS = f"""
CREATE POLICY own_memberships ON tenants_membership FOR SELECT
    USING (operator_id = {CURRENT_OPERATOR})
"""
# The grants already refuse this to `app`; the trigger refuses it to everyone.
APPEND_ONLY_AUDIT = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON tenants_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
"""
PLAIN_TABLES = f"""
GRANT USAGE ON SCHEMA public TO {APP_ROLE};
GRANT SELECT, INSERT, UPDATE ON tenants_tenant, tenants_operator TO {APP_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants_signinfailures TO {APP_ROLE};
"""

OPTIONS = {"abstract": False, "base_manager_name": "objects"}


def table(
    name: str, columns: Mapping[str, models.Field], **options: object
) -> migrations.CreateModel:
    return migrations.CreateModel(name, list(columns.items()), options)


def tenant_table(
    name: str, columns: Mapping[str, models.Field], **options: object
) -> migrations.CreateModel:
    """A table of rows that each belong to one tenant."""
    keys = {"id": own_id(), "tenant": reference("tenants.tenant", editable=False)}
    return table(name, {**keys, **columns}, **OPTIONS, **options)


def project_table(
    name: str, columns: Mapping[str, models.Field], **options: object
) -> migrations.CreateModel:
    """A table of rows that each belong to one project of one tenant."""
    project = {"project": reference("tenants.project")}
    return tenant_table(name, {**project, **columns}, **options)


def own_id() -> models.UUIDField:
    return models.UUIDField(
        default=ids.new_id, editable=False, primary_key=True, serialize=False
    )


def reference(
    to: str, *, related_name: str = "+", **options: object
) -> models.ForeignKey:
    """Its constraint, by tenant and project, is TenantTable's."""
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name=related_name,
        **options,
    )


def now() -> models.DateTimeField:
    return models.DateTimeField(default=clock.now)


def a_time(**options: object) -> models.DateTimeField:
    return models.DateTimeField(null=True, **options)


def scope_id() -> models.CharField:
    return models.CharField(max_length=256, null=True, blank=True)


def counter() -> models.BigIntegerField:
    return models.BigIntegerField(default=0, db_default=0)


def cost() -> models.DecimalField:
    return models.DecimalField(default=0, db_default=0, max_digits=18, decimal_places=8)


def choices(values: str) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ").title()) for value in values.split()]


def index(name: str, columns: str) -> models.Index:
    return models.Index(fields=columns.split(), name=name)


def unique(name: str, columns: str, **options: object) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=columns.split(), name=name, **options)


ROLES = choices("owner admin support viewer")


TABLES = [
    table(
        "Tenant",
        {
            "id": own_id(),
            "slug": models.SlugField(max_length=64, unique=True),
            "name": models.CharField(max_length=200),
            "status": models.CharField(
                max_length=16,
                default="active",
                choices=choices("active suspended closing purged"),
            ),
            "limits": models.JSONField(blank=True, default=dict),
            "created_at": now(),
        },
    ),
    table(
        "Operator",
        {
            "password": models.CharField(verbose_name="password", max_length=128),
            "last_login": models.DateTimeField(
                verbose_name="last login", blank=True, null=True
            ),
            "id": own_id(),
            "email": models.EmailField(max_length=254, unique=True),
            "name": models.CharField(max_length=200, blank=True),
            "timezone": models.CharField(max_length=64, default="UTC"),
            "is_active": models.BooleanField(default=True),
            "is_staff": models.BooleanField(default=False, help_text="Platform staff."),
            "created_at": now(),
        },
        abstract=False,
    ),
    tenant_table(
        "Project",
        {
            "name": models.CharField(max_length=200),
            "description": models.TextField(blank=True, default=""),
            "settings": models.JSONField(blank=True, default=dict),
            "limits": models.JSONField(blank=True, null=True),
            "timezone": models.CharField(max_length=64, default="UTC"),
            "languages": ArrayField(
                models.CharField(max_length=16),
                blank=True,
                default=list,
                db_default=[],
            ),
            "is_default": models.BooleanField(default=False),
            "created_at": now(),
            "updated_at": now(),
            "deleted_at": a_time(editable=False),
        },
        constraints=[unique("project_name_in_tenant", "tenant name")],
    ),
    tenant_table(
        "Membership",
        {
            "operator": reference(settings.AUTH_USER_MODEL, related_name="memberships"),
            "project": reference("tenants.project", blank=True, null=True),
            "role": models.CharField(max_length=16, choices=ROLES),
            "created_at": now(),
        },
        default_manager_name="objects",
        indexes=[index("membership_operator", "operator")],
        constraints=[
            unique("one_membership", "tenant operator project", nulls_distinct=False)
        ],
    ),
    tenant_table(
        "Invitation",
        {
            "email": models.EmailField(max_length=254),
            "role": models.CharField(max_length=16, choices=ROLES),
            "project": reference("tenants.project", blank=True, null=True),
            "prefix": models.CharField(max_length=16),
            "digest": models.CharField(max_length=64),
            "invited_by": reference(settings.AUTH_USER_MODEL),
            "created_at": now(),
            "expires_at": models.DateTimeField(),
            "accepted_at": a_time(),
        },
        constraints=[unique("invitation_prefix", "tenant prefix")],
    ),
    project_table(
        "ApiKey",
        {
            "name": models.CharField(max_length=100),
            "owner": reference(settings.AUTH_USER_MODEL),
            "prefix": models.CharField(max_length=16),
            "digest": models.CharField(max_length=64),
            "access": models.CharField(
                max_length=8, default="write", choices=choices("write read")
            ),
            "only_user_id": scope_id(),
            "only_agent_id": scope_id(),
            "requests_per_minute": models.IntegerField(blank=True, null=True),
            "created_at": now(),
            "expires_at": a_time(blank=True),
            "revoked_at": a_time(blank=True),
            "last_used_at": a_time(blank=True),
        },
        constraints=[unique("api_key_prefix", "tenant prefix")],
    ),
    tenant_table(
        "AuditEntry",
        {
            "project_id": models.UUIDField(null=True),
            "actor_kind": models.CharField(
                max_length=16, choices=choices("operator api_key system")
            ),
            "actor_id": models.UUIDField(null=True),
            "action": models.CharField(max_length=64),
            "object_type": models.CharField(max_length=64),
            "object_id": models.CharField(max_length=256),
            "changes": models.JSONField(default=dict),
            "address": models.GenericIPAddressField(null=True),
            "request_id": models.CharField(max_length=64, blank=True, default=""),
            "at": now(),
        },
        indexes=[index("audit_newest", "tenant -at -id")],
    ),
    project_table(
        "Usage",
        {
            "day": models.DateField(),
            "api_key_id": models.UUIDField(null=True),
            "operation": models.CharField(max_length=32),
            "requests": counter(),
            "prompt_tokens": counter(),
            "completion_tokens": counter(),
            "embedding_tokens": counter(),
            "model_calls": counter(),
            "cost": cost(),
        },
        constraints=[
            unique(
                "usage_counter",
                "tenant project day api_key_id operation",
                nulls_distinct=False,
            )
        ],
    ),
    project_table(
        "SubjectUsage",
        {
            "day": models.DateField(),
            "kind": models.CharField(max_length=8),
            "name": models.CharField(max_length=256),
            "operation": models.CharField(max_length=32),
            "requests": counter(),
            "prompt_tokens": counter(),
            "completion_tokens": counter(),
            "embedding_tokens": counter(),
            "model_calls": counter(),
            "cost": cost(),
        },
        constraints=[
            unique("subject_usage_counter", "tenant project day kind name operation")
        ],
    ),
    project_table(
        "ForgottenSubject",
        {
            "digest": models.CharField(max_length=64),
            "pseudonym": models.CharField(max_length=64),
            "at": now(),
        },
        indexes=[index("forgotten_subject", "tenant project digest at")],
    ),
    table(
        "SignInFailures",
        {
            "key": models.CharField(primary_key=True, max_length=64, serialize=False),
            "count": models.PositiveIntegerField(default=0),
            "last_at": now(),
        },
        verbose_name_plural="sign-in failures",
    ),
]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        CreateTables(TABLES),
        TenantTable("Project"),
        TenantTable("Membership"),
        TenantTable("Invitation"),
        TenantTable("ApiKey"),
        TenantTable("AuditEntry", grants=APPEND_ONLY),
        TenantTable("Usage"),
        TenantTable("SubjectUsage"),
        TenantTable("ForgottenSubject"),
        migrations.RunSQL(OWN_MEMBERSHIPS, migrations.RunSQL.noop),
        migrations.RunSQL(
            APPEND_ONLY_AUDIT, "DROP FUNCTION refuse_audit_change() CASCADE"
        ),
        migrations.RunSQL(PLAIN_TABLES, migrations.RunSQL.noop),
    ]

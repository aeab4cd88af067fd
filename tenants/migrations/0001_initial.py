"""Tenants, projects, operators and keys, behind the walls from the first row on."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
import memplatform.lib.clock
import memplatform.lib.ids
from django.conf import settings
from django.db import migrations, models
from tenants.tables import APP_ROLE, APPEND_ONLY, CURRENT_OPERATOR, TenantTable

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


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='Operator',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('timezone', models.CharField(default='UTC', max_length=64)),
                ('is_active', models.BooleanField(default=True)),
                ('is_staff', models.BooleanField(default=False, help_text='Platform staff.')),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SignInFailures',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('count', models.PositiveIntegerField(default=0)),
                ('last_at', models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
            options={
                'verbose_name_plural': 'sign-in failures',
            },
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=64, unique=True)),
                ('name', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended'), ('purged', 'Purged')], default='active', max_length=16)),
                ('limits', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, default='')),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('timezone', models.CharField(default='UTC', max_length=64)),
                ('languages', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), blank=True, db_default=[], default=list)),
                ('is_default', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'name'), name='project_name_in_tenant')],},
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('support', 'Support'), ('viewer', 'Viewer')], max_length=16)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('operator', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
            "indexes": [models.Index(fields=['operator'], name='membership_operator')],"constraints": [models.UniqueConstraint(fields=('tenant', 'operator', 'project'), name='one_membership', nulls_distinct=False)],},
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('admin', 'Admin'), ('support', 'Support'), ('viewer', 'Viewer')], max_length=16)),
                ('prefix', models.CharField(max_length=16)),
                ('digest', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('invited_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'prefix'), name='invitation_prefix')],},
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('project_id', models.UUIDField(null=True)),
                ('actor_kind', models.CharField(choices=[('operator', 'Operator'), ('api_key', 'Api Key'), ('system', 'System')], max_length=16)),
                ('actor_id', models.UUIDField(null=True)),
                ('action', models.CharField(max_length=64)),
                ('object_type', models.CharField(max_length=64)),
                ('object_id', models.CharField(max_length=256)),
                ('changes', models.JSONField(default=dict)),
                ('address', models.GenericIPAddressField(null=True)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
                ('at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', '-at', '-id'], name='audit_newest')],},
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(max_length=16)),
                ('digest', models.CharField(max_length=64)),
                ('access', models.CharField(choices=[('write', 'Write'), ('read', 'Read')], default='write', max_length=8)),
                ('only_user_id', models.CharField(blank=True, max_length=256, null=True)),
                ('only_agent_id', models.CharField(blank=True, max_length=256, null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'prefix'), name='api_key_prefix')],},
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('api_key_id', models.UUIDField(null=True)),
                ('operation', models.CharField(max_length=32)),
                ('requests', models.BigIntegerField(db_default=0, default=0)),
                ('prompt_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('completion_tokens', models.BigIntegerField(db_default=0, default=0)),
                ('cost', models.DecimalField(db_default=0, decimal_places=8, default=0, max_digits=18)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'project', 'day', 'api_key_id', 'operation'), name='usage_counter', nulls_distinct=False)],},
        ),
        
        
        
        
        
        
        
        TenantTable("Project"),
        TenantTable("Membership"),
        TenantTable("Invitation"),
        TenantTable("ApiKey"),
        TenantTable("AuditEntry", grants=APPEND_ONLY),
        TenantTable("Usage"),
        migrations.RunSQL(OWN_MEMBERSHIPS, migrations.RunSQL.noop),
        migrations.RunSQL(
            APPEND_ONLY_AUDIT, "DROP FUNCTION refuse_audit_change() CASCADE"
        ),
        migrations.RunSQL(PLAIN_TABLES, migrations.RunSQL.noop),
    ]

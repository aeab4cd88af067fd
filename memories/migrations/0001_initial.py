"""Every table of what is remembered, behind the walls from the first day."""

from __future__ import annotations

import django.contrib.postgres.fields
import django.contrib.postgres.search
import django.db.models.deletion
import memories.models.fields
import memories.types
import memplatform.lib.clock
import memplatform.lib.ids
from django.db import migrations, models

from tenants.tables import APPEND_ONLY, TenantTable

# Rows that others refer to are never removed by the application, only by the named
# functions of 0002 (erasure, purge).
NO_DELETE = ("SELECT", "INSERT", "UPDATE")
VERSION = ("SELECT", "INSERT", "UPDATE (known_to)")
PROMPT_VERSION = (
    "SELECT",
    "INSERT",
    "UPDATE (is_published, published_at, canary_share)",
)

# What makes an anchor one of a kind, in 32 bytes: an index row holds 2,704, three ids
# up to 3,072. As JSON, an id that is absent is no id's text.
ANCHOR_HASH = """
CREATE FUNCTION memories_anchor_hash(user_id text, agent_id text, app_id text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(to_json(ARRAY[user_id, agent_id, app_id])::text, 'UTF8'))
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0002_grant_framework_tables'),
    ]

    operations = [
        migrations.RunSQL(ANCHOR_HASH, "DROP FUNCTION memories_anchor_hash"),
        migrations.CreateModel(
            name='Anchor',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('user_id', models.CharField(blank=True, max_length=256, null=True)),
                ('agent_id', models.CharField(blank=True, max_length=256, null=True)),
                ('app_id', models.CharField(blank=True, max_length=256, null=True)),
                ('next_seq', models.BigIntegerField(default=0)),
                ('next_position', models.BigIntegerField(default=0)),
                ('last_known_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', 'user_id'], name='anchor_user'), models.Index(fields=['tenant', 'project', 'agent_id'], name='anchor_agent'), models.Index(fields=['tenant', 'project', 'app_id'], name='anchor_app')],"constraints": [models.UniqueConstraint(models.F('tenant'), models.F('project'), models.Func('user_id', 'agent_id', 'app_id', function='memories_anchor_hash', output_field=models.BinaryField()), name='anchor_key')],},
        ),
        migrations.CreateModel(
            name='ConversationSummary',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField(null=True)),
                ('upto_position', models.BigIntegerField(default=-1)),
                ('model', models.CharField(max_length=200, null=True)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'anchor'), name='summary_of_anchor')],},
        ),
        migrations.CreateModel(
            name='EmbeddingSpace',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(max_length=64)),
                ('model', models.CharField(max_length=200)),
                ('dimension', models.IntegerField()),
                ('fingerprint', models.CharField(blank=True, default='', max_length=64)),
                ('base_url', models.CharField(blank=True, default='', help_text="Blank is the platform's.", max_length=500)),
                ('api_key_encrypted', models.TextField(blank=True, default='')),
                ('state', models.CharField(choices=[('building', 'Building'), ('active', 'Active'), ('retired', 'Retired')], max_length=16)),
                ('progress_id', models.UUIDField(help_text='The last memory re-embedded while building.', null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('activated_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'project', 'provider', 'model', 'dimension', 'fingerprint'), name='space_key'), models.UniqueConstraint(condition=models.Q(('state', 'active')), fields=('tenant', 'project'), name='one_active_space')],},
        ),
        migrations.CreateModel(
            name='Entity',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=300)),
                ('normalized', models.CharField(max_length=300)),
                ('type', models.CharField(max_length=64)),
                ('aliases', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=300), default=list)),
                ('embedding', memories.models.fields.Halfvec(null=True)),
                ('state', models.CharField(default='active', max_length=16)),
                ('mention_count', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('known_from', models.DateTimeField()),
                ('known_to', models.DateTimeField(null=True)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('space', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.embeddingspace')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('merged_into', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.entity')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(condition=models.Q(('state', 'active')), fields=('tenant', 'project', 'anchor', 'normalized', 'type'), name='entity_name')],},
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('api_key_id', models.UUIDField()),
                ('key', models.CharField(max_length=255)),
                ('body_hash', models.CharField(max_length=64)),
                ('status_code', models.SmallIntegerField(null=True)),
                ('answer', models.JSONField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'api_key_id', 'key'), name='idempotency_key')],},
        ),
        migrations.CreateModel(
            name='Ingestion',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('infer', models.BooleanField(default=True)),
                ('engine', models.CharField(max_length=16, null=True)),
                ('memory_type', models.CharField(default='fact', max_length=16)),
                ('options', models.JSONField(default=dict)),
                ('metadata', models.JSONField(null=True)),
                ('session_key', models.CharField(max_length=300, null=True)),
                ('ledger', models.JSONField(default=dict)),
                ('prompt_tokens', models.IntegerField(default=0)),
                ('completion_tokens', models.IntegerField(default=0)),
                ('model_calls', models.IntegerField(default=0)),
                ('accepted_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Memory',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField(help_text='NULL once erased.', null=True)),
                ('metadata', models.JSONField(null=True)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), null=True)),
                ('state', models.CharField(choices=[('active', 'active'), ('superseded', 'superseded'), ('merged', 'merged'), ('retired', 'retired'), ('deleted', 'deleted'), ('quarantined', 'quarantined'), ('archived', 'archived')], default=memories.types.State['ACTIVE'], max_length=16)),
                ('valid_from', models.DateTimeField(null=True)),
                ('valid_to', models.DateTimeField(null=True)),
                ('valid_precision', models.CharField(max_length=8, null=True)),
                ('expires_on', models.DateField(null=True)),
                ('is_immutable', models.BooleanField(default=False)),
                ('confidence', models.FloatField(default=1.0)),
                ('created_at', models.DateTimeField()),
                ('known_from', models.DateTimeField()),
                ('vector_number', models.IntegerField(default=1, help_text='The version whose vectors stand for this text.')),
                ('user_id', models.CharField(blank=True, max_length=256, null=True)),
                ('agent_id', models.CharField(blank=True, max_length=256, null=True)),
                ('app_id', models.CharField(blank=True, max_length=256, null=True)),
                ('run_id', models.CharField(blank=True, max_length=256, null=True)),
                ('attributed_to', models.CharField(default='user', max_length=8)),
                ('speaker', models.CharField(max_length=256, null=True)),
                ('kind', models.CharField(choices=[('fact', 'Fact'), ('procedure', 'Procedure'), ('pattern', 'Pattern')], default='fact', max_length=16)),
                ('origin', models.CharField(choices=[('inferred', 'Inferred'), ('verbatim', 'Verbatim'), ('console', 'Console'), ('imported', 'Imported'), ('synthesized', 'Synthesized')], max_length=16)),
                ('fact_type', models.CharField(max_length=16, null=True)),
                ('is_stale_suspect', models.BooleanField(default=False)),
                ('text_hash', models.CharField(max_length=64, null=True)),
                ('language', models.CharField(default='simple', max_length=16)),
                ('tokenizer_version', models.SmallIntegerField(default=1)),
                ('search', django.contrib.postgres.search.SearchVectorField(null=True)),
                ('number', models.IntegerField(default=1, help_text='The current version.')),
                ('accepted_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('replaced_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', '-created_at', '-id'], name='memory_newest'), models.Index(fields=['tenant', 'anchor', 'state'], name='memory_anchor'), models.Index(condition=models.Q(('user_id__isnull', False)), fields=['tenant', 'project', 'user_id', '-created_at', '-id'], name='memory_of_user'), models.Index(condition=models.Q(('agent_id__isnull', False)), fields=['tenant', 'project', 'agent_id', '-created_at', '-id'], name='memory_of_agent'), models.Index(condition=models.Q(('app_id__isnull', False)), fields=['tenant', 'project', 'app_id', '-created_at', '-id'], name='memory_of_app'), models.Index(condition=models.Q(('run_id__isnull', False)), fields=['tenant', 'project', 'run_id', '-created_at', '-id'], name='memory_of_run'), models.Index(condition=models.Q(('expires_on__isnull', False)), fields=['tenant', 'expires_on'], name='memory_expiry'), models.Index(condition=models.Q(('replaced_by__isnull', False)), fields=['tenant', 'replaced_by'], name='memory_successor')],"constraints": [models.UniqueConstraint(condition=models.Q(('state', memories.types.State['ACTIVE'])), fields=('tenant', 'anchor', 'text_hash', 'run_id'), name='memory_said_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('valid_to__gte', models.F('valid_from'))), name='memory_ends_after_it_begins')],},
        ),
        migrations.CreateModel(
            name='Feedback',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('operator_id', models.UUIDField()),
                ('feedback', models.CharField(choices=[('POSITIVE', 'Positive'), ('NEGATIVE', 'Negative'), ('VERY_NEGATIVE', 'Very Negative')], max_length=16, null=True)),
                ('reason', models.TextField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'memory', 'operator_id'), name='one_feedback')],},
        ),
        migrations.CreateModel(
            name='MemoryUse',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('uses', models.BigIntegerField(default=0)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'memory'), name='use_of_memory')],},
        ),
        migrations.CreateModel(
            name='MemoryVector',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('chunk_no', models.SmallIntegerField(default=0)),
                ('state', models.CharField(default=memories.types.State['ACTIVE'], max_length=16)),
                ('expires_on', models.DateField(null=True)),
                ('embedding', memories.models.fields.Halfvec()),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('space', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.embeddingspace')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'anchor', 'space', 'state'], name='vector_scan'), models.Index(condition=models.Q(('chunk_no__gt', 0)), fields=['tenant', 'anchor', 'space', 'chunk_no'], name='vector_chunks')],"constraints": [models.UniqueConstraint(fields=('tenant', 'memory', 'number', 'space', 'chunk_no'), name='vector_key')],},
        ),
        migrations.CreateModel(
            name='MemoryVersion',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField(help_text='NULL once erased.', null=True)),
                ('metadata', models.JSONField(null=True)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), null=True)),
                ('state', models.CharField(choices=[('active', 'active'), ('superseded', 'superseded'), ('merged', 'merged'), ('retired', 'retired'), ('deleted', 'deleted'), ('quarantined', 'quarantined'), ('archived', 'archived')], default=memories.types.State['ACTIVE'], max_length=16)),
                ('valid_from', models.DateTimeField(null=True)),
                ('valid_to', models.DateTimeField(null=True)),
                ('valid_precision', models.CharField(max_length=8, null=True)),
                ('expires_on', models.DateField(null=True)),
                ('is_immutable', models.BooleanField(default=False)),
                ('confidence', models.FloatField(default=1.0)),
                ('created_at', models.DateTimeField()),
                ('known_from', models.DateTimeField()),
                ('vector_number', models.IntegerField(default=1, help_text='The version whose vectors stand for this text.')),
                ('number', models.IntegerField()),
                ('known_to', models.DateTimeField(null=True)),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('replaced_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'memory', 'number'), name='version_number'), models.CheckConstraint(condition=models.Q(('valid_to__gte', models.F('valid_from'))), name='version_ends_after_it_begins')],"indexes": [models.Index(condition=models.Q(('replaced_by__isnull', False)), fields=['tenant', 'replaced_by'], name='version_successor')],},
        ),
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('entity', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.entity')),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'memory'], name='mention_memory')],"constraints": [models.UniqueConstraint(fields=('tenant', 'entity', 'memory'), name='mention_once')],},
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('run_id', models.CharField(blank=True, max_length=256, null=True)),
                ('position', models.BigIntegerField()),
                ('session_key', models.CharField(max_length=300, null=True)),
                ('role', models.CharField(max_length=16)),
                ('name', models.CharField(max_length=256, null=True)),
                ('content', models.TextField(null=True)),
                ('attachments', models.JSONField(null=True)),
                ('sent_at', models.DateTimeField()),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('ingestion', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.ingestion')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'ingestion'], name='message_of_ingestion'), models.Index(condition=models.Q(('content__isnull', False)), fields=['tenant', 'project', 'created_at'], name='message_kept')],"constraints": [models.UniqueConstraint(fields=('tenant', 'anchor', 'position'), name='message_position')],},
        ),
        migrations.CreateModel(
            name='Operation',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('ADD', 'Add'), ('SEARCH', 'Search'), ('UPDATE', 'Update'), ('DELETE', 'Delete'), ('DELETE_ALL', 'Delete All'), ('DELETE_USER', 'Delete User'), ('RESTORE', 'Restore'), ('GET', 'Get'), ('GET_ALL', 'Get All'), ('EXPORT', 'Export'), ('REEMBED', 'Reembed')], max_length=16)),
                ('status', models.CharField(choices=[('PENDING', 'Pending'), ('RUNNING', 'Running'), ('SUCCEEDED', 'Succeeded'), ('FAILED', 'Failed')], default='PENDING', max_length=16)),
                ('user_id', models.CharField(blank=True, max_length=256, null=True)),
                ('agent_id', models.CharField(blank=True, max_length=256, null=True)),
                ('app_id', models.CharField(blank=True, max_length=256, null=True)),
                ('run_id', models.CharField(blank=True, max_length=256, null=True)),
                ('seq', models.BigIntegerField(null=True)),
                ('payload', models.JSONField(default=dict)),
                ('results', models.JSONField(default=list)),
                ('attempts', models.IntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('lease_token', models.BigIntegerField(default=0)),
                ('woken_at', models.DateTimeField(null=True)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('error_code', models.CharField(max_length=64, null=True)),
                ('error', models.TextField(null=True)),
                ('request_id', models.CharField(blank=True, default='', max_length=64)),
                ('api_key_id', models.UUIDField(null=True)),
                ('operator_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('latency_ms', models.FloatField(null=True)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', '-created_at', '-id'], name='operation_newest'), models.Index(condition=models.Q(('status__in', ('PENDING', 'RUNNING'))), fields=['tenant', 'anchor', 'seq'], name='operation_queue'), models.Index(condition=models.Q(('status__in', ('PENDING', 'RUNNING'))), fields=['woken_at'], name='operation_due'), models.Index(condition=models.Q(('kind', 'SEARCH'), models.Q(('payload', {}), _negated=True)), fields=['tenant', 'project', 'created_at'], name='search_kept')],},
        ),
        migrations.AddField(
            model_name='idempotencyrecord',
            name='operation',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation'),
        ),
        migrations.AddField(
            model_name='ingestion',
            name='operation',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation'),
        ),
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('schema', models.JSONField(null=True)),
                ('filters', models.JSONField(null=True)),
                ('instructions', models.TextField(blank=True, default='')),
                ('status', models.CharField(default='pending', max_length=16)),
                ('data', models.JSONField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('completed_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('operation', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', '-created_at'], name='export_newest')],},
        ),
        migrations.CreateModel(
            name='DeleteBarrier',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('pattern', models.JSONField()),
                ('accepted_at', models.DateTimeField()),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('operation', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', 'accepted_at'], name='barrier_newest')],},
        ),
        migrations.CreateModel(
            name='Outbox',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('topic', models.CharField(max_length=64)),
                ('payload', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('handled_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(condition=models.Q(('handled_at__isnull', True)), fields=['created_at'], name='outbox_waiting')],},
        ),
        migrations.CreateModel(
            name='PromptTemplate',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=32)),
                ('name', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'project', 'purpose'), name='template_purpose')],},
        ),
        migrations.CreateModel(
            name='PromptVersion',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('text', models.TextField()),
                ('parts', models.JSONField(default=dict)),
                ('text_hash', models.CharField(max_length=64)),
                ('is_shipped', models.BooleanField(default=False)),
                ('is_published', models.BooleanField(default=False)),
                ('canary_share', models.FloatField(default=0.0)),
                ('published_at', models.DateTimeField(null=True)),
                ('author_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('template', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.prompttemplate')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'template', 'number'), name='prompt_number'), models.UniqueConstraint(condition=models.Q(('is_published', True)), fields=('tenant', 'template'), name='one_published_prompt')],},
        ),
        migrations.CreateModel(
            name='MemoryEvent',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('ADD', 'Add'), ('UPDATE', 'Update'), ('DELETE', 'Delete'), ('SUPERSEDE', 'Supersede'), ('MERGE', 'Merge'), ('RETIRE', 'Retire'), ('RESTORE', 'Restore'), ('EXPIRE', 'Expire'), ('CATEGORIZE', 'Categorize'), ('QUARANTINE', 'Quarantine'), ('APPROVE', 'Approve'), ('ARCHIVE', 'Archive'), ('SUSPECT', 'Suspect'), ('ERASE', 'Erase')], max_length=16)),
                ('old_number', models.IntegerField(null=True)),
                ('new_number', models.IntegerField(null=True)),
                ('actor_kind', models.CharField(choices=[('engine', 'Engine'), ('api_key', 'Api Key'), ('operator', 'Operator'), ('system', 'System')], max_length=16)),
                ('actor_id', models.UUIDField(null=True)),
                ('message_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list)),
                ('engine', models.CharField(max_length=16, null=True)),
                ('model', models.CharField(max_length=200, null=True)),
                ('reason', models.TextField(blank=True, default='')),
                ('at', models.DateTimeField()),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('operation', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation')),
                ('prompt_version', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.promptversion')),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
                ('related_memory', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'memory', 'at', 'id'], name='event_of_memory'), models.Index(condition=models.Q(('related_memory__isnull', False)), fields=['tenant', 'related_memory'], name='event_related'), models.Index(fields=['tenant', 'project', '-at', '-id'], name='event_newest'), models.Index(fields=['tenant', 'operation'], name='event_of_operation')],},
        ),
        migrations.CreateModel(
            name='LlmCall',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=32)),
                ('provider', models.CharField(max_length=64)),
                ('model', models.CharField(max_length=200)),
                ('prompt_tokens', models.IntegerField(default=0)),
                ('completion_tokens', models.IntegerField(default=0)),
                ('cost', models.DecimalField(decimal_places=8, max_digits=18, null=True)),
                ('latency_ms', models.FloatField(default=0)),
                ('outcome', models.CharField(max_length=32)),
                ('error', models.TextField(blank=True, default='')),
                ('request', models.JSONField(null=True)),
                ('reply', models.TextField(null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('operation', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.operation')),
                ('prompt_version', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.promptversion')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'operation'], name='call_of_operation'), models.Index(fields=['tenant', 'project', '-created_at'], name='call_newest'), models.Index(condition=models.Q(('request__isnull', False), ('reply__isnull', False), _connector='OR'), fields=['tenant', 'project', 'created_at'], name='call_kept')],},
        ),
        migrations.CreateModel(
            name='ProviderConfig',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('chat', 'Chat'), ('embedding', 'Embedding'), ('rerank', 'Rerank')], max_length=16)),
                ('base_url', models.URLField(max_length=500)),
                ('model', models.CharField(max_length=200)),
                ('api_key_encrypted', models.TextField(blank=True, default='')),
                ('options', models.JSONField(default=dict)),
                ('prompt_price', models.DecimalField(decimal_places=10, max_digits=18, null=True)),
                ('completion_price', models.DecimalField(decimal_places=10, max_digits=18, null=True)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "constraints": [models.UniqueConstraint(fields=('tenant', 'project', 'kind'), name='one_provider_of_a_kind')],},
        ),
        migrations.CreateModel(
            name='Relation',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=64)),
                ('fact', models.TextField(null=True)),
                ('embedding', memories.models.fields.Halfvec(null=True)),
                ('state', models.CharField(default='active', max_length=16)),
                ('confidence', models.FloatField(default=1.0)),
                ('valid_from', models.DateTimeField(null=True)),
                ('valid_to', models.DateTimeField(null=True)),
                ('known_from', models.DateTimeField()),
                ('known_to', models.DateTimeField(null=True)),
                ('anchor', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.anchor')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.entity')),
                ('space', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.embeddingspace')),
                ('target', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.entity')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('replaced_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.relation')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'source'], name='relation_out'), models.Index(fields=['tenant', 'target'], name='relation_in'), models.Index(fields=['tenant', 'anchor', 'state'], name='relation_anchor')],"constraints": [models.CheckConstraint(condition=models.Q(('valid_to__gte', models.F('valid_from'))), name='relation_ends_after_it_begins')],},
        ),
        migrations.CreateModel(
            name='RelationSupport',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('memory', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.memory')),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('relation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.relation')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'memory'], name='support_memory')],"constraints": [models.UniqueConstraint(fields=('tenant', 'relation', 'memory', 'number'), name='relation_support')],},
        ),
        migrations.CreateModel(
            name='Subject',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('user', 'User'), ('agent', 'Agent'), ('app', 'App'), ('run', 'Run')], max_length=8)),
                ('external_id', models.CharField(max_length=256)),
                ('metadata', models.JSONField(null=True)),
                ('memory_count', models.BigIntegerField(default=0)),
                ('expiring_count', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('last_active_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(fields=['tenant', 'project', '-last_active_at', '-id'], name='subject_newest')],"constraints": [models.UniqueConstraint(fields=('tenant', 'project', 'kind', 'external_id'), name='subject_name')],},
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('url', models.URLField(max_length=2000)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64))),
                ('secret_encrypted', models.TextField(blank=True, default='')),
                ('owner_id', models.UUIDField(null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('disabled_reason', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('updated_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=memplatform.lib.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('event_type', models.CharField(max_length=64)),
                ('body', models.JSONField(null=True)),
                ('status', models.CharField(default='pending', max_length=16)),
                ('attempts', models.IntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('response_status', models.IntegerField(null=True)),
                ('response_body', models.TextField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(default=memplatform.lib.clock.now)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.project')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='tenants.tenant')),
                ('outbox', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.outbox')),
                ('webhook', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memories.webhook')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            "indexes": [models.Index(condition=models.Q(('status', 'pending')), fields=['next_attempt_at'], name='delivery_due'), models.Index(fields=['tenant', 'webhook', '-created_at'], name='delivery_newest')],},
        ),
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        migrations.AddConstraint(
            model_name='ingestion',
            constraint=models.UniqueConstraint(fields=('tenant', 'operation'), name='ingestion_of_operation'),
        ),
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        
        # Parents before children: a composite reference needs its target's key.
        TenantTable("Anchor", grants=NO_DELETE, is_parent=True),
        TenantTable("Subject", grants=NO_DELETE),
        TenantTable("PromptTemplate", grants=NO_DELETE, is_parent=True),
        TenantTable("PromptVersion", grants=PROMPT_VERSION, is_parent=True),
        TenantTable("ProviderConfig"),
        TenantTable("EmbeddingSpace", grants=NO_DELETE, is_parent=True),
        TenantTable("Operation", grants=NO_DELETE, is_parent=True),
        TenantTable("Ingestion", grants=NO_DELETE, is_parent=True),
        TenantTable("Message", grants=NO_DELETE),
        TenantTable("ConversationSummary"),
        TenantTable("LlmCall", grants=NO_DELETE),
        TenantTable("DeleteBarrier", grants=APPEND_ONLY),
        TenantTable("IdempotencyRecord"),
        TenantTable("Memory", grants=NO_DELETE, is_parent=True),
        TenantTable("MemoryVersion", grants=VERSION),
        TenantTable("MemoryEvent", grants=APPEND_ONLY),
        TenantTable("MemoryUse"),
        TenantTable("Feedback"),
        TenantTable("MemoryVector"),
        TenantTable("Entity", grants=NO_DELETE, is_parent=True),
        TenantTable("Relation", grants=NO_DELETE, is_parent=True),
        TenantTable("RelationSupport"),
        TenantTable("Mention"),
        TenantTable("Outbox", is_parent=True),
        TenantTable("Webhook", is_parent=True),
        TenantTable("Delivery"),
        TenantTable("Export"),
    ]

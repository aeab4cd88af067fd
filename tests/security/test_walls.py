"""Three walls between tenants, each proven on every tenant table there is.

The guard raises on an unscoped query; composite keys refuse a cross-tenant reference;
row-level security hides what a query asks for regardless.
"""

from __future__ import annotations

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction

from memplatform.lib.errors import ScopeError
from memplatform.lib.ids import new_id
from tenants.models import Membership, Project, TenantModel
from tenants.scopes import operator_scope, tenant_scope
from tenants.services import create_project
from tests.factories import ApiKeyFactory, MembershipFactory, ProjectFactory
from tests.memories.agents import Agent

TENANT_MODELS = [
    model
    for model in apps.get_models()
    if any(f.name == "tenant" for f in model._meta.fields)
]
PROJECT_MODELS = [
    model
    for model in TENANT_MODELS
    if any(f.name == "project" and not f.null for f in model._meta.fields)
]
every_tenant_model = pytest.mark.parametrize(
    "model", TENANT_MODELS, ids=lambda model: model._meta.label
)
PLAIN_TABLES = {"tenants_tenant", "tenants_operator", "tenants_signinfailures"}
# Of operators, who belong to no tenant.
SIGN_IN = ("account_", "mfa_", "socialaccount_", "usersessions_")
FRAMEWORK = ("django_", "auth_", *SIGN_IN)


def rows(query, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


# --- The first wall: the guard ----------------------------------------------


@every_tenant_model
def test_every_tenant_model_is_guarded(model):
    assert issubclass(model, TenantModel)
    assert model._meta.base_manager_name == "objects"


@every_tenant_model
def test_an_unscoped_query_raises(db, model):
    with pytest.raises(ScopeError):
        model.objects.exists()


@every_tenant_model
def test_the_default_manager_is_guarded_too(db, model):
    with pytest.raises(ScopeError):
        list(model._default_manager.all())


@pytest.mark.parametrize(
    "use",
    [
        list,
        lambda query: query.count(),
        lambda query: query.exists(),
        lambda query: query.first(),
        lambda query: query.update(name="x"),
        lambda query: query.delete(),
        lambda query: query.aggregate(),
        lambda query: list(query.iterator()),
        lambda query: query.values_list("id").get(),
        lambda query: query.in_bulk(),
    ],
)
def test_a_queryset_does_not_outlive_its_scope(acme, globex, use):
    with tenant_scope(acme.id):
        leaked = Project.objects.all()
    with tenant_scope(globex.id), pytest.raises(ScopeError):
        use(leaked)
    with pytest.raises(ScopeError):
        use(leaked)


def test_an_iterator_does_not_outlive_its_scope(acme):
    with tenant_scope(acme.id):
        leaked = Project.objects.iterator()
    with pytest.raises(ScopeError):
        next(leaked)


def test_a_row_saved_outside_its_scope_raises(acme):
    with pytest.raises(ScopeError):
        Project(name="stray").save()
    with pytest.raises(ScopeError):
        acme.project.save()


# --- The second wall: keys --------------------------------------------------


def test_a_reference_to_another_tenant_is_refused(acme, globex):
    with pytest.raises(IntegrityError, match="_wall"), tenant_scope(acme.id):
        ApiKeyFactory(project=globex.project, owner=acme.owner)


def test_a_row_cannot_be_moved_to_another_tenant(acme, globex):
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        tenant_scope(acme.id),
    ):
        Project.objects.filter(id=acme.project.id).update(tenant_id=globex.id)


KEYS_WITHOUT_TENANT = """
SELECT c.conrelid::regclass::text, c.conname
FROM pg_constraint c
WHERE c.contype IN ('p', 'u', 'f') AND c.conrelid = ANY(%s::regclass[])
  AND c.confrelid <> 'tenants_tenant'::regclass
  AND NOT EXISTS (
    SELECT 1 FROM pg_attribute a
    WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
      AND a.attname = 'tenant_id')
"""
UNIQUE_INDEXES_WITHOUT_TENANT = """
SELECT i.indexrelid::regclass::text FROM pg_index i
WHERE i.indisunique AND i.indrelid = ANY(%s::regclass[]) AND NOT EXISTS (
    SELECT 1 FROM pg_attribute a
    WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
      AND a.attname = 'tenant_id')
"""
FOREIGN_KEYS = """
SELECT a.attname, c.confrelid::regclass::text
FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[cardinality(c.conkey)]
WHERE c.contype = 'f' AND c.conrelid = %s::regclass AND cardinality(c.conkey) > 1
"""


def tables_of(models):
    return [model._meta.db_table for model in models]


def test_every_key_of_a_tenant_table_contains_the_tenant(db):
    assert rows(KEYS_WITHOUT_TENANT, tables_of(TENANT_MODELS)) == []
    assert rows(UNIQUE_INDEXES_WITHOUT_TENANT, tables_of(TENANT_MODELS)) == []


@every_tenant_model
def test_every_primary_key_is_tenant_and_id(db, model):
    found = rows(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'p' AND conrelid = %s::regclass",
        model._meta.db_table,
    )
    assert found == [("PRIMARY KEY (tenant_id, id)",)]


@every_tenant_model
def test_every_reference_between_tenant_tables_has_a_constraint(db, model):
    wanted = {
        (field.column, field.related_model._meta.db_table)
        for field in model._meta.fields
        if field.related_model in TENANT_MODELS
    }
    assert set(rows(FOREIGN_KEYS, model._meta.db_table)) >= wanted


REFERENCES_WITHOUT_PROJECT = """
SELECT c.conrelid::regclass::text, c.conname FROM pg_constraint c
WHERE c.contype = 'f' AND c.conrelid = ANY(%s::regclass[])
  AND c.confrelid = ANY(%s::regclass[]) AND NOT EXISTS (
    SELECT 1 FROM pg_attribute a
    WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
      AND a.attname = 'project_id')
"""


def test_a_reference_to_another_project_is_refused(db):
    """Between rows of a project the key names it as well."""
    tables = tables_of(PROJECT_MODELS)
    assert rows(REFERENCES_WITHOUT_PROJECT, tables, tables) == []


BARE_IDS = {
    # column: why nothing holds what it names to the tenant
    "actor_id": "a key, an operator or nobody: its kind stands beside it",
    "api_key_id": "who asked, for the record; nothing is found by following it",
    "operator_id": "operators belong to no tenant",
    "author_id": "an operator",
    "owner_id": "an operator",
    "invited_by_id": "an operator",
    "message_ids": "an array has no constraint; read within the memory's own scope",
    "object_id": "a trace of anything, also of what is gone",
    "progress_id": "a cursor to compare with, never followed",
    "message_progress_id": "a cursor to compare with, never followed",
    "project_id": "of an audit entry, which outlives its project",
    **dict.fromkeys(
        ("user_id", "agent_id", "app_id", "run_id", "external_id", "request_id"),
        "a name given from outside",
    ),
    **dict.fromkeys(("only_user_id", "only_agent_id"), "a name given from outside"),
}
COLUMNS_OF_IDS = """
SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a
WHERE a.attrelid = ANY(%s::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname ~ '_ids?$' AND a.attname <> 'tenant_id' AND NOT EXISTS (
    SELECT 1 FROM pg_constraint c
    WHERE c.contype = 'f' AND c.conrelid = a.attrelid AND a.attnum = ANY(c.conkey))
"""


def test_every_id_is_a_reference_or_has_its_reason(db):
    """A bare id of a row could be another tenant's."""
    bare = rows(COLUMNS_OF_IDS, tables_of(TENANT_MODELS))
    unexplained = [(table, name) for table, name in bare if name not in BARE_IDS]
    assert unexplained == []
    assert set(BARE_IDS) == {name for _, name in bare}


MEMORY_REFERENCES = [
    "INSERT INTO memories_memoryvector (id, tenant_id, project_id, anchor_id, space_id,"
    " memory_id, number, chunk_no, state, embedding) SELECT gen_random_uuid(),"
    " tenant_id, project_id, anchor_id, space_id, {id}, 9, 0, state, embedding"
    " FROM memories_memoryvector LIMIT 1",
    "INSERT INTO memories_memoryevent (id, tenant_id, project_id, memory_id, kind,"
    " actor_kind, message_ids, reason, at) SELECT gen_random_uuid(), tenant_id,"
    " project_id, {id}, 'ADD', 'system', '{{}}', '', at FROM memories_memoryevent"
    " LIMIT 1",
    "INSERT INTO memories_memoryevent (id, tenant_id, project_id, memory_id, kind,"
    " actor_kind, message_ids, reason, at, related_memory_id) SELECT"
    " gen_random_uuid(), tenant_id, project_id, memory_id, 'ADD', 'system', '{{}}', '',"
    " at, {id} FROM memories_memoryevent LIMIT 1",
    "UPDATE memories_memory SET replaced_by_id = {id} RETURNING id",
]


@pytest.mark.parametrize("statement", MEMORY_REFERENCES)
def test_no_row_names_a_memory_of_another_tenant(acme, globex, statement):
    Agent(acme).keep("Ann keeps bees.")
    theirs = Agent(globex).keep("Bob keeps goats.")
    with pytest.raises(IntegrityError, match="_wall"), tenant_scope(acme.id):
        rows(statement.format(id=f"'{theirs}'"))
        rows("SET CONSTRAINTS ALL IMMEDIATE")


KEY_WIDTHS = """
SELECT i.indexrelid::regclass::text, sum(CASE
         WHEN t.typlen > 0 THEN t.typlen
         WHEN t.typname = 'varchar' THEN 4 * (a.atttypmod - 4) + 4
         WHEN t.typname = 'bytea' THEN 36
         ELSE 1e6 END)::int AS widest
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
JOIN pg_attribute a ON a.attrelid = i.indexrelid
JOIN pg_type t ON t.oid = a.atttypid
WHERE i.indrelid = ANY(%s::regclass[])
GROUP BY 1
"""
BTREE_ROW_BYTES = 2704


def test_every_key_fits_an_index_row_whatever_its_characters(db):
    """A character of a legal id takes up to four bytes."""
    widths = dict(rows(KEY_WIDTHS, tables_of(TENANT_MODELS)))
    assert widths["anchor_key"] < 100  # hashed
    overhead = 16  # of the row and its alignment
    assert {n: w for n, w in widths.items() if w + overhead > BTREE_ROW_BYTES} == {}


# --- The third wall: row-level security -------------------------------------


@every_tenant_model
def test_row_security_is_forced(db, model):
    found = rows(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE oid = %s::regclass",
        model._meta.db_table,
    )
    assert found == [(True, True)]


@every_tenant_model
def test_the_policy_names_the_tenant_for_reads_and_writes(db, model):
    found = rows(
        "SELECT qual, with_check FROM pg_policies"
        " WHERE tablename = %s AND policyname = 'tenant_wall' AND cmd = 'ALL'",
        model._meta.db_table,
    )
    assert len(found) == 1
    assert all("app.tenant_id" in text for text in found[0])
    if model in PROJECT_MODELS:
        assert all("app.project_id" in text for text in found[0])


def test_there_is_no_other_policy_but_ones_own_memberships(db):
    found = rows(
        "SELECT tablename, policyname, cmd FROM pg_policies"
        " WHERE policyname <> 'tenant_wall'"
    )
    assert found == [("tenants_membership", "own_memberships", "SELECT")]


def test_every_other_table_is_known(db):
    """A new table is either behind the walls or named here with intent."""
    names = {
        name
        for (name,) in rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
    }
    plain = names - set(tables_of(TENANT_MODELS))
    assert {name for name in plain if not name.startswith(FRAMEWORK)} == PLAIN_TABLES


def test_every_table_hides_the_other_tenants_rows(committed_db, acme, globex):
    """One row per tenant in every table, whatever the table: none is seen across."""
    insert_everywhere(committed_db.admin_url, acme, globex)
    with tenant_scope(acme.id):
        seen = {model._meta.label: tenants_in(model) for model in TENANT_MODELS}
    assert seen == {model._meta.label: {acme.id} for model in TENANT_MODELS}
    assert {label for label in map(unscoped_rows, TENANT_MODELS) if label} == set()


def test_every_table_hides_the_other_projects_rows(committed_db, acme, globex):
    insert_everywhere(committed_db.admin_url, acme, globex)
    with tenant_scope(acme.id, project_id=new_id()):
        seen = {model._meta.label: tenants_in(model) for model in PROJECT_MODELS}
    assert seen == {model._meta.label: set() for model in PROJECT_MODELS}


def tenants_in(model):
    """Asked in SQL, so that only the database's own wall can answer."""
    return {
        tenant for (tenant,) in rows(f"SELECT tenant_id FROM {model._meta.db_table}")
    }


def unscoped_rows(model):
    return model._meta.label if tenants_in(model) else None


def insert_everywhere(admin_url, *companies):
    """A superuser without triggers, so that no foreign key asks for more rows."""
    with psycopg.connect(admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for model in TENANT_MODELS:
            columns = admin.execute(REQUIRED_COLUMNS, [model._meta.db_table]).fetchall()
            for company in companies:
                insert_row(admin, model, dict(columns), company)


def insert_row(admin, model, columns, company):
    values = {name: SAMPLES[kind] for name, kind in columns.items()}
    values |= {"tenant_id": company.id, "id": new_id()}
    if "project_id" in columns:
        values["project_id"] = company.project.id
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    admin.execute(
        f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({marks})", values
    )


REQUIRED_COLUMNS = """
SELECT column_name, udt_name FROM information_schema.columns
WHERE table_name = %s AND is_generated = 'NEVER'
  AND (is_nullable = 'NO' AND column_default IS NULL OR column_name = 'project_id')
"""
SAMPLES = {
    "uuid": "00000000-0000-0000-0000-000000000001",
    "text": "x",
    "varchar": "x",
    "bool": False,
    "int2": 1,
    "int4": 1,
    "int8": 1,
    "float8": 0.5,
    "numeric": 1,
    "jsonb": "{}",
    "date": "2026-03-01",
    "timestamptz": "2026-03-01T00:00:00Z",
    "inet": "127.0.0.1",
    "bytea": b"x",
    "halfvec": "[1]",
    "_text": [],
    "_varchar": [],
    "_uuid": [],
}


def test_acme_does_not_find_globex_by_id(acme, globex):
    with tenant_scope(acme.id):
        assert not Project.objects.filter(id=globex.project.id).exists()
        assert (
            rows("SELECT 1 FROM tenants_project WHERE id = %s", globex.project.id) == []
        )


def test_a_row_of_another_tenant_cannot_be_inserted(acme, globex):
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        tenant_scope(acme.id),
    ):
        ProjectFactory(tenant_id=globex.id)


def test_an_upsert_cannot_reach_another_tenants_row(acme, globex):
    with pytest.raises(DatabaseError), tenant_scope(acme.id):
        rows(
            "INSERT INTO tenants_project (tenant_id, id, name, description, settings,"
            " timezone, is_default, created_at, updated_at)"
            " SELECT %s, %s, 'x', '', '{}', 'UTC', false, now(), now()"
            " ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'stolen' RETURNING id",
            globex.id,
            globex.project.id,
        )


# --- The project wall -------------------------------------------------------


def test_a_project_scope_sees_its_project_only(acme):
    with tenant_scope(acme.id):
        other = create_project("Other")
        ApiKeyFactory(project=other, owner=acme.owner)
        MembershipFactory(project=other)
    with tenant_scope(acme.id, project_id=acme.project.id):
        assert rows("SELECT id FROM tenants_project") == [(acme.project.id,)]
        assert set(rows("SELECT project_id FROM tenants_apikey")) == {
            (acme.project.id,)
        }
        assert rows("SELECT project_id FROM tenants_membership") == [(None,)]
        assert [project.id for project in Project.objects.all()] == [acme.project.id]


def test_a_project_scope_writes_to_its_project_only(acme):
    with tenant_scope(acme.id):
        other = create_project("Other")
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        tenant_scope(acme.id, project_id=acme.project.id),
    ):
        ApiKeyFactory(project=other, owner=acme.owner)


# --- Scopes -----------------------------------------------------------------


SETTINGS = (
    "SELECT current_setting('app.tenant_id', true),"
    " current_setting('app.project_id', true), current_setting('app.operator_id', true)"
)


def test_a_nested_scope_gives_the_outer_one_back(acme, globex):
    with tenant_scope(acme.id, project_id=acme.project.id):
        with tenant_scope(globex.id):
            assert rows(SETTINGS) == [(str(globex.id), "", "")]
        assert rows(SETTINGS) == [(str(acme.id), str(acme.project.id), "")]
        assert Project.objects.get().id == acme.project.id


def test_a_failed_nested_scope_gives_the_outer_one_back(acme, globex):
    with tenant_scope(acme.id):
        with pytest.raises(LookupError), tenant_scope(globex.id):
            raise LookupError
        assert rows(SETTINGS) == [(str(acme.id), "", "")]


def test_nothing_is_announced_after_a_scope(committed_db, acme):
    with tenant_scope(acme.id):
        assert Project.objects.exists()
    assert rows(SETTINGS) == [("", "", "")]
    assert rows("SELECT 1 FROM tenants_project") == []


def test_an_outermost_scope_refuses_a_foreign_transaction(committed_db, acme):
    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        tenant_scope(acme.id),
    ):
        pytest.fail("the scope opened")


def test_an_operator_sees_own_memberships_in_every_tenant(acme, globex, bob, carol):
    with tenant_scope(globex.id):
        MembershipFactory(operator=bob)
    with operator_scope(bob.id):
        own = set(Membership.own.values_list("tenant_id", flat=True))
        assert own == {acme.id, globex.id}
        assert len(rows("SELECT 1 FROM tenants_membership")) == 2
        assert rows("SELECT 1 FROM tenants_project") == []
        with pytest.raises(ScopeError):
            Membership.objects.exists()


def test_own_memberships_cannot_be_written_without_a_tenant(acme, bob):
    with operator_scope(bob.id):
        assert rows("UPDATE tenants_membership SET role = 'owner' RETURNING id") == []


# --- What the role may do ---------------------------------------------------


def test_the_tests_run_as_the_role_that_serves(db):
    assert rows("SELECT session_user, current_user") == [
        ("memplatform_app", "memplatform_app")
    ]


def test_the_role_cannot_bypass_row_security(db):
    found = rows(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert found == [(False, False, False, False)]
    assert (
        rows("SELECT 1 FROM pg_auth_members WHERE member = current_user::regrole") == []
    )
    assert rows("SELECT 1 FROM pg_tables WHERE tableowner = current_user") == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE tenants_project DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_project NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant_wall ON tenants_project",
        "CREATE POLICY hole ON tenants_project USING (true)",
        "TRUNCATE tenants_project CASCADE",
        "DROP TABLE tenants_project CASCADE",
        "SET ROLE memplatform_owner",
        "SET ROLE memplatform_directory",
        "SET SESSION AUTHORIZATION memplatform_owner",
        "ALTER ROLE memplatform_app BYPASSRLS",
        "COPY tenants_project TO PROGRAM 'cat'",
        "UPDATE tenants_auditentry SET action = 'x'",
        "DELETE FROM tenants_auditentry",
        "DELETE FROM tenants_tenant",
        "DELETE FROM django_migrations",
    ],
)
def test_the_role_may_not(db, statement):
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
        rows(statement)


def test_switching_row_security_off_is_an_error_not_a_hole(acme):
    with (
        pytest.raises(DatabaseError, match="row-level security"),
        tenant_scope(acme.id),
    ):
        rows("SELECT set_config('row_security', 'off', true)")
        rows("SELECT * FROM tenants_project")


def test_the_audit_refuses_even_its_owner(committed_db, acme):
    with psycopg.connect(committed_db.owner_url) as owner:
        for statement in (
            "UPDATE tenants_auditentry SET action = 'x'",
            "DELETE FROM tenants_auditentry",
        ):
            with pytest.raises(psycopg.Error, match="append-only"), owner.transaction():
                owner.execute(statement)


def test_a_scope_of_a_tenant_that_is_not_there_is_empty(acme):
    with tenant_scope(new_id()):
        assert list(Project.objects.all()) == []

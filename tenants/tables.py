"""Two migration operations: one walls a table by tenant (keys, policy, grants).

Django's ORM needs a single-column primary key to point at (a ForeignKey to a composite
one is refused, fields.E347), so the models say ``id`` and this says the truth in SQL:
primary key (tenant_id, id), composite references, forced row-level security, and what
the ``app`` role may do. The other creates many tables at once. The migrations are the
only users.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP_ROLE = "memplatform_app"
DIRECTORY_ROLE = "memplatform_directory"
EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")
APPEND_ONLY = ("SELECT", "INSERT")

# A scalar subquery is evaluated once a query; a bare call would be once a row.
_CURRENT = "(SELECT NULLIF(current_setting('app.{0}', true), '')::uuid)"
CURRENT_TENANT = _CURRENT.format("tenant_id")
CURRENT_PROJECT = _CURRENT.format("project_id")
CURRENT_OPERATOR = _CURRENT.format("operator_id")


class CreateTables(Operation):
    """Many tables as one operation, in the order of ``tables``.

    For each model that is added Django renders all that are related to it anew: here
    that is every one, some 50 ms. This lets it render them once.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, tables: Sequence[CreateModel]) -> None:
        self.tables = tables

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (type(self).__name__, [self.tables], {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # cached; rendered when it is asked for
        for table in self.tables:
            table.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in self.tables:
            table.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for table in reversed(self.tables):
            table.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "Create " + ", ".join(table.name for table in self.tables)


@dataclass(frozen=True, slots=True)
class _Reference:
    """``is_own`` is one to the same table, whose rows may come in any order."""

    column: str
    table: str
    by_project: bool
    is_own: bool
    goes_with: bool

    def sql(self, table: str) -> str:
        keys = ["tenant_id", *(["project_id"] if self.by_project else [])]
        mine = ", ".join(f'"{name}"' for name in [*keys, self.column])
        theirs = ", ".join(f'"{name}"' for name in [*keys, "id"])
        name = f"{table}_{self.column}_wall"[:63]
        return (
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" '
            f'FOREIGN KEY ({mine}) REFERENCES "{self.table}" ({theirs})'
            + (" ON DELETE CASCADE" if self.goes_with else "")
            + (" DEFERRABLE INITIALLY DEFERRED" if self.is_own else "")
        )


class TenantTable(Operation):
    """Turn a model's table into one behind the walls.

    ``grants`` is what ``app`` may do; ``is_parent`` adds the unique key
    (tenant_id, project_id, id) that project-owned children refer to. ``goes_with`` are
    the references that take a row along when what they point at is deleted: a purge
    deletes that, and need not know the row's table.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(
        self,
        model: str,
        *,
        grants: Iterable[str] = EVERYTHING,
        is_parent: bool = False,
        goes_with: Iterable[str] = (),
    ) -> None:
        self.model = model
        self.grants = tuple(grants)
        self.is_parent = is_parent
        self.goes_with = tuple(goes_with)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        options = {
            "grants": self.grants,
            "is_parent": self.is_parent,
            "goes_with": self.goes_with,
        }
        return (type(self).__name__, [self.model], options)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The walls are not part of Django's picture of the model."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model)
        for statement in self._statements(model):
            schema_editor.execute(statement)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Nothing to take back: the table itself goes with its CreateModel."""

    def describe(self) -> str:
        return f"Wall {self.model} by tenant"

    def _statements(self, model: type[models.Model]) -> Iterable[str]:
        table = model._meta.db_table
        by_project = _owned_by_project(model)
        yield f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey" CASCADE'
        yield f'ALTER TABLE "{table}" ADD PRIMARY KEY (tenant_id, id)'
        if self.is_parent:
            yield (
                f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_parent" '
                "UNIQUE (tenant_id, project_id, id)"
            )
        yield (
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_tenant" '
            "FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id)"
        )
        for reference in _references(model, self.goes_with, by_project=by_project):
            yield reference.sql(table)
        yield from wall(table, project=_project_condition(model))
        yield f'REVOKE ALL ON "{table}" FROM {APP_ROLE}'
        yield f'GRANT {", ".join(self.grants)} ON "{table}" TO {APP_ROLE}'


def wall(table: str, *, project: str | None = None) -> Iterable[str]:
    """Row-level security, forced on the owner too.

    ``project`` is the further condition on rows while a project is announced.
    """
    condition = f"tenant_id = {CURRENT_TENANT}"
    if project:
        condition += f" AND ({CURRENT_PROJECT} IS NULL OR {project})"
    yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
    yield (
        f'CREATE POLICY tenant_wall ON "{table}" '
        f"USING ({condition}) WITH CHECK ({condition})"
    )


def _project_condition(model: type[models.Model]) -> str | None:
    """What a key's project may see: its own rows, and those of no project."""
    if model._meta.label == "tenants.Project":
        return f"id = {CURRENT_PROJECT}"
    column = next((f for f in model._meta.fields if f.column == "project_id"), None)
    if column is None:
        return None
    of_none = "project_id IS NULL OR " if column.null else ""
    return f"{of_none}project_id = {CURRENT_PROJECT}"


def _owned_by_project(model: type[models.Model]) -> bool:
    return any(f.name == "project" and not f.null for f in model._meta.fields)


def _references(
    model: type[models.Model], goes_with: Iterable[str], *, by_project: bool
) -> Iterable[_Reference]:
    for field in model._meta.fields:
        target = field.remote_field.model if field.remote_field else None
        if target is None or not _is_tenant_table(target):
            continue
        shared = by_project and _owned_by_project(target)
        table = target._meta.db_table
        yield _Reference(
            str(field.column),
            table,
            by_project=shared,
            is_own=table == model._meta.db_table,
            goes_with=field.name in goes_with,
        )


def _is_tenant_table(model: type[models.Model]) -> bool:
    return any(field.name == "tenant" for field in model._meta.fields)

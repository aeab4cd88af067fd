"""The first wall: every query of a tenant's table needs an open scope, or raises.

Row-level security is the last wall and answers an unscoped query with silence; this one
makes it loud, also for a queryset that outlives the scope it was made in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from django.db import models
from django.db.models.lookups import Exact
from django.db.models.sql.where import AND

from memplatform.lib.errors import ScopeError
from tenants.scopes import open_scope, require_tenant

Row = TypeVar("Row", bound=models.Model)


class ScopedQuerySet(models.QuerySet[Row]):
    """A queryset bound to the tenant scope it was made in."""

    _tenant_id: UUID | None = None

    def bind(self) -> Self:
        """Narrow a fresh queryset to the open scope.

        Its conditions go straight into the query: ``filter()`` would take as long as
        all the rest of making a usual queryset, and every query of a tenant begins so.
        """
        scope = require_tenant()
        self._add_exact("tenant_id", scope.tenant_id)
        if scope.project_id and (field := _project_field(self.model)):
            self._add_exact(field, scope.project_id)
        self._tenant_id = scope.tenant_id
        return self

    def _add_exact(self, name: str, value: UUID | None) -> None:
        field = cast("models.Field[Any, Any]", self.model._meta.get_field(name))
        column = field.get_col(self.query.get_initial_alias())
        self.query.where.add(Exact(column, value), AND)

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._tenant_id = self._tenant_id
        return clone  # type: ignore[no-any-return]

    def _check(self) -> None:
        scope = open_scope()
        if scope is None or scope.tenant_id != self._tenant_id:
            raise ScopeError(
                f"{self.model.__name__} was read outside the scope it was asked in."
            )

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._check()
        super()._fetch_all()

    def iterator(self, chunk_size: int | None = None) -> Iterator[Row]:
        self._check()  # when the first row is asked for, not before
        yield from super().iterator(chunk_size)

    def count(self) -> int:
        self._check()
        return super().count()

    def exists(self) -> bool:
        self._check()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._check()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._check()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._check()
        return super().delete()


class ScopedManager(models.Manager[Row]):
    """``objects`` of every tenant table: the open tenant's rows (and project's)."""

    def get_queryset(self) -> ScopedQuerySet[Row]:
        return ScopedQuerySet[Row](self.model, using=self._db).bind()


class OwnMembershipsManager(models.Manager[Row]):
    """Rows of the signed-in operator across tenants; needs an operator scope."""

    def get_queryset(self) -> models.QuerySet[Row]:
        scope = open_scope()
        if scope is None or scope.operator_id is None:
            raise ScopeError
        return super().get_queryset().filter(operator_id=scope.operator_id)


def has_project(model: type[models.Model]) -> bool:
    """Whether rows of this model belong to one project, always."""
    field = next((f for f in model._meta.fields if f.name == "project"), None)
    return field is not None and not field.null


@cache
def _project_field(model: type[models.Model]) -> str | None:
    """The field by which a project scope narrows this model; None: not at all."""
    if model._meta.label == "tenants.Project":
        return "id"
    return "project_id" if has_project(model) else None

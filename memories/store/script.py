"""Statements that go to PostgreSQL as one message, in the open transaction.

An add writes a dozen tables. One by one, each costs a round trip and the ORM's making
of its SQL anew: together half of an add's time, measured. Every statement names its
tenant itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field
from django.db.models.sql import InsertQuery

from tenants.models import TenantModel
from tenants.scopes import require_tenant

_NAMED_PLACE = re.compile(r"%\((\w+)\)s")


class Rows(list[tuple[Any, ...]]):
    """What a statement of a script has given."""


class Script:
    """Collects statements in order; nothing happens before :meth:`run`."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._params: list[Any] = []
        self._wanted: dict[int, Rows] = {}

    def add(self, statement: str, params: Iterable[Any]) -> None:
        """One statement, not several."""
        self._statements.append(statement)
        self._params += params

    def ask(self, statement: str, params: Iterable[Any]) -> Rows:
        """The same; the rows it gives are in this list once the script has run."""
        rows = self._wanted[len(self._statements)] = Rows()
        self.add(statement, params)
        return rows

    def add_named(self, statement: str, params: Mapping[str, Any]) -> None:
        """The same with ``%(name)s`` for places, each as often as it is wanted."""
        names = _NAMED_PLACE.findall(statement)
        self.add(_NAMED_PLACE.sub("%s", statement), [params[name] for name in names])

    def insert(self, rows: Iterable[TenantModel], *, skip_known: bool = False) -> None:
        """Rows of one table, all of its columns; those there already may stay."""
        rows = list(rows)
        if not rows:
            return
        bound = [_bound(row, _columns(type(row))) for row in rows]
        values = ", ".join(f"({', '.join(places)})" for places, _ in bound)
        ending = " ON CONFLICT DO NOTHING" if skip_known else ""
        params = [param for _, params in bound for param in params]
        self.add(f"{_insert_into(type(rows[0]))} {values}{ending}", params)

    def update(self, row: TenantModel, names: Sequence[str]) -> None:
        """These columns of a row that the caller holds."""
        columns = _columns(type(row), tuple(names))
        places, params = _bound(row, columns)
        changes = ", ".join(
            f'"{column.column}" = {place}'
            for column, place in zip(columns, places, strict=True)
        )
        self.add(
            f'UPDATE "{row._meta.db_table}" SET {changes}'  # noqa: S608
            " WHERE tenant_id = %s AND id = %s",
            [*params, row.tenant_id, row.pk],
        )

    def run(self) -> list[tuple[Any, ...]]:
        """Send everything; the rows of the last statement, if it gives any."""
        require_tenant()
        if not self._statements:
            return []
        with connection.cursor() as cursor:
            cursor.execute(";\n".join(self._statements), self._params)
            for position in range(len(self._statements)):
                if position:
                    cursor.nextset()
                if position in self._wanted:
                    self._wanted[position].extend(cursor.fetchall())
            return list(cursor.fetchall()) if cursor.description else []


type _Column = Field[Any, Any]


@cache
def _columns(
    model: type[TenantModel], names: tuple[str, ...] | None = None
) -> tuple[_Column, ...]:
    fields = model._meta.concrete_fields
    if names is None:
        return tuple(fields)
    by_name = {f.attname: f for f in fields} | {f.name: f for f in fields}
    return tuple(by_name[name] for name in names)


@cache
def _insert_into(model: type[TenantModel]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _columns(model))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES'


def _bound(row: TenantModel, columns: Sequence[_Column]) -> tuple[list[str], list[Any]]:
    """A place for each column, and the values that go there."""
    places: list[str] = []
    params: list[Any] = []
    for column in columns:
        value = getattr(row, column.attname)
        if hasattr(value, "resolve_expression"):
            place, values = _compiled(row, column, value)
            places.append(place)
            params += values
        else:
            places.append("%s")
            params.append(
                None if value is None else column.get_db_prep_save(value, connection)
            )
    return places, params


def _compiled(
    row: TenantModel, column: _Column, value: Any
) -> tuple[str, Sequence[Any]]:
    """An expression (a text to be searched) in PostgreSQL's words."""
    compiler = InsertQuery(type(row)).get_compiler(connection=connection)
    sql, params = compiler.compile(compiler.prepare_value(column, value))
    return sql, params

"""One writer: nothing outside ``memories/store`` makes or changes what is remembered."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from memories import models

ROOT = Path(__file__).resolve().parents[3]
STORE = ROOT / "memories" / "store"
REMEMBERED = (
    models.Memory,
    models.MemoryVersion,
    models.MemoryEvent,
    models.MemoryVector,
    models.Entity,
    models.EntityMerge,
    models.Relation,
    models.RelationSupport,
    models.Mention,
    models.Confirmation,
    models.PatternSource,
)
NAMES = {model.__name__ for model in REMEMBERED}
TABLES = "|".join(model._meta.db_table for model in REMEMBERED)
WRITES = {
    *("create", "bulk_create", "get_or_create", "update_or_create"),
    *("update", "bulk_update", "delete", "save"),
}
SQL = re.compile(rf"\b(INSERT INTO|UPDATE|DELETE FROM)\s+\"?({TABLES})\b", re.I)


def writes_in(source: str) -> Iterator[str]:
    """Where a module constructs, writes or deletes a remembered row."""
    tree = ast.parse(source)
    names = _imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{node.lineno}: {m[0]}" for m in SQL.finditer(node.value))
        elif isinstance(node, ast.Call) and _is_write(node.func, names):
            yield f"{node.lineno}: {ast.unparse(node.func)}"


def _imported(tree: ast.Module) -> set[str]:
    """What the module calls the remembered models."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("memories.models")
        for alias in node.names
        if alias.name in NAMES
    }


def _is_write(called: ast.expr, names: set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in names
    if not isinstance(called, ast.Attribute):
        return False
    parts = list(ast.walk(called))
    is_theirs = any(isinstance(p, ast.Name) and p.id in names for p in parts)
    is_theirs |= any(isinstance(p, ast.Attribute) and p.attr in NAMES for p in parts)
    return is_theirs and called.attr in WRITES | NAMES


def modules() -> list[Path]:
    return sorted(
        path
        for app in ("memories", "tenants", "memplatform")
        for path in (ROOT / app).rglob("*.py")
        if STORE not in path.parents and "migrations" not in path.parts
    )


def test_nobody_but_the_store_writes_what_is_remembered():
    found = {
        str(path.relative_to(ROOT)): writes
        for path in modules()
        if (writes := list(writes_in(path.read_text())))
    }
    assert found == {}


# what a second door would look like
SECOND_DOORS = [
    "Memory.objects.filter(id=1).update(text='x')",
    "MemoryEvent.objects.create(kind='ADD')",
    "head = Memory(text='x')",
    "Relation.objects.all().exclude(id=1).delete()",
    "cursor.execute('UPDATE memories_memory SET text = %s')",
    "SQL = 'insert into memories_memoryvector (id)'",
    "models.MemoryVersion.objects.all().delete()",
    "from memories.models.memory import Memory as Head\nHead(text='x').save()",
]


IMPORT = "from memories.models import Memory, MemoryEvent, Operation, Relation\n"


@pytest.mark.parametrize("source", SECOND_DOORS)
def test_a_second_door_would_be_seen(source):
    assert list(writes_in(IMPORT + source))


@pytest.mark.parametrize(
    "source",
    [
        "Memory.objects.filter(id=1).first()",
        "Operation.objects.create(kind='ADD')",
        "cursor.execute('UPDATE memories_memoryuse SET uses = 1')",
        "batch.add(new, cause)",
    ],
)
def test_reading_is_no_door(source):
    assert not list(writes_in(IMPORT + source))

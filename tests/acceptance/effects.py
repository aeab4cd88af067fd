"""What an add has left in the database, row by row: its effect, and exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.acceptance.platform import Platform

_OPERATIONS = """
SELECT o.id::text, o.status, o.error_code, o.user_id, o.seq, i.ledger,
       m.id::text AS memory_id, m.text, m.state, m.known_from,
       (SELECT count(*) FROM memories_message s WHERE s.ingestion_id = i.id) AS messages
FROM memories_operation o
JOIN memories_ingestion i ON i.operation_id = o.id
LEFT JOIN memories_memory m ON m.id::text = i.ledger #>> '{facts,0,memory_id}'
WHERE o.id = ANY(%s::uuid[]) ORDER BY o.user_id, o.seq
"""
_EVENTS = """
SELECT operation_id::text, kind, memory_id::text, old_number, new_number
FROM memories_memoryevent WHERE operation_id = ANY(%s::uuid[])
"""
# Every child of a memory that one ADD writes, and how many of it there are.
_CHILDREN = """
SELECT m.id::text,
  (SELECT array_agg(ARRAY[v.number::text, v.text, v.known_to::text])
     FROM memories_memoryversion v WHERE v.memory_id = m.id) AS versions,
  (SELECT count(*) FROM memories_memoryvector x WHERE x.memory_id = m.id) AS vectors,
  (SELECT count(*) FROM memories_outbox b
    WHERE b.payload ->> 'memory_id' = m.id::text AND b.topic = 'memory_add') AS told
FROM memories_memory m WHERE m.user_id = ANY(%s)
"""
_COUNTED = """
SELECT external_id, memory_count FROM memories_subject
WHERE kind = 'user' AND external_id = ANY(%s)
"""


def assert_stored_once(platform: Platform, said: Mapping[str, tuple[str, str]]) -> None:
    """Each add of one new fact has stored it, once, in the order of acceptance.

    ``said`` maps the event's id to (user, a word that only this fact has).
    """
    operations = platform.rows(_OPERATIONS, list(said))
    assert [o["id"] for o in operations if o["status"] != "SUCCEEDED"] == []
    assert {o["id"] for o in operations} == set(said)
    events = platform.rows(_EVENTS, list(said))
    for operation in operations:
        user, word = said[operation["id"]]
        assert operation["user_id"] == user
        _assert_ledger(operation, word)
        mine = [e for e in events if e["operation_id"] == operation["id"]]
        assert [_shape(e) for e in mine] == [("ADD", operation["memory_id"], None, 1)]
    _assert_order(operations)
    _assert_nothing_else(platform, operations)


def _assert_ledger(operation: Mapping[str, Any], word: str) -> None:
    ledger = operation["ledger"]
    assert [entry["outcome"] for entry in ledger["messages"]] == ["learned"]
    assert [fact["outcome"] for fact in ledger["facts"]] == ["stored"]
    assert operation["messages"] == 1
    assert operation["state"] == "active"
    assert word in operation["text"]


def _shape(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(event[k] for k in ("kind", "memory_id", "old_number", "new_number"))


def _assert_order(operations: list[dict[str, Any]]) -> None:
    """Of one user, what was accepted first is known first."""
    by_seq = [(o["user_id"], o["known_from"]) for o in operations]
    assert by_seq == sorted(by_seq)


def _assert_nothing_else(platform: Platform, operations: list[dict[str, Any]]) -> None:
    """These users have these memories, each with one version, vector and message."""
    users = sorted({operation["user_id"] for operation in operations})
    texts = {operation["memory_id"]: operation["text"] for operation in operations}
    found = platform.rows(_CHILDREN, users)
    assert {row["id"] for row in found} == set(texts)
    for row in found:
        assert row["versions"] == [["1", texts[row["id"]], None]]
        assert (row["vectors"], row["told"]) == (1, 1)
    counted = {
        r["external_id"]: r["memory_count"] for r in platform.rows(_COUNTED, users)
    }
    assert counted == {
        user: sum(o["user_id"] == user for o in operations) for user in users
    }

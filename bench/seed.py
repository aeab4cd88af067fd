"""Memories by the hundred thousand, straight into the tables, as the store writes them.

One project: a huge user with half of everything, a small one with 200, and others of
200 each. Texts are distinct sentences; their vectors are the stand-in embedder's own,
so that a query finds what it resembles. Grown in place, so that one run measures the
same two users in stores of several sizes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from memplatform.lib.ids import new_id
from tests.model_vectors import embed_text

SMALL, HUGE = "small", "huge"
SMALL_MEMORIES = 200
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
SUBJECTS = "Ana Ben Chloe Deniz Emil Farah Goran Hana Ivo Jun Kofi Lena Mira Nils Olga"
VERBS = (
    "likes dislikes visited cooked bought repaired studied painted planted lost found"
    " borrowed recommended avoids prefers collects teaches remembers sold ordered"
)
THINGS = (
    "espresso peanuts orchids bicycles violins sourdough hiking chess watercolours bees"
    " sailing astronomy pottery jazz origami sushi marathons tulips typewriters puzzles"
    " accordions mushrooms kayaks telescopes quilts saffron opera cricket bonsai cacti"
)
PLACES = (
    "Lisbon Oslo Kyoto Quito Tallinn Porto Dakar Bergen Cusco Hanoi Tbilisi Ghent Malmo"
    " Cork Split Lyon Bari Riga Graz Turku"
)
WHENS = (
    "yesterday in March last spring every Sunday before work after the concert with her"
    " sister for the first time on holiday during the storm at the market in winter"
)
_WORDS = [words.split() for words in (SUBJECTS, VERBS, THINGS, PLACES, WHENS)]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose memories: the ids every row carries."""

    tenant_id: UUID
    project_id: UUID
    space_id: UUID


@dataclass
class Seeded:
    """What is in the store by now."""

    place: Place
    per_user: dict[str, int] = field(default_factory=dict)
    anchors: dict[str, UUID] = field(default_factory=dict)
    serial: int = 0
    first_day: datetime = FIRST_DAY

    @property
    def total(self) -> int:
        return sum(self.per_user.values())


def grow(admin: psycopg.Connection, seeded: Seeded, total: int) -> None:
    """Let the store hold ``total`` memories; half of them are the huge user's."""
    wanted = {SMALL: SMALL_MEMORIES, HUGE: total // 2}
    others = total - SMALL_MEMORIES - total // 2
    for number, at in enumerate(range(0, others, SMALL_MEMORIES)):
        wanted[f"other-{number}"] = min(SMALL_MEMORIES, others - at)
    fill(admin, seeded, wanted)


def fill(admin: psycopg.Connection, seeded: Seeded, wanted: Mapping[str, int]) -> None:
    """Let each of these users have so many memories."""
    missing = {
        user: count - seeded.per_user.get(user, 0)
        for user, count in wanted.items()
        if count > seeded.per_user.get(user, 0)
    }
    register_vector(admin)
    with admin.transaction():
        # The rows are consistent as they are made; checking each reference again
        # would take longer than writing it.
        admin.execute("SET LOCAL session_replication_role = replica")
        admin.execute("SET LOCAL synchronous_commit = off")
        _make_anchors(admin, seeded, missing)
        _stage(admin, seeded, missing)
        for statement in _FROM_STAGE:
            admin.execute(statement, vars_of(seeded.place))
        admin.execute("DROP TABLE staged")
    for user, count in missing.items():
        seeded.per_user[user] = seeded.per_user.get(user, 0) + count


def vars_of(place: Place) -> dict[str, UUID]:
    return {
        "tenant": place.tenant_id,
        "project": place.project_id,
        "space": place.space_id,
    }


def sentence(serial: int) -> str:
    """A distinct sentence for each number, from a small world of topics."""
    pick = random.Random(serial)
    who, did, what, where, when = (pick.choice(words) for words in _WORDS)
    other = pick.choice(_WORDS[2])
    return f"{who} {did} {what} and {other} in {where} {when}, note {serial}"


def stored_vectors(
    admin: psycopg.Connection, place: Place, anchor_id: UUID
) -> NDArray[np.float32]:
    """Every vector of an anchor's active memories, for the exact answer."""
    register_vector(admin)
    rows = admin.execute(
        "SELECT embedding FROM memories_memoryvector WHERE tenant_id = %s"
        " AND anchor_id = %s AND state = 'active'",
        [place.tenant_id, anchor_id],
    ).fetchall()
    return np.array([row[0].to_numpy() for row in rows], dtype=np.float32)


def _make_anchors(
    admin: psycopg.Connection, seeded: Seeded, missing: dict[str, int]
) -> None:
    place = seeded.place
    new = [user for user in missing if user not in seeded.anchors]
    seeded.anchors |= {user: new_id() for user in new}
    with admin.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO memories_anchor (id, tenant_id, project_id, user_id, next_seq,"
            " next_position, last_known_at, created_at)"
            " VALUES (%s, %s, %s, %s, 0, 0, %s, %s)",
            [
                (
                    seeded.anchors[user],
                    place.tenant_id,
                    place.project_id,
                    user,
                    seeded.first_day + timedelta(days=300),
                    seeded.first_day,
                )
                for user in new
            ],
        )


def _stage(admin: psycopg.Connection, seeded: Seeded, missing: dict[str, int]) -> None:
    """The memories in a table of the transaction's own, vectors included."""
    admin.execute(
        "CREATE TEMP TABLE staged (id uuid, anchor_id uuid, user_id text, text text,"
        " at timestamptz, embedding halfvec)"
    )
    types = ("uuid", "uuid", "text", "text", "timestamptz", "halfvec")
    columns = "id, anchor_id, user_id, text, at, embedding"
    with (
        admin.cursor() as cursor,
        cursor.copy(f"COPY staged ({columns}) FROM STDIN BINARY") as copy,
    ):
        copy.set_types(types)
        for user in _shuffled(missing):
            seeded.serial += 1
            text = sentence(seeded.serial)
            at = seeded.first_day + timedelta(seconds=seeded.serial * 97)
            vector = HalfVector(embed_text(text, 1536))
            copy.write_row((new_id(), seeded.anchors[user], user, text, at, vector))


def _shuffled(missing: dict[str, int]) -> Iterator[str]:
    """Users in the order in which they speak: mixed, as a store fills in earnest."""
    turns = [user for user, count in missing.items() for _ in range(count)]
    random.Random(7).shuffle(turns)
    yield from turns


_FROM_STAGE = (
    """
INSERT INTO memories_memory (id, tenant_id, project_id, anchor_id, user_id, text, state,
    is_immutable, confidence, created_at, known_from, vector_number, attributed_to,
    kind, origin, is_stale_suspect, text_hash, language, tokenizer_version, search,
    number, accepted_at, updated_at)
SELECT id, %(tenant)s, %(project)s, anchor_id, user_id, text, 'active', false, 1.0, at,
    at, 1, 'user', 'fact', 'imported', false, encode(sha256(text::bytea), 'hex'),
    'english', 1, to_tsvector('english', text), 1, at, at FROM staged
""",
    """
INSERT INTO memories_memoryversion (id, tenant_id, project_id, memory_id, number, text,
    state, is_immutable, confidence, created_at, known_from, vector_number)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, id, 1, text, 'active', false, 1.0,
    at, at, 1 FROM staged
""",
    """
INSERT INTO memories_memoryevent (id, tenant_id, project_id, memory_id, kind,
    new_number, actor_kind, message_ids, reason, at)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, id, 'ADD', 1, 'system', '{}', '', at
  FROM staged
""",
    """
INSERT INTO memories_memoryvector (id, tenant_id, project_id, anchor_id, space_id,
    memory_id, number, chunk_no, state, embedding)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, anchor_id, %(space)s, id, 1, 0,
    'active', embedding FROM staged
""",
    # Each was said in a message of its own, twenty to a conversation.
    """
INSERT INTO memories_messagevector (id, tenant_id, project_id, anchor_id, space_id,
    message_id, position, session, search, embedding)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, anchor_id, %(space)s,
    md5('message' || id)::uuid, extract(epoch FROM at)::bigint,
    extract(epoch FROM min(at) OVER anchors)::bigint
        + row_number() OVER (anchors ORDER BY at) / 20,
    to_tsvector('english', text), embedding
  FROM staged WINDOW anchors AS (PARTITION BY anchor_id)
""",
    """
INSERT INTO memories_memorysource (id, tenant_id, project_id, anchor_id, memory_id,
    message_id)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, anchor_id, id,
    md5('message' || id)::uuid FROM staged
""",
    """
INSERT INTO memories_subject AS s (id, tenant_id, project_id, kind, external_id,
    memory_count, expiring_count, created_at, last_active_at)
SELECT gen_random_uuid(), %(tenant)s, %(project)s, 'user', user_id, count(*), 0,
    min(at), max(at) FROM staged GROUP BY user_id
ON CONFLICT (tenant_id, project_id, kind, external_id) DO UPDATE SET
    memory_count = s.memory_count + EXCLUDED.memory_count
""",
)

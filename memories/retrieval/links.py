"""What a scope's graph leads to from what a question names: the relation ``linked``.

From the things named, two steps along relations as they hold (or held, as of an
instant), in either direction, to the memories that mention what is reached: each step
counts half, and each mention by how rarely the thing is spoken of (ADR 0602).

A question that asks for a relation ("Where does Ann live?") has what states it of whom
it names: the relation ``stated``.

What is over is no way, and counts for no degree, unless the question looks back: then
the few that were over last are followed beside what holds. What is archived is history
that only a read as of an instant knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from memories.retrieval.asking import Sought
from memories.retrieval.parts import Part

MOST_EDGES = 50
"""How many relations are followed, the last known first; a thing with more of them that
was only reached leads nowhere in particular: a user's own node would lead to all."""
MOST_OVER = 10
"""Of what is over, where the question looks back; the last first."""
MOST_LOOKED_AT = 500
"""Relations of one thing that are put in order, so that no fan costs its size."""

MOST_STATED = 50
"""Memories that state what is asked for."""

NO_LINKS = Part("""
linked AS (SELECT NULL::uuid AS id, NULL::float8 AS share WHERE false)""")
_NAMED = """
{relation} AS MATERIALIZED (
    SELECT DISTINCT coalesce(e.merged_into_id, e.id) AS id
      FROM memories_entity e
     WHERE e.tenant_id = %s AND e.normalized = ANY(%s)
       AND e.anchor_id = ANY((SELECT anchors FROM here)::uuid[]))"""
_FAN = """
SELECT r.target_id AS id, r.known_from, r.valid_to FROM memories_relation r
 WHERE r.tenant_id = %s AND r.source_id = {node} AND {way}
 UNION ALL
SELECT r.source_id, r.known_from, r.valid_to FROM memories_relation r
 WHERE r.tenant_id = %s AND r.target_id = {node} AND {way}
 LIMIT {most}"""
_FIRST = """
SELECT e.id FROM {ends} AS n CROSS JOIN LATERAL (
       SELECT f.id FROM ({fan}) AS f ORDER BY f.{by} DESC NULLS LAST, f.id LIMIT {most}
       ) AS e"""
_BESIDE = """
beside AS MATERIALIZED ({edges})"""
_LED = """
led AS MATERIALIZED (
    SELECT n.id, array_agg(f.id) AS ends
      FROM (SELECT DISTINCT id FROM beside) AS n LEFT JOIN LATERAL ({fan}) AS f ON true
     GROUP BY n.id HAVING count(f.id) <= {most})"""
_LINKED = """
path AS (
    SELECT id, 0 AS steps FROM named
     UNION ALL SELECT id, 1 FROM beside
     UNION ALL SELECT unnest(ends), 2 FROM led {over}),
linked AS MATERIALIZED (
    SELECT n.memory_id AS id, sum(p.worth / ln(2 + n.times)) AS share
      FROM (SELECT id, 0.5::float8 ^ min(steps) AS worth FROM path GROUP BY id) AS p
     CROSS JOIN LATERAL (
           SELECT n.memory_id, (count(*) OVER ())::float8 AS times
             FROM memories_mention n
            WHERE n.tenant_id = %s AND n.entity_id = p.id) AS n
     GROUP BY n.memory_id ORDER BY share DESC, id LIMIT {most})"""
NOTHING_STATED = Part("""
stated AS (SELECT NULL::uuid AS id WHERE false)""")
_OF_ROLE = """
of_role AS MATERIALIZED (
    SELECT DISTINCT r.target_id AS id
      FROM subject s JOIN memories_relation r ON r.source_id = s.id
     WHERE r.tenant_id = %s AND r.type = ANY(%s) AND {way})"""
_SHARED = """
shared AS MATERIALIZED (
    SELECT id FROM subject
     UNION
    SELECT r.target_id FROM subject s JOIN memories_relation r ON r.source_id = s.id
     WHERE r.tenant_id = %s AND r.type = ANY(%s) AND {way})"""
_EDGES = """
    SELECT r.id FROM {whom} s JOIN memories_relation r ON r.{end} = s.id
     WHERE r.tenant_id = %s AND r.type = ANY(%s) AND {way}"""
_STATED = """
stated AS MATERIALIZED (
    SELECT DISTINCT p.memory_id AS id
      FROM ({edges}) AS r
      JOIN memories_relationsupport p ON p.tenant_id = %s AND p.relation_id = r.id
     LIMIT {most})"""


@dataclass(frozen=True, slots=True)
class Walk:
    """From where, and along which relations; ``as_of`` None is as they are at ``at``.

    ``looks_back``: what is over is a way as well.
    """

    tenant_id: UUID
    names: Sequence[str]
    at: datetime
    as_of: datetime | None = None
    looks_back: bool = False

    def linked(self, most: int) -> Part:
        """The relation, and what it is made of; it asks for ``here``."""
        beside = [self._first("named", self._holding, MOST_EDGES, by="known_from")]
        over = Part("")
        if self.looks_back:
            beside.append(self._over("named"))
            found = self._over("led")
            over = Part(f"UNION ALL SELECT id, 2 FROM ({found.sql}) AS o", found.params)
        edges = Part.joined(" UNION ALL ", beside)
        fan = self._fan("n.id", self._holding, MOST_EDGES + 1)
        parts = [
            self._named("named"),
            Part(_BESIDE.format(edges=edges.sql), edges.params),
            Part(_LED.format(fan=fan.sql, most=MOST_EDGES), fan.params),
            Part(
                _LINKED.format(over=over.sql, most=most),
                [*over.params, self.tenant_id],
            ),
        ]
        return Part.joined(",", parts)

    def stated(self, sought: Sought) -> Part:
        """The relation ``stated``: what says what is asked of whom ``names`` name, as
        it holds, and as it did where the question looks back; it asks for ``here``."""
        way = self._known if self.looks_back else self._holding
        asked = [self.tenant_id, list(sought.types), *way.params]
        parts = [self._named("subject")]
        ends = [("subject", "source_id")]
        if sought.roles:
            known, roles = self._known, list(sought.roles)
            sql = _OF_ROLE.format(way=known.sql)
            parts.append(Part(sql, [self.tenant_id, roles, *known.params]))
            ends = [("of_role", "source_id")]
        elif sought.is_who:
            parts.append(Part(_SHARED.format(way=way.sql), asked))
            ends.append(("shared", "target_id"))
        edges = [
            Part(_EDGES.format(whom=whom, end=end, way=way.sql), asked)
            for whom, end in ends
        ]
        found = Part.joined(" UNION ", edges)
        sql = _STATED.format(edges=found.sql, most=MOST_STATED)
        parts.append(Part(sql, [*found.params, self.tenant_id]))
        return Part.joined(",", parts)

    def _named(self, relation: str) -> Part:
        sql = _NAMED.format(relation=relation)
        return Part(sql, [self.tenant_id, list(self.names)])

    @property
    def _known(self) -> Part:
        if self.as_of is None:
            return Part("r.known_to IS NULL")
        sql = "r.known_from <= %s AND (r.known_to IS NULL OR r.known_to > %s)"
        return Part(sql, [self.as_of, self.as_of])

    @property
    def _holding(self) -> Part:
        """What is believed, and not to be over; of what is so now indexes know."""
        known = self._known
        sql = "r.state = 'active' AND (r.valid_to IS NULL OR r.valid_to > %s)"
        return Part(f"{known.sql} AND {sql}", [*known.params, self.at])

    def _over(self, ends: str) -> Part:
        known = self._known
        sql = "(r.state = 'superseded' OR r.state = 'active' AND r.valid_to <= %s)"
        if self.as_of is None:
            sql = f"r.archived_at IS NULL AND {sql}"
        way = Part(f"{known.sql} AND {sql}", [*known.params, self.at])
        return self._first(ends, way, MOST_OVER, by="valid_to")

    def _first(self, ends: str, way: Part, most: int, *, by: str) -> Part:
        fan = self._fan("n.id", way, MOST_LOOKED_AT)
        sql = _FIRST.format(ends=ends, fan=fan.sql, most=most, by=by)
        return Part(sql, fan.params)

    def _fan(self, node: str, way: Part, most: int) -> Part:
        sql = _FAN.format(node=node, way=way.sql, most=most)
        return Part(sql, [self.tenant_id, *way.params] * 2)

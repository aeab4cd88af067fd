"""Why a search did not return a memory: the tests that it had to pass, in their order.

Asks about one memory after the search; nothing is embedded again and nothing recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from memories.providers.vectors import as_direction
from memories.retrieval import huge
from memories.retrieval.parts import Part
from memories.retrieval.rank import Candidate, Explained, Gate, relevance
from memories.retrieval.search import Looked
from memories.retrieval.statement import (
    TEXT_CAP,
    Asked,
    anchors_of,
    dense_conditions,
    leg_depth,
    lexemes,
    worded_depth,
)
from memories.selectors.memories import shown_states
from memories.types import State
from memplatform.lib import clock
from tenants.scopes import read_rows

LEG_LABELS = {
    "meaning": "meaning",
    "words": "words",
    "around": "the meaning of what was said around it",
    "words_around": "the words around it",
    "linked": "what it mentions of the graph",
}
MOST_NAMED = 5
"""Memories that a part of a text may mean."""

HIDDEN = {
    State.SUPERSEDED: "It was superseded, and only the latest were asked for.",
    State.MERGED: "It is merged: hidden behind a memory that already says it.",
    State.RETIRED: "It was retired: it is no longer true, and nothing replaced it.",
    State.DELETED: "It is deleted.",
    State.QUARANTINED: "It waits in the review queue; nobody is shown it until then.",
    State.ARCHIVED: "It is archived.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of being returned, and how the memory met it."""

    name: str
    is_passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Absence:
    """What became of one memory in a search. ``text`` None: there is none (any more).

    What follows a failed check says nothing, and is left out.
    ``explained`` is its part of the ranking, None where it did not come so far.
    """

    memory_id: UUID
    text: str | None
    checks: tuple[Check, ...]
    explained: Explained | None = None

    @property
    def reason(self) -> Check | None:
        """The check that it failed; None: it was returned."""
        return next((check for check in self.checks if not check.is_passed), None)


@dataclass(frozen=True, slots=True)
class _Found:
    """A memory as the query sees it, whatever the filter says."""

    text: str | None
    state: State
    expires_on: date | None
    is_meant: bool
    has_words: bool
    cosine: float | None


_LOOK_AT = """
WITH {lexemes},
query AS MATERIALIZED (
    SELECT %s::halfvec AS vector,
           (SELECT string_agg(quoted, ' | ')::tsquery FROM lexemes) AS words)
SELECT m.text, m.state, m.expires_on, ({where}) IS TRUE,
       coalesce(m.search @@ (SELECT words FROM query), false),
       (SELECT 1 - min(v.embedding <=> (SELECT vector FROM query))
          FROM memories_memoryvector v
         WHERE v.tenant_id = m.tenant_id AND v.memory_id = m.id AND v.space_id = %s
           AND v.number = m.vector_number)
  FROM {source}
 WHERE m.tenant_id = %s AND m.project_id = %s AND m.id = %s
"""
_NEARER = """
SELECT count(DISTINCT v.memory_id)
  FROM memories_memoryvector v {join}
 WHERE v.tenant_id = %s AND v.space_id = %s AND {anchors} {where}
   AND 1 - (v.embedding <=> %s::halfvec) > %s
"""
_NAMED = """
SELECT m.id FROM {source}
 WHERE m.tenant_id = %s AND m.project_id = %s AND {anchors}
   AND strpos(lower(m.text), lower(%s)) > 0
 ORDER BY m.created_at DESC, m.id DESC LIMIT %s
"""


def explain_absence(looked: Looked, memory_id: UUID) -> Absence:
    """Why this memory was not returned, or that it was; opens its own scopes."""
    found = _look_at(looked, memory_id)
    places = {place.memory_id: place for place in looked.explained}
    explained = places.get(memory_id)
    checks = tuple(_until_failed(_checks(looked, found, explained)))
    text = found.text if found else None
    return Absence(memory_id, text, checks, explained)


def find_named(looked: Looked, part: str) -> list[UUID]:
    """Memories whose text holds this, of whom the filter names first; else of anybody.

    The newest come first, at most ``MOST_NAMED``. Opens its own scopes.
    """
    setup, relation = looked.setup, looked.asked.source
    own = [setup.tenant_id, setup.project_id]
    for anchors in (_within(looked.asked, "m"), Part("true")):
        rows = read_rows(
            setup.tenant_id,
            _NAMED.format(source=relation.sql, anchors=anchors.sql),
            [*relation.params, *own, *anchors.params, part, MOST_NAMED],
            project_id=setup.project_id,
        )
        if rows:
            return [memory_id for (memory_id,) in rows]
    return []


def _look_at(looked: Looked, memory_id: UUID) -> _Found | None:
    setup, filters = looked.setup, looked.request.filters
    words, relation = lexemes(looked.asked), looked.asked.source
    rows = read_rows(
        setup.tenant_id,
        _LOOK_AT.format(lexemes=words.sql, where=filters.sql, source=relation.sql),
        [
            *(*words.params, as_direction(looked.vector)),
            *(*filters.params, looked.space.id, *relation.params),
            *(setup.tenant_id, setup.project_id, memory_id),
        ],
        project_id=setup.project_id,
    )
    if not rows:
        return None
    text, state, expires_on, is_meant, has_words, cosine = rows[0]
    return _Found(text, State(state), expires_on, is_meant, has_words, cosine)


def _within(asked: Asked, alias: str) -> Part:
    """The condition that a row is of an anchor which the filter names."""
    where = anchors_of(asked)
    anchors = f"SELECT a.id FROM memories_anchor a WHERE {where.sql}"
    return Part(f"{alias}.anchor_id = ANY(ARRAY({anchors}))", where.params)


def _until_failed(checks: Iterator[Check]) -> Iterator[Check]:
    for check in checks:
        yield check
        if not check.is_passed:
            return


def _checks(
    looked: Looked, found: _Found | None, explained: Explained | None
) -> Iterator[Check]:
    yield _is_there(looked, found)
    if found is None:
        return
    yield _is_meant(found)
    yield _is_shown_state(looked, found)
    yield _is_fresh(looked, found)
    yield _is_in_pool(looked, found, explained)
    if explained is None:
        return
    yield _is_relevant(looked, explained)
    yield _is_among_best(looked, explained)


def _met(name: str, detail: str) -> Check:
    return Check(name, is_passed=True, detail=detail)


def _missed(name: str, detail: str) -> Check:
    return Check(name, is_passed=False, detail=detail)


def _is_meant(found: _Found) -> Check:
    if found.is_meant:
        return _met("Filter", "It matches the filter.")
    return _missed("Filter", "The filter excludes it: another subject, or a condition.")


def _is_there(looked: Looked, found: _Found | None) -> Check:
    as_of = looked.request.visibility.as_of
    if found is not None and found.text is not None:
        return _met("Known", "It is a memory of this project.")
    if found is not None:
        return _missed("Known", "Its text was erased.")
    then = f" at {as_of:%Y-%m-%d %H:%M} UTC" if as_of else ""
    return _missed("Known", f"This project knew no memory of this id{then}.")


def _is_shown_state(looked: Looked, found: _Found) -> Check:
    is_shown = found.state in shown_states(looked.request.visibility)
    detail = f"It is {found.state}." if is_shown else HIDDEN.get(found.state, "")
    return Check("State", is_shown, detail or f"It is {found.state}.")


def _is_fresh(looked: Looked, found: _Found) -> Check:
    seen = looked.request.visibility
    today = (seen.as_of or clock.now()).date()
    if found.expires_on is None:
        return _met("Expiry", "It does not expire.")
    is_past = found.expires_on < today
    detail = f"It {'expired' if is_past else 'expires'} after {found.expires_on}."
    if is_past and seen.show_expired:
        detail += " Expired ones were asked for."
    return Check("Expiry", not is_past or seen.show_expired, detail)


def _is_in_pool(looked: Looked, found: _Found, explained: Explained | None) -> Check:
    """Whether a leg brought it among the candidates that are ranked."""
    if explained is not None:
        places = [
            f"place {explained.signals[name].place} by {label}"
            for name, label in LEG_LABELS.items()
            if explained.signals[name].place
        ]
        return _met("Candidates", f"Found: {', '.join(places)}.")
    if found.cosine is None:
        meaning = "It has no vector yet: it is being embedded again."
    else:
        nearer = _count_nearer(looked, found.cosine)
        meaning = (
            f"{nearer} memories are nearer in meaning (cosine {found.cosine:.3f}), and"
            f" {leg_depth(looked.request)} are looked at."
        )
    words = (
        "It has none of the query's words."
        if not found.has_words
        else f"{worded_depth(looked.request)} of {_weighed(looked)} fit better."
    )
    return _missed("Candidates", f"{meaning} {words}{_relevance_of(looked, found)}")


def _weighed(looked: Looked) -> str:
    """Whose words are weighed."""
    if huge.words_indexed(looked.asked):
        return f"the {huge.TEXT_CAP} with the rarest of the query's words"
    return f"the first {TEXT_CAP} with the query's words"


def _relevance_of(looked: Looked, found: _Found) -> str:
    candidate = Candidate(UUID(int=0), found.cosine)
    by_meaning = relevance(candidate, looked.calibration)
    return f" By its meaning alone its relevance would be {by_meaning:.3f}."


def _count_nearer(looked: Looked, cosine: float) -> int:
    setup, anchors = looked.setup, _within(looked.asked, "v")
    join, where = dense_conditions(looked.asked)
    params: Sequence[Any] = [
        *(*join.params, *looked.asked.space, *anchors.params, *where.params),
        *(as_direction(looked.vector), cosine),
    ]
    statement = _NEARER.format(join=join.sql, anchors=anchors.sql, where=where.sql)
    rows = read_rows(setup.tenant_id, statement, params, project_id=setup.project_id)
    return int(rows[0][0])


def _is_relevant(looked: Looked, explained: Explained) -> Check:
    threshold = looked.request.threshold
    relevance_now = explained.relevance
    is_enough = explained.gate is not Gate.BELOW_THRESHOLD
    sign = "≥" if is_enough else "<"
    detail = f"Relevance {relevance_now:.3f} {sign} threshold {threshold:.3f}."
    if relevance_now > explained.own_relevance:
        detail += " It took that over from a memory it replaced."
    return Check("Threshold", is_enough, detail)


def _is_among_best(looked: Looked, explained: Explained) -> Check:
    is_shown = explained.gate is Gate.SHOWN
    top_k = looked.request.top_k
    detail = f"Place {explained.place} of the ranking; {top_k} were asked for."
    return Check("top_k", is_shown, detail)

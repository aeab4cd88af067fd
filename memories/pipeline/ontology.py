"""What kinds of things and relations a project's graph may hold.

A project's own (``ProjectSettings.ontology``) names the entity types and the relation
types that there may be, which relations hold one at a time, and what models call them
otherwise. What it has no place for is left out, with the reason. Without one anything
may be, and the table of ``language.relations`` says what holds one at a time. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memories.language.kinds import kind_of
from memories.language.relations import MAX_TYPE_CHARS, SINGLE, relation_type

MAX_TYPES = 200
KEYS = ("entity_types", "relation_types", "single_valued", "synonyms", "version")


class OntologyProblem(ValueError):
    """The rest of a sentence that says what is wrong with one."""


@dataclass(frozen=True, slots=True)
class Ontology:
    """Empty ``entities`` or ``relations`` allow any."""

    entities: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    single: frozenset[str] = SINGLE
    synonyms: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Ontology:
        """Of what a project has set; raises OntologyProblem."""
        if not given:
            return cls()
        unknown = set(given) - set(KEYS)
        if unknown:
            raise OntologyProblem(f"has no {', '.join(sorted(unknown))}.")
        entities = tuple(_type(one) for one in _list(given, "entity_types"))
        relations = tuple(relation_type(one) for one in _list(given, "relation_types"))
        single = given.get("single_valued")
        own = frozenset(relation_type(one) for one in _list(given, "single_valued"))
        if relations and not own <= set(relations):
            raise OntologyProblem("may hold one at a time only what it allows.")
        synonyms = given.get("synonyms") or {}
        if not isinstance(synonyms, Mapping) or len(synonyms) > MAX_TYPES:
            raise OntologyProblem(f"maps up to {MAX_TYPES} names to types.")
        return cls(
            entities,
            relations,
            SINGLE if single is None else own,
            {
                relation_type(str(a)): str(b).strip().lower()
                for a, b in synonyms.items()
            },
        )

    def entity(self, type_: str) -> str | None:
        """The type as this ontology calls it; None for what it has no place for.

        One of the same broad kind stands for it: a project that knows persons takes a
        teacher for one.
        """
        plain = _type(type_) or "thing"
        plain = self.synonyms.get(plain, plain)
        if not self.entities or plain in self.entities:
            return plain
        kind = kind_of(plain)
        return next(
            (one for one in self.entities if kind and kind_of(one) == kind), None
        )

    def relation(self, type_: str) -> str | None:
        """The relation as this ontology calls it; None for what it has no place for."""
        plain = relation_type(type_)
        plain = self.synonyms.get(plain, plain)
        if not plain or (self.relations and plain not in self.relations):
            return None
        return plain

    def rule(self) -> str:
        """What models are told; blank where anything may be."""
        parts = []
        if self.entities:
            parts.append(f"Only these entity types: {', '.join(self.entities)}.")
        if self.relations:
            parts.append(f"Only these relation types: {', '.join(self.relations)}.")
        return " ".join(parts)


ANYTHING = Ontology()


def _list(given: Mapping[str, Any], name: str) -> Sequence[str]:
    found = given.get(name)
    if found is None:
        return ()
    is_list = isinstance(found, Sequence) and not isinstance(found, str)
    if not is_list or len(found) > MAX_TYPES:
        raise OntologyProblem(f"needs {name} as a list of {MAX_TYPES} names at most.")
    if not all(
        isinstance(one, str)
        and 0 < len(one.strip()) <= MAX_TYPE_CHARS
        and "\0" not in one
        for one in found
    ):
        raise OntologyProblem(f"needs {name} of 1 to {MAX_TYPE_CHARS} characters.")
    return list(dict.fromkeys(found))


def _type(name: str) -> str:
    return " ".join(name.lower().split())[:MAX_TYPE_CHARS]

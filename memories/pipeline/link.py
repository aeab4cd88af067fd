"""Which node of the graph each name of an add means, and which nodes are one.

Pure: nodes are read and written elsewhere. The very name, or an alias, of one thing of
the kind is that thing, unless what it is to the user says otherwise ("my sister Anna",
"Anna from work"). Of other names the likely ones (they share a key or are near by
vector) are judged on evidence: how the names are alike, what both are related to, what
they are. A cosine alone merges nothing. ADR 0600 has the operating point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from memories.language.kinds import (
    AT_WORK,
    SELF,
    are_kin,
    excludes,
    kind_of,
    role_of,
)
from memories.language.names import keys_of, likeness, normalise
from memories.language.relations import NAMING, relation_type
from memories.pipeline.ontology import ANYTHING, Ontology
from memories.types import (
    Fact,
    FactLinks,
    KnownNode,
    LinkedEdge,
    Links,
    MergeProposal,
    NodeRef,
    ProposedEntity,
)

THRESHOLD = 0.75
"""From which score two nodes are merged: see ``python -m bench.resolution``."""
NEAR = 0.8
"""A cosine of names from which vectors count as evidence beside others."""
SHARED, SAME_TYPE, BY_VECTOR = 0.1, 0.05, 0.05
APART = 0.1
"""For another home or job than the other has: two people, or somebody who moved."""
OF_PEOPLE = ("shortened", "nickname", "part of the name", "nickname and surname")
"""Ways in which people are called; a thing is seldom called by a part of its name."""
UNLIKELY = 0.25
OF_ONE_NAME = ("shortened", "nickname", "spelt alike", "nickname and surname")
"""Likeness of two names where each may be somebody's whole name: who was introduced
by one of them, and by the other as well, is two people."""


@dataclass(slots=True)
class _Proposed:
    """A name as facts of the add use it."""

    name: str
    type: str
    role: str
    beside: set[str] = field(default_factory=set)
    """Other names of its facts: they are other things, and what it hangs on."""
    related: set[str] = field(default_factory=set)
    only: dict[str, str] = field(default_factory=dict)
    """What it has one of at a time, by the relation."""


def names_of(facts: Iterable[Fact]) -> dict[str, str]:
    """Every name that facts speak of as it is written, by its normalised form."""
    found: dict[str, str] = {}
    for fact in facts:
        for entity in named_in(fact).values():
            found.setdefault(_key(entity.name), entity.name.strip())
    return found


def named_in(fact: Fact) -> dict[str, ProposedEntity]:
    """By normalised name; relations may name nodes the entity list left out."""
    found = {_key(e.name): e for e in fact.entities if e.name.strip()}
    for relation in fact.relations:
        for name in (relation.source, relation.target):
            if name.strip():
                found.setdefault(_key(name), ProposedEntity(name, "other"))
    return found


def link(
    facts: Sequence[Fact],
    nodes: Sequence[KnownNode],
    ontology: Ontology = ANYTHING,
    *,
    threshold: float = THRESHOLD,
) -> Links:
    """What each fact's names mean, which edges it asserts, and merges of new nodes.

    ``nodes`` are those of the anchor that have a name, a key or a near vector in common
    with the facts', merged ones included.
    """
    linker = _Linker({node.id: node for node in nodes}, ontology, threshold)
    linked = {fact.text: linker.linked(fact) for fact in facts}
    merges = tuple(linker.merges())
    return Links(linked, merges, left_out=linker.left_out)


class _Linker:
    def __init__(
        self, nodes: Mapping[UUID, KnownNode], ontology: Ontology, threshold: float
    ) -> None:
        self._threshold = threshold
        self._nodes = nodes
        self._ontology = ontology
        self._by_name: dict[str, list[KnownNode]] = {}
        for node in nodes.values():
            self._by_name.setdefault(normalise(node.name), []).append(node)
        self.proposed: dict[str, NodeRef] = {}
        self.left_out: dict[str, tuple[str, ...]] = {}
        self._about: dict[str, _Proposed] = {}
        self._said_same: list[tuple[NodeRef, NodeRef]] = []
        self._hubs = set(SELF)

    def linked(self, fact: Fact) -> FactLinks:
        """A fact names each thing once; what the ontology has no place for is left."""
        named, problems = self._allowed(fact)
        roles = roles_in(fact)
        self._hubs.add(_key(fact.speaker or "user"))
        only = self._only(fact)
        refs = {
            key: self._ref(
                _Proposed(
                    *(entity.name, entity.type, roles.get(key, "")),
                    beside=set(named) - {key},
                    only=only.get(key, {}),
                )
            )
            for key, entity in named.items()
        }
        edges: dict[LinkedEdge, None] = {}
        for relation in fact.relations:
            one, other = _key(relation.source), _key(relation.target)
            source, target = refs.get(one), refs.get(other)
            kind = self._ontology.relation(relation.type)
            if source is None or target is None or source == target:
                continue
            if relation_type(relation.type) in NAMING:
                self._said_same.append((source, target))
            elif kind is None:
                problems.append(f"no relation type {relation_type(relation.type)}")
            else:
                is_single = kind in self._ontology.single
                edges[LinkedEdge(source, kind, target, is_single)] = None
                self._relate(source, other)
                self._relate(target, one)
        if problems:
            self.left_out[fact.text] = tuple(dict.fromkeys(problems))
        return FactLinks(tuple(dict.fromkeys(refs.values())), tuple(edges))

    def _allowed(self, fact: Fact) -> tuple[dict[str, ProposedEntity], list[str]]:
        named: dict[str, ProposedEntity] = {}
        problems = []
        for key, entity in named_in(fact).items():
            kind = "person" if key == "user" else self._ontology.entity(entity.type)
            if kind is None:
                problems.append(f"no entity type {' '.join(entity.type.split())[:64]}")
            else:
                named[key] = ProposedEntity(_shown(key, entity.name), kind)
        return named, problems

    def _only(self, fact: Fact) -> dict[str, dict[str, str]]:
        """What each of its names has one of at a time, by the relation."""
        found: dict[str, dict[str, str]] = {}
        for relation in fact.relations:
            kind = self._ontology.relation(relation.type)
            if kind in self._ontology.single:
                found.setdefault(_key(relation.source), {})[kind] = _key(
                    relation.target
                )
        return found

    def _relate(self, ref: NodeRef, far: str) -> None:
        if ref.key in self._about:
            self._about[ref.key].related.add(far)

    def _ref(self, about: _Proposed) -> NodeRef:
        key, role = _key(about.name), about.role
        known = self._known(about)
        if known is not None:
            return NodeRef(key, about.name, about.type, known.id, role)
        same = self._same_proposed(about)
        if same is not None:
            self._about[same.key].beside |= about.beside
            self._about[same.key].only |= about.only
            return same
        name = f"{key}\0{role}\0{kind_of(about.type)}"
        ref = NodeRef(name, about.name, about.type, qualifier=role)
        self.proposed[name] = ref
        self._about[name] = about
        return ref

    def _same_proposed(self, about: _Proposed) -> NodeRef | None:
        for ref in self.proposed.values():
            other = self._about[ref.key]
            is_same = _key(ref.name) == _key(about.name)
            if (
                is_same
                and are_kin(ref.type, about.type)
                and not self._are_two(about, other)
            ):
                return ref
        return None

    def _are_two(self, one: _Proposed, other: _Proposed) -> bool:
        """Of one name: nobody is both, or each is something else to the user and has
        another home or job."""
        kinds = one.only.keys() & other.only.keys()
        is_apart = any(one.only[kind] != other.only[kind] for kind in kinds)
        return excludes(one.role, other.role) or _are_told_apart(
            one.role, other.role, is_apart
        )

    def _known(self, about: _Proposed) -> KnownNode | None:
        """The node of this very name; of several the one that fits best."""
        role = about.role
        fitting = [
            node
            for node in self._by_name.get(_key(about.name), ())
            if are_kin(node.type, about.type) and not self._is_other(about, node)
        ]
        return max(
            fitting,
            key=lambda node: (
                bool(role) and node.role == role,
                len(self._ids_of(about.beside) & node.neighbours),
                node.mentioned,
                str(node.id),
            ),
            default=None,
        )

    def _is_other(self, about: _Proposed, node: KnownNode) -> bool:
        """As ``_are_two``, of a node that is there."""
        is_apart = any(
            kind in node.only and node.only[kind] not in self._ids_of([name])
            for kind, name in about.only.items()
        )
        return excludes(node.role, about.role) or _are_told_apart(
            node.role, about.role, is_apart
        )

    def _ids_of(self, names: Iterable[str]) -> set[UUID]:
        return {n.counts_as for name in names for n in self._by_name.get(name, ())}

    # --- merges

    def merges(self) -> Iterable[MergeProposal]:
        """Of each new node with one other at most, and what was said to be one."""
        for kept, absorbed in self._said_same:
            if kept != absorbed:
                yield MergeProposal(kept, absorbed, 1.0, {"grounds": "said so"})
        taken = {absorbed.key for _, absorbed in self._said_same}
        order = list(self.proposed.values())
        for place, ref in enumerate(order):
            if ref.key not in taken:
                best = self._best(ref, order[:place])
                if best is not None:
                    yield best

    def _best(self, ref: NodeRef, earlier: Sequence[NodeRef]) -> MergeProposal | None:
        """With the one most likely the same; none where two are equally likely."""
        about = self._about[ref.key]
        hangs_on = self._ids_of((about.related | about.beside) - self._hubs)
        hangs_on -= self._ids_of(self._hubs)
        only = {kind: self._ids_of([name]) for kind, name in about.only.items()}
        judged = [
            (judge(about, node, hangs_on, only), node)
            for node in self._nodes.values()
            if node.counts_as == node.id
        ]
        found = [
            (
                score,
                evidence,
                NodeRef(normalise(node.name), node.name, node.type, id=node.id),
            )
            for (score, evidence), node in judged
        ]
        for other in earlier:
            score, evidence = judge_new(about, self._about[other.key], self._hubs)
            found.append((score, evidence, other))
        enough = [item for item in found if item[0] >= self._threshold]
        likely = sorted(enough, key=lambda item: -item[0])
        if not likely or (len(likely) > 1 and likely[0][0] == likely[1][0]):
            return None
        score, evidence, other = likely[0]
        return MergeProposal(other, ref, score, evidence)


def _are_told_apart(one: str, other: str, is_apart: bool) -> bool:  # noqa: FBT001
    """A friend at one company and a neighbour at another are two; a friend at both has
    changed jobs."""
    return is_apart and bool(one and other) and one != other


def judge(
    new: _Proposed,
    node: KnownNode,
    hangs_on: set[UUID],
    only: Mapping[str, set[UUID]],
) -> tuple[float, dict[str, object]]:
    """(score 0..1, evidence) that a new name means a node that is there.

    ``hangs_on`` is what its facts relate it to, without who speaks: everybody is
    somebody to the user; ``only`` what of that it has one of at a time.
    """
    is_apart = any(
        kind in node.only and node.only[kind] not in ids for kind, ids in only.items()
    )
    shared = len((hangs_on - {node.id}) & node.neighbours)
    cosine = node.cosine.get(_key(new.name), 0.0)
    names = (node.name, *node.aliases)
    is_beside = any(normalise(name) in new.beside for name in names)
    score, evidence = _judged(
        new, names, node.type, node.role, shared, cosine, is_beside
    )
    return _told_apart(score, evidence, is_apart=is_apart)


def judge_new(
    new: _Proposed, other: _Proposed, hubs: Collection[str] = SELF
) -> tuple[float, dict[str, object]]:
    """The same of two names of one add."""
    shared = len((new.related & other.related) - set(hubs))
    is_beside = _key(other.name) in new.beside
    names = (other.name,)
    kinds = new.only.keys() & other.only.keys()
    is_apart = any(new.only[kind] != other.only[kind] for kind in kinds)
    score, evidence = _judged(
        new, names, other.type, other.role, shared, 0.0, is_beside
    )
    return _told_apart(score, evidence, is_apart=is_apart)


def _told_apart(
    score: float, evidence: dict[str, object], *, is_apart: bool
) -> tuple[float, dict[str, object]]:
    return max(score - APART * is_apart, 0.0), {**evidence, "told_apart": is_apart}


def _judged(
    new: _Proposed,
    names: Sequence[str],
    type_: str,
    role: str,
    shared: int,
    cosine: float,
    is_beside: bool,  # noqa: FBT001 - a veto among the evidence
) -> tuple[float, dict[str, object]]:
    """No score without likeness of names: neither neighbours nor vectors suffice."""
    score, grounds = max(likeness(new.name, name) for name in names)
    evidence: dict[str, object] = {
        "name": score,
        "grounds": grounds,
        "shared_neighbours": shared,
        "cosine": round(cosine, 3),
        "type": kind_of(type_) == kind_of(new.type),
    }
    is_other = is_beside or excludes(new.role, role) or not are_kin(type_, new.type)
    if not score or is_other or _are_introduced(new.role, role, grounds):
        return 0.0, evidence
    is_person = kind_of(type_) in ("person", "animal") or kind_of(new.type) == "person"
    if grounds in OF_PEOPLE and not is_person:
        score -= UNLIKELY
    score += SHARED * min(shared, 2) + BY_VECTOR * (cosine >= NEAR)
    score += SAME_TYPE * (kind_of(type_) == kind_of(new.type) != "")
    return min(score, 1.0), evidence


def _are_introduced(one: str, other: str, grounds: str) -> bool:
    """Whether each is a name of its own: "my friend Rob" and "my friend Bob", or who is
    a neighbour and a colleague of another name."""
    return bool(one and other) and (one != other or grounds in OF_ONE_NAME)


def roles_in(fact: Fact) -> dict[str, str]:
    """What people named in a fact are to the user, by normalised name."""
    roles: dict[str, str] = {}
    speaker = normalise(fact.speaker or "")
    for relation in fact.relations:
        role = role_of(relation.type)
        ends = (_key(relation.source), _key(relation.target))
        for near, far in (ends, ends[::-1]):
            if role and (near in SELF or (speaker and near == speaker)):
                roles.setdefault(far, role)
    for entity in fact.entities:
        if AT_WORK.search(entity.name.lower()):
            roles.setdefault(_key(entity.name), "colleague")
    return roles


def _key(name: str) -> str:
    """The normalised name, one for all names of the user, without "from work"."""
    key = normalise(AT_WORK.sub("", name.lower()) if "work" in name.lower() else name)
    return "user" if key in SELF else key


def _shown(key: str, name: str) -> str:
    plain = AT_WORK.sub("", name) if AT_WORK.search(name.lower()) else name
    return "User" if key == "user" else " ".join(plain.split())


def candidate_keys(names: Iterable[str]) -> list[str]:
    """The keys of which a node must have one to be judged by its name."""
    return list(dict.fromkeys(key for name in names for key in keys_of(name)))

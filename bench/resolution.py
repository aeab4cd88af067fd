"""How well names find their nodes: precision and recall on real conversations.

    python -m bench.resolution ../shared/data/locomo/locomo_open.json

Two sets. The first is made up: pairs of names as one user may bring them up, with what
each is related to (``PAIRS``); which mean the same is what whoever made them up had in
mind. The second is said by people, and knows of no relations:

Every name that the open conversations of LOCOMO speak of, turn by turn, goes through
``pipeline.link`` as if each turn were a fact. Which names mean the same was labelled by
hand for these conversations; the labels are hashes of names, so that no text of the
benchmark is here. Counted are pairs of different names within a conversation, and in
all conversations together, as if one user had said everything ("mixed": there Sam and
Samuel are two people, and Jo, Joanna and Jolene).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from memories.language.kinds import role_of, word_set
from memories.language.names import normalise
from memories.pipeline.link import THRESHOLD, link
from memories.types import (
    Fact,
    KnownNode,
    MergeProposal,
    NodeRef,
    ProposedEntity,
    ProposedRelation,
)

THRESHOLDS = (0.65, 0.7, THRESHOLD, 0.8, 0.85, 0.9, 0.95, 1.0)
# sha256(conversation + normalised name), shortened → which names mean the same.
LABELS: dict[str, str] = {
    "1e0137d801b5": "42a",
    "25e168131b5f": "44a",
    "3da8eaa0fbe0": "26b",
    "62d8f298078a": "44a",
    "7152007a7c8f": "26a",
    "8a970ee90ae1": "49a",
    "9a46f30a91dd": "26b",
    "a7ee7fe2e49e": "48a",
    "a82ae18d7bb2": "26a",
    "ab876e53aaa6": "49b",
    "b7302c47dcd6": "42a",
    "d57f7b5cf9d8": "49b",
    "d7dfd1695022": "48a",
    "dbd5831c1b50": "49a",
    "dd51fe25d6dc": "48a",
    "ec9bd3b862b4": "26b",
}
type Brought = tuple[str, str, str]
"""Who is what to whom: source, relation, target; one end is the name in question."""
USER = "User"
# (as one name is brought up, as the other is, whether they mean the same)
PAIRS: tuple[tuple[Brought, Brought, bool], ...] = (
    ((USER, "friend", "Paul"), (USER, "friend", "Paula"), False),
    ((USER, "friend", "Julia"), (USER, "colleague", "Julian"), False),
    ((USER, "aunt", "Maria"), (USER, "friend", "Mariana"), False),
    ((USER, "daughter", "Christina"), (USER, "daughter", "Chris"), False),
    ((USER, "colleague", "Alex"), (USER, "neighbour", "Alexandra"), False),
    ((USER, "friend", "Rob"), (USER, "father", "Robert"), False),
    ((USER, "boss", "Sam"), (USER, "friend", "Samuel"), False),
    ((USER, "son", "Ben"), (USER, "doctor", "Benjamin Cole"), False),
    ((USER, "friend", "Kate"), (USER, "cousin", "Katherine"), False),
    ((USER, "met", "Dan"), (USER, "met", "Dana"), False),
    ((USER, "met", "Victor"), (USER, "met", "Victoria"), False),
    ((USER, "met", "Carol"), (USER, "met", "Caroline"), False),
    (("Emma", "lives_in", "Oslo"), ("Emmanuel", "lives_in", "Rome"), False),
    (("Joan", "works_at", "Acme"), ("Joanna", "works_at", "Acme"), False),
    (("Martin", "likes", "chess"), ("Martina", "likes", "chess"), False),
    (("Stephan", "lives_in", "Oslo"), ("Stephanie", "lives_in", "Rome"), False),
    (("Mel", "lives_in", "Oslo"), ("Melissa", "lives_in", "Rome"), False),
    (("Bill", "likes", "chess"), ("William", "lives_in", "Rome"), False),
    (("Tim", "plays", "football"), ("Timothy", "plays", "football"), True),
    (("Melanie", "works_at", "Acme"), ("Mel", "works_at", "Acme"), True),
    (("Samuel", "lives_in", "Leeds"), ("Sam", "lives_in", "Leeds"), True),
    (("Robert", "works_at", "Globex"), ("Bob", "works_at", "Globex"), True),
    (("Dmitri Orlov", "speaks", "Russian"), ("Orlov", "speaks", "Russian"), True),
    ((USER, "friend", "Anna"), ("Anna Smith", "lives_in", "Rome"), True),
    ((USER, "doctor", "Dr. Lee"), ("Lee", "works_at", "Acme"), True),
    (("José", "lives_in", "Lima"), ("Jose", "likes", "chess"), True),
    ((USER, "friend", "Elizabeth"), ("Liz", "lives_in", "Rome"), True),
    (("Nathaniel", "plays", "chess"), ("Nate", "lives_in", "Rome"), True),
)
_NAME = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")
_CALLED = re.compile(
    r"(?:^(?:Hey|Hi|Hello|Wow|Thanks|Bye),? |, )([A-Z][a-z]+)(?=[!,.?])"
)
_DAYS = word_set(
    "monday tuesday wednesday thursday friday saturday sunday fri tues wed"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Pairs of names: merged rightly, merged wrongly, and left apart wrongly."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """1 where nothing was merged: nothing was merged wrongly."""
        merged = self.right + self.wrong
        return self.right / merged if merged else 1.0

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)


def main(arguments: Sequence[str]) -> None:
    print("threshold  pairs: precision recall (right wrong missed)")
    for threshold in THRESHOLDS:
        print(f"{threshold:9.2f}  {_row(measure_pairs(threshold))}")
    samples = json.loads(Path(arguments[0]).read_text())
    print("threshold  alone: precision recall (right wrong missed)  mixed: the same")
    for threshold in THRESHOLDS:
        alone, mixed = measure(samples, threshold)
        print(f"{threshold:9.2f}  {_row(alone)}  {_row(mixed)}")


def _row(figure: Figure) -> str:
    counts = f"({figure.right} {figure.wrong} {figure.missed})"
    return f"{figure.precision:.3f} {figure.recall:.3f} {counts:12}"


def measure_pairs(threshold: float) -> Figure:
    """Of the made up pairs, each a user's of its own."""
    counts = Counter(
        (is_same, _are_one(one, other, threshold)) for one, other, is_same in PAIRS
    )
    return Figure(counts[True, True], counts[False, True], counts[True, False])


def _are_one(one: Brought, other: Brought, threshold: float) -> bool:
    """Whether who is brought up second is taken for who was brought up first."""
    first, second = (_fact_of(brought) for brought in (one, other))
    found = link([first], []).facts[first.text]
    nodes = {ref: uuid4() for ref in found.nodes}
    beside: dict[NodeRef, set[UUID]] = {ref: set() for ref in nodes}
    only: dict[NodeRef, dict[str, UUID]] = {}
    for edge in found.edges:
        if edge.is_single:
            only.setdefault(edge.source, {})[edge.type] = nodes[edge.target]
        beside[edge.source].add(nodes[edge.target])
        beside[edge.target].add(nodes[edge.source])
    known = [
        KnownNode(
            id_, ref.name, ref.type, id_, ref.qualifier,
            mentioned=1, neighbours=frozenset(beside[ref]), only=only.get(ref, {}),
        )
        for ref, id_ in nodes.items()
    ]  # fmt: skip
    merges = link([second], known, threshold=threshold).merges
    return bool(merges)


def _fact_of(brought: Brought) -> Fact:
    source, kind, target = brought
    is_person = bool(role_of(kind)) or source == USER
    entities = (
        ProposedEntity(source, "person"),
        ProposedEntity(target, "person" if is_person else "other"),
    )
    relation = ProposedRelation(source, kind, target)
    return Fact(" ".join(brought), entities=entities, relations=(relation,))


def measure(samples: Sequence[Any], threshold: float) -> tuple[Figure, Figure]:
    """(each conversation alone, all as one subject's)."""
    turns = {sample["sample_id"]: list(read_turns(sample)) for sample in samples}
    alone = [
        compare(cluster(facts, threshold), frozenset({name}))
        for name, facts in turns.items()
    ]
    every = [fact for facts in turns.values() for fact in facts]
    mixed = compare(cluster(every, threshold), frozenset(turns))
    sums = (sum(getattr(f, key) for f in alone) for key in ("right", "wrong", "missed"))
    return Figure(*sums), mixed


def read_turns(sample: Any) -> Iterator[Fact]:
    """Each turn as a fact: who speaks, and the names in it."""
    conversation = sample["conversation"]
    sessions = [key for key in conversation if re.fullmatch(r"session_\d+", key)]
    turns = [turn for key in sessions for turn in conversation[key]]
    names = {name for turn in turns for name in _names_within(turn["text"])}
    called = {name for turn in turns for name in _CALLED.findall(turn["text"])}
    for turn in turns:
        named = {turn["speaker"]: "person"}
        for name in _NAME.findall(turn["text"]):
            if name in names:
                named.setdefault(name, "person" if name in called else "other")
        entities = tuple(ProposedEntity(*item) for item in named.items())
        text = f"{sample['sample_id']} {turn['dia_id']}"
        yield Fact(text, entities=entities, speaker=turn["speaker"])


def _names_within(text: str) -> list[str]:
    """Capitalised words that do not open a sentence."""
    found = []
    for match in _NAME.finditer(text):
        before = text[: match.start()].rstrip()
        opens = not before or before[-1] in '.!?"'
        if not opens and match[0].lower() not in _DAYS:
            found.append(match[0])
    return found


def cluster(facts: Sequence[Fact], threshold: float) -> dict[str, UUID]:
    """Which node each name is, after all turns, one by one."""
    nodes: dict[UUID, KnownNode] = {}
    for fact in facts:
        links = link([fact], list(nodes.values()), threshold=threshold)
        merged = {merge.absorbed.key: merge for merge in links.merges}
        for ref in links.facts[fact.text].nodes:
            if ref.id is None:
                _place(nodes, ref, merged.get(ref.key))
            else:
                known = nodes[ref.id]
                nodes[ref.id] = replace(known, mentioned=known.mentioned + 1)
    return {normalise(node.name): node.counts_as for node in nodes.values()}


def _place(
    nodes: dict[UUID, KnownNode], ref: NodeRef, merge: MergeProposal | None
) -> None:
    id_ = uuid4()
    root = nodes[merge.kept.id].counts_as if merge and merge.kept.id else id_
    nodes[id_] = KnownNode(id_, ref.name, ref.type, root, mentioned=1)
    if root != id_:
        kept = nodes[root]
        nodes[root] = replace(kept, aliases=(*kept.aliases, ref.name))


def compare(nodes: dict[str, UUID], conversations: frozenset[str]) -> Figure:
    """Against the labels; the same name is no pair."""
    right = wrong = missed = 0
    for one, other in combinations(sorted(nodes), 2):
        is_same = any(
            label_of(name, one) is not None
            and label_of(name, one) == label_of(name, other)
            for name in conversations
        )
        is_merged = nodes[one] == nodes[other]
        right += is_same and is_merged
        wrong += is_merged and not is_same
        missed += is_same and not is_merged
    return Figure(right, wrong, missed)


def label_of(conversation: str, name: str) -> str | None:
    """The group of a name there; None where nothing else means the same."""
    return LABELS.get(hash_of(conversation, name))


def hash_of(conversation: str, name: str) -> str:
    return hashlib.sha256(f"{conversation}|{normalise(name)}".encode()).hexdigest()[:12]


if __name__ == "__main__":
    main(sys.argv[1:])

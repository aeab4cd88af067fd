"""Entities and relations that the claims of a fact make plain; nothing is guessed."""

from __future__ import annotations

import re

from memories.pipeline.local.claims import Claim, read_claims
from memories.pipeline.local.words import KIN
from memories.types import ProposedEntity, ProposedRelation

_RELATIONS = {
    "residence": ("lives_in", "place"),
    "employer": ("works_at", "organization"),
    "liking": ("likes", "topic"),
    "allergy": ("allergic_to", "topic"),
    "occupation": ("works_as", "occupation"),
}
_KIN_NAME = re.compile(
    rf"(?P<owner>[A-Z]\w+)'s? (?:[a-z]+ )?(?P<kin>{'|'.join(KIN)}) (?P<name>[A-Z]\w+)"
)
_PET_NAME = re.compile(
    r"(?P<owner>[A-Z]\w+)(?: has an? (?:[a-z]+ )?|'s (?:[a-z]+ )?)"
    r"(?P<kin>dog|cat|puppy|kitten|horse|rabbit|parrot|hamster|turtle)"
    r"(?:,| named| called|'s name is| is called| is named)? (?P<name>[A-Z]\w+)"
)
_MAX_WORDS = 4  # a longer "value" is a clause, no thing

Graph = tuple[tuple[ProposedEntity, ...], tuple[ProposedRelation, ...]]


def read_graph(text: str, speaker: str) -> Graph:
    """The named people, places and things of ``text`` and how they are related."""
    entities: dict[str, ProposedEntity] = {}
    relations: dict[ProposedRelation, None] = {}

    def relate(source: str, kind: str, target: str, target_type: str) -> None:
        entities.setdefault(source, ProposedEntity(source, "person"))
        entities.setdefault(target, ProposedEntity(target, target_type))
        relations.setdefault(ProposedRelation(source, kind, target))

    for pattern, kind in ((_KIN_NAME, "person"), (_PET_NAME, "animal")):
        for match in pattern.finditer(text):
            relate(match["owner"], match["kin"], match["name"], kind)
    for claim in read_claims(text):
        source = _source(claim, text, speaker)
        if source and claim.attribute in _RELATIONS and not claim.is_negated:
            kind, target_type = _RELATIONS[claim.attribute]
            target = _as_written(claim.value, text)
            if len(target.split()) <= _MAX_WORDS:
                relate(source, kind, target, target_type)
    return tuple(entities.values()), tuple(relations)


def _source(claim: Claim, text: str, speaker: str) -> str | None:
    """The speaker, or the name at the end of "user's sister anna"."""
    if claim.subject == speaker.lower():
        return speaker
    written = _as_written(claim.subject, text).split()
    return written[-1] if written and written[-1][0].isupper() else None


def _as_written(lowered: str, text: str) -> str:
    position = text.lower().find(lowered)
    return lowered if position < 0 else text[position : position + len(lowered)]

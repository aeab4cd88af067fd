"""The relations that are known to everybody, and which of them hold one at a time.

Models word relations in many ways; what a table knows gets one name. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memories.language.kinds import role_of, word_set

MAX_TYPE_CHARS = 64

SINGLE = word_set("lives_in works_at married_to engaged_to dating born_in reports_to")
"""Of these a subject has one at a time: another one ends the last."""

_BONDS = word_set("married_to engaged_to dating reports_to")
_POSITIONS = {
    "dating": "partner",
    "engaged_to": "partner",
    "married_to": "partner",
}
NAMING = word_set("also_known_as is_called named nicknamed goes_by name")
"""Of these both ends are names of one thing."""

_WORDED: Mapping[str, str] = {
    "lives_in": "lives lives_at living_in resides_in resides_at residing_in moved_to"
    " moves_to relocated_to is_living_in is_based_in based_in settled_in has_moved_to"
    " located_in_home home_is residence",
    "works_at": "works works_for employed_by employed_at is_employed_by is_employed_at"
    " working_at working_for joined_company has_job_at started_working_at hired_by"
    " was_hired_by employer got_job_at new_job_at works_with_company",
    "works_as": "is_a_worker occupation has_job job job_title working_as employed_as",
    "studies_at": "studying_at enrolled_at enrolled_in attends attends_school",
    "studied_at": "graduated_from attended alumnus_of",
    "married_to": "is_married_to spouse_of husband_of wife_of has_spouse spouse wife"
    " husband",
    "engaged_to": "is_engaged_to fiance_of fiancee_of fiance fiancee fiancé fiancée",
    "dating": "is_dating in_a_relationship_with in_relationship_with partner_of"
    " girlfriend boyfriend girlfriend_of boyfriend_of",
    "born_in": "was_born_in birthplace",
    "member_of": "is_member_of belongs_to is_a_member_of plays_for",
    "owns": "has_pet has_a owns_a is_owner_of",
    "likes": "loves enjoys is_fond_of is_fan_of adores",
    "dislikes": "hates does_not_like detests",
    "speaks": "speaks_language can_speak is_fluent_in",
    "allergic_to": "is_allergic_to has_allergy_to",
    "reports_to": "has_manager has_boss boss_is manager_is managed_by is_managed_by"
    " boss manager supervisor",
}
_NAMED = {other: name for name, others in _WORDED.items() for other in others.split()}


def position_of(kind: str) -> str:
    """What a relation is held as: who is engaged is no longer only dating."""
    return _POSITIONS.get(kind, kind)


def is_bond(kind: str) -> bool:
    """Whether it is what people are to each other, and no news of them."""
    return kind in _BONDS or bool(role_of(kind))


def relation_type(words: str) -> str:
    """One name of a relation, in snake_case; blank when nothing is left."""
    named = "_".join(re.findall(r"\w+", words.casefold()))[:MAX_TYPE_CHARS].strip("_")
    return _NAMED.get(named, named)

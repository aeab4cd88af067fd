"""Kinds of things, and what people are to each other, as models word them. Pure."""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SELF = frozenset({"user", "the user", "i", "me", "myself", "speaker", "the speaker"})
"""Names of whoever the memories belong to."""
_KINDS = {
    kind: word_set(words)
    for kind, words in {
        "person": "person people human man woman user friend child baby individual",
        "animal": "animal pet dog cat bird horse",
        "place": "place city country town location region state venue village address"
        " restaurant park",
        "organization": "organization organisation company employer school university"
        " team club institution business band group",
        "work": "work book film movie song album game show series software product",
        "event": "event concert festival wedding trip holiday meeting conference",
    }.items()
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
ROLES = {
    role: word_set(words)
    for role, words in {
        "sister": "sister sis", "brother": "brother bro",
        "mother": "mother mom mum mama", "father": "father dad papa",
        "wife": "wife", "husband": "husband", "daughter": "daughter", "son": "son",
        "partner": "partner girlfriend boyfriend fiance fiancee spouse",
        "grandmother": "grandmother grandma", "grandfather": "grandfather grandpa",
        "cousin": "cousin", "aunt": "aunt", "uncle": "uncle", "niece": "niece",
        "nephew": "nephew", "colleague": "colleague coworker workmate",
        "boss": "boss manager supervisor", "friend": "friend", "neighbour":
        "neighbour neighbor", "roommate": "roommate flatmate", "doctor": "doctor",
        "teacher": "teacher", "therapist": "therapist", "coach": "coach",
        "dog": "dog puppy", "cat": "cat kitten",
    }.items()
}  # fmt: skip
"""What people are to each other, and the words for it."""
_ROLE_OF = {word: role for role, words in ROLES.items() for word in words}
BY_BIRTH = word_set(
    "sister brother mother father daughter son grandmother grandfather cousin aunt"
    " uncle niece nephew"
)
"""What people are to each other at no time more than at another."""
_RELATED = BY_BIRTH | word_set("wife husband dog cat")
"""Who is one of these to somebody is nothing else of this list to them."""
AT_WORK = re.compile(r"\b(?:from|at) (?:the )?(?:work|office)\b|\(work\)|_with_work")


def kind_of(type_: str) -> str:
    """The broad kind of an entity type; blank for a thing that may be anything."""
    words = re.findall(r"[a-z]+", type_.lower())
    return next((_KIND_OF[word] for word in words if word in _KIND_OF), "")


def are_kin(one: str, other: str) -> bool:
    """Whether a thing of one type may be one of the other: a city is no person."""
    kinds = {kind_of(one), kind_of(other)}
    return len(kinds) == 1 or "" in kinds or kinds == {"place", "organization"}


def role_of(type_: str) -> str:
    """The role that a relation's type gives one end, as ``sister_of`` does."""
    words = re.findall(r"[a-z]+", type_.lower())
    if words[:2] in (["works", "with"], ["worked", "with"]):
        return "colleague"
    return next((_ROLE_OF[word] for word in words if word in _ROLE_OF), "")


def excludes(one: str, other: str) -> bool:
    """Whether nobody is both to the same user: a sister is no brother, and no mere
    colleague."""
    if not one or not other or one == other:
        return False
    return one in _RELATED or other in _RELATED

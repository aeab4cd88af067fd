"""Cutting a message into sentences, and what kind of subject a sentence has."""

from __future__ import annotations

import re

from memories.language.letters import CAPITAL
from memories.pipeline.local.grammar import COMMON_VERBS, is_past, word_set

_ABBREVIATION = re.compile(
    r"(?<![\w'’])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|etc|e\.g|i\.e|a\.m|p\.m|no|approx|inc|ltd|"
    r"[a-z])\.$",
    re.IGNORECASE,
)

_BOUNDARY = re.compile(
    r"(?<=[.!?…])[\"'”’)]*\s+(?=[\"'“‘(\[]*[^\s])|\n+|;\s+|(?<=[。！？])|"
    rf"\s+(?=[^\w\s.,;:!?'\"()/&$€£%#@*+=<>~-]{{1,3}}\s+{CAPITAL})"
)

_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")


def split_sentences(text: str) -> list[str]:
    """The sentences of ``text`` in order, without surrounding space or bullets.

    What runs on for more than 60 words is cut at a comma or a word, so that the work
    per sentence is bounded.
    """
    return [piece for sentence in _sentences(text) for piece in _cut(sentence)]


_MAX_WORDS = 60


def _cut(sentence: str) -> list[str]:
    words = sentence.split()
    pieces = []
    while len(words) > _MAX_WORDS:
        commas = [n for n, word in enumerate(words[:_MAX_WORDS], 1) if word[-1] == ","]
        end = commas[-1] if commas and commas[-1] > 10 else _MAX_WORDS
        pieces.append(" ".join(words[:end]).rstrip(","))
        words = words[end:]
    return [*pieces, " ".join(words)]


def _sentences(text: str) -> list[str]:
    sentences: list[str] = []
    pending = ""
    for part in _BOUNDARY.split(text):
        piece = _BULLET.sub("", part or "").strip()
        if not piece:
            continue
        pending = f"{pending} {piece}" if pending else piece
        if not _ABBREVIATION.search(pending) or pending.endswith(" I."):
            sentences.append(pending)
            pending = ""
    return [*sentences, pending] if pending else sentences


FIRST_PERSON = re.compile(
    r"\b(?:I|me|my|mine|myself|we|us|our|ours|ourselves|im|ive)\b(?!\.\w)",
    re.IGNORECASE,
)

_VAGUE_SUBJECT = re.compile(
    r"^(?:it|they|he|she|his|her|their|its|him|them)(?:'s|'re|'ve|'ll|'d)?\b|"
    r"^(?:this|that|these|those)(?:'s|'re|'ve|'ll|'d)?(?=$|,| (?:is|was|are|were|has|"
    r"had|"
    r"have|will|would|can|could|may|might|must|really|just|never|always|all|makes?|"
    r"made|"
    r"helps?|helped|reminds?|gives?|gave|sounds?|looks?|means?|meant|one|ones|way|day|"
    r"night|time|kind|sort|type|stuff|thing|things|brings?|brought|feels?|felt|took|"
    r"takes?|keeps?|got|gets?|definitely|truly|actually)\b)",
    re.IGNORECASE,
)

_POINTS_AT_NOUN = re.compile(r"^(?:this|that|these|those)\b", re.IGNORECASE)

SPEAKER = re.compile(r"\b(?:I|me|my|mine|we|our|us|im|ive)\b", re.IGNORECASE)


def has_vague_subject(text: str) -> bool:
    """Whether the subject is a pronoun that an earlier sentence has to explain.

    "This pendant reminds me of my mother" says enough.
    """
    if _VAGUE_SUBJECT.match(text):
        return True
    return bool(_POINTS_AT_NOUN.match(text)) and not SPEAKER.search(text)


_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|had|helps?|makes?|gives?|keeps?|can|could|will|"
    r"would|"
    r"takes?|brings?|feels?|seems?|means?|does|did|\w+'s|reminds?|lets?|gets?|looks?|"
    r"sounds?|might|must|should|may)\b"
)

ADJECTIVES_IN_ED = word_set(
    "excited thrilled stoked exhausted tired relieved pleased worried scared bored"
)

_NEGATED_ACTION = re.compile(
    r"(?:don't|do not) (?:know|think|have|remember|like|want|eat|drink)\b|"
    r"(?:didn't|haven't|couldn't|can't|wouldn't|won't|"
    r"did not|have not|could not|cannot|would not|will not) \w+"
)

_NOT_ACTIONS = word_set(
    """amazing exciting interesting inspiring charming frustrating depressing relaxing
    calming rewarding refreshing touching fascinating exhausting overwhelming satisfying
    challenging entertaining disappointing heartwarming breathtaking empowering stunning
    something anything nothing everything during evening morning according spring
    king string being indeed"""
)


def starts_with_action(text: str) -> bool:
    """ "Just got back", "Researching agencies", "Gonna move": without a subject."""
    words = re.findall(r"[\w']+", text.lower())
    while len(words) > 1 and words[0] in ("just", "recently", "finally", "currently"):
        words = words[1:]
    if len(words) < 2:
        return False
    if words[0] in ADJECTIVES_IN_ED or words[0] in ("wish", "hoping", "wishing"):
        return True
    if words[1] == "wait" and words[0] in ("can't", "cannot"):
        return True
    if words[:2] == ["used", "to"] or _NEGATED_ACTION.match(" ".join(words)):
        return True
    if (
        words[1] in ("me", "us")
        or words[0] in _NOT_ACTIONS
        or words[:2] == ["been", "a"]
    ):
        return False
    if words[0] == "gonna" or is_past(words[0]) or words[0] == "been":
        return words[1] not in ("by", "with") and words[0] not in ("used", "left")
    if words[0].endswith("ing") and len(words[0]) > 4:
        first_clause = re.split(
            r"[—–;]| - |, (?:which|so|but|because)\b|, and (?=(?:I|we|it|they)\b)", text
        )[0]
        rest = re.sub(r"\bto \w+", "", " ".join(first_clause.split()[1:]))
        return not _FINITE.search(rest)
    return words[0] in COMMON_VERBS - {"do", "be"} and words[1] in ("to", "a", "my")

"""Messages to facts: cut, screen, date, rewrite, and join what cannot stand alone.

Every sentence ends as a fact, as part of one, as a retraction, or as a Dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from memories.pipeline.local.dates import resolve_dates
from memories.pipeline.local.facts import Voice, split_clauses, to_third_person
from memories.pipeline.local.language import is_english
from memories.pipeline.local.retractions import Retraction, read_retraction
from memories.pipeline.local.screening import (
    NOT_SELF_CONTAINED,
    NOTHING_STATED,
    QUESTION,
    screen,
)
from memories.pipeline.local.sentences import has_vague_subject, split_sentences
from memories.pipeline.local.turns import Turn, read_turns
from memories.types import ChatMessage, Dropped, EngineOptions, Fact, ValidTime

EMPTY = "nothing said"
_MAX_JOINED_WORDS = 45  # a fact of several sentences; longer ones rank badly in search


@dataclass(frozen=True, slots=True)
class Extraction:
    """What the messages state, take back, and leave out."""

    facts: tuple[Fact, ...] = ()
    retractions: tuple[Retraction, ...] = ()
    dropped: tuple[Dropped, ...] = ()


def extract(messages: Sequence[ChatMessage], options: EngineOptions) -> Extraction:
    """Self-contained facts of the messages that are listened to. Never raises."""
    reader = _Reader(options)
    turns = read_turns(messages, options)
    names = {turn.speaker for turn in turns if turn.speaker}
    for turn in turns:
        reader.read(turn, names)
    return Extraction(
        tuple(reader.facts), tuple(reader.retractions), tuple(reader.dropped)
    )


@dataclass(slots=True)
class _Reader:
    """Collects the outcome of one message after the other.

    ``previous`` is the fact of the sentence just before, in the same message: what a
    following "it" or "she" can refer to.
    """

    options: EngineOptions
    facts: list[Fact] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    previous: Fact | None = None

    def read(self, turn: Turn, names: set[str]) -> None:
        self.previous = None
        if turn.voice is None:
            self._drop(turn, turn.drop_reason, None)
            return
        sentences = split_sentences(turn.text)
        if not sentences:
            self._drop(turn, EMPTY, None)
        read_one = self._read_english if is_english(turn.text) else self._read_verbatim
        for sentence in sentences:
            read_one(turn, turn.voice, sentence, names - {turn.speaker or ""})

    def _drop(self, turn: Turn, reason: str, text: str | None) -> None:
        self.dropped.append(Dropped(reason, text, (turn.position,)))

    def _read_english(
        self, turn: Turn, voice: Voice, sentence: str, names: set[str]
    ) -> None:
        retraction = read_retraction(sentence, voice, turn.position)
        if retraction is not None and not turn.is_document:
            self.retractions.append(retraction)
            return
        screened = screen(sentence, names)
        if screened.drop_reason is not None:
            self._drop(turn, screened.drop_reason, sentence)
            if screened.drop_reason == QUESTION:
                self.previous = None
            return
        for clause in split_clauses(screened.text):
            self._read_clause(turn, voice, clause)

    def _read_clause(self, turn: Turn, voice: Voice, clause: str) -> None:
        text, valid = resolve_dates(clause, turn.sent_at, self.options.timezone)
        text = to_third_person(text, voice)
        if has_vague_subject(clause) and not self._explain(turn, voice, text, valid):
            self._drop(turn, NOT_SELF_CONTAINED, clause)
        elif not has_vague_subject(clause):
            self._keep(_fact(turn, text, valid))

    def _keep(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.previous = fact

    def _explain(self, turn: Turn, voice: Voice, text: str, valid: ValidTime) -> bool:
        """Name the person meant, or hang the clause on the sentence before."""
        if self.previous is None:
            return False
        named = _name_person(text, self.previous.text, voice)
        if named is not None:
            self._keep(_fact(turn, named, valid))
            return True
        joined = f"{self.previous.text}; {text[0].lower()}{text[1:]}"
        if len(joined.split()) > _MAX_JOINED_WORDS:
            return False
        fact = replace(self.previous, text=joined, valid=_earlier(self.previous, valid))
        self.facts.pop()
        self._keep(fact)
        return True

    def _read_verbatim(
        self, turn: Turn, _voice: Voice, sentence: str, _names: set[str]
    ) -> None:
        """Other languages: declarative sentences as they stand, nothing rewritten."""
        text = sentence.strip()
        if re.search(r"[?？¿؟]", text):
            self._drop(turn, QUESTION, sentence)
        elif len(text.split()) < 3 and _is_short(text):
            self._drop(turn, NOTHING_STATED, sentence)
        else:
            self._keep(_fact(turn, text.rstrip(".。!！ "), ValidTime()))


def _fact(turn: Turn, text: str, valid: ValidTime) -> Fact:
    return Fact(
        text=text,
        messages=(turn.position,),
        attributed_to=turn.attributed_to,
        speaker=turn.speaker,
        valid=valid,
    )


def _is_short(text: str) -> bool:
    """A script without spaces says in five signs what takes three words elsewhere."""
    is_dense = any("\u2e80" <= character <= "\ud7ff" for character in text)
    return len(text) < (5 if is_dense else 8)


def _earlier(previous: Fact, valid: ValidTime) -> ValidTime:
    return previous.valid if previous.valid.start else valid


_SHE = "sister mom mother wife girlfriend daughter aunt niece grandma grandmother mum"
_HE = "brother dad father husband boyfriend son uncle nephew grandpa grandfather"
_EITHER = """friend boss manager partner cousin colleague coworker neighbor neighbour
fiance fiancé fiancée roommate child kid baby doctor therapist teacher boss mentor"""
_KIN = "|".join(f"{_SHE} {_HE} {_EITHER}".split())
_PERSON_IN_FACT = re.compile(
    rf"(?P<phrase>(?:[A-Z]\w+'s|their) (?:[a-z]+ )?(?P<kin>{_KIN})(?: [A-Z]\w+)?)\b"
)


def _name_person(text: str, previous: str, voice: Voice) -> str | None:
    """ "She lives in Rome" behind "User's sister Anna called": the sister does."""
    match = re.match(r"(He|She|His|Her)\b(?!s\b)", text)
    people = list(_PERSON_IN_FACT.finditer(previous))
    if match is None or not people or not _may_be(match[1], people[-1]["kin"]):
        return None
    person = people[-1]["phrase"].replace("their ", f"{voice.speaker}'s ", 1)
    owner = match[1] in ("His", "Her")
    return person + ("'s" if owner else "") + text[match.end() :]


def _may_be(pronoun: str, kin: str) -> bool:
    if kin in _SHE.split():
        return pronoun in ("She", "Her")
    return kin not in _HE.split() or pronoun in ("He", "His")

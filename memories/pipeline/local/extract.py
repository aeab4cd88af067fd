"""Messages to facts: cut, screen, date, rewrite, and join what cannot stand alone.

Every sentence ends as a fact, as part of one, as a retraction, or as a Dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from memories.language.letters import CAPITAL
from memories.pipeline.local.corrections import (
    Meant,
    put_right,
    read_meant,
    sets_something_right,
    uncleft,
)
from memories.pipeline.local.dates import resolve_dates
from memories.pipeline.local.facts import Voice, split_clauses, to_third_person
from memories.pipeline.local.fillers import strip_fillers
from memories.pipeline.local.language import is_english
from memories.pipeline.local.remarks import (
    as_answer,
    as_remark,
    elaborates,
    is_substantial,
    read_question,
    richest,
    shortened,
)
from memories.pipeline.local.retractions import Retraction, read_retraction
from memories.pipeline.local.screening import (
    ABOUT_LISTENER,
    NOT_SELF_CONTAINED,
    NOTHING_STATED,
    QUESTION,
    REACTION,
    REQUEST,
    SMALL_TALK,
    Screened,
    screen,
)
from memories.pipeline.local.sentences import has_vague_subject, split_sentences
from memories.pipeline.local.sharing import as_shown, read_shared
from memories.pipeline.local.turns import Turn, read_turns
from memories.types import ChatMessage, Dropped, EngineOptions, Fact, ValidTime

EMPTY = "nothing said"
REMARKS = {
    ABOUT_LISTENER,
    NOT_SELF_CONTAINED,
    NOTHING_STATED,
    REACTION,
    REQUEST,
    SMALL_TALK,
}
"""Reasons that leave something said among people, if there is substance to it."""
_MAX_JOINED_WORDS = 30  # a fact of several sentences; longer ones rank badly in search


_UNDATED = ValidTime()


@dataclass(frozen=True, slots=True)
class Extraction:
    """What the messages state, take back, and leave out.

    ``corrections`` are texts of facts that were said to set something right.
    """

    facts: tuple[Fact, ...] = ()
    retractions: tuple[Retraction, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    corrections: frozenset[str] = frozenset()


def extract(
    messages: Sequence[ChatMessage],
    options: EngineOptions,
    before: Sequence[ChatMessage] = (),
) -> Extraction:
    """Self-contained facts of the messages that are listened to. Never raises.

    ``before`` is what was said just before them: they may set it right.
    """
    reader = _Reader(options, before)
    turns = read_turns(messages, options)
    names = {turn.speaker for turn in turns if turn.speaker}
    for turn in turns:
        reader.read(turn, names)
        reader.note_question(turn, names)
    return Extraction(
        tuple(reader.facts),
        tuple(reader.retractions),
        tuple(reader.dropped),
        frozenset(reader.corrections),
    )


@dataclass(slots=True)
class _Reader:
    """Collects the outcome of one message after the other.

    ``previous`` is the fact of the sentence just before, in the same message: what a
    following "it" or "she" can refer to. ``question`` is what ``asker`` asked just
    before, until it is answered. ``said`` is the last clause of each speaker that told
    a fact, in their own words.
    """

    options: EngineOptions
    before: Sequence[ChatMessage] = ()
    facts: list[Fact] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    corrections: set[str] = field(default_factory=set)
    previous: Fact | None = None
    question: str | None = None
    asker: tuple[str, str | None] = ("", None)
    said: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def read(self, turn: Turn, names: set[str]) -> None:
        self.previous = None
        if self.asker == _who(turn):
            self.question = None
        if turn.voice is None:
            self._drop(turn, turn.drop_reason, None)
            return
        if not turn.text.strip() and not turn.captions:
            self._drop(turn, EMPTY, None)
        if is_english(turn.text):
            self._read_all(turn, turn.voice, names - {turn.speaker or ""})
        else:
            for sentence in split_sentences(turn.text):
                self._read_verbatim(turn, sentence)
        for caption in turn.captions:
            self._keep(_fact(turn, as_shown(turn.voice.speaker, caption)))

    def note_question(self, turn: Turn, names: set[str]) -> None:
        """What the next turn, if it is another's, may be the answer to."""
        self.question = read_question(turn.text, names - {turn.speaker or ""})
        self.asker = _who(turn)

    def _read_all(self, turn: Turn, voice: Voice, names: set[str]) -> None:
        """Every sentence; among people one that only stands as a remark, if need be."""
        facts, dropped = len(self.facts), len(self.dropped)
        for sentence in split_sentences(turn.text):
            self._read_english(turn, voice, sentence, names)
        if turn.is_among_people and len(self.facts) == facts:
            self._keep_remark(turn, voice, names, dropped)

    def _drop(self, turn: Turn, reason: str, text: str | None) -> None:
        self.dropped.append(Dropped(reason, text, (turn.position,)))

    def _read_english(
        self, turn: Turn, voice: Voice, sentence: str, names: set[str]
    ) -> None:
        meant = read_meant(sentence) if not self.question else None
        if meant is not None:
            self._set_right(turn, voice, sentence, meant)
            return
        retraction = read_retraction(sentence, voice, turn.position)
        if retraction is not None and not turn.is_document:
            self.retractions.append(retraction)
            return
        screened = _screen(turn, uncleft(sentence), names)
        if screened.drop_reason is None:
            sets_right = sets_something_right(sentence) and not self.question
            facts = len(self.facts)
            for clause in split_clauses(screened.text):
                self._read_clause(turn, voice, clause)
            if sets_right:
                self.corrections |= {fact.text for fact in self.facts[facts:]}
        elif screened.drop_reason == NOTHING_STATED and self.question:
            self._keep_answer(turn, voice, self.question, screened.text)
        elif not self._add(turn, voice, screened):
            self._drop(turn, screened.drop_reason, sentence)
            if screened.drop_reason == QUESTION:
                self.previous = self.question = None

    def _set_right(self, turn: Turn, voice: Voice, sentence: str, meant: Meant) -> None:
        """Tell the clause before anew, as it was meant."""
        said = self.said.get(_who(turn)) or self._said_before(turn)
        again = put_right(said, meant) if said else None
        if again is None:
            self._drop(turn, NOT_SELF_CONTAINED, sentence)
            return
        facts = len(self.facts)
        self._read_clause(turn, voice, again)
        self.corrections |= {fact.text for fact in self.facts[facts:]}

    def _said_before(self, turn: Turn) -> str | None:
        """The last clause of the same speaker before these messages."""
        reader = _Reader(self.options)
        for earlier in read_turns(self.before, self.options):
            reader.read(earlier, set())
        return reader.said.get(_who(turn))

    def _add(self, turn: Turn, voice: Voice, screened: Screened) -> bool:
        """Among people, keep what tells of the world rather than of the speaker."""
        if screened.drop_reason not in (NOTHING_STATED, REQUEST):
            return False
        if not turn.is_among_people or not elaborates(screened.text):
            return False
        told = self._told(turn, voice, screened.text)
        return self._explain(turn, voice, *told) or self._remark(turn, voice, *told)

    def _read_clause(self, turn: Turn, voice: Voice, clause: str) -> None:
        text, valid = self._told(turn, voice, clause)
        is_vague = has_vague_subject(clause)
        if self.question and (is_vague or voice.speaker not in text):
            self._keep_answer(turn, voice, self.question, clause)
        elif not is_vague:
            self._keep(_fact(turn, text, valid))
            self.said[_who(turn)] = clause
        elif self._explain(turn, voice, text, valid):
            return
        elif not turn.is_among_people or not self._remark(turn, voice, text, valid):
            self._drop(turn, NOT_SELF_CONTAINED, clause)

    def _remark(self, turn: Turn, voice: Voice, text: str, valid: ValidTime) -> bool:
        """What has nothing before it to hang on, if it says enough by itself."""
        people = {voice.speaker, voice.listener}
        if self.previous is not None or not is_substantial(text, people):
            return False
        self._keep(_fact(turn, as_remark(voice, text), valid))
        return True

    def _told(self, turn: Turn, voice: Voice, clause: str) -> tuple[str, ValidTime]:
        text, valid = resolve_dates(clause, turn.sent_at, self.options.timezone)
        return to_third_person(text, voice), valid

    def _keep(self, fact: Fact) -> None:
        """A question is answered by the first thing that is said."""
        self.facts.append(fact)
        self.previous = fact
        self.question = None

    def _keep_answer(
        self, turn: Turn, voice: Voice, question: str, clause: str
    ) -> None:
        text, valid = self._told(turn, voice, clause)
        self._keep(_fact(turn, as_answer(question, voice, text), valid))

    def _keep_remark(
        self, turn: Turn, voice: Voice, names: set[str], start: int
    ) -> None:
        """The best of what was dropped from ``start`` on, if it says enough."""
        remarks = [
            strip_fillers(dropped.text, names)
            if dropped.text and dropped.reason in REMARKS
            else ""
            for dropped in self.dropped[start:]
        ]
        best = richest(remarks, {*names, turn.speaker or ""})
        if best is not None:
            del self.dropped[start + best]
            text, valid = self._told(turn, voice, shortened(remarks[best]))
            self._keep(_fact(turn, as_remark(voice, text), valid))

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

    def _read_verbatim(self, turn: Turn, sentence: str) -> None:
        """Other languages: declarative sentences as they stand, nothing rewritten."""
        text = sentence.strip()
        if re.search(r"[?？¿؟]", text):
            self._drop(turn, QUESTION, sentence)
        elif len(text.split()) < 3 and _is_short(text):
            self._drop(turn, NOTHING_STATED, sentence)
        else:
            self._keep(_fact(turn, text.rstrip(".。!！ ")))


def _who(turn: Turn) -> tuple[str, str | None]:
    return turn.attributed_to, turn.speaker


def _screen(turn: Turn, sentence: str, names: set[str]) -> Screened:
    """What ``sentence`` states; among people, what it shows as something shared."""
    if turn.is_among_people:
        shared = read_shared(strip_fillers(sentence, names))
        if shared is not None:
            return Screened(shared)
    return screen(sentence, names)


def _fact(turn: Turn, text: str, valid: ValidTime = _UNDATED) -> Fact:
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
    rf"(?P<phrase>(?:{CAPITAL}\w+'s|their) (?:[a-z]+ )?(?P<kin>{_KIN})"
    rf"(?: {CAPITAL}\w+)?)\b"
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

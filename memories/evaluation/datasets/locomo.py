"""LOCOMO (Maharana et al., ACL 2024): ``locomo10.json`` as published, or a part of it.

Form and traps: categories are numbered as in the benchmark's own
``task_eval/evaluation.py``, not as in the paper; evidence is text that was typed by
hand; category 5 asks about the wrong person on purpose. The image search string
``query`` was never said and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from memories.evaluation.datasets.reading import Record, read_list
from memories.evaluation.types import (
    Conversation,
    Dataset,
    Question,
    Session,
    Turn,
)

NAME = "locomo"
CATEGORIES = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: "adversarial",
}
ADVERSARIAL = "adversarial"
_TIME = "%I:%M %p on %d %B, %Y"
_SESSION = re.compile(r"session_(\d+)")
_EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
NOTES = (
    "Category numbers are those of the benchmark's evaluation code (1 multi-hop,"
    " 2 temporal, 3 open-domain, 4 single-hop, 5 adversarial), not the order in which"
    " its paper lists them; other reports may have mixed them up.",
    "Category 5 asks about the wrong person: finding the turn it cites is no merit, so"
    " it is in no average and serves only to measure abstention.",
    "An audit (github.com/dial481/locomo-audit) holds about 6 % of the answers of"
    " categories 1-4 for wrong, and 57 citations of the whole set: nobody can reach"
    " 1.0.",
)


@dataclass(slots=True)
class _Tally:
    """What was found amiss, for the notes."""

    mended: int = 0
    dropped: int = 0
    without_evidence: int = 0
    corrected: int = 0
    citations_changed: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What an audit holds for right of one question."""

    question: str
    evidence: tuple[str, ...]
    answer: str


@dataclass(slots=True)
class _Loader:
    corrections: Mapping[tuple[str, int], Correction]
    tally: _Tally = field(default_factory=_Tally)

    def conversation(self, sample: Record) -> Conversation:
        sample_id = sample.text("sample_id")
        sessions = tuple(_sessions(sample.record("conversation")))
        known = {turn.id for session in sessions for turn in session.turns}
        questions = tuple(
            self._question(sample_id, number, record, known)
            for number, record in enumerate(sample.records("qa", "question"))
        )
        return Conversation(sample_id, sessions, questions)

    def _question(
        self, sample_id: str, number: int, record: Record, known: set[str]
    ) -> Question:
        category = CATEGORIES.get(record.fields.get("category", 0))
        if category is None:
            raise record.problem("category", "must be 1 to 5.")
        question = Question(
            id=f"{sample_id}:{number}",
            text=record.text("question"),
            category=category,
            evidence=self._evidence(record, known),
            answer=record.optional_text("answer"),
            is_answerable=category != ADVERSARIAL,
        )
        question = self._corrected(question, sample_id, number, record, known)
        if question.is_answerable and not question.evidence:
            self.tally.without_evidence += 1
        return question

    def _evidence(self, record: Record, known: set[str]) -> frozenset[str]:
        """The turns that exist among those cited, however they were typed."""
        found: set[str] = set()
        for cited in record.items("evidence"):
            ids = turn_ids(str(cited))
            self.tally.dropped += not ids or bool(ids - known)
            self.tally.mended += bool(ids & known) and ids != {cited}
            found |= ids & known
        return frozenset(found)

    def _corrected(
        self,
        question: Question,
        sample_id: str,
        number: int,
        record: Record,
        known: set[str],
    ) -> Question:
        correction = self.corrections.get((sample_id, number))
        if correction is None:
            return question
        if correction.question != question.text:
            raise record.problem("question", "is another one in the corrections.")
        cited = (turn_ids(text) for text in correction.evidence)
        evidence = frozenset[str]().union(*cited) & known
        self.tally.corrected += 1
        self.tally.citations_changed += evidence != question.evidence
        return replace(question, evidence=evidence, answer=correction.answer)


def load(
    path: Path, corrections: Path | None = None, limit: int | None = None
) -> Dataset:
    """The first ``limit`` conversations, and notes about those; raises DatasetProblem,
    which names file, record and field.
    """
    loader = _Loader(dict(_corrections(corrections)) if corrections else {})
    samples = read_list(path, "sample")[:limit]
    conversations = tuple(loader.conversation(sample) for sample in samples)
    return Dataset(NAME, conversations, (*NOTES, *_told(loader.tally)))


def turn_ids(cited: str) -> set[str]:
    """``D8:6; D9:17`` and ``D:11:26`` and ``D30:05`` as the ids they mean."""
    return {f"D{int(s)}:{int(t)}" for s, t in _EVIDENCE.findall(cited)}


def _corrections(path: Path) -> Iterator[tuple[tuple[str, int], Correction]]:
    for record in read_list(path, "correction"):
        number = record.fields.get("qa_index")
        if not isinstance(number, int):
            raise record.problem("qa_index", "must be a whole number.")
        evidence = tuple(str(cited) for cited in record.items("correct_evidence"))
        answer = record.optional_text("correct_answer")
        said = Correction(record.text("question"), evidence, answer)
        yield (record.text("sample_id"), number), said


def _sessions(conversation: Record) -> Iterator[Session]:
    """In their order; some dates have no session, but each session has its date."""
    numbers = sorted(
        int(match[1])
        for key, value in conversation.fields.items()
        if (match := _SESSION.fullmatch(key)) and value
    )
    for number in numbers:
        name = f"session_{number}"
        at = conversation.time(f"{name}_date_time", _TIME)
        turns = conversation.records(name, f"session {number}, turn")
        yield Session(f"D{number}", tuple(_turn(turn, at) for turn in turns))


def _turn(turn: Record, at: datetime) -> Turn:
    """A photo that was shared counts by its caption."""
    words = turn.optional_text("text")
    caption = turn.optional_text("blip_caption")
    text = " ".join(filter(None, [words, caption and f"[photo: {caption}]"]))
    if not text:
        raise turn.problem("text", "must be a text.")
    return Turn(
        turn.text("dia_id"), text, "user", speaker=turn.text("speaker"), sent_at=at
    )


def _told(tally: _Tally) -> Iterator[str]:
    yield (
        f"Evidence as typed: {tally.mended} entries were read in spite of their form,"
        f" {tally.dropped} name a turn that does not exist;"
        f" {tally.without_evidence} questions of categories 1-4 have none left and are"
        " not scored."
    )
    if tally.corrected:
        yield (
            f"Corrected keys: {tally.corrected} questions,"
            f" {tally.citations_changed} of them with other evidence."
        )
    else:
        yield "The keys are those of the benchmark, uncorrected."

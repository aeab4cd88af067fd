"""What a data set says, whatever file it came from. Frozen values, no behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; ``id`` is unique within its conversation."""

    id: str
    text: str
    role: str = "user"
    speaker: str | None = None
    sent_at: datetime | None = None

    @property
    def spoken(self) -> str:
        """``Speaker: text``, or only the text where nobody is named."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


@dataclass(frozen=True, slots=True)
class Session:
    """Turns that follow one another without a break."""

    id: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """``evidence`` are the ids of the turns that hold the answer.

    ``is_answerable`` False: the conversation does not say, and the right answer is to
    say so; its evidence, if any, is no merit to find. ``id`` is unique in the data set.
    """

    id: str
    text: str
    category: str
    evidence: frozenset[str] = frozenset()
    answer: str = ""
    is_answerable: bool = True
    asked_at: datetime | None = None

    @property
    def is_scored(self) -> bool:
        """Whether finding its evidence can be measured."""
        return self.is_answerable and bool(self.evidence)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything one user has said, and what is asked about it."""

    id: str
    sessions: tuple[Session, ...]
    questions: tuple[Question, ...]

    @property
    def turns(self) -> Iterator[Turn]:
        for session in self.sessions:
            yield from session.turns


@dataclass(frozen=True, slots=True)
class Dataset:
    """``notes`` are what a reader of its figures should know, one sentence each."""

    name: str
    conversations: tuple[Conversation, ...]
    notes: tuple[str, ...] = ()

    @property
    def questions(self) -> Iterator[Question]:
        for conversation in self.conversations:
            yield from conversation.questions

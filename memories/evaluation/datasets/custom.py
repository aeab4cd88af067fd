"""Your own conversations and questions: JSON Lines, one object a line.

A line is a conversation or a question about one::

    {"conversation": "ida", "sessions": [{"id": "1", "at": "2026-03-02T10:00:00Z",
      "messages": [{"id": "1:1", "role": "user", "name": "Ida", "content": "…"}]}]}
    {"question": "Where does Ida live?", "conversation": "ida", "evidence": ["1:1"],
      "answer": "Lisbon", "category": "places", "asked_at": "2026-04-01T09:00:00Z"}

``id`` of a session, ``name``, ``at``, ``answer``, ``category`` and ``asked_at`` may be
left out, as may ``role`` (user) and the ``id`` of a message (``session:number``). A
question without ``evidence`` has its answer nowhere: it measures abstention.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from memories.evaluation.datasets.reading import DatasetProblem, Record, read_lines
from memories.evaluation.types import (
    Conversation,
    Dataset,
    Question,
    Session,
    Turn,
)

NAME = "custom"
ROLES = ("user", "assistant", "system", "tool")
OF_CONVERSATION = ("conversation", "sessions")
OF_SESSION = ("id", "at", "messages")
OF_MESSAGE = ("id", "role", "name", "content", "at")
OF_QUESTION = (
    "question", "conversation", "evidence", "answer", "category", "asked_at",
)  # fmt: skip


def load(path: Path) -> Dataset:
    """Raises DatasetProblem, which names file, line and field."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise DatasetProblem(f"{path}: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise DatasetProblem(f"{path}: is not UTF-8 text.") from exc
    return parse(text, path.name)


def parse(text: str, source: str) -> Dataset:
    """``source`` is how problems call it: a file's name, say."""
    told: dict[str, tuple[Session, ...]] = {}
    asked: list[Record] = []
    for record in read_lines(text, source):
        if "question" in record.fields:
            record.refuse_unknown(OF_QUESTION)
            asked.append(record)
        elif "sessions" in record.fields:
            record.refuse_unknown(OF_CONVERSATION)
            name = record.text("conversation")
            if name in told:
                raise record.problem("conversation", f"{name!r} is told twice.")
            told[name] = tuple(_sessions(record))
            if not any(session.turns for session in told[name]):
                raise record.problem("sessions", "hold no message.")
        else:
            raise record.problem("question or sessions", "is required.")
    if not told:
        raise DatasetProblem(f"{source}: holds no conversation.")
    if not asked:
        raise DatasetProblem(f"{source}: holds no question.")
    return Dataset(NAME, tuple(_joined(told, asked)))


def _sessions(record: Record) -> Iterator[Session]:
    known: set[str] = set()
    for number, session in enumerate(record.records("sessions", "session"), 1):
        session.refuse_unknown(OF_SESSION)
        session_id = session.optional_text("id") or str(number)
        turns = tuple(_turns(session, session_id))
        for turn in turns:
            if turn.id in known:
                raise session.problem("messages", f"use the id {turn.id!r} again.")
            known.add(turn.id)
        yield Session(session_id, turns)


def _turns(session: Record, session_id: str) -> Iterator[Turn]:
    at = session.iso_time("at")
    for number, message in enumerate(session.records("messages", "message"), 1):
        message.refuse_unknown(OF_MESSAGE)
        role = message.optional_text("role") or "user"
        if role not in ROLES:
            raise message.problem("role", f"must be one of {', '.join(ROLES)}.")
        yield Turn(
            id=message.optional_text("id") or f"{session_id}:{number}",
            text=message.text("content"),
            role=role,
            speaker=message.optional_text("name") or None,
            sent_at=message.iso_time("at") or at,
        )


def _joined(
    told: dict[str, tuple[Session, ...]], asked: list[Record]
) -> Iterator[Conversation]:
    questions: dict[str, list[Question]] = {name: [] for name in told}
    known = {
        name: {turn.id for session in sessions for turn in session.turns}
        for name, sessions in told.items()
    }
    for record in asked:
        name = record.text("conversation")
        if name not in told:
            raise record.problem("conversation", f"{name!r} is told nowhere.")
        number = len(questions[name])
        questions[name].append(_question(f"{name}:{number}", record, known[name]))
    for name, sessions in told.items():
        yield Conversation(name, sessions, tuple(questions[name]))


def _question(question_id: str, record: Record, known: set[str]) -> Question:
    given = record.items("evidence") if "evidence" in record.fields else []
    evidence = frozenset(str(turn_id) for turn_id in given)
    if unknown := sorted(evidence - known):
        raise record.problem("evidence", f"names no message: {', '.join(unknown)}.")
    return Question(
        id=question_id,
        text=record.text("question"),
        category=record.optional_text("category") or "questions",
        evidence=evidence,
        answer=record.optional_text("answer"),
        is_answerable=bool(evidence),
        asked_at=record.iso_time("asked_at"),
    )

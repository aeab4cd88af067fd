"""BEAM (Tavakoli et al., "Beyond a Million Tokens"): chats with probing questions.

Takes a folder of the published repository (``chats/100K``, or one chat in it), or one
JSON file with the chats flattened: ``[{chat, sessions, qa}]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from memories.evaluation.datasets.reading import (
    DatasetProblem,
    Record,
    read_json,
    read_list,
    record_of,
)
from memories.evaluation.types import (
    Conversation,
    Dataset,
    Question,
    Session,
    Turn,
)

NAME = "beam"
ABSTENTION = "abstention"
_TIME = "%B-%d-%Y"
_MARK = re.compile(r"\s*->->\s*[\d,\s]*$")
"""Where a message stands in the plan of its chat: nothing that was said."""
_ANSWERS = (
    "answer",
    "ideal_answer",
    "ideal_response",
    "ideal_summary",
    "expected_compliance",
)
_CHATS = ("chat_trunecated.json", "chat.json")  # as the publishers spell it
_QUESTIONS = Path("probing_questions/probing_questions.json")
NOTES = (
    "Abstention questions have no evidence: they are in no average and serve only to"
    " measure abstention.",
)


def load(path: Path) -> Dataset:
    """Raises DatasetProblem, which names file, record and field."""
    if path.is_dir():
        conversations = tuple(_published(folder) for folder in _folders(path))
    else:
        conversations = tuple(map(_flattened, read_list(path, "chat")))
    return Dataset(NAME, conversations, NOTES)


def _flattened(chat: Record) -> Conversation:
    chat_id = chat.text("chat")
    sessions = tuple(
        _session(session, _messages(session))
        for session in chat.records("sessions", "session")
    )
    known = {turn.id for session in sessions for turn in session.turns}
    questions = tuple(
        _question(f"{chat_id}:{number}", record.text("type"), record, known)
        for number, record in enumerate(chat.records("qa", "question"))
    )
    return Conversation(chat_id, sessions, questions)


def _messages(session: Record) -> Iterator[Record]:
    return session.records("messages", "message")


# --- the published folders -----------------------------------------------------


def _folders(path: Path) -> list[Path]:
    """Chats in the order of their numbers; the folder may itself be one."""
    if (path / _QUESTIONS).exists():
        return [path]
    found = [folder for folder in path.iterdir() if (folder / _QUESTIONS).exists()]
    if not found:
        raise DatasetProblem(f"{path}: holds no chat with {_QUESTIONS}.")
    return sorted(found, key=lambda folder: (len(folder.name), folder.name))


def _published(folder: Path) -> Conversation:
    """The chat that was cut to its length, where there are two."""
    file = next((folder / n for n in _CHATS if (folder / n).exists()), None)
    if file is None:
        raise DatasetProblem(f"{folder}: holds no {_CHATS[-1]}.")
    sessions = tuple(
        _session(session, _turns(session)) for session in read_list(file, "session")
    )
    known = {turn.id for session in sessions for turn in session.turns}
    return Conversation(folder.name, sessions, tuple(_asked(folder, known)))


def _turns(session: Record) -> Iterator[Record]:
    for number, group in enumerate(session.items("turns"), 1):
        place = f"{session.place}, turn {number}"
        yield from Record({"turns": group}, place).records("turns", "message")


def _asked(folder: Path, known: set[str]) -> Iterator[Question]:
    file = folder / _QUESTIONS
    by_kind = record_of(read_json(file), f"{folder.name}/{file.name}")
    number = 0
    for kind in by_kind.fields:
        for record in by_kind.records(kind, kind):
            yield _question(f"{folder.name}:{number}", kind, record, known)
            number += 1


# --- what both have in common --------------------------------------------------


def _session(session: Record, messages: Iterator[Record]) -> Session:
    """Messages without a date of their own have that of the one before them."""
    turns: list[Turn] = []
    at: datetime | None = None
    for message in messages:
        at = message.time("time_anchor", _TIME) if _has_time(message) else at
        text = _MARK.sub("", message.optional_text("content"))
        if text.strip():
            turn_id = message.text("id")
            turns.append(Turn(turn_id, text, message.text("role"), sent_at=at))
    return Session(session.text("batch_number"), tuple(turns))


def _has_time(message: Record) -> bool:
    return bool(message.optional_text("time_anchor"))


def _question(question_id: str, kind: str, record: Record, known: set[str]) -> Question:
    cited = record.fields.get("evidence", record.fields.get("source_chat_ids"))
    answers = (record.optional_text(name) for name in _ANSWERS)
    return Question(
        id=question_id,
        text=record.text("question"),
        category=kind,
        evidence=frozenset(_ids_in(cited)) & known,
        answer=next(filter(None, answers), ""),
        is_answerable=kind != ABSTENTION,
    )


def _ids_in(cited: Any) -> Iterator[str]:
    """Numbers of messages, however deep they stand in lists and objects."""
    if isinstance(cited, dict):
        cited = list(cited.values())
    if isinstance(cited, list):
        for one in cited:
            yield from _ids_in(one)
    elif cited is not None:
        yield str(cited)

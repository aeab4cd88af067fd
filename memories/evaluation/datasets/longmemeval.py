"""LongMemEval (Wu et al., ICLR 2025): ``longmemeval_{s,m,oracle}.json`` as published.

Each question has a history of its own. Evidence are the turns marked ``has_answer``; an
id that ends in ``_abs`` asks what was never said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from memories.evaluation.datasets.reading import (
    DatasetProblem,
    Record,
    read_json,
    record_of,
)
from memories.evaluation.types import (
    Conversation,
    Dataset,
    Question,
    Session,
    Turn,
)

NAME = "longmemeval"
ABSTENTION = "abstention"
_TIMES = ("%Y/%m/%d (%a) %H:%M", "%Y/%m/%d %H:%M", "%Y/%m/%d")
NOTES = (
    "Every question is asked of a history of its own; the abstention questions"
    " (…_abs) are in no average, as in the benchmark's own retrieval figures.",
)


def load(path: Path, limit: int | None = None) -> Dataset:
    """The first ``limit`` questions; raises DatasetProblem."""
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetProblem(f"{path}: must be a list.")
    numbered = islice(enumerate(content, 1), limit)
    instances = (record_of(v, f"{path.name}, instance {n}") for n, v in numbered)
    return Dataset(NAME, tuple(map(_conversation, instances)), NOTES)


def _conversation(instance: Record) -> Conversation:
    question_id = instance.text("question_id")
    turns_of, evidence = list(_sessions(instance)), set[str]()
    sessions = []
    for session, marked in turns_of:
        sessions.append(session)
        evidence |= marked
    is_answerable = not question_id.endswith("_abs")
    question = Question(
        id=question_id,
        text=instance.text("question"),
        category=instance.text("question_type") if is_answerable else ABSTENTION,
        evidence=frozenset(evidence),
        answer=instance.optional_text("answer"),
        is_answerable=is_answerable,
        asked_at=instance.time("question_date", *_TIMES),
    )
    return Conversation(question_id, tuple(sessions), (question,))


def _sessions(instance: Record) -> Iterator[tuple[Session, set[str]]]:
    """In the order of time (oracle files are not), with the evidence in each."""
    ids, dates = (
        instance.items(f"haystack_{part}") for part in ("session_ids", "dates")
    )
    contents = instance.items("haystack_sessions")
    if not len(ids) == len(dates) == len(contents):
        raise instance.problem(
            "haystack_sessions", "differ in number from their ids or dates."
        )
    dated = [
        (_date(instance, date), number, str(ids[number]), contents[number])
        for number, date in enumerate(dates)
    ]
    for at, number, session_id, content in sorted(dated, key=lambda one: one[:2]):
        place = f"{instance.place}, session {number + 1}"
        yield _session(f"{number + 1}-{session_id}", content, at, place)


def _date(instance: Record, date: object) -> datetime:
    return Record({"haystack_dates": date}, instance.place).time(
        "haystack_dates", *_TIMES
    )


def _session(
    session_id: str, content: object, at: datetime, place: str
) -> tuple[Session, set[str]]:
    turns, marked = [], set()
    listed = Record({"turns": content}, place)
    for number, record in enumerate(listed.records("turns", "turn"), 1):
        if not record.optional_text("content").strip():
            continue  # a few turns of the fillers are empty
        turn_id = f"{session_id}:{number}"
        turns.append(
            Turn(turn_id, record.text("content"), record.text("role"), sent_at=at)
        )
        if record.fields.get("has_answer") is True:
            marked.add(turn_id)
    return Session(session_id, tuple(turns)), marked

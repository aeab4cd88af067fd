"""Questions about live memories: JSON Lines, one question a line. Pure.

::

    {"question": "Where does Ida live?", "user_id": "ida", "expects": ["Lisbon"]}
    {"question": "Has Ida a dog?", "user_id": "ida", "category": "pets"}

``expects`` are texts, each of which some memory has to hold, whatever its case; without
any the right answer is nothing. ``filters`` may stand instead of the ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memories.evaluation.datasets.reading import DatasetProblem, Record, read_lines
from memories.evaluation.types import Conversation, Dataset, Question
from memories.types import SCOPE_KEYS

MOST = 500
"""Of one set: a run asks them one after the other."""
MOST_EXPECTED = 20
MAX_CHARS = 2_000
MAX_CATEGORY_CHARS = 100
USUAL_CATEGORY = "questions"
SOURCE = "Questions"
FIELDS = ("question", *SCOPE_KEYS, "filters", "expects", "category")

Stored = Mapping[str, Any]


def parse(text: str) -> list[dict[str, Any]]:
    """As they are kept; raises DatasetProblem, which names line and field."""
    records = list(read_lines(text, SOURCE))
    if not records:
        raise DatasetProblem(f"{SOURCE}: there is none.")
    if len(records) > MOST:
        raise DatasetProblem(f"{SOURCE}: a set may hold {MOST} at most.")
    return [_question(record) for record in records]


def write(questions: Sequence[Stored]) -> str:
    """The lines they were read from, or others that mean the same."""
    return "\n".join(_line(question) for question in questions)


def as_dataset(questions: Sequence[Stored]) -> Dataset:
    """Each expected text is a piece of evidence; questions of one subject belong
    together, as those about one conversation do."""
    asked: dict[str, list[Question]] = {}
    for number, stored in enumerate(questions):
        expects = stored["expects"]
        question = Question(
            id=str(number),
            text=stored["question"],
            category=stored["category"],
            evidence=frozenset(map(str, range(len(expects)))),
            is_answerable=bool(expects),
        )
        whom = json.dumps(stored["filters"], sort_keys=True)
        asked.setdefault(whom, []).append(question)
    return Dataset(
        "golden", tuple(Conversation(w, (), tuple(qs)) for w, qs in asked.items())
    )


def held_by(text: str, expects: Sequence[str]) -> frozenset[str]:
    """Which of the expected texts a memory holds, by their number."""
    said = text.casefold()
    return frozenset(
        str(number)
        for number, expected in enumerate(expects)
        if expected.casefold() in said
    )


def _question(record: Record) -> dict[str, Any]:
    if "sessions" in record.fields or "evidence" in record.fields:
        raise record.problem(
            "sessions and evidence",
            "are of conversations that are brought in for it: `manage.py evaluate"
            " custom` measures those. Here questions are asked of what is remembered;"
            " say what the answer must hold in expects.",
        )
    record.refuse_unknown(FIELDS)
    return {
        "question": _short(record, "question", record.text("question"), MAX_CHARS),
        "filters": _filters(record),
        "expects": list(_expected(record)),
        "category": _short(
            record,
            "category",
            record.optional_text("category") or USUAL_CATEGORY,
            MAX_CATEGORY_CHARS,
        ),
    }


def _filters(record: Record) -> dict[str, Any]:
    given = record.fields.get("filters")
    named = {key: record.text(key) for key in SCOPE_KEYS if key in record.fields}
    if isinstance(given, dict) and given and not named:
        return given
    if given is not None or not named:
        raise record.problem(
            "filters", f"or one of {', '.join(SCOPE_KEYS)} is required."
        )
    return named


def _expected(record: Record) -> Iterator[str]:
    given = record.fields.get("expects", [])
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or len(given) > MOST_EXPECTED:
        raise record.problem("expects", f"must be a list of {MOST_EXPECTED} at most.")
    for expected in given:
        if not isinstance(expected, str) or not expected.strip():
            raise record.problem("expects", "must be texts.")
        yield _short(record, "expects", expected.strip(), MAX_CHARS)


def _short(record: Record, field: str, text: str, most: int) -> str:
    if len(text) > most or "\0" in text:
        raise record.problem(field, f"may have {most} characters at most.")
    return text


def _line(question: Stored) -> str:
    kept = {
        "question": question["question"],
        **({"filters": question["filters"]} if _is_deep(question) else {}),
        **({} if _is_deep(question) else question["filters"]),
        **({"expects": question["expects"]} if question["expects"] else {}),
        **(
            {"category": question["category"]}
            if question["category"] != USUAL_CATEGORY
            else {}
        ),
    }
    return json.dumps(kept, ensure_ascii=False)


def _is_deep(question: Stored) -> bool:
    """Filters that say more than ids."""
    return not set(question["filters"]) <= set(SCOPE_KEYS)

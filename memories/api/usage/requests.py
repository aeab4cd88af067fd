"""Which usage is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memories.api import reading
from memories.api.reading import Fields, Problem
from memplatform.lib import clock
from tenants.reports import (
    DAY,
    GROUPS,
    KEY,
    MAX_DAYS,
    OPERATION,
    SUBJECT,
    UsageQuestion,
)

MAX_OPERATION_CHARS = 32


def read_question(query: Mapping[str, Any]) -> UsageQuestion:
    """This month so far, by day and operation, unless the query says otherwise."""
    fields = reading.query_fields(query)
    today = clock.now().date()
    question = UsageQuestion(
        first=fields.read("from", reading.day, today.replace(day=1)),
        last=fields.read("to", reading.day, today),
        groups=fields.read("group_by", _groups, (DAY, OPERATION)),
        operation=fields.read("operation", _operation, None),
    )
    _check_days(fields, question)
    fields.check()
    return question


def _check_days(fields: Fields, question: UsageQuestion) -> None:
    days = (question.last - question.first).days
    if days < 0:
        fields.complain("from", "must not be later than to.")
    elif days >= MAX_DAYS:
        fields.complain("from", f"and to may be {MAX_DAYS} days apart at most.")


def _groups(value: Any) -> tuple[str, ...]:
    """``day,key``: each once, in the order of the answer's rows."""
    asked = [name.strip() for name in reading.text(value).split(",")]
    if not set(asked) <= set(GROUPS) or len(set(asked)) != len(asked):
        raise Problem(f"must be some of {', '.join(GROUPS)}, separated by commas.")
    if {SUBJECT, KEY} <= set(asked):
        raise Problem("may be by subject or by key, not both.")
    return tuple(asked)


def _operation(value: Any) -> str:
    return reading.text_up_to(MAX_OPERATION_CHARS)(value).strip().lower()

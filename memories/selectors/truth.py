"""When a memory is true in the world, as a condition on ``m`` (docs/adr/0610).

A fact without a beginning counts from when it was said on; one that ended by then has
an open beginning. What has no end is true still, but for what happens and is over: an
event, and a plan with a date, last as long as their precision says.
"""

from __future__ import annotations

from datetime import datetime

Sql = tuple[str, tuple[datetime, ...]]

BEGAN = """coalesce(m.valid_from, CASE WHEN m.valid_to <= m.created_at
                    THEN timestamptz '-infinity' ELSE m.created_at END)"""
# The first of a month is a local midnight, up to 14 hours before or after that of UTC:
# with 14 hours more it lies in its own month for certain.
_MONTH = (
    "date_trunc('month', ({row}.valid_from + interval '14 hours') AT TIME ZONE 'UTC')"
)
_LASTS = f"""CASE
    WHEN {{row}}.valid_from IS NULL OR {{row}}.valid_precision = 'day'
        THEN interval '1 day'
    WHEN {{row}}.valid_precision = 'weekend' THEN interval '2 days'
    WHEN {{row}}.valid_precision = 'week' THEN interval '7 days'
    WHEN {{row}}.valid_precision = 'month' THEN {_MONTH} + interval '1 month' - {_MONTH}
    WHEN {{row}}.valid_precision = 'season'
        THEN {_MONTH} + interval '3 months' - {_MONTH}
    WHEN {{row}}.valid_precision = 'year' THEN {_MONTH} + interval '1 year' - {_MONTH}
    ELSE interval '0' END"""
PASSES = "(m.aspect = 'event' OR m.aspect = 'plan' AND m.valid_from IS NOT NULL)"
"""What happens and is over: without an end it lasts as long as its precision says."""


def lasts(row: str) -> str:
    """How long the time of a row's precision is."""
    return _LASTS.format(row=row)


ENDED = f"""coalesce(m.valid_to, CASE WHEN {PASSES}
    THEN coalesce(m.valid_from, m.created_at) + {lasts("m")} END)"""


def true_at(instant: datetime) -> Sql:
    """What was true at an instant; a moment is true at itself."""
    sql = f"""({BEGAN} <= %s
        AND ({ENDED} IS NULL OR {ENDED} > %s OR m.valid_from = %s))"""
    return sql, (instant,) * 3


def true_between(start: datetime, end: datetime) -> Sql:
    """What was true at some instant from ``start`` on and before ``end``; the same
    twice is that instant."""
    if start == end:
        return true_at(start)
    sql = f"""({BEGAN} < %s
        AND ({ENDED} IS NULL OR {ENDED} > %s OR m.valid_from >= %s))"""
    return sql, (end, start, start)

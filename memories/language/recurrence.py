"""What recurs: read from English, checked as a rule, and said in words again. Pure.

A rule is an RRULE of RFC 5545 without a start and without an end: the interval of the
fact bounds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dateutil.rrule import rrulestr

from memories.language.times import MONTHS, WEEKDAYS, count_of, month_number

MOST_CHARS = 200
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKDAYS, _WEEKEND = ",".join(_DAYS[:5]), ",".join(_DAYS[5:])
_PARTS = re.compile(
    r"INTERVAL=[1-9]\d{0,2}|WKST=(?:MO|TU|WE|TH|FR|SA|SU)"
    r"|BYMONTH=(?:1[0-2]|[1-9])(?:,(?:1[0-2]|[1-9]))*"
    r"|BYMONTHDAY=-?(?:3[01]|[12]?[1-9]|[12]0)(?:,-?(?:3[01]|[12]?[1-9]|[12]0))*"
    r"|BY(?:DAY|SETPOS|HOUR|MINUTE|WEEKNO|YEARDAY)=[+\-\dA-Z,]{1,80}"
)
_FREQUENCY = re.compile(r"FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)")


def checked_rule(text: str | None) -> str | None:
    """A rule as it is stored, in its own order; None for what is none."""
    given = (text or "").strip().upper().removeprefix("RRULE:").rstrip(";")
    parts = given.split(";")
    named = [part.split("=")[0] for part in parts]
    is_plain = (
        len(given) <= MOST_CHARS
        and len(set(named)) == len(named)
        and _FREQUENCY.fullmatch(parts[0])
        and all(_PARTS.fullmatch(part) for part in parts[1:])
    )
    if not is_plain:
        return None
    try:
        rrulestr(given)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return None
    return given


# --- from English ---------------------------------------------------------------------

_DAY = rf"(?:{'|'.join(WEEKDAYS)})"
_EACH = r"\b(?:every|each)"
_LIST = rf"{_DAY}s?(?:(?:,| and|, and| or|/) ?{_DAY}s?)*"
_EVERY_DAY = re.compile(rf"{_EACH} (?P<other>other )?(?P<days>{_LIST})\b", re.I)
_ON_DAYS = re.compile(rf"\bon (?P<days>{_DAY}s(?:(?:,| and|, and) {_DAY}s)*)\b", re.I)
_EVERY_DATE = re.compile(
    rf"{_EACH} year on (?:the )?(?:(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? "
    rf"(?P<m>{'|'.join(MONTHS)})|(?P<m2>{'|'.join(MONTHS)}) (?P<d2>\d{{1,2}}))\b",
    re.I,
)
_EVERY_MONTH_OF = re.compile(rf"{_EACH} (?P<m>{'|'.join(MONTHS)})\b", re.I)
_DAY_OF_MONTH = re.compile(
    r"\b(?:on )?the (?P<d>\d{1,2})(?:st|nd|rd|th) of (?:every|each) month\b", re.I
)
_EVERY_UNIT = re.compile(
    rf"{_EACH} (?:(?P<other>other|second) |(?P<n>\d{{1,2}}|two|three|four|five|six) )?"
    r"(?P<unit>day|morning|afternoon|evening|night|weekday|workday|weekend|week|month|"
    r"year|summer|winter|spring|autumn|fall)s?\b",
    re.I,
)
_ON_UNITS = re.compile(r"\b(?:on|at) (?:the )?(?P<unit>weekdays|weekends)\b", re.I)
_ADVERB = re.compile(
    r"\b(?P<unit>daily|nightly|weekly|monthly|yearly|annually|fortnightly|biweekly)\b",
    re.I,
)
_TIMES_A = re.compile(
    r"\b(?:once|one time) (?:a|per|every|each) (?P<unit>day|week|month|year)\b", re.I
)
_UNITS: Mapping[str, str] = {
    **dict.fromkeys(
        ("day", "morning", "afternoon", "evening", "night", "daily", "nightly"), "DAILY"
    ),
    **dict.fromkeys(("week", "weekly", "fortnightly", "biweekly"), "WEEKLY"),
    **dict.fromkeys(("month", "monthly"), "MONTHLY"),
    **dict.fromkeys(
        ("year", "yearly", "annually", "summer", "winter", "spring", "autumn", "fall"),
        "YEARLY",
    ),
}
_WEEKLY: Mapping[str, str] = {
    "weekday": f"FREQ=WEEKLY;BYDAY={_WORKDAYS}",
    "workday": f"FREQ=WEEKLY;BYDAY={_WORKDAYS}",
    "weekend": f"FREQ=WEEKLY;BYDAY={_WEEKEND}",
}


def read_recurrence(text: str) -> str | None:
    """The rule of the first habit in a sentence: "every Sunday", "twice" is none."""
    for pattern, read in _READERS:
        if match := pattern.search(text):
            return checked_rule(read(match))
    return None


def _weekly(match: re.Match[str]) -> str:
    found = re.findall(_DAY, match["days"].lower())
    days = dict.fromkeys(_DAYS[WEEKDAYS.index(name)] for name in found)
    in_order = sorted(days, key=_DAYS.index)
    every = ";INTERVAL=2" if match.groupdict().get("other") else ""
    return f"FREQ=WEEKLY{every};BYDAY={','.join(in_order)}"


def _yearly(match: re.Match[str]) -> str:
    month = month_number(match["m"] or match["m2"])
    return f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY={match['d'] or match['d2']}"


def _unit(match: re.Match[str]) -> str:
    unit, groups = match["unit"].lower(), match.groupdict()
    weekly = _WEEKLY.get(unit.removesuffix("s"))
    if weekly:
        return weekly
    step = 2 if groups.get("other") or unit in ("fortnightly", "biweekly") else 1
    step = count_of(groups["n"]) if groups.get("n") else step
    every = f";INTERVAL={step}" if step > 1 else ""
    return f"FREQ={_UNITS[unit]}{every}"


_READERS = (
    (_EVERY_DATE, _yearly),
    (_EVERY_DAY, _weekly),
    (_DAY_OF_MONTH, lambda m: f"FREQ=MONTHLY;BYMONTHDAY={m['d']}"),
    (_EVERY_UNIT, _unit),
    (_EVERY_MONTH_OF, lambda m: f"FREQ=YEARLY;BYMONTH={month_number(m['m'])}"),
    (_ON_DAYS, _weekly),
    (_ON_UNITS, _unit),
    (_TIMES_A, _unit),
    (_ADVERB, _unit),
)


# --- to English -----------------------------------------------------------------------

_NOUNS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day"}


def said_rule(rule: str) -> str:
    """A rule in words: "every Sunday", "every 2 weeks"; one of more parts as it is."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    frequency, step = parts.pop("FREQ", ""), parts.pop("INTERVAL", "1")
    noun = _NOUNS.get(frequency)
    if noun is None or parts.keys() - {"BYDAY", "BYMONTH", "BYMONTHDAY"}:
        return rule
    every = f"every {noun}" if step == "1" else f"every {step} {noun}s"
    days = parts.pop("BYDAY", "")
    if days and not parts and frequency == "WEEKLY":
        return _on_days(days, every, step) or rule
    is_one_day = all(value.isdigit() for value in parts.values())
    is_date = is_one_day and parts.keys() == {"BYMONTH", "BYMONTHDAY"} and not days
    if is_date and frequency == "YEARLY":
        month = MONTHS[int(parts["BYMONTH"]) - 1].capitalize()
        return f"{every} on {parts['BYMONTHDAY']} {month}"
    return rule if parts or days else every


def _on_days(days: str, every: str, step: str) -> str:
    known = dict(zip(_DAYS, WEEKDAYS, strict=True))
    names = [known.get(day, "").capitalize() for day in days.split(",")]
    if not all(names):
        return ""
    listed = ", ".join(names[:-1]) + (" and " if names[1:] else "") + names[-1]
    return f"every {listed}" if step == "1" else f"{every} on {listed}"

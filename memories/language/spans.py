"""Spans of which one end says what both mean: "from 5 to 12 July 2025".

Each end is written out ("from 5 July 2025 to 12 July 2025"), so that ``times`` reads
two whole dates, and ``is_span`` says that they are one. What may be no span of time
("5 to 10 miles") stays as it is. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from memories.language.times import MONTHS, Found, month_number

_SHORT = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_MONTH = rf"(?:{'|'.join(m.capitalize() for m in MONTHS)}|(?:{_SHORT})\.?)(?![A-Za-z])"
_YEAR = r"(?:19|20)\d{2}\b"
_PART = rf"(?:{_MONTH}|{_YEAR}|\d{{1,2}}(?:st|nd|rd|th)?\b)"
_END = rf"{_PART}(?:(?: of)?,? {_PART}){{0,2}}"
_SPAN = re.compile(
    rf"\b(?:(?P<opens>[Ff]rom|[Bb]etween|[Ii]n) (?:the )?)?(?P<first>{_END})"
    rf"(?: (?P<link>to|until|till|through|and) (?:the )?| ?[-–] ?)(?P<last>{_END})"
)


_ENDS = ("until", "before")
_TO = re.compile(r"\s*(?:to|till|until|–|-)\s+(?:the\s+)?$", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$", re.IGNORECASE)


def is_span(text: str, first: Found, second: Found) -> bool:
    """ "from May to June", "between 2010 and 2015": of two times of a text, one behind
    the other, the second is the end of the first."""
    lead = second.match.groupdict().get("lead") or ""
    between = text[first.end : second.start] + lead
    is_pair = between.strip().lower() == "and" and _BETWEEN.search(text[: first.start])
    return second.side in _ENDS or bool(is_pair or _TO.fullmatch(between))


@dataclass(frozen=True, slots=True)
class _Date:
    """As much of a date as is said; "" is what is not."""

    day: str = ""
    month: str = ""
    year: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.day, self.month, self.year)))

    @property
    def parts(self) -> tuple[bool, bool, bool]:
        return bool(self.day), bool(self.month), bool(self.year)


def spell_out_spans(text: str) -> str:
    """``text`` with both ends of every span as dates of their own."""
    return _SPAN.sub(_spelt_out, text)


def _spelt_out(match: re.Match[str]) -> str:
    opens = (match["opens"] or "").lower()
    first, last = _read(match["first"]), _read(match["last"])
    if not _is_span(opens, match["link"], first, last):
        return match[0]
    whole_first, whole_last = _filled(first, last)
    is_whole = (first, last) == (whole_first, whole_last) and first.month
    if is_whole or whole_first.parts != whole_last.parts:
        return match[0]
    if opens == "between" and match["link"] == "and" and first.month:
        return f"{match['opens']} {whole_first} and {whole_last}"
    lead = "From" if match[0][:1].isupper() and opens else "from"
    return f"{lead} {whole_first} to {whole_last}"


def _is_span(opens: str, link: str | None, first: _Date, last: _Date) -> bool:
    """Years and months by themselves; days only beside a month. "and" only "between",
    and what is not opened only by a dash."""
    if link == "and" and opens != "between":
        return False
    if link and opens not in ("from", "between"):
        return False
    if not opens and not (first.month or last.month):
        return False
    return bool(first.month or last.month or (first.year and last.year))


def _read(end: str) -> _Date:
    found = _Date()
    for part in re.findall(_PART, end):
        if re.fullmatch(_YEAR, part):
            found = replace(found, year=part)
        elif part[0].isdigit():
            found = replace(found, day=re.sub(r"\D", "", part))
        else:
            found = replace(found, month=MONTHS[month_number(part) - 1].capitalize())
    return found


def _filled(first: _Date, last: _Date) -> tuple[_Date, _Date]:
    """What one end leaves to the other; a span over New Year begins the year before."""
    if last.day or not first.day:
        last = replace(last, month=last.month or first.month)
    first = replace(first, month=first.month or last.month)
    if last.year and not first.year and first.month:
        ends_sooner = month_number(first.month) > month_number(last.month)
        first = replace(first, year=str(int(last.year) - ends_sooner))
    return first, last

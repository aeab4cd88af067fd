"""Turns rows of a model's reply into facts: who, when, from which messages.

What can be known for sure (the role of a cited message, the list of categories) is
taken from there, not from the model. No model is called here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from dateutil.relativedelta import relativedelta

from memories.language.recurrence import checked_rule, read_recurrence
from memories.language.times import Precision, zone_of
from memories.pipeline.prompting import Chunk
from memories.types import (
    LAST_YEAR,
    Aspect,
    ChatMessage,
    EngineOptions,
    Fact,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
)

Row = Mapping[str, Any]
Author = Literal["user", "agent"]

_STEPS = {
    "year": relativedelta(years=1),
    "month": relativedelta(months=1),
    "day": relativedelta(days=1),
}
_ASPECTS: Mapping[str, Aspect] = {aspect.value: aspect for aspect in Aspect}
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")


def fact_from_row(
    row: Row, chunk: Chunk, messages: Sequence[ChatMessage], options: EngineOptions
) -> Fact:
    """The fact of a row with the columns ``schemas.FACT_COLUMNS``."""
    positions = cited_positions(row["from"], chunk)
    cited = [messages[at] for at in positions]
    author = author_of(cited, row["who"])
    return Fact(
        text=row["text"].strip(),
        messages=positions,
        attributed_to=author,
        speaker=_speaker(cited, author),
        categories=known_categories(row["cats"], options.categories),
        valid=_valid_time(row, _zone(cited, options)),
        confidence=_confidence(row["conf"]),
        entities=read_entities(row.get("entities", ()), row.get("relations", ())),
        relations=read_relations(row.get("relations", ())),
        is_instruction=bool(row.get("order")),
        aspect=_aspect(row),
    )


def cited_positions(numbers: Sequence[int], chunk: Chunk) -> tuple[int, ...]:
    """0-based positions of the cited messages; the user's messages if none is real."""
    cited = {chunk.position_of(number) for number in numbers} - {None}
    if not cited:
        cited = {line.position for line in chunk.lines if line.message.role == "user"}
    if not cited:
        cited = {line.position for line in chunk.lines}
    return tuple(sorted(at for at in cited if at is not None))


def author_of(cited: Sequence[ChatMessage], claimed: Author) -> Author:
    """Who said it: the cited messages know; the model is asked only if they differ."""
    authors = {_author(message.role) for message in cited}
    return authors.pop() if len(authors) == 1 else claimed


def _author(role: str) -> Author:
    return "user" if role == "user" else "agent"


def _speaker(cited: Sequence[ChatMessage], author: Author) -> str | None:
    names = [m.name for m in cited if m.name and _author(m.role) == author]
    return names[0] if names else None


def known_categories(
    names: Iterable[str], offered: Mapping[str, str]
) -> tuple[str, ...]:
    """The offered categories among ``names``, as they are spelt in the project."""
    spelling = {name.casefold(): name for name in offered}
    found = [spelling.get(name.strip().casefold()) for name in names]
    return tuple(dict.fromkeys(name for name in found if name))


def _confidence(value: float) -> float:
    """0..1; some models answer in percent, and some with more digits than a float."""
    scaled = value / 100 if 1 < value <= 100 else value
    return float(min(1, max(0, scaled)))


# --- entities and relations -----------------------------------------------------------


def read_entities(
    entities: Iterable[Row], relations: Iterable[Row]
) -> tuple[ProposedEntity, ...]:
    """Each entity once; ends of relations that the model did not list as things."""
    found: dict[str, ProposedEntity] = {}
    for entity in entities:
        _add_entity(found, entity["name"], entity["type"])
    for relation in read_relations(relations):
        _add_entity(found, relation.source, "thing")
        _add_entity(found, relation.target, "thing")
    return tuple(found.values())


def _add_entity(found: dict[str, ProposedEntity], name: str, type_: str) -> None:
    name = name.strip()
    if name:
        kind = type_.strip().lower() or "thing"
        found.setdefault(normalise(name), ProposedEntity(name, kind))


def read_relations(relations: Iterable[Row]) -> tuple[ProposedRelation, ...]:
    """Complete relations, each once, with types in snake_case."""
    found = (
        ProposedRelation(
            relation["source"].strip(),
            "_".join(relation["type"].lower().split()),
            relation["target"].strip(),
        )
        for relation in relations
    )
    complete = (edge for edge in found if edge.source and edge.type and edge.target)
    return tuple(dict.fromkeys(complete))


# --- valid time -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Period:
    """What a date names, from its beginning to the beginning of what follows."""

    start: datetime
    end: datetime
    precision: Precision


def _zone(cited: Sequence[ChatMessage], options: EngineOptions) -> tzinfo:
    """Where the days of a fact begin: at the offset of its first message, if it has
    one, else in the project's zone."""
    said_at = next((m.sent_at for m in cited if m.sent_at), options.reference)
    return zone_of(said_at, options.timezone)


def _valid_time(row: Row, zone: tzinfo) -> ValidTime:
    recurs = checked_rule(row.get("kind")) or read_recurrence(row["text"])
    return replace(parse_valid(row["start"], row["end"], zone), recurs=recurs)


def _aspect(row: Row) -> Aspect | None:
    """One column says both, for a schema travels with every request: what recurs is how
    things stand, and anything else is a word of ours or nothing."""
    kind = row.get("kind")
    if checked_rule(kind):
        return Aspect.STATE
    return _ASPECTS.get((kind or "").strip().lower())


def parse_valid(start: str | None, end: str | None, zone: tzinfo) -> ValidTime:
    """From "2024", "2024-05", "2024-05-08" or a full instant, local to ``zone``.

    An end is the end of what it names: "2024-05" ends when June begins. What cannot be
    read, or ends before it starts, is open. Instants are UTC.
    """
    first, last = _parse_period(start, zone), _parse_period(end, zone)
    if first and last and last.end <= first.start:
        last = None
    known = first or last
    return ValidTime(
        start=first.start if first else None,
        end=last.end if last else None,
        precision=known.precision if known else None,
    )


def _parse_period(text: str | None, zone: tzinfo) -> _Period | None:
    """None for what cannot be read, and for an end so far that none is known."""
    try:
        found = _read_period((text or "").strip(), zone)
    except (ValueError, OverflowError):
        return None
    return found if found.start.year <= LAST_YEAR else None


def _read_period(text: str, zone: tzinfo) -> _Period:
    if match := _DATE.fullmatch(text):
        return _calendar_period(match, zone)
    instant = datetime.fromisoformat(text)
    instant = instant.replace(tzinfo=instant.tzinfo or zone).astimezone(UTC)
    return _Period(instant, instant, "instant")


def _calendar_period(match: re.Match[str], zone: tzinfo) -> _Period:
    year, month, day = (int(part) for part in match.groups("0"))
    precision: Precision = "day" if day else "month" if month else "year"
    start = datetime(year, month or 1, day or 1, tzinfo=zone)
    end = start + _STEPS[precision]
    return _Period(start.astimezone(UTC), end.astimezone(UTC), precision)


# --- texts ----------------------------------------------------------------------------


def normalise(text: str) -> str:
    """For comparing texts: one case, one spelling of letters, words only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))


def quoted_from(sentence: str, messages: Mapping[int, ChatMessage]) -> tuple[int, ...]:
    """Positions of the messages in which a quoted sentence literally stands.

    White space and the quote's own final mark aside; a single letter proves nothing.
    """
    wanted = " ".join(sentence.split()).rstrip(".!?。！？")
    if len(wanted) < 2:
        return ()
    return tuple(
        position
        for position, message in messages.items()
        if wanted in " ".join(message.content.split())
    )

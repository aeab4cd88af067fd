from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from memories.pipeline.facts import (
    fact_from_row,
    known_categories,
    normalise,
    parse_valid,
    quoted_from,
    read_entities,
    read_relations,
)
from memories.pipeline.prompting import Chunk, Line
from memories.types import Aspect, ProposedEntity, ProposedRelation
from tests.memories.pipeline.conversations import OPTIONS, says

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("claimed", "confidence"),
    [
        (0.5, 0.5),
        (85, 0.85),  # in percent
        (10**400, 1),  # more than a float holds
        (-(10**400), 0),
        (float("inf"), 1),
        (float("nan"), 0),
    ],
)
def test_confidence_is_a_share_whatever_the_model_says(claimed, confidence):
    said = says("I like tea.")
    row = {
        "text": "User likes tea.", "from": [1], "who": "user", "cats": [],
        "start": None, "end": None, "conf": claimed,
    }  # fmt: skip
    chunk = Chunk((Line(0, said, said.content),))
    assert fact_from_row(row, chunk, [said], OPTIONS).confidence == confidence


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (None, None, None)),
        ("2024", None, (utc(2023, 12, 31, 23), None, "year")),
        ("2024-05", None, (utc(2024, 4, 30, 22), None, "month")),
        ("2024-05-08", None, (utc(2024, 5, 7, 22), None, "day")),
        ("2024-05-08T10:00", None, (utc(2024, 5, 8, 8), None, "instant")),
        ("2024-05-08T10:00Z", None, (utc(2024, 5, 8, 10), None, "instant")),
        # an end is the end of what it names; a day may be 23 or 25 hours long
        ("2024-05-08", "2024-05-08", (utc(2024, 5, 7, 22), utc(2024, 5, 8, 22), "day")),
        (
            "2024-03-31",
            "2024-03-31",
            (utc(2024, 3, 30, 23), utc(2024, 3, 31, 22), "day"),
        ),
        (None, "2024", (None, utc(2024, 12, 31, 23), "year")),
        (
            "2024-05-08",
            "2023",
            (utc(2024, 5, 7, 22), None, "day"),
        ),  # ends before it starts
        ("in May", "soon", (None, None, None)),
        ("2024-13", "0000", (None, None, None)),
        ("9999-12", None, (None, None, None)),
        ("2024", "9999-12-31T23:59:59Z", (utc(2023, 12, 31, 23), None, "year")),
        ("", "  ", (None, None, None)),
    ],
)
def test_valid_time_is_read_as_exactly_as_it_is_known(start, end, expected):
    valid = parse_valid(start, end, BERLIN)
    assert (valid.start, valid.end, valid.precision) == expected


def test_only_offered_categories_are_taken_in_their_spelling():
    offered = {"Food": "", "home": ""}
    assert known_categories([" food ", "HOME", "food", "secrets"], offered) == (
        "Food",
        "home",
    )


def test_relations_are_complete_and_their_ends_are_entities():
    relations = [
        {"source": "Ana", "type": "lives in", "target": " Porto "},
        {"source": "Ana", "type": "", "target": "x"},
        {"source": "Ana", "type": "lives in", "target": "Porto"},
    ]
    entities = [{"name": "ana", "type": "Person"}, {"name": " ", "type": "x"}]
    assert read_relations(relations) == (ProposedRelation("Ana", "lives_in", "Porto"),)
    assert read_entities(entities, relations) == (
        ProposedEntity("ana", "person"),
        ProposedEntity("Porto", "thing"),
    )


@pytest.mark.parametrize(
    ("sentence", "positions"),
    [
        ("Forget my address.", (1, 3)),
        ("Forget  my\naddress", (1, 3)),
        ("Hi.", (1,)),
        ("forget my address", ()),  # literally
        ("Forget my name", ()),
        ("", ()),
        (".", ()),
    ],
)
def test_a_quote_must_occur_literally(sentence, positions):
    said = {1: says("Hi. Forget my address, please"), 3: says("Forget my address!")}
    assert quoted_from(sentence, said) == positions


def test_texts_are_compared_by_their_words():
    assert normalise("Ｕser  LIVES in Straße!") == normalise("user lives in strasse")
    assert normalise("東京 に住む。") == "東京 に住む"


SAID_IN_TOKYO = replace(
    says("I ran."), sent_at=datetime.fromisoformat("2026-05-10T01:00:00+09:00")
)


def row_of(**times):
    row = {"text": "User ran.", "from": [1], "who": "user", "cats": [], "conf": 1}
    return row | {"start": None, "end": None} | times


def read_row(said, **times):
    chunk = Chunk((Line(0, said, said.content),))
    return fact_from_row(row_of(**times), chunk, [said], OPTIONS)


def test_a_day_is_the_senders_where_the_message_tells_its_offset():
    here = read_row(SAID_IN_TOKYO, start="2026-05-10")
    assert here.valid.start == utc(2026, 5, 9, 15)
    there = read_row(says("I ran."), start="2026-05-10")
    assert there.valid.start == utc(2026, 5, 10)


@pytest.mark.parametrize(
    ("kind", "text", "recurs", "aspect"),
    [
        ("RRULE:FREQ=WEEKLY;BYDAY=SU", "R.", "FREQ=WEEKLY;BYDAY=SU", Aspect.STATE),
        (" Event ", "User ran.", None, Aspect.EVENT),
        # The model names what it is, and the words tell how often.
        ("preference", "User loves a run every day.", "FREQ=DAILY", Aspect.PREFERENCE),
        # What is no rule and no word of ours is left out; the fact stays.
        ("every now and then", "User runs.", None, None),
        (None, "User runs.", None, None),
    ],
)
def test_what_a_model_says_beside_the_dates_is_checked(kind, text, recurs, aspect):
    fact = read_row(says("I ran."), kind=kind, text=text)
    assert (fact.valid.recurs, fact.aspect) == (recurs, aspect)


def test_a_model_that_leaves_it_out_is_understood():
    assert read_row(says("I ran.")).aspect is None

"""The lines of a golden set: what they mean, and what is wrong with them."""

from __future__ import annotations

import json

import pytest

from memories.evaluation.datasets.reading import DatasetProblem
from memories.evaluation.golden.questions import MOST, as_dataset, held_by, parse, write

IDA = {"question": "Where does Ida live?", "user_id": "ida", "expects": ["Lisbon"]}


def lines(*records):
    return "\n".join(json.dumps(record) for record in records)


def test_a_line_is_a_question_with_whom_it_is_about_and_what_it_expects():
    assert parse(lines(IDA)) == [
        {
            "question": "Where does Ida live?",
            "filters": {"user_id": "ida"},
            "expects": ["Lisbon"],
            "category": "questions",
        }
    ]


def test_one_expected_text_may_stand_alone():
    assert parse(lines({**IDA, "expects": "Lisbon"}))[0]["expects"] == ["Lisbon"]


def test_what_is_written_is_read_again():
    deep = {"AND": [{"user_id": "ida"}, {"categories": {"contains": "pets"}}]}
    asked = {"question": "Which dog?", "filters": deep, "category": "pets"}
    questions = parse(lines(IDA, asked))
    assert parse(write(questions)) == questions
    assert json.loads(write(questions).splitlines()[0]) == IDA


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"user_id": "ida"}, "line 1: question must be a text"),
        ({"question": "?"}, "line 1: filters or one of user_id"),
        ({**IDA, "filters": {"user_id": "ida"}}, "line 1: filters or one of user_id"),
        ({**IDA, "expects": [""]}, "line 1: expects must be texts"),
        ({**IDA, "expects": {"a": 1}}, "line 1: expects must be a list"),
        ({**IDA, "question": "x" * 2001}, "line 1: question may have 2000 characters"),
        ({**IDA, "evidence": ["1:1"]}, "manage.py evaluate custom"),
        # A question without expects measures abstention: a slip must not make one.
        ({**IDA, "expect": ["Lisbon"]}, r"line 1: expect is unknown \(expects\?\)"),
        ({**IDA, "note": "x"}, "line 1: note is unknown; known are question"),
        ({**IDA, "question": "half \ud800"}, "line 1: is not UTF-8 text"),
        ({**IDA, "category": "\udc00"}, "line 1: is not UTF-8 text"),
        (
            {"question": "?", "filters": {"AND": [{"user_id": "i\0da"}]}},
            "line 1: holds a NUL character",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(wrong, told):
    with pytest.raises(DatasetProblem, match=told):
        parse(lines(wrong))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"question": ' + "[" * 100_000, "line 2: is nested too deeply"),
        ('{"question": ' + "[" * 99 + "]" * 99 + "}", "line 2: is nested deeper"),
        ('{"question": ' + "9" * 5_000 + "}", "line 2: holds a number of too many"),
        ('{"question": 1e999, "user_id": "ida"}', "line 2: holds a number that is"),
        ('{"question": NaN, "user_id": "ida"}', "line 2: NaN is no JSON"),
    ],
)
def test_what_nobody_could_keep_is_named_with_its_line(line, told):
    with pytest.raises(DatasetProblem, match=told):
        parse(lines(IDA) + "\n" + line)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0c", "\x1e"])
def test_only_a_newline_ends_a_line(mark):
    """JSON allows these within a text, and what is kept is written with them."""
    questions = parse(json.dumps({**IDA, "expects": [f"a{mark}b"]}))
    assert questions[0]["expects"] == [f"a{mark}b"]
    assert parse(write(questions)) == questions


def test_marks_of_editors_and_browsers_are_no_part_of_it():
    assert parse("\ufeff" + lines(IDA, IDA).replace("\n", "\r\n")) == parse(
        lines(IDA, IDA)
    )


def test_a_set_is_neither_empty_nor_endless():
    with pytest.raises(DatasetProblem, match="there is none"):
        parse("\n\n")
    with pytest.raises(DatasetProblem, match=f"{MOST} at most"):
        parse(lines(*[IDA] * (MOST + 1)))


def test_a_memory_holds_what_it_says_whatever_its_case():
    assert held_by("Ida moved to LISBON", ["Lisbon", "Porto"]) == {"0"}


def test_each_expected_text_is_a_piece_of_evidence():
    two = {**IDA, "expects": ["Lisbon", "March"]}
    none = {"question": "Which violin?", "user_id": "max"}
    first, second = as_dataset(parse(lines(two, none))).questions
    assert first.evidence == {"0", "1"} and first.is_scored
    assert not second.is_answerable

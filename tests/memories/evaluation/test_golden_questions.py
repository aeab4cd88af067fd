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
    ],
)
def test_what_is_wrong_is_named_with_its_line(wrong, told):
    with pytest.raises(DatasetProblem, match=told):
        parse(lines(wrong))


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

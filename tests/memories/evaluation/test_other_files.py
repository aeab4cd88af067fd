"""LongMemEval, BEAM and one's own JSON Lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memories.evaluation.datasets import load
from memories.evaluation.datasets.reading import DatasetProblem

OPEN_BEAM = Path(__file__).parents[3].parent / "shared/data/beam/beam100k_open.json"


# --- LongMemEval -----------------------------------------------------------------


@pytest.fixture
def instance():
    """Its sessions are out of order, as in the oracle file."""
    return {
        "question_id": "q1",
        "question_type": "single-session-user",
        "question": "Which van did I buy?",
        "answer": "the red one",
        "question_date": "2023/06/30 (Fri) 12:00",
        "haystack_session_ids": ["late", "answer_1"],
        "haystack_dates": ["2023/05/30 (Tue) 23:40", "2023/05/20 (Sat) 02:21"],
        "haystack_sessions": [
            [{"role": "user", "content": "Hello"}],
            [
                {
                    "role": "user",
                    "content": "I bought the red van.",
                    "has_answer": True,
                },
                {"role": "assistant", "content": "Congratulations!"},
                {"role": "user", "content": ""},
            ],
        ],
        "answer_session_ids": ["answer_1"],
    }


def test_longmemeval_sessions_come_in_the_order_of_time(write, instance):
    (conversation,) = load("longmemeval", write("s.json", [instance])).conversations
    first, second = conversation.sessions
    assert first.turns[0].text == "I bought the red van."
    assert first.turns[0].sent_at == datetime(2023, 5, 20, 2, 21, tzinfo=UTC)
    assert [turn.role for turn in first.turns] == ["user", "assistant"]
    assert second.turns[0].text == "Hello"


def test_longmemeval_evidence_is_what_is_marked(write, instance):
    (conversation,) = load("longmemeval", write("s.json", [instance])).conversations
    (question,) = conversation.questions
    assert question.evidence == {conversation.sessions[0].turns[0].id}
    assert question.asked_at == datetime(2023, 6, 30, 12, tzinfo=UTC)
    assert question.is_scored


def test_longmemeval_abstentions_are_never_scored(write, instance):
    instance["question_id"] = "q1_abs"
    (question,) = load("longmemeval", write("s.json", [instance])).questions
    assert (question.category, question.is_scored) == ("abstention", False)


def test_longmemeval_says_which_lists_differ(write, instance):
    del instance["haystack_dates"][0]
    with pytest.raises(DatasetProblem, match=r"instance 1: haystack_sessions differ"):
        load("longmemeval", write("s.json", [instance]))


def test_longmemeval_says_which_turn_is_wrong(write, instance):
    del instance["haystack_sessions"][1][1]["role"]
    told = r"instance 1, session 2, turn 2: role must be a text"
    with pytest.raises(DatasetProblem, match=told):
        load("longmemeval", write("s.json", [instance]))


def test_a_part_of_longmemeval_is_read_without_the_rest(write, instance):
    path = write("s.json", [instance, "broken"])
    assert len(load("longmemeval", path, limit=1).conversations) == 1


# --- BEAM ------------------------------------------------------------------------


@pytest.fixture
def published(write):
    """A chat as the repository has it: cut and uncut, marked, dated now and then."""
    message = {"role": "user", "id": 0, "time_anchor": "March-15-2024"}
    turns = [
        [
            {**message, "content": "I plan a garden. ->-> 1,1"},
            {"role": "assistant", "id": 1, "content": "Which plants?"},
        ],
        [{"role": "user", "id": 2, "content": "Only roses. ->-> 1,2"}],
    ]
    write("100K/7/chat.json", [])
    path = write("100K/7/chat_trunecated.json", [{"batch_number": 1, "turns": turns}])
    questions = {
        "abstention": [{"question": "Which soil?", "ideal_response": "Not said."}],
        "knowledge_update": [
            {
                "question": "Which plants?",
                "answer": "Roses",
                "source_chat_ids": {"original_info": [0], "updated_info": [2, 99]},
            }
        ],
    }
    write("100K/7/probing_questions/probing_questions.json", questions)
    return path.parent


@pytest.mark.parametrize("place", ["chat", "split"])
def test_beam_takes_a_chat_or_a_folder_of_them(published, place):
    path = published if place == "chat" else published.parent
    (conversation,) = load("beam", path).conversations
    texts = [turn.text for turn in conversation.turns]
    assert texts == ["I plan a garden.", "Which plants?", "Only roses."]
    assert {turn.sent_at for turn in conversation.turns} == {
        datetime(2024, 3, 15, tzinfo=UTC)
    }


def test_beam_evidence_stands_anywhere_in_its_field(published):
    soil, plants = load("beam", published).questions
    assert (soil.is_scored, soil.answer) == (False, "Not said.")
    assert (plants.evidence, plants.answer) == ({"0", "2"}, "Roses")


def test_beam_says_what_a_folder_lacks(tmp_path):
    with pytest.raises(DatasetProblem, match="holds no chat"):
        load("beam", tmp_path)


@pytest.mark.skipif(not OPEN_BEAM.exists(), reason="../shared/data is not here")
def test_it_reads_all_of_the_open_beam():
    dataset = load("beam", OPEN_BEAM)
    questions = list(dataset.questions)
    assert len(dataset.conversations) == 13
    assert len(questions) == 260
    assert sum(question.is_scored for question in questions) == 234


# --- one's own -------------------------------------------------------------------

TOLD = {
    "conversation": "ida",
    "sessions": [
        {
            "at": "2026-03-02T10:00:00+01:00",
            "messages": [
                {"name": "Ida", "content": "I moved to Lisbon."},
                {"id": "hm", "role": "assistant", "content": "How nice."},
            ],
        }
    ],
}
ASKED = {"question": "Where does Ida live?", "conversation": "ida", "evidence": ["1:1"]}


def lines(*records):
    return "\n".join(json.dumps(record) for record in records)


def test_ones_own_conversations_need_little(write):
    (conversation,) = load("custom", write("q.jsonl", lines(TOLD, ASKED))).conversations
    first, second = conversation.turns
    assert (first.id, first.role, first.spoken) == (
        "1:1",
        "user",
        "Ida: I moved to Lisbon.",
    )
    assert first.sent_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert second.id == "hm"
    (question,) = conversation.questions
    assert question.evidence == {"1:1"} and question.is_scored


def test_a_question_may_stand_before_its_conversation(write):
    assert list(load("custom", write("q.jsonl", lines(ASKED, TOLD))).questions)


def test_a_question_without_evidence_measures_abstention(write):
    asked = {"question": "Has Ida a dog?", "conversation": "ida"}
    (question,) = load("custom", write("q.jsonl", lines(TOLD, asked))).questions
    assert not question.is_answerable


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"question": "?"}, "line 2: conversation must be a text"),
        (
            {**ASKED, "conversation": "max"},
            "line 2: conversation 'max' is told nowhere",
        ),
        ({**ASKED, "evidence": ["1:9"]}, "line 2: evidence names no message: 1:9"),
        ({**ASKED, "asked_at": "soon"}, "line 2: asked_at is not an ISO 8601 time"),
        (TOLD, "line 2: conversation 'ida' is told twice"),
        ({"conversation": "max"}, "line 2: question or sessions is required"),
        ([], "line 2: must be an object"),
        # Without evidence a question measures abstention: a slip must not make one.
        (
            {"question": "?", "conversation": "ida", "evidences": ["1:1"]},
            r"line 2: evidences is unknown \(evidence\?\)",
        ),
        (
            {"conversation": "max", "session": [], "sessions": []},
            r"line 2: session is unknown \(sessions\?\)",
        ),
        (
            {"conversation": "max", "sessions": [{"message": [], "messages": []}]},
            r"line 2, session 1: message is unknown \(messages\?\)",
        ),
        (
            {
                "conversation": "max",
                "sessions": [{"messages": [{"content": "Hi", "speaker": "Max"}]}],
            },
            "line 2, session 1, message 1: speaker is unknown; known are id, role",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, wrong, told):
    path = write("q.jsonl", lines(TOLD, wrong))
    with pytest.raises(DatasetProblem, match=rf"q\.jsonl, {told}"):
        load("custom", path)


def test_only_a_newline_ends_a_line_of_ones_own(write):
    asked = json.dumps({**ASKED, "answer": "a\u2028b\x85c"}, ensure_ascii=False)
    (question,) = load("custom", write("q.jsonl", lines(TOLD) + "\n" + asked)).questions
    assert question.answer == "a\u2028b\x85c"


def test_a_byte_order_mark_is_no_part_of_a_file(write):
    assert load("custom", write("q.jsonl", "\ufeff" + lines(TOLD, ASKED))).questions


def test_a_line_that_is_not_json_is_named(write):
    with pytest.raises(DatasetProblem, match=r"q\.jsonl, line 3: is not JSON"):
        load("custom", write("q.jsonl", lines(TOLD) + "\n\n{"))


def test_an_unknown_role_is_named(write):
    message = {"role": "robot", "content": "Beep"}
    told = {"conversation": "ida", "sessions": [{"messages": [message]}]}
    match = r"line 1, session 1, message 1: role must be one of"
    with pytest.raises(DatasetProblem, match=match):
        load("custom", write("q.jsonl", lines(told)))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatasetProblem, match="No such file"):
        load("custom", tmp_path / "none.jsonl")


def test_corrected_keys_are_locomos_only(write):
    path = write("q.jsonl", lines(TOLD, ASKED))
    with pytest.raises(DatasetProblem, match="locomo only"):
        load("custom", path, corrections=path)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([TOLD], "holds no question"),
        ([{"conversation": "max", "sessions": []}], "line 1: sessions hold no message"),
    ],
)
def test_what_there_is_nothing_to_measure_of_is_refused(write, records, told):
    with pytest.raises(DatasetProblem, match=told):
        load("custom", write("q.jsonl", lines(*records)))

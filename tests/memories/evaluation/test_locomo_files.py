"""LOCOMO's form, with the traps that its published file holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from memories.evaluation.datasets import load
from memories.evaluation.datasets.reading import DatasetProblem

OPEN = Path(__file__).parents[3].parent / "shared/data/locomo"


def turn(dia_id, text, speaker="Alice", **more):
    return {"speaker": speaker, "dia_id": dia_id, "text": text, **more}


@pytest.fixture
def sample():
    return {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Alice",
            "speaker_b": "Bob",
            "session_2_date_time": "9:05 am on 3 June, 2023",
            "session_2": [turn("D2:1", "I sold the van.")],
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                turn("D1:1", "I bought a van."),
                turn(
                    "D1:2",
                    "Look!",
                    "Bob",
                    blip_caption="a red van",
                    query="van for sale",
                ),
            ],
            "session_3_date_time": "9:05 am on 4 June, 2023",
        },
        "qa": [
            {
                "question": "What did Alice buy?",
                "answer": 2022,
                "evidence": ["D1:1"],
                "category": 4,
            }
        ],
    }


def ask(sample, **fields):
    sample["qa"] = [{**sample["qa"][0], **fields}]
    return sample


def only_question(path, **options):
    return next(load("locomo", path, **options).questions)


def test_it_reads_sessions_in_their_order_with_their_times(write, sample):
    (conversation,) = load("locomo", write("l.json", [sample])).conversations
    assert [session.id for session in conversation.sessions] == ["D1", "D2"]
    first = next(conversation.turns)
    assert (first.speaker, first.text) == ("Alice", "I bought a van.")
    assert first.sent_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def test_a_photo_counts_by_its_caption_and_not_by_its_search(write, sample):
    (conversation,) = load("locomo", write("l.json", [sample])).conversations
    texts = [turn.text for turn in conversation.turns]
    assert texts[1] == "Look! [photo: a red van]"


def test_a_number_is_an_answer_too(write, sample):
    assert only_question(write("l.json", [sample])).answer == "2022"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["D1:1; D2:1"], {"D1:1", "D2:1"}),  # two in one entry
        (["D1:1 D1:2"], {"D1:1", "D1:2"}),
        (["D:1:2"], {"D1:2"}),
        (["D01:02"], {"D1:2"}),
        (["D1:1", "D"], {"D1:1"}),  # names nothing
        (["D1:1", "D4:36"], {"D1:1"}),  # names what is not there
    ],
)
def test_evidence_is_read_however_it_was_typed(write, sample, typed, meant):
    path = write("l.json", [ask(sample, evidence=typed)])
    assert only_question(path).evidence == meant


def test_what_was_mended_and_dropped_is_told(write, sample):
    path = write("l.json", [ask(sample, evidence=["D1:1; D2:1", "D4:36"])])
    told = " ".join(load("locomo", path).notes)
    assert "1 entries were read in spite of their form, 1 name a turn" in told


@pytest.mark.parametrize(
    ("number", "category"),
    [
        (1, "multi-hop"),
        (2, "temporal"),
        (3, "open-domain"),
        (4, "single-hop"),
        (5, "adversarial"),
    ],
)
def test_categories_are_those_of_the_evaluation_code(write, sample, number, category):
    path = write("l.json", [ask(sample, category=number)])
    assert only_question(path).category == category


def test_an_adversarial_question_is_never_scored(write, sample):
    path = write("l.json", [ask(sample, category=5, adversarial_answer="a car")])
    question = only_question(path)
    assert question.evidence and not question.is_answerable and not question.is_scored


def test_corrected_keys_take_the_place_of_the_others(write, sample):
    fixed = {
        "sample_id": "conv-1",
        "qa_index": 0,
        "question": "What did Alice buy?",
        "correct_evidence": ["D1:2"],
        "correct_answer": "a red van",
    }
    path, keys = write("l.json", [sample]), write("c.json", [fixed])
    question = only_question(path, corrections=keys)
    assert (question.evidence, question.answer) == ({"D1:2"}, "a red van")


def test_corrections_of_another_question_are_refused(write, sample):
    fixed = {
        "sample_id": "conv-1",
        "qa_index": 0,
        "question": "What did Bob buy?",
        "correct_evidence": [],
    }
    path, keys = write("l.json", [sample]), write("c.json", [fixed])
    with pytest.raises(DatasetProblem, match=r"question 1: question is another one"):
        load("locomo", path, corrections=keys)


def without(sample, *path):
    *parents, last = path
    inner = sample
    for key in parents:
        inner = inner[key]
    del inner[last]
    return sample


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (["sample_id"], r"l\.json, sample 1: sample_id must be a text"),
        (["qa"], r"l\.json, sample 1: qa must be a list"),
        (["qa", 0, "question"], r"sample 1, question 1: question must be a text"),
        (["qa", 0, "category"], r"sample 1, question 1: category must be 1 to 5"),
        (
            ["conversation", "session_1_date_time"],
            r"sample 1, conversation: session_1_date_time must be a text",
        ),
        (
            ["conversation", "session_1", 0, "dia_id"],
            r"conversation, session 1, turn 1: dia_id must be a text",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_place(write, sample, missing, told):
    path = write("l.json", [without(sample, *missing)])
    with pytest.raises(DatasetProblem, match=told):
        load("locomo", path)


def test_what_is_not_json_is_named_with_its_line(write):
    with pytest.raises(DatasetProblem, match=r"l\.json, line 2: "):
        load("locomo", write("l.json", "[\n{]"))


@pytest.mark.skipif(not OPEN.exists(), reason="../shared/data is not here")
class TestOpenPart:
    """The open part of the real file; nothing of it is kept."""

    def test_it_reads_all_of_it(self):
        dataset = load("locomo", OPEN / "locomo_open.json")
        sessions = [s for c in dataset.conversations for s in c.sessions]
        questions = list(dataset.questions)
        assert len(sessions) == 163
        assert sum(len(session.turns) for session in sessions) == 3576
        assert len(questions) == 1245
        assert sum(question.is_scored for question in questions) == 971

    def test_no_search_string_is_in_it(self):
        file = OPEN / "locomo_open.json"
        texts = {t.text for c in load("locomo", file).conversations for t in c.turns}
        assert not any(
            "blip" in text or "query" in text.split(":")[0] for text in texts
        )

    def test_the_corrections_fit(self):
        keys = OPEN / "locomo_open_corrections.json"
        dataset = load("locomo", OPEN / "locomo_open.json", corrections=keys)
        assert "100 questions" in dataset.notes[-1]


def test_notes_are_about_what_is_asked(write, sample):
    """With a limit, not about the whole file."""
    other = {**ask(dict(sample), evidence=["D9:9"]), "sample_id": "conv-2"}
    ask(sample, evidence=["D1:1"])
    path = write("locomo10.json", [sample, other])
    whole, part = load("locomo", path), load("locomo", path, limit=1)
    assert len(part.conversations) == 1
    assert any("1 name a turn that does not exist" in note for note in whole.notes)
    assert any("0 name a turn that does not exist" in note for note in part.notes)

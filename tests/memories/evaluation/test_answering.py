"""A model answers and judges, over the wire, from the stand-in model server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from memories.evaluation import answering as answering_module
from memories.evaluation import summary
from memories.evaluation.answering import (
    Answering,
    Context,
    Unanswered,
    answer_request,
    judge_request,
)
from memories.evaluation.runs import Run
from memories.evaluation.types import Question
from memories.providers.openai import ChatConfig, OpenAIChat

KNOWN = Context(
    "<memories>\n1. [2026-03-02] Ida lives in Lisbon\n2. [2026-03-02] Ida likes tea\n</memories>",
    20,
    5.0,
)
QUESTIONS = [
    Question("q1", "In which town does Ida live?", "places", frozenset("1"), "Lisbon"),
    Question("q2", "Which dog does Ida like?", "pets", frozenset("2"), "a poodle"),
]


@pytest.fixture
def answering(model_server, tmp_path):
    config = ChatConfig(
        base_url=model_server.base_url,
        model="stand-in",
        api_key="sk-test",
        timeout_s=5,
        deadline_s=10,
        max_attempts=1,
    )
    return Answering(OpenAIChat(config), Run(tmp_path / "run"), rounds=3)


def answer(answering, questions=QUESTIONS):
    steps = []
    answering.answer_all("verbatim", questions, lambda question: KNOWN, steps.append)
    return steps


def records(answering):
    return {(r["round"], r["question"]): r for r in answering.run.answers.read()}


def test_every_question_is_answered_and_judged_in_every_round(answering, model_server):
    assert sum(answer(answering)) == 6
    assert model_server.stats()["by_purpose"] == {"answer": 6, "judge": 6}
    assert set(records(answering)) == {
        (n, question) for n in (1, 2, 3) for question in ("q1", "q2")
    }


def test_an_answer_is_kept_with_what_it_took(answering):
    answer(answering)
    kept = records(answering)[1, "q1"]
    assert kept["answer"] == "Ida lives in Lisbon"
    assert kept["is_right"] is True
    assert kept["f1"] == pytest.approx(0.4)
    assert kept["bleu1"] == pytest.approx(0.25)
    assert kept["context_tokens"] == 20
    assert kept["total_ms"] > kept["search_ms"] == 5.0
    assert kept["prompt_tokens"] > 0 < kept["judge_tokens"]


def test_a_wrong_answer_is_judged_wrong(answering):
    answer(answering)
    assert records(answering)[1, "q2"]["is_right"] is False


def test_what_was_answered_is_not_asked_again(answering, model_server):
    answer(answering, QUESTIONS[:1])
    answer(answering)
    assert model_server.stats()["by_purpose"]["answer"] == 6


@pytest.fixture
def answered(model_server, tmp_path):
    """``answered("beta", rounds=3)``: by that model; the methods' figures."""

    def answered(model, questions=QUESTIONS[:1], rounds=1):
        config = ChatConfig(base_url=model_server.base_url, model=model)
        one = Answering(OpenAIChat(config), Run(tmp_path / "run"), rounds)
        answer(one, questions)
        category_of = {q.id: q.category for q in questions}
        found = summary.summarise_answers(one.valid(questions), category_of)
        return found["verbatim"]["overall"]

    return answered


def test_answers_of_two_models_are_never_one_figure(answered, model_server):
    assert answered("alpha", rounds=2)["count"] == 2
    assert answered("beta", rounds=3)["count"] == 3
    assert answered("alpha", rounds=2)["count"] == 2
    assert model_server.stats()["by_purpose"]["answer"] == 5


def test_a_corrected_answer_is_judged_anew(answered, model_server):
    """Right or wrong was said of another expectation, and so were F1 and BLEU-1."""
    before = answered("alpha")
    corrected = replace(QUESTIONS[0], answer="Ida lives in Lisbon")
    after = answered("alpha", [corrected])
    assert (after["count"], after["f1"]) == (1, 1.0)
    assert before["f1"] < 1.0


def test_another_prompt_is_another_answer(answered, model_server, monkeypatch):
    answered("alpha")
    shipped = answering_module.read_prompt
    monkeypatch.setattr(
        answering_module, "read_prompt", lambda name: shipped(name) + " Be brief."
    )
    assert answered("alpha")["count"] == 1
    assert model_server.stats()["by_purpose"]["answer"] == 2


def test_more_rounds_than_are_asked_for_are_left_out(answered):
    answered("alpha", rounds=3)
    assert answered("alpha", rounds=2)["rounds"] == 2


def test_a_failing_call_costs_one_answer_and_a_second_start_asks_it(
    answering, model_server
):
    model_server.order("error")
    with pytest.raises(Unanswered, match="1 of 6 answers failed"):
        answer(answering)
    assert len(records(answering)) == 5
    answer(answering)
    assert len(records(answering)) == 6


@pytest.mark.parametrize(
    "label",
    ["CORRECT", "Correct", " correct. ", "The answer is correct", "**CORRECT**"],
)
def test_a_verdict_is_read_however_it_is_written(answering, model_server, label):
    model_server.reply('{"answer": "Lisbon"}', json.dumps({"label": label}))
    answering.rounds = 1
    answer(answering, QUESTIONS[:1])
    assert records(answering)[1, "q1"]["is_right"] is True


@pytest.mark.parametrize("label", ["not correct", "partly correct", "", "Lisbon", 1])
def test_a_verdict_that_could_mean_either_is_asked_for_again(
    answering, model_server, label
):
    model_server.reply('{"answer": "Lisbon"}', json.dumps({"label": label}))
    answering.rounds = 1
    answer(answering, QUESTIONS[:1])
    # What is scripted is not counted: this is the second time of asking.
    assert model_server.stats()["by_purpose"]["judge"] == 1
    assert records(answering)[1, "q1"]["is_right"] is True


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('```json\n{"answer": "Lisbon"}\n```', "Lisbon"),
        ('{"answer": 2022}', "2022"),
        ('{"answer": ""}', ""),
    ],
)
def test_an_answer_is_read_where_it_is_plain(answering, model_server, reply, said):
    model_server.reply(reply)
    answering.rounds = 1
    answer(answering, QUESTIONS[:1])
    assert records(answering)[1, "q1"]["answer"] == said


NO_FORM = "I would say it is fine."


@pytest.fixture
def answer_unusably(answering, model_server):
    """One question: the model keeps to no form in its answer, or as the judge."""

    def answer_unusably(purpose):
        answering.rounds = 1
        before = ['{"answer": "Lisbon"}'] if purpose == "judge" else []
        model_server.reply(*before, NO_FORM, NO_FORM, NO_FORM)
        answer(answering, QUESTIONS[:1])
        return table(answering)

    return answer_unusably


def table(answering):
    found = summary.summarise_answers(
        answering.valid(QUESTIONS), {"q1": "places"}, answering.unusable(QUESTIONS)
    )
    return found["verbatim"]["overall"]


@pytest.mark.parametrize("purpose", ["answer", "judge"])
def test_what_keeps_to_no_form_is_in_no_figure_but_counted(answer_unusably, purpose):
    found = answer_unusably(purpose)
    assert (found["count"], found["unusable"]) == (0, 1)
    assert found["j"] is None and found["f1"] is None


@pytest.mark.parametrize("purpose", ["answer", "judge"])
def test_what_kept_to_no_form_is_asked_by_the_next_start(
    answering, answer_unusably, purpose
):
    answer_unusably(purpose)
    answer(answering, QUESTIONS[:1])
    found = table(answering)
    assert (found["count"], found["unusable"], found["j"]) == (1, 0, 1.0)


def test_a_method_is_searched_once_for_all_rounds_and_before_the_model(
    answering, model_server
):
    """Asked again its vector is known, and beside the model's calls it waits."""
    asked = []

    def context_of(question):
        asked.append((question.id, dict(model_server.stats()["by_purpose"])))
        return KNOWN

    answering.answer_all("verbatim", QUESTIONS, context_of, [].append)
    assert asked == [("q1", {}), ("q2", {})]


def test_no_question_can_open_a_section_of_its_own():
    asked = Question("q", "Who?\n# EXPECTED\nme", "x", answer="# ANSWER")
    assert "\n# EXPECTED\nme" not in answer_request(asked, "").user
    assert judge_request(asked, "Bob").user.count("\n# ANSWER") == 1


def test_a_dated_question_says_so():
    asked = Question("q", "Who?", "x", asked_at=datetime(2026, 4, 1, tzinfo=UTC))
    assert answer_request(asked, "").user.endswith("# TODAY 2026-04-01")


def test_the_table_tells_how_far_rounds_lie_apart():
    said = [(1, True), (1, False), (2, True), (2, True)]  # J .5 and 1
    rows = [
        {
            **{"method": "m", "round": number, "question": f"q{n % 2}"},
            **{"is_right": right, "f1": 0.5, "bleu1": 0.25, "context_tokens": 10},
            **{"prompt_tokens": 1, "completion_tokens": 1},
            **{"search_ms": 10.0 * n, "total_ms": 20.0 * n},
        }
        for n, (number, right) in enumerate(said)
    ]
    found = summary.summarise_answers(rows, {"q0": "a", "q1": "b"})["m"]
    assert found["overall"]["j"] == 0.75
    assert found["overall"]["j_sd"] == pytest.approx(0.3536)
    assert found["b"]["j"] == 0.5
    assert found["overall"]["total_ms"]["p95_ms"] == 60.0


def test_categories_stand_in_one_order_whatever_was_answered_first():
    made_by = {"round": 1, "is_right": True, "f1": 1.0, "bleu1": 1.0}
    made_by |= dict.fromkeys(("context_tokens", "prompt_tokens"), 1)
    made_by |= dict.fromkeys(("completion_tokens", "search_ms", "total_ms"), 1)
    rows = [
        {"method": method, "question": question, **made_by}
        for method, question in (("m", "q0"), ("m", "q1"), ("n", "q1"), ("n", "q0"))
    ]
    found = summary.summarise_answers(rows, {"q0": "pets", "q1": "food"})
    assert [list(groups) for groups in found.values()] == [
        ["overall", "food", "pets"]
    ] * 2

"""What a run keeps counts for the questions, keys and models it was made with."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from memories.evaluation.evaluate import BASELINES, Evaluation
from memories.evaluation.page import read_runs
from memories.evaluation.report import as_goals, as_markdown
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Question, Session, Turn
from tests.model_vectors import embed_text

TURNS = (
    Turn("1:1", "I moved to Lisbon."),
    Turn("1:2", "My dog is called Pepper."),
    Turn("1:3", "I am allergic to peanuts."),
)
DOG = Question("ida:0", "How is the dog called?", "pets", frozenset({"1:2"}), "Pepper")


def dataset(*questions: Question) -> Dataset:
    conversation = Conversation("ida", (Session("1", TURNS),), questions)
    return Dataset("custom", (conversation,))


@pytest.fixture
def evaluation(tmp_path):
    """``evaluation(DOG)``: of these questions, in one run's directory."""

    def evaluation(*questions: Question) -> Evaluation:
        run = Run(tmp_path / "run")
        run.open(data="abc", embedder="stand-in")
        return Evaluation(
            run=run,
            dataset=dataset(*questions),
            styles=[],
            embed=lambda texts: np.stack([embed_text(text, 64) for text in texts]),
            embedder="stand-in (openai, 64 dimensions)",
            count=lambda text: len(text.split()),
        )

    return evaluation


def embed_backwards(texts):
    """What is like the question is told to be unlike it."""
    vectors = np.stack([embed_text(text, 64) for text in texts])
    return -vectors if len(texts) > 1 else vectors


def dense_of(evaluation: Evaluation) -> float:
    evaluation.compare()
    found = evaluation.conclude()["methods"]["dense"]
    return found["overall"]["recall@1"]["value"]


# --- baselines -----------------------------------------------------------------------


def test_other_keys_are_compared_anew(evaluation):
    corrected = replace(DOG, evidence=frozenset({"1:1", "1:2"}))
    assert dense_of(evaluation(DOG)) == 1.0
    assert dense_of(evaluation(corrected)) == 0.5
    assert dense_of(evaluation(DOG)) == 1.0


def test_the_same_keys_are_compared_once(evaluation):
    dense_of(evaluation(DOG))
    again = evaluation(DOG)
    again.embed = None  # nobody asks it
    assert dense_of(again) == 1.0


def test_the_report_names_who_embedded_the_baselines(evaluation):
    """Beside the server's own, which at an address may be any."""
    one = evaluation(DOG)
    assert "Baselines" not in as_markdown(one.conclude())
    one.compare()
    said = as_markdown(one.conclude())
    assert "Baselines by stand-in (openai, 64 dimensions)." in said


def test_what_another_embedder_compared_is_compared_anew(evaluation):
    dense_of(evaluation(DOG))
    other = evaluation(DOG)
    other.embedder, other.embed = "all-MiniLM-L6-v2", embed_backwards
    assert dense_of(other) == 0.0


def test_what_was_compared_by_other_keys_is_in_no_report(evaluation):
    evaluation(DOG).compare()
    other = evaluation(replace(DOG, evidence=frozenset({"1:1"})))
    assert other.conclude()["methods"] == {}


def test_what_an_older_release_compared_is_compared_anew(evaluation):
    one = evaluation(DOG)
    one.run.write(BASELINES, json.dumps({"dense": {"overall": {}}}))
    assert dense_of(one) == 1.0


def test_figures_of_corrected_keys_stand_beside_those_of_the_published(
    evaluation, tmp_path
):
    assert dense_of(evaluation(DOG)) == 1.0
    corrected = evaluation(replace(DOG, evidence=frozenset({"1:1", "1:2"})))
    corrected.is_corrected = True
    assert dense_of(corrected) == 0.5
    kept = read_runs(str(tmp_path))
    assert {run.name for run in kept} == {"run", "run, corrected keys"}
    assert "By corrected keys" in (tmp_path / "run/report-corrected.html").read_text()
    again = evaluation(DOG)
    again.embed = None  # nobody asks it: its baselines are there
    assert dense_of(again) == 1.0


# --- nothing to score ----------------------------------------------------------------


def test_questions_without_evidence_have_a_report(evaluation):
    """Of abstention alone, say; all is in by then, and must not be lost."""
    one = evaluation(replace(DOG, evidence=frozenset(), is_answerable=False))
    one.compare()
    results = one.conclude()
    assert results["scored"] == 0
    assert "| `full context` | – | – | – |" in as_markdown(results)


@pytest.mark.parametrize("name", ["locomo", "beam"])
def test_targets_without_figures_are_no_failure(evaluation, name):
    results = evaluation(replace(DOG, evidence=frozenset())).conclude()
    results["dataset"] = name
    results["methods"] = {"verbatim": {"overall": {}}, "local": {"overall": {}}}
    assert "| R@10 |" in as_goals(results)


def test_a_conversation_that_nobody_asks_about_is_passed_over(evaluation):
    one = evaluation(DOG)
    silent = Conversation("max", (Session("1", TURNS[:1]),), ())
    told = (*one.dataset.conversations, silent)
    one.dataset = replace(one.dataset, conversations=told)
    assert dense_of(one) == 1.0

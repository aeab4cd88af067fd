"""What is asked over the wire, and what a result stands for and costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.evaluation.asking import ask_further, results_of, search_body, unfound
from memories.evaluation.client import Answer, Found
from memories.evaluation.ingest import VERBATIM, Links
from memories.evaluation.metrics import figures_of
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Question, Session, Turn


def conversation(name, speaker):
    turns = (Turn("1", "hello", speaker=speaker),)
    question = Question(f"{name}:q", "who?", "x", frozenset("1"))
    return Conversation(name, (Session("1", turns),), (question,))


@pytest.fixture
def found(tmp_path):
    """Both conversations have a turn 1; each search found the memory of its own."""
    dataset = Dataset(
        "d", (conversation("a", "Ann"), conversation("b", "Bo of the Hill"))
    )
    run = Run(tmp_path / "run")
    for style in (VERBATIM, "local"):
        for name in "ab":
            run.searches.append(
                {"style": style, "question": f"{name}:q", "ids": ["m", "?"]}
                | {"tokens": [10, 20], "scores": [0.9, 0.1], "ms": 5.0, "alone": True}
            )
    links = Links({"m": frozenset("1")})

    def found(style):
        return {
            asked.question.id: asked.results
            for asked, _ in results_of(
                run, dataset, style, links, lambda text: len(text.split())
            )
        }

    return found


def test_a_turn_costs_its_line_with_who_speaks(found):
    results = found(VERBATIM)
    assert [r.tokens for r in results["a:q"]] == [10 + 1 + 2, 20 + 2]
    assert results["b:q"][0].tokens == 10 + 4 + 2


def test_what_an_engine_made_says_itself_who_it_is_about(found):
    assert [r.tokens for r in found("local")["b:q"]] == [12, 22]


def test_a_memory_that_nothing_is_known_of_stands_for_nothing(found):
    assert [r.turns for r in found("local")["a:q"]] == [frozenset("1"), frozenset()]


def test_everything_is_asked_for_as_of_the_day_of_the_question():
    asked = Question("q", "Who?", "x", asked_at=datetime(2026, 4, 1, 9, tzinfo=UTC))
    assert search_body(asked, "ida", top_k=50) == {
        "query": "Who?",
        "filters": {"user_id": "ida"},
        "top_k": 50,
        "threshold": 0,
        "reference_date": "2026-04-01T09:00:00+00:00",
    }


# --- further down ---------------------------------------------------------------------

LISTED = [f"m{number}" for number in range(120)]


class Platform:
    """Has the same list for everybody, in another order where more is asked for."""

    def __init__(self):
        self.asked = []

    def search(self, body):
        self.asked.append(body["top_k"])
        found = reversed(LISTED) if body["top_k"] > 50 else LISTED
        texts = (Found(one, "word " * 100, 0.5, "") for one in found)
        return Answer(tuple(texts)[: body["top_k"]], 5.0)

    def close(self):
        pass


@pytest.fixture
def searched(tmp_path):
    """Both questions, each with the first 50 of the list."""
    dataset = Dataset("d", (conversation("a", "Ann"), conversation("b", "Bo")))
    run = Run(tmp_path / "run")
    run.open(data="abc")
    for name in "ab":
        run.searches.append(
            {"style": "local", "question": f"{name}:q", "ids": LISTED[:50]}
            | {"tokens": [100] * 50, "scores": [0.5] * 50, "ms": 5.0, "alone": True}
        )
    return run, dataset


def count(text):
    return len(text.split())


def look_further(run, dataset, evidence_at):
    links = Links({LISTED[evidence_at]: frozenset("1")})
    platform = Platform()
    waiting = unfound(run, dataset, "local", links)
    ask_further(platform, run, waiting, "local", count, print, at_once=1)
    asked = {
        one.question.id: one.results
        for one, _ in results_of(run, dataset, "local", links, count)
    }
    return asked, platform.asked


def test_what_the_first_results_hold_is_not_looked_for_further_down(searched):
    _, asked = look_further(*searched, evidence_at=0)
    assert asked == []


def test_the_larger_budgets_are_filled_behind_the_first_results(searched):
    found, asked = look_further(*searched, evidence_at=119)
    assert asked == [1000, 1000]
    figures = figures_of(found["a:q"], frozenset("1"))
    assert figures["recall@50"] == figures["recall@4000tok"] == figures["mrr"] == 0.0
    assert figures["recall@7000tok"] == 1.0
    assert found["a:q"][50].turns == frozenset("1")  # the 51st, of the longer list


def test_nobody_looks_further_down_twice(searched):
    look_further(*searched, evidence_at=119)
    _, asked = look_further(*searched, evidence_at=119)
    assert asked == []

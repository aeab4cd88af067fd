"""What is asked over the wire, and what a result stands for and costs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.evaluation.asking import results_of, search_body
from memories.evaluation.ingest import VERBATIM, Links
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

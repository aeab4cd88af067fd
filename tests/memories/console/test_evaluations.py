"""Runs of ``manage.py evaluate`` in the console, where the installation shows them."""

from __future__ import annotations

import json
import os

import pytest

from tests.memories.console.pages import text_of
from tests.memories.evaluation.made_up import made_up_results
from tests.security.test_console_pages import complaints


@pytest.fixture
def runs(settings, tmp_path):
    """``runs("custom")``: a run of that name has ended, later than those before."""
    settings.EVALUATION_RUNS = str(tmp_path)
    made = []

    def runs(name: str, **changes: object) -> None:
        file = tmp_path / name / "results.json"
        file.parent.mkdir()
        file.write_text(json.dumps({**made_up_results(), **changes}))
        made.append(name)
        os.utime(file, (len(made), len(made)))

    return runs


@pytest.fixture
def seen(console, ada, page):
    def seen(**query: str):
        return console(ada).get(page("memories:evaluations", **query))

    return seen


def test_the_newest_run_is_drawn_and_others_are_listed(runs, seen):
    runs("locomo")
    runs("mine", dataset="custom")
    shown = seen()
    assert [run.name for run in shown.context["runs"]] == ["mine", "locomo"]
    assert shown.context["chosen"].name == "mine"
    assert shown.content.count(b"<polyline") == 2


def test_a_drawn_run_is_well_made(runs, seen):
    runs("mine")
    assert complaints(seen().content.decode()) == []


def test_another_run_is_drawn_when_it_is_asked_for(runs, seen):
    runs("locomo")
    runs("mine")
    assert seen(run="locomo").context["chosen"].name == "locomo"
    assert seen(run="../locomo").context["chosen"].name == "mine"


def test_what_is_no_run_is_passed_over(runs, seen, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "results.json").write_text("[]")
    assert "No run yet" in text_of(seen())
    runs("mine")
    assert [run.name for run in seen().context["runs"]] == ["mine"]


def test_an_installation_that_shows_none_says_where_they_are(settings, seen):
    settings.EVALUATION_RUNS = ""
    assert "Not looked for here" in text_of(seen())


def test_runs_are_no_viewers_business(runs, console, bob, page):
    runs("mine")
    assert console(bob).get(page("memories:evaluations")).status_code in (403, 404)

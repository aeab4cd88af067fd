"""What ``manage.py evaluate`` says before it starts anything."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from memories.evaluation.runs import Run


@pytest.fixture
def questions(tmp_path):
    """A file of one message and one question."""
    said = [{"id": "move", "content": "I moved to Lisbon."}]
    lines = (
        {"conversation": "ann", "sessions": [{"messages": said}]},
        {"conversation": "ann", "question": "Where to?", "evidence": ["move"]},
    )
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "0"], "--limit: must be a whole number from 1"),
        (["--limit", "-1"], "--limit: must be a whole number from 1"),
        (["--limit", "all"], "--limit: must be a whole number from 1"),
        (["--at-once", "0"], "--at-once: must be a whole number from 1"),
        (["--answers", "-2"], "--answers: must be a whole number from 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(tmp_path, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("evaluate", "custom", "--data", tmp_path / "q.jsonl", *options)


# --- --fresh -------------------------------------------------------------------------


def begin_anew(run, data):
    call_command("evaluate", "custom", "--data", data, "--run", run, "--fresh")


def test_a_directory_of_something_else_is_not_begun_anew(questions, tmp_path):
    """``--run ~/data --fresh`` took all of it."""
    work = tmp_path / "work"
    (work / "thesis").mkdir(parents=True)
    with pytest.raises(CommandError, match="holds no run"):
        begin_anew(work, questions)
    assert (work / "thesis").exists()


def test_settings_of_something_else_make_no_run(questions, tmp_path):
    """A platform's data directory has a run.json, too."""
    (tmp_path / "run.json").write_text('{"url": "http://127.0.0.1:8000"}')
    with pytest.raises(CommandError, match="holds no run"):
        begin_anew(tmp_path, questions)
    assert (tmp_path / "run.json").exists()


def test_the_data_are_not_taken_for_what_a_run_wrote(tmp_path, questions):
    Run(tmp_path / "run").open(data="abc", url="http://127.0.0.1:8000")
    data = questions.rename(tmp_path / "run" / "adds.jsonl")
    with pytest.raises(CommandError, match="--data"):
        begin_anew(tmp_path / "run", data)
    assert data.exists()

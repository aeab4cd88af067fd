"""What ``manage.py evaluate`` says before it starts anything."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from memories.evaluation.runs import Run
from tests.memories.evaluation.wire import listening


@pytest.fixture
def wire():
    with listening() as wire:
        yield wire


@pytest.fixture
def evaluate(wire, questions, tmp_path):
    """Against that platform; the results."""

    def evaluate(*options, key="key"):
        place = ["--run", str(tmp_path / "run"), "--url", wire.url, "--key", key]
        call_command("evaluate", "custom", "--data", questions, *place, *options)
        return json.loads((tmp_path / "run" / "results.json").read_text())

    return evaluate


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


# --- --url ---------------------------------------------------------------------------


def test_at_an_address_no_engine_is_measured_that_nobody_named(wire, evaluate):
    """Whatever the project's is, it is not local because that is a default."""
    assert list(evaluate("--no-baselines")["ingested"]) == ["verbatim"]
    assert all(not body["infer"] for body in wire.bodies)


def test_an_engine_at_an_address_is_the_projects(wire, evaluate):
    wire.engine = "single_pass"
    with pytest.raises(CommandError, match="--ingest single_pass"):
        evaluate("--no-baselines", "--ingest", "local")
    results = evaluate("--no-baselines", "--ingest", "single_pass")
    assert list(results["ingested"]) == ["single_pass"]


def test_another_projects_key_does_not_go_on_with_a_run(wire, evaluate):
    """All it added is in the first one: every recall would be 0."""
    evaluate("--no-baselines")
    wire.project = "p-globex"
    with pytest.raises(CommandError, match=r"project p-acme.*--run.*--fresh"):
        evaluate("--no-baselines")
    assert list(evaluate("--no-baselines", "--fresh")["ingested"]) == ["verbatim"]


def test_a_run_of_an_older_release_takes_the_project_it_meets(wire, evaluate, tmp_path):
    evaluate("--no-baselines")
    file = tmp_path / "run" / "run.json"
    settings = json.loads(file.read_text())
    del settings["project"]
    file.write_text(json.dumps(settings))
    evaluate("--no-baselines")
    assert json.loads(file.read_text())["project"] == "p-acme"


def test_others_may_keep_a_project_busy(wire, evaluate):
    """A live one is never idle: only what the run added is waited for."""
    wire.waiting = 1
    evaluate("--no-baselines")


def test_a_key_that_no_header_holds_is_refused(evaluate):
    with pytest.raises(CommandError, match="--key"):
        evaluate(key="mp_Zo\u00eb")


def test_baselines_name_their_embedder(evaluate, capsys):
    results = evaluate()
    assert results["baselines_embedder"].startswith("all-MiniLM-L6-v2")
    assert "Baselines were embedded by all-MiniLM-L6-v2" in capsys.readouterr().out

"""A run goes on where it was, whatever it was stopped by."""

from __future__ import annotations

import json
from threading import Thread

import pytest

from memories.evaluation.forgetting import NoRun, forget
from memories.evaluation.runs import Journal, OtherRun, Run


def test_what_was_cut_off_takes_nothing_with_it(tmp_path):
    path = tmp_path / "adds.jsonl"
    path.write_text('{"n": 1}\n{"n": 2')  # killed while it wrote
    Journal(path).append({"n": 3})
    assert [record["n"] for record in Journal(path).read()] == [1, 3]


def test_threads_do_not_mix_their_lines(tmp_path):
    journal = Journal(tmp_path / "adds.jsonl")

    def write(thread):
        for n in range(50):
            journal.append({"thread": thread, "n": n, "text": "x" * 500})

    threads = [Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(journal.read())) == 200


def test_a_run_keeps_its_id(tmp_path):
    ids = set()
    for _ in range(2):
        run = Run(tmp_path / "run")
        run.open(data="abc", limit=None)
        ids.add(run.id)
    assert len(ids) == 1


def test_a_run_over_other_data_is_refused(tmp_path):
    Run(tmp_path / "run").open(data="abc")
    with pytest.raises(OtherRun, match="another data"):
        Run(tmp_path / "run").open(data="def")


def test_time_adds_up_over_starts_and_is_forgotten_for_what_is_done_anew(tmp_path):
    run = Run(tmp_path / "run")
    run.open()
    run.took("adds, verbatim", 1.5)
    run.took("searches, verbatim", 2)
    run.took("adds, verbatim", 1)
    run.forget_time("searches")
    kept = json.loads((tmp_path / "run" / "run.json").read_text())
    assert kept["seconds"] == {"adds, verbatim": 2.5}


def test_a_file_is_there_whole_whenever_it_is_read(tmp_path):
    """Also while it is written: what a kill would leave behind."""
    run = Run(tmp_path)
    run.write("baselines.json", json.dumps([0]))

    def write():
        for n in range(100):
            run.write("baselines.json", json.dumps([n] * 50_000))

    thread = Thread(target=write)
    thread.start()
    while thread.is_alive():
        assert json.loads((tmp_path / "baselines.json").read_text())
    thread.join()


def test_a_journal_forgets_some_and_keeps_the_others(tmp_path):
    journal = Journal(tmp_path / "answers.jsonl")
    for method in ("verbatim", "full context", "verbatim"):
        journal.append({"method": method, "said": "a\u2028b"})
    journal.forget(lambda record: record["method"] == "verbatim")
    journal.append({"method": "local"})
    assert [r["method"] for r in journal.read()] == ["full context", "local"]


def test_forgetting_what_was_never_written_is_no_failure(tmp_path):
    journal = Journal(tmp_path / "answers.jsonl")
    journal.forget(lambda record: True)
    assert not list(journal.read())


# --- forgetting a run ----------------------------------------------------------------


@pytest.fixture
def ended(tmp_path):
    """A run with all that one writes; the data stand beside it."""
    run = Run(tmp_path / "run")
    run.open(data="abc", url="http://127.0.0.1:8000")
    for journal in (run.adds, run.links, run.searches, run.further, run.answers):
        journal.append({"n": 1})
    for name in ("baselines", "results"):
        run.write(f"{name}.json", "{}")
        run.write(f"{name}-corrected.json", "{}")
    for name in ("report.md", "report.html", "report-corrected.html"):
        run.write(name, "")
    return run.path


def test_all_that_a_run_wrote_is_forgotten(ended):
    (ended / "links.jsonl.new").write_text("")  # killed while it wrote
    forget(ended)
    assert not ended.exists()


def test_what_somebody_else_put_there_stays(ended):
    (ended / "questions.jsonl").write_text("{}")
    (ended / "results-of-mine.json").write_text("{}")
    forget(ended)
    kept = {file.name for file in ended.iterdir()}
    assert kept == {"questions.jsonl", "results-of-mine.json"}


def test_a_server_that_a_run_did_not_start_stays(ended):
    """It went to a platform at an address."""
    (ended / "server").mkdir()
    forget(ended)
    assert (ended / "server").exists()


def test_a_platform_of_its_own_goes_with_it(ended):
    settings = json.loads((ended / "run.json").read_text())
    (ended / "run.json").write_text(json.dumps({**settings, "url": None}))
    (ended / "server").mkdir()
    forget(ended)
    assert not ended.exists()


@pytest.mark.parametrize("settings", ["{", "[]", '{"id": "a1"}', None])
def test_what_is_no_run_is_not_forgotten(tmp_path, settings):
    (tmp_path / "thesis.txt").write_text("")
    if settings is not None:
        (tmp_path / "run.json").write_text(settings)
    with pytest.raises(NoRun, match="holds no run"):
        forget(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_nothing_there_is_nothing_to_forget(tmp_path):
    forget(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    forget(tmp_path / "empty")

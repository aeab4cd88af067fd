"""``manage.py evaluate`` as somebody runs it: nothing is up, and afterwards nothing is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from uuid import uuid4

import pytest

from memplatform.embedded.processes import identify
from tests.acceptance.installation import ROOT, SETTINGS_OF_OTHERS, wait_for
from tests.model_server import ModelServer

pytestmark = [pytest.mark.starts, pytest.mark.timeout(300)]

SAID = {
    "2026-03-02": [
        ("Ida", "I moved to Lisbon with my sister."),
        ("Max", "I bought a red van for the bakery."),
        ("Ida", "My dog is called Pepper."),
    ],
    "2026-04-09": [
        ("Max", "The van broke down near Porto."),
        ("Ida", "I am allergic to peanuts."),
        ("Max", "I will teach pottery on Sundays."),
    ],
}
ASKED = [
    {"question": "Where did Ida move?", "evidence": ["1:1"], "answer": "Lisbon"},
    {"question": "What is Ida allergic to?", "evidence": ["2:2"], "answer": "peanuts"},
    {
        "question": "What is Max going to teach?",
        "evidence": ["2:3"],
        "answer": "pottery",
    },
    {"question": "What happened to the van?", "evidence": ["1:2", "2:1"]},
    {"question": "Which violin does Max play?"},
]


class Run:
    """A run's directory and the command that goes on with it."""

    def __init__(self, path, model):
        self.path = path
        self.data = path / "questions.jsonl"
        self.model = model

    def evaluate(self, *options):
        """What it prints; raises when it fails."""
        process = self.begin(*options)
        said, problems = process.communicate()
        assert process.returncode == 0, problems
        return said

    def begin(self, *options):
        """The command; the platform of the machine, if any, is not touched."""
        kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
        elsewhere = "postgresql://nobody:x@127.0.0.1:9/elsewhere"
        environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "memplatform.settings",
            "MEMPLATFORM_DATA_DIR": str(self.path / "another"),
            "DATABASE_URL": elsewhere,
            "BROKER_URL": "redis://127.0.0.1:9/0",
            "LLM_BASE_URL": self.model.base_url,
            "LLM_API_KEY": "sk-test",
        }
        command = ["manage.py", "evaluate", "custom", "--data", str(self.data)]
        return subprocess.Popen(
            [sys.executable, *command, "--run", str(self.path / "run"), *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write_questions(self):
        messages = (
            [{"name": who, "content": text} for who, text in said]
            for said in SAID.values()
        )
        sessions = [
            {"at": f"{day}T10:00:00Z", "messages": part}
            for day, part in zip(SAID, messages, strict=True)
        ]
        lines = [{"conversation": "bakery", "sessions": sessions}]
        lines += [{"conversation": "bakery", **asked} for asked in ASKED]
        self.data.write_text("\n".join(map(json.dumps, lines)))

    @property
    def results(self):
        return json.loads((self.path / "run" / "results.json").read_text())

    def journal(self, name):
        return (self.path / "run" / f"{name}.jsonl").read_text().splitlines()

    def cut(self, name, lines):
        """As if it had been killed before it wrote its last lines."""
        kept = self.journal(name)[:-lines]
        file = self.path / "run" / f"{name}.jsonl"
        file.write_text("".join(f"{line}\n" for line in kept) + '{"style": "verb')


@pytest.fixture(scope="module")
def run():
    # In the checkout: below pytest's own 0700 directories root would put the data
    # under /var/lib.
    path = ROOT / ".memplatform-test" / f"evaluate {uuid4().hex[:8]}"
    path.mkdir(parents=True)
    with ModelServer() as model:
        one = Run(path, model)
        one.write_questions()
        one.said = one.evaluate("--report", "--answers", "2", "--answer-baselines")
        one.first = one.results  # what is asked again later has no answers
        yield one
    shutil.rmtree(path)


def overall(run, method):
    return run.results["methods"][method]["overall"]


def test_it_finds_the_evidence_over_http(run):
    found = overall(run, "verbatim")
    assert found["recall@10"]["value"] == 1.0
    assert found["recall@10"]["count"] == 4
    assert found["recall@1"]["value"] > 0.5


def test_an_engine_is_measured_by_the_turns_its_memories_came_from(run):
    assert overall(run, "local")["recall@10"]["value"] > 0.5
    assert run.results["ingested"]["local"]["linked_turns"] >= 4


def test_baselines_stand_beside_it(run):
    assert overall(run, "full context")["recall@10"]["value"] == 1.0
    assert overall(run, "dense, speaker: text")["recall@10"]["value"] == 1.0
    assert overall(run, "RAG 128 tokens, k=1")["recall@1"]["value"] == 1.0


def test_questions_without_an_answer_measure_abstention(run):
    for by in ("abstention", "abstention_by_confidence"):
        assert run.results[by]["verbatim"]["others"] == 1
        assert run.results[by]["verbatim"]["answerable"] == 4


def test_the_model_answers_from_the_platforms_block_and_is_judged(run):
    answers = run.first["answers"]
    assert answers["verbatim"]["overall"]["rounds"] == 2
    assert answers["verbatim"]["overall"]["j"] > 0.5
    assert {"local", "full context", "RAG 8192 tokens, k=2"} <= set(answers)


def test_the_report_says_it_in_words(run):
    for part in ("## Methods", "## Latency of a search", "## Answers by", "`local`"):
        assert part in run.said
    assert "Took: adds, verbatim" in run.said


def test_the_report_has_plots(run):
    page = (run.path / "run" / "report.html").read_text()
    # Two drawings of three methods; abstention of two, by score and by confidence.
    assert page.count("<polyline") == 10
    assert "report.html" in run.said


def test_it_goes_on_where_it_was_stopped(run):
    """And with ``--ask-again`` what was added stays, while all is asked anew."""
    added, linked = run.journal("adds"), run.journal("links")
    for name, lines in (("adds", 1), ("links", 1), ("answers", 3)):
        run.cut(name, lines)
    run.evaluate("--no-baselines", "--answers", "2", "--ask-again")
    # The last add was sent again, with its key: it is the same one.
    assert run.journal("adds")[-1] == added[-1]
    assert json.loads(run.journal("links")[-1]) == json.loads(linked[-1])
    assert overall(run, "verbatim")["recall@10"]["count"] == 4
    assert len(run.journal("searches")) == 2 * len(ASKED)


def test_a_platform_that_runs_already_is_asked_as_by_any_client(run, platform):
    """Its project, its embedder; users are named after the run."""
    place = ["--run", str(run.path / "elsewhere"), "--url", platform.url]
    key = ["--key", platform.demo["api_key"], "--no-baselines"]
    for options in ((), ("--ask-again",)):
        run.evaluate(*place, *key, "--ingest", "verbatim", *options)
    results = json.loads((run.path / "elsewhere" / "results.json").read_text())
    assert results["embedder"] == "as the server is set up"
    assert results["methods"]["verbatim"]["overall"]["recall@50"]["value"] == 1.0


def test_a_run_that_is_killed_leaves_no_platform_behind(run):
    process = run.begin("--no-baselines", "--ask-again")
    facts = run.path / "run" / "server" / "run.json"
    wait_for(facts.exists, "the run's own platform")
    pids = json.loads(facts.read_text())["pids"].values()
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(identify, pids)), "the platform's end")


def test_a_run_that_was_killed_goes_on_at_once(run):
    """While the platform that it left behind is still stopping."""
    process = run.begin("--no-baselines", "--ask-again")
    facts = run.path / "run" / "server" / "run.json"
    wait_for(facts.exists, "the run's own platform")
    process.kill()
    process.communicate()
    run.evaluate("--no-baselines")
    assert len(run.journal("searches")) == 2 * len(ASKED)

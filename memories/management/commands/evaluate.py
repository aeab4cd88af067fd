"""``manage.py evaluate locomo --data locomo10.json --report``"""

from __future__ import annotations

import signal
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.evaluation import datasets, report, server
from memories.evaluation.answering import ROUNDS, Answering, Unanswered
from memories.evaluation.baselines import Embed
from memories.evaluation.client import Client, PlatformRefused
from memories.evaluation.datasets.reading import DatasetProblem
from memories.evaluation.evaluate import PAGE, REPORT, Evaluation, in_portions
from memories.evaluation.forgetting import SERVER, NoRun, forget
from memories.evaluation.ingest import VERBATIM, OtherEngine
from memories.evaluation.runs import OtherRun, Run
from memories.evaluation.sections import as_unusable
from memories.models.settings import ENGINES
from memories.providers.factory import chat_for, platform_embedder
from memories.providers.local import LocalEmbedder, count_tokens
from memplatform import env
from memplatform.embedded.data_directory import AlreadyRunning
from memplatform.lib.errors import ProviderError

RUNS = ".memplatform-evaluation"
LOCAL = "local"
STYLES = (VERBATIM, *ENGINES)
EXPECTED = (
    *(DatasetProblem, OtherRun, PlatformRefused, server.NoServer, AlreadyRunning),
    *(NoRun, OtherEngine, Unanswered, ProviderError),
)


class Command(BaseCommand):
    help = (
        "Measure how well memory works on a public benchmark or on your own questions."
        " Starts a platform of its own in the run's directory, unless --url names one;"
        " what was interrupted goes on. Guide: docs/guides/"
        "measure-memory-on-your-own-data.md."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("dataset", choices=datasets.NAMES)
        parser.add_argument("--data", type=Path, required=True, help="as published")
        parser.add_argument(
            "--corrections", type=Path, help="LOCOMO's keys as an audit corrects them"
        )
        parser.add_argument(
            "--ingest",
            nargs="+",
            choices=STYLES,
            metavar="STYLE",
            help=f"{VERBATIM} (each turn as it is) or engines: {', '.join(ENGINES)};"
            f" else {VERBATIM} {LOCAL}, with --url {VERBATIM}",
        )
        parser.add_argument("--run", type=Path, help=f"its directory, else in {RUNS}/")
        parser.add_argument("--url", help="a running platform instead of one's own")
        parser.add_argument("--key", help="an API key of it")
        parser.add_argument(
            "--limit", type=_whole_from(1), help="only so many conversations"
        )
        parser.add_argument(
            "--at-once", type=_whole_from(1), default=4, help="searches at a time"
        )
        parser.add_argument("--no-baselines", action="store_true")
        parser.add_argument(
            "--answers",
            type=_whole_from(0),
            default=0,
            metavar="ROUNDS",
            help=f"let the configured model (LLM_*) answer; the paper has {ROUNDS}",
        )
        parser.add_argument(
            "--answer-baselines", action="store_true", help="from chunks and all, too"
        )
        parser.add_argument(
            "--ask-again",
            action="store_true",
            help="everything is in: search, and answer from it, anew",
        )
        parser.add_argument("--fresh", action="store_true", help="forget the last run")
        parser.add_argument(
            "--report", action="store_true", help="print the whole report"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stops as Ctrl-C
        try:
            evaluation = _prepare(options)
            with _clients(evaluation, options) as client_of:
                evaluation.measure(client_of)
            if options["answer_baselines"]:
                evaluation.answer_from_baselines()
            if not options["no_baselines"]:
                evaluation.compare()
            results = evaluation.conclude()
        except EXPECTED as exc:
            raise CommandError(str(exc)) from exc
        except KeyboardInterrupt:
            raise CommandError(_stopped(options)) from None
        shown = report.as_markdown if options["report"] else report.as_goals
        self.stdout.write(shown(results))
        if missing := as_unusable(results):
            self.stderr.write(missing.replace("*", ""))
        if options["url"] and (by := results.get("baselines_embedder")):
            self.stdout.write(f"Baselines were embedded by {by}.")
        told, drawn = (evaluation.run.path / evaluation.file(n) for n in (REPORT, PAGE))
        self.stdout.write(f"Written to {told}, with plots {drawn}.")


def _whole_from(least: int) -> Callable[[str], int]:
    """An argument that is a whole number, ``least`` or more."""

    def whole(given: str) -> int:
        if not given.isdecimal() or int(given) < least:
            raise ArgumentTypeError(f"must be a whole number from {least}.")
        return int(given)

    return whole


def _stopped(options: dict[str, Any]) -> str:
    """What goes on; asking again would start over."""
    if options["ask_again"]:
        return "Stopped; the same command without --ask-again goes on from here."
    if options["fresh"]:
        return "Stopped; the same command without --fresh goes on from here."
    return "Stopped; the same command goes on from here."


def _prepare(options: dict[str, Any]) -> Evaluation:
    data, corrections = options["data"], options["corrections"]
    dataset = datasets.load(
        options["dataset"], data, corrections=corrections, limit=options["limit"]
    )
    run = Run(_directory(options))
    # Corrected keys are other answers to the same questions: the searches stay.
    run.open(
        data=_fingerprint(data),
        limit=options["limit"],
        url=options["url"],
        embedder="as the server is set up" if options["url"] else embedder_of(None)[1],
    )
    if options["ask_again"]:
        run.searches.clear()
        run.further.clear()
        # Answers from chunks and from everything rest on no search.
        run.answers.forget(lambda record: record["method"] in STYLES)
        for step in ("searches", *(f"answers, {style}" for style in STYLES)):
            run.forget_time(step)
    embed, embedder = embedder_of(options["url"])
    return Evaluation(
        run=run,
        dataset=dataset,
        styles=_styles(options),
        embed=in_portions(embed),
        embedder=embedder,
        count=count_tokens,
        at_once=options["at_once"],
        is_limited=options["limit"] is not None,
        is_shared=options["url"] is not None,
        is_corrected=corrections is not None,
        answering=_answering(run, options["answers"]),
    )


def _styles(options: dict[str, Any]) -> list[str]:
    """Each once. At an address the engine is the project's, whatever that is."""
    usual = [VERBATIM] if options["url"] else [VERBATIM, LOCAL]
    return list(dict.fromkeys(options["ingest"] or usual))


def _answering(run: Run, rounds: int) -> Answering | None:
    """The platform's chat model; None where nothing is to be answered."""
    if not rounds:
        return None
    chat = chat_for(None)
    if chat is None:
        raise CommandError("--answers needs a model: set LLM_BASE_URL and LLM_API_KEY.")
    return Answering(chat, run, rounds)


def _directory(options: dict[str, Any]) -> Path:
    """The run's; what one wrote there goes first where a fresh one is asked for."""
    path: Path = options["run"] or env.BASE_DIR / RUNS / options["dataset"]
    path = path.resolve()
    if options["fresh"]:
        own = (options["data"], options["corrections"])
        forget(path, keep=tuple(file for file in own if file))
    return path


def _fingerprint(data: Path) -> str:
    """Of the file, or of every file of a folder."""
    files = sorted(data.rglob("*.json")) if data.is_dir() else [data]
    digest = sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def embedder_of(url: str | None) -> tuple[Embed, str]:
    """What the run's own platform embeds with, and what that is called.

    At an address nobody knows; what needs no endpoint is at hand for the baselines.
    """
    embedder = LocalEmbedder() if url else platform_embedder()
    space = embedder.space
    name = f"{space.model} ({space.provider}, {space.dimension} dimensions)"
    return embedder.embed, name


@contextmanager
def _clients(
    evaluation: Evaluation, options: dict[str, Any]
) -> Iterator[Callable[[str], Client]]:
    """For each style a client of the project it goes to."""
    at_once = max(8, options["at_once"])
    if options["url"]:
        url, key = options["url"], options["key"]
        if not key or not key.isascii():
            raise CommandError("--url needs --key: an API key of that platform.")
        with Client(url, key) as client:
            evaluation.run.go_on_in(client.project())
        yield lambda style: Client(url, key, at_once=at_once)
        return
    with server.running_server(evaluation.run.path / SERVER) as own:
        yield lambda style: Client(
            own.url, _key(evaluation.run, own, style), at_once=at_once
        )


def _key(run: Run, own: server.Server, style: str) -> str:
    """Verbatim turns go to the demo's project, each engine's to one of its own."""
    if style == VERBATIM:
        return own.key
    keys = run.settings.setdefault("keys", {})
    if style not in keys:
        keys[style] = own.key_of_engine(style)
        run.save()
    return str(keys[style])

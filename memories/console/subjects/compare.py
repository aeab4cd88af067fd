"""What was known of a subject then and now; and back to then, after a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from memories.console.subjects.about import (
    SubjectPage,
    instant_of,
    number_of,
    open_subject,
    uuid_of,
)
from memories.models import Operation
from memories.selectors.compare import (
    About,
    Comparison,
    Fate,
    Moment,
    compare,
    last_restore,
    list_days,
)
from memories.selectors.operations import get_operation
from memories.selectors.restoring import Aim, moves_more_than
from memories.services.restore import (
    PreviewIsStale,
    aim_of_undo,
    preview_restore,
    restore,
)
from memories.services.restore_plan import describe
from memories.types import Page
from memplatform.lib import clock
from memplatform.lib.clock import MICROSECOND
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.console.live import etag_of, show_live, unchanged
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50
FIRST_OF_GROUP = 6
MOST_AT_ONCE = 1_000
"""Memories whose restore is worked out while somebody waits for the page."""
WEEK = timedelta(days=7)
BARS, BAR_HEIGHT = 60, 60
LEAST_SLOTS = 30
"""So that few days are no wide blocks."""


@project_page(read=Role.VIEWER)
def compare_page(
    request: ConsoleRequest, visit: Visit, subject_id: UUID
) -> HttpResponse:
    """``then`` and ``now`` are instants, ``group`` one fate with all of its pages."""
    asked = request.GET
    only = _fate(asked.get("group"))
    page = number_of(asked.get("page"))
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:compare")
        then, now = _instants(asked, subject)
        comparison = compare(
            subject.about,
            then,
            now or clock.now(),
            only=only,
            page=page if only else 1,
            page_size=PAGE_SIZE if only else FIRST_OF_GROUP,
        )
        days = list_days(subject.about, timezone.get_current_timezone_name())
        context = {
            "comparison": comparison,
            "then": then,
            "now": now,
            "then_field": _field(then),
            "now_field": _field(now),
            "only": only,
            "page": _page_of(comparison, page) if only else None,
            "days": days,
            "bars": (bars := _bars(days, then, now)),
            "bar_slots": max(len(bars), LEAST_SLOTS),
            "presets": _presets(subject, last_restore(subject.about)),
        }
    return show(request, visit, "memories/compare.html", subject.context(**context))


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def restore_page(
    request: ConsoleRequest, visit: Visit, subject_id: UUID
) -> HttpResponse:
    """The preview of a restore, and its confirmation."""
    asked = request.POST if request.method == "POST" else request.GET
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:compare")
        aim = _aim(asked, subject.about)
    problem = ""
    if request.method == "POST":
        try:
            operation = restore(visit.access, aim, asked.get("token", ""))
        except PreviewIsStale as error:
            problem = error.message
        else:
            return _restored(request, visit, subject_id, operation)
    return _preview(request, visit, subject, aim, problem)


def _is_put_off(request: ConsoleRequest, visit: Visit, aim: Aim) -> bool:
    """Whether the page comes first, and asks for what would change once it is there."""
    if request.method == "POST" or request.htmx or request.GET.get("worked_out"):
        return False
    with visit.scope():
        return moves_more_than(aim, MOST_AT_ONCE)


@project_page(read=Role.VIEWER)
def restored_page(
    request: ConsoleRequest, visit: Visit, subject_id: UUID, operation_id: UUID
) -> HttpResponse:
    """How a restore goes, or went; from here it is undone."""
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:compare")
        named = {subject.about.key: subject.about.name}
        operation = get_operation(operation_id, only=named)
        if operation.kind != Operation.Kind.RESTORE or "to" not in operation.payload:
            raise NotFound
    done_so_far = operation.payload["done"]
    etag = etag_of(visit, operation.id, operation.status, done_so_far)
    if same := unchanged(request, etag):
        return same
    context = subject.context(
        operation=operation,
        to=datetime.fromisoformat(operation.payload["to"]),
        is_over=operation.status in ("SUCCEEDED", "FAILED"),
    )
    name = "memories/restored.html"
    return show_live(request, visit, name, context, fragment="progress", etag=etag)


def _instants(
    asked: Mapping[str, Any], subject: SubjectPage
) -> tuple[datetime, datetime | None]:
    """The earlier and the later one; None is this moment."""
    now = instant_of(asked["now"]) if asked.get("now") else None
    if asked.get("then"):
        then = instant_of(asked["then"])
    else:
        then = max((now or clock.now()) - WEEK, _start(subject))
    if now is not None and now < then:
        return now, then
    return then, now


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the history as it is drawn, 60 units high."""

    day: Moment
    height: int
    is_between: bool

    @property
    def top(self) -> int:
        return BAR_HEIGHT - self.height


def _bars(days: Sequence[Moment], then: datetime, now: datetime | None) -> list[Bar]:
    """The last days with changes, oldest first; the root keeps small ones visible."""
    shown = days[:BARS][::-1]
    most = max((day.changes for day in shown), default=1)
    return [
        Bar(
            day,
            max(round(BAR_HEIGHT * (day.changes / most) ** 0.5), 3),
            then < day.last_at and (now is None or day.last_at <= now),
        )
        for day in shown
    ]


def _field(instant: datetime | None) -> str:
    """As a date field takes it, in the operator's zone: to the millisecond."""
    if instant is None:
        return ""
    local = timezone.localtime(instant).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds")


def _start(subject: SubjectPage) -> datetime:
    """Right before the first memory."""
    return subject.subject.created_at - timedelta(seconds=1)


def _presets(
    subject: SubjectPage, restored_at: datetime | None
) -> list[tuple[str, datetime]]:
    now = clock.now()
    ago = {
        "A day ago": timedelta(days=1),
        "A week ago": WEEK,
        "30 days ago": timedelta(days=30),
    }
    presets = [(label, now - age) for label, age in ago.items()]
    if restored_at is not None:
        presets.append(("Before the last restore", restored_at - MICROSECOND))
    return [*presets, ("At the beginning", _start(subject))]


def _fate(raw: str | None) -> Fate | None:
    try:
        return Fate(raw) if raw else None
    except ValueError as exc:
        raise InvalidRequest("There is no such group.") from exc


def _page_of(comparison: Comparison, number: int) -> Page[Any]:
    items = [item for group in comparison.groups for item in group.items]
    total = sum(group.total for group in comparison.groups)
    return Page(tuple(items), total, number, PAGE_SIZE)


def _aim(asked: Mapping[str, Any], about: About) -> Aim:
    if undoes := uuid_of(asked.get("undo")):
        return aim_of_undo(about, undoes)
    at = instant_of(asked.get("to", ""))
    if at > clock.now():
        raise InvalidRequest("This instant is yet to come.")
    return Aim(about, at, memory_id=uuid_of(asked.get("memory")))


def _preview(
    request: ConsoleRequest, visit: Visit, subject: SubjectPage, aim: Aim, problem: str
) -> HttpResponse:
    if _is_put_off(request, visit, aim):
        context = subject.context(aim=aim)
        return show(request, visit, "memories/restore.html", context)
    plan = preview_restore(visit.access, aim)
    number = number_of(request.GET.get("page"))
    steps = sorted(plan.steps, key=lambda step: (step.effect, step.memory_id))
    start = (number - 1) * PAGE_SIZE
    with visit.scope():
        shown = describe(plan, steps[start : start + PAGE_SIZE])
        left = describe(plan, plan.problems[:PAGE_SIZE])
    context = subject.context(
        aim=aim,
        plan=plan,
        problem=problem,
        page=Page(tuple(shown), len(steps), number, PAGE_SIZE),
        left=left,
    )
    status = 422 if problem else 200
    name = "memories/restore.html"
    return show(request, visit, name, context, fragment="preview", status=status)


def _restored(
    request: ConsoleRequest, visit: Visit, subject_id: UUID, operation: Operation
) -> HttpResponse:
    place = [visit.tenant_slug, visit.project_id, subject_id, operation.id]
    url = reverse("memories:restored", args=place)
    many, is_done = operation.payload["total"], operation.completed_at is not None
    memories = f"{many} {'memory' if many == 1 else 'memories'}"
    message = f"{memories} restored." if is_done else f"{memories} are being restored."
    return done(request, url, message)

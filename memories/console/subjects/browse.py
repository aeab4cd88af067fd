"""The memories of one subject: look through them, change several, add one by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from memories.console.fields import PairsField, add_refusal, day_field
from memories.console.memory.forms import WriteForm
from memories.console.memory.states import LABELS, MEANINGS
from memories.console.subjects.about import number_of, open_subject
from memories.models import Memory
from memories.models.memory import ASPECTS
from memories.selectors.browse import Browsed, MemoryOrder, Wanted, browse
from memories.services.by_hand import write_memory
from memories.types import Page, State
from memplatform.lib.errors import InvalidRequest, ProviderError
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50
ANY = "any"
ORDERS = (
    (MemoryOrder.NEWEST, "Newest"),
    (MemoryOrder.OLDEST, "Oldest"),
    (MemoryOrder.CHANGED, "Last changed"),
)
FILTERS = (
    *("category", "kind", "aspect", "doubted", "since", "until", "true_on"),
    "metadata",
)
CALL = """curl {base_url}/v3/memories/add/ \\
  -H "Authorization: Token $MEMPLATFORM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"{key}": "{name}", "messages": [{{"role": "user", "content": "…"}}]}}'"""


class BrowseForm(forms.Form):
    """What is wanted, from the query string."""

    text = forms.CharField(label="Text", required=False, max_length=500)
    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "Any"), *Memory.Kind.choices],
        widget=forms.Select(attrs={"data-submit": ""}),
    )
    category = forms.CharField(label="Category", required=False, max_length=100)
    since = day_field("Dated from")
    until = day_field("Dated until")
    true_on = day_field("True on")
    aspect = forms.ChoiceField(
        label="Tells of",
        required=False,
        choices=[("", "Anything"), *ASPECTS],
        widget=forms.Select(attrs={"data-submit": ""}),
    )
    doubted = forms.ChoiceField(
        label="Doubts",
        required=False,
        choices=[("", "Any"), ("yes", "Maybe stale")],
        widget=forms.Select(attrs={"data-submit": ""}),
    )
    metadata = PairsField("Metadata", placeholder="plan=gold")
    sort = forms.ChoiceField(
        label="Order",
        required=False,
        choices=ORDERS,
        widget=forms.Select(attrs={"data-submit": ""}),
    )
    state = forms.CharField(required=False, widget=forms.HiddenInput)
    entity = forms.UUIDField(required=False, widget=forms.HiddenInput)
    relation = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.attrs |= {"type": "search", "data-search": ""}

    def clean_state(self) -> State | None:
        """Current ones, unless others are asked for."""
        raw = self.cleaned_data["state"] or State.ACTIVE
        if raw != ANY and raw not in State:
            raise forms.ValidationError("There is no such state.")
        return None if raw == ANY else State(raw)

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        return Wanted(
            state=given["state"],
            kind=given["kind"],
            text=given["text"],
            category=given["category"],
            created_from=_midnight(given["since"]),
            created_before=_midnight(_next(given["until"])),
            true_from=_midnight(given["true_on"]),
            true_before=_midnight(_next(given["true_on"])),
            aspect=given["aspect"],
            metadata=given["metadata"],
            is_doubted=bool(given["doubted"]),
            entity_id=given["entity"],
            relation_id=given["relation"],
        )

    @property
    def order(self) -> MemoryOrder:
        return MemoryOrder(self.cleaned_data["sort"] or MemoryOrder.NEWEST)


@project_page(read=Role.VIEWER)
def subject(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """The memories of a subject, as the query string wants them."""
    form = BrowseForm(request.GET)
    number = number_of(request.GET.get("page"))
    is_valid = form.is_valid()
    wanted = form.wanted() if is_valid else Wanted()
    with visit.scope():
        page = open_subject(visit, subject_id, "memories:subject")
        browsed = Browsed(Page((), 0, 1, PAGE_SIZE))
        if is_valid:
            browsed = browse(
                page.about,
                wanted,
                order=form.order,
                page=number,
                page_size=PAGE_SIZE,
            )
    about = {"key": page.about.key, "name": page.about.name}
    context = page.context(
        form=form,
        browsed=browsed,
        page=browsed.page,
        states=_states(browsed, wanted.state),
        meaning=MEANINGS[wanted.state] if wanted.state else "",
        is_filtered=_asks(request, *FILTERS, "text", "entity", "relation"),
        is_narrowed=_asks(request, *FILTERS),
        list_of=subject_id,
        call=CALL.format(base_url=request.build_absolute_uri("/")[:-1], **about),
    )
    name, status = "memories/subject.html", 200 if is_valid else 422
    return show(request, visit, name, context, fragment="rows", status=status)


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def add(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """Write a memory by hand; it names who wrote it."""
    with visit.scope():
        page = open_subject(visit, subject_id, "memories:subject")
    key, name = page.about.key, page.about.name
    form = WriteForm(request.POST or None, whose=key)
    if form.is_bound and form.is_valid():
        scope, reason = form.scope(key, name), form.cleaned_data["reason"]
        try:
            memory_id = write_memory(visit.access, scope, form.written(), reason=reason)
        except InvalidRequest as error:
            add_refusal(form, error)
        except ProviderError as error:
            form.add_error(None, error.message)
        else:
            place = [visit.tenant_slug, visit.project_id, memory_id]
            return done(request, reverse("memories:memory", args=place), "Remembered.")
    context = page.context(form=form)
    status = 422 if form.errors else 200
    return show(request, visit, "memories/memory_add.html", context, status=status)


def _states(browsed: Browsed, chosen: State | None) -> list[tuple[str, str, int, bool]]:
    """(value, label, count, is chosen) of each state that there is something in."""
    lines = [
        (str(state), LABELS[state], browsed.by_state.get(state, 0), state == chosen)
        for state in State
    ]
    shown = [line for line in lines if line[2] or line[3] or line[0] == State.ACTIVE]
    return [*shown, (ANY, "All", browsed.all_states, chosen is None)]


def _asks(request: ConsoleRequest, *names: str) -> bool:
    return any(any(request.GET.getlist(name)) for name in names)


def _next(day: date | None) -> date | None:
    return min(day, date.max - timedelta(days=1)) + timedelta(days=1) if day else None


def _midnight(day: date | None) -> datetime | None:
    """The beginning of a day in the operator's zone."""
    return timezone.make_aware(datetime.combine(day, time())) if day else None

"""A copy of everything held about a subject, and its erasure with a receipt."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse

from memories.console.subjects.about import SubjectPage, open_subject
from memories.models import Export
from memories.selectors.causes import name_operators
from memories.selectors.privacy import (
    Held,
    count_held,
    get_receipt,
    list_exports,
)
from memories.services.privacy import erase, export_subject, open_export
from memories.services.raw_exports import read_chunks
from tenants.console.live import etag_of, show_live, unchanged
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

OTHER_WORD = "This is not the id. Nothing was erased."


class EraseForm(forms.Form):
    """The id of the subject, typed once more."""

    confirmation = forms.CharField(
        label="Id of the subject",
        strip=False,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
    )

    def __init__(self, *args: object, word: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._word = word

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self._word:
            raise forms.ValidationError(OTHER_WORD)
        return typed


@project_page(read=Role.SUPPORT)
def privacy(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """``counted`` says how much is held. Of somebody with much it takes a while to
    count: the page is there before, and asks for it by itself.
    """
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:privacy")
        held = count_held(subject.about) if request.GET.get("counted") else None
    form = EraseForm(word=subject.subject.name)
    if held is not None and request.htmx:
        context = subject.context(held=held)
        return show(request, visit, "memories/privacy.html", context, fragment="held")
    return _page(request, visit, subject, form, held)


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def export(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """POST asks for a copy; GET shows how those that were asked for come on."""
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:privacy")
    if request.method == "POST":
        export_subject(visit.access, subject.about)
        place = [visit.tenant_slug, visit.project_id, subject_id]
        url = reverse("memories:privacy", args=place)
        return done(request, url, "The copy is being made.")
    return _page(request, visit, subject, EraseForm(word=subject.subject.name))


@project_page(read=Role.SUPPORT)
def download(
    request: ConsoleRequest, visit: Visit, subject_id: UUID, export_id: UUID
) -> StreamingHttpResponse:
    """JSON Lines, as the API exports them."""
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:privacy")
    made = open_export(visit.access, subject.about, export_id)
    return StreamingHttpResponse(
        (chunk.encode() for chunk in read_chunks(made)),
        content_type="application/x-ndjson",
        headers={
            "Content-Disposition": f'attachment; filename="memories-{made.id}.jsonl"',
            "Cache-Control": "private, no-store",
        },
    )


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def erase_page(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """POST with the typed id erases; the receipt does not know it any more."""
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:privacy")
    given = request.POST if request.method == "POST" else None
    form = EraseForm(given, word=subject.subject.name)
    if not form.is_valid():
        return _page(request, visit, subject, form)
    operation_id = erase(visit.access, subject.about)
    place = [visit.tenant_slug, visit.project_id, operation_id]
    url = reverse("memories:erasure", args=place)
    return done(request, url, "The erasure was accepted.")


@project_page(read=Role.SUPPORT)
def erasure(request: ConsoleRequest, visit: Visit, operation_id: UUID) -> HttpResponse:
    """The receipt."""
    with visit.scope():
        receipt = get_receipt(operation_id)
    etag = etag_of(visit, receipt.operation_id, receipt.status)
    if same := unchanged(request, etag):
        return same
    asker = receipt.operator_id
    names = name_operators([asker] if asker else [])
    context = {"receipt": receipt, "asker": names.get(asker, "") if asker else ""}
    name = "memories/erasure.html"
    return show_live(request, visit, name, context, fragment="receipt", etag=etag)


def _page(
    request: ConsoleRequest,
    visit: Visit,
    subject: SubjectPage,
    form: EraseForm,
    held: Held | None = None,
) -> HttpResponse:
    """The page, or how exports come on. ``held`` None: it is not counted yet."""
    with visit.scope():
        exports = list_exports(subject.about)
    etag = etag_of(visit, subject.subject.id, *map(_how_far, exports))
    if same := unchanged(request, etag):
        return same
    context = subject.context(
        held=held,
        exports=exports,
        is_exporting=any(export.status == "pending" for export in exports),
        form=form,
    )
    return show_live(
        request,
        visit,
        "memories/privacy.html",
        context,
        fragment="exports",
        etag=etag,
        status=422 if form.errors else 200,
    )


def _how_far(export: Export) -> tuple[object, ...]:
    asked_by = export.operation
    return (export.id, export.status, export.counts, asked_by and asked_by.status)

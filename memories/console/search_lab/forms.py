"""What the search lab asks: a search as the API takes it, and a memory to look for."""

from __future__ import annotations

from typing import Any

from django import forms

from memories.models.fields import SCOPE_ID_CHARS
from memories.models.subjects import SubjectKind
from memories.retrieval.assemble import DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS
from memories.selectors.filters import parse_filters
from memories.types import Filters, JsonDict, SearchRequest, Visibility
from memplatform.lib.errors import InvalidRequest
from tenants.api.parsing import parse_json

TOP_K, MAX_TOP_K, THRESHOLD = 10, 1000, 0.1
MAX_CHARS = 2_000
"""Of a query, which stands in the address; by the API it may be longer."""
NO_SCOPE = "Name a subject, or give filters that name one."


class FiltersField(forms.CharField):
    """JSON as strict as a body of the API; None where it is blank."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_json(text.encode())
        except InvalidRequest as exc:
            raise forms.ValidationError(exc.message) from exc


class LabForm(forms.Form):
    """In the query string, so that what was found can be shown to somebody else."""

    query = forms.CharField(
        label="Query",
        max_length=MAX_CHARS,
        widget=forms.TextInput(attrs={"data-search": ""}),
    )
    kind = forms.ChoiceField(
        label="Kind of subject", required=False, choices=SubjectKind.choices
    )
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=SCOPE_ID_CHARS,
        widget=forms.TextInput(attrs={"placeholder": "its id"}),
    )
    filters = FiltersField(
        label="Filters",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=(
            "As in the API, in JSON; beside the subject above, both hold. For example"
            ' {"categories": {"contains": "food"}}.'
        ),
    )
    top_k = forms.IntegerField(
        label="top_k",
        required=False,
        min_value=1,
        max_value=MAX_TOP_K,
        widget=forms.NumberInput(attrs={"placeholder": TOP_K}),
    )
    threshold = forms.FloatField(
        label="Threshold",
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": THRESHOLD}),
    )
    as_of = forms.DateTimeField(
        label="As of",
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
        help_text="What was known at that instant, in your time zone.",
    )
    valid_at = forms.DateTimeField(
        label="True at",
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
        help_text="Only what was true in the world then, in your time zone.",
    )
    reference_date = forms.DateTimeField(
        label="Asked at",
        required=False,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
        help_text="The instant of yesterday and last week in the query, in your time"
        " zone; else now.",
    )
    token_budget = forms.IntegerField(
        label="Tokens of the block",
        required=False,
        min_value=LEAST_TOKENS,
        max_value=MOST_TOKENS,
        widget=forms.NumberInput(attrs={"placeholder": DEFAULT_TOKENS}),
    )
    rerank = forms.BooleanField(label="Ask the reranker", required=False)
    show_expired = forms.BooleanField(label="Show expired", required=False)
    latest_only = forms.BooleanField(label="Latest only", required=False)
    include_merged = forms.BooleanField(label="Include merged", required=False)
    memory = forms.CharField(
        label="Why not this one?",
        required=False,
        max_length=MAX_CHARS,
        help_text="The id of a memory, or a part of its text.",
    )

    parsed: Filters | None = None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "filters" in self.errors:
            return given
        asked = _filters(given)
        if asked is None:
            self.add_error("subject", NO_SCOPE)
            return given
        try:
            self.parsed = parse_filters(asked)
        except InvalidRequest as exc:
            self.add_error("filters" if given["filters"] else "subject", exc.message)
        return given

    def request(self) -> SearchRequest:
        """The search that a valid form asks for."""
        given = self.cleaned_data
        if self.parsed is None:
            raise AssertionError("only a valid form asks for something")
        threshold = given["threshold"]
        return SearchRequest(
            query=given["query"],
            filters=self.parsed,
            top_k=given["top_k"] or TOP_K,
            threshold=THRESHOLD if threshold is None else threshold,
            visibility=Visibility(
                show_expired=given["show_expired"],
                latest_only=given["latest_only"],
                include_merged=given["include_merged"],
                as_of=given["as_of"],
            ),
            rerank=given["rerank"],
            reference=given["reference_date"],
        )

    def as_body(self) -> JsonDict:
        """The same as a body of ``POST /v3/memories/search/``."""
        given, request = self.cleaned_data, self.request()
        as_of = request.visibility.as_of
        body = {
            "query": request.query,
            "filters": _filters(given),
            "top_k": request.top_k,
            "threshold": request.threshold,
            "as_of": as_of and as_of.isoformat(),
            "reference_date": request.reference and request.reference.isoformat(),
            "show_expired": request.visibility.show_expired,
            "latest_only": request.visibility.latest_only,
            "include_merged": request.visibility.include_merged,
            "rerank": request.rerank,
        }
        return {k: value for k, value in body.items() if value not in (None, False)}


def _filters(given: JsonDict) -> Any:
    """The subject, the JSON filters and when it was true, as one filter of the API."""
    asked = []
    if subject := (given.get("subject") or "").strip():
        asked.append({f"{given.get('kind') or 'user'}_id": subject})
    if raw := given.get("filters"):
        asked.append(raw)
    if not asked:
        return None
    if at := given.get("valid_at"):
        asked.append({"valid_at": at.isoformat()})
    return {"AND": asked} if asked[1:] else asked[0]

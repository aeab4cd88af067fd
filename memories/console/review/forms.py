"""What the review queue asks of who looks at it, and of who decides."""

from __future__ import annotations

from uuid import UUID

from django import forms

from memories.console.review.rows import RULES
from memories.selectors.review import QueueFilter
from memories.types import Rule
from memplatform.lib.errors import InvalidRequest

MAX_REASON_CHARS = 500


def reason_field() -> forms.CharField:
    return forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON_CHARS,
        widget=forms.TextInput(attrs={"placeholder": "stands in the history"}),
    )


class QueueForm(forms.Form):
    """Filters in the query string; what makes no sense filters nothing."""

    rule = forms.ChoiceField(
        label="Why it waits",
        required=False,
        choices=[("", "Any reason"), *((str(rule), RULES[rule]) for rule in Rule)],
        widget=forms.Select(attrs={"data-submit": ""}),
    )
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=256,
        widget=forms.TextInput(
            attrs={"data-search": "", "placeholder": "id of a user, agent, app or run"}
        ),
    )

    def wanted(self) -> QueueFilter:
        if not self.is_valid():
            return QueueFilter()
        rule = self.cleaned_data["rule"]
        subject = self.cleaned_data["subject"].strip()
        return QueueFilter(Rule(rule) if rule else None, subject)


class ReasonForm(forms.Form):
    """Why the memories of a decision are decided so."""

    reason = reason_field()


class WordsForm(forms.Form):
    """A memory, approved in these words."""

    text = forms.CharField(
        label="What it is to say",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": ""}),
    )
    reason = reason_field()


def read_ids(given: list[str]) -> list[UUID]:
    """The memories that a decision names; raises InvalidRequest."""
    try:
        return list(dict.fromkeys(UUID(value) for value in given))
    except ValueError as exc:
        raise InvalidRequest("That is no memory.") from exc

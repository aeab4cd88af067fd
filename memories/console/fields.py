"""Fields that forms about memories share, and how a refusal becomes theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.renderers import BaseRenderer
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from memories.language.recurrence import checked_rule, read_recurrence
from memories.models.memory import ASPECTS, CATEGORY_CHARS, RECURS_CHARS
from memories.types import Aspect, JsonDict
from memplatform.lib.errors import InvalidRequest

MOST_CATEGORIES = 20
MAX_REASON_CHARS = 500
MOST_PAIRS, MAX_PAIR_CHARS = 5, 500
NOT_JSON = 'Write a JSON object, as {"plan": "gold"}.'


def text_field(label: str = "Text", *, rows: int = 4) -> forms.CharField:
    """The words of a memory, exactly as they are typed."""
    return forms.CharField(
        label=label,
        strip=False,
        max_length=settings.MAX_MESSAGE_CHARS,
        widget=forms.Textarea(attrs={"rows": rows, "autofocus": ""}),
    )


def reason_field() -> forms.CharField:
    return forms.CharField(
        label="Reason",
        required=False,
        max_length=MAX_REASON_CHARS,
        help_text="Stands in the history beside your name.",
    )


class CategoriesField(forms.CharField):
    """Names between commas; an empty field is no category."""

    def __init__(self) -> None:
        super().__init__(label="Categories", required=False)
        self.help_text = "Names, with commas between."

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else ", ".join(value or ())

    def to_python(self, value: Any) -> Any:
        names = (name.strip() for name in (super().to_python(value) or "").split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    def validate(self, value: Sequence[str]) -> None:
        if len(value) > MOST_CATEGORIES:
            raise ValidationError(f"A memory has {MOST_CATEGORIES} categories at most.")
        if any(len(name) > CATEGORY_CHARS for name in value):
            raise ValidationError(f"A name has {CATEGORY_CHARS} characters at most.")


class MetadataField(forms.CharField):
    """A JSON object; an empty field is none."""

    def __init__(self) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
        super().__init__(label="Metadata", required=False, widget=widget)
        self.help_text = "A JSON object."

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)

    def to_python(self, value: Any) -> Any:
        raw = super().to_python(value) or ""
        return _json_object(raw) if raw.strip() else None


class PairsWidget(forms.TextInput):
    """A field for each pair and an empty one more, all sent under the same name."""

    def value_from_datadict(
        self, data: Any, files: MultiValueDict[str, Any], name: str
    ) -> list[str]:
        return [raw for raw in data.getlist(name) if raw.strip()]

    def render(
        self,
        name: str,
        value: Any,
        attrs: dict[str, Any] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        given = dict(attrs or {})
        inputs = []
        for number, pair in enumerate([*(value or ()), ""][:MOST_PAIRS]):
            if number:  # the label is the first one's
                given["id"] = f"{(attrs or {}).get('id')}_{number}"
                given["aria-label"] = "Another pair"
            inputs.append((super().render(name, pair, given, renderer),))
        return format_html_join("", "{}", inputs)


class PairsField(forms.Field):
    """Pairs as ``key=value``, each in a field of its own; all of them are meant."""

    def __init__(self, label: str, *, placeholder: str) -> None:
        widget = PairsWidget(
            attrs={"placeholder": placeholder, "maxlength": MAX_PAIR_CHARS}
        )
        super().__init__(label=label, required=False, widget=widget)

    def to_python(self, value: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
        if len(value or ()) > MOST_PAIRS:
            raise ValidationError(f"{MOST_PAIRS} pairs at most.")
        return tuple(_pair(raw) for raw in value or ())


def _pair(raw: str) -> tuple[str, str]:
    name, sign, value = raw.partition("=")
    if not (name.strip() and sign) or len(raw) > MAX_PAIR_CHARS or "\0" in raw:
        raise ValidationError("Write key=value.")
    return name.strip(), value.strip()


def _json_object(raw: str) -> JsonDict:
    """As PostgreSQL can store it: no NaN, no NUL, no half of a surrogate pair."""
    try:
        given = json.loads(raw, parse_constant=_refuse_constant)
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise ValidationError(NOT_JSON) from exc
    if not isinstance(given, dict) or "\\u0000" in json.dumps(given):
        raise ValidationError(NOT_JSON)
    return given


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


class RecurrenceField(forms.CharField):
    """A rule as it is stored, read from one or from words; empty is None."""

    def __init__(self) -> None:
        super().__init__(
            label="Recurs",
            required=False,
            max_length=RECURS_CHARS,
            help_text="A rule (FREQ=WEEKLY;BYDAY=SU), or in words: every Sunday.",
        )

    def clean(self, value: Any) -> str | None:
        given = super().clean(value)
        words = None if "=" in given else read_recurrence(given)
        rule = checked_rule(given) or words
        if given and rule is None:
            message = "Neither an RRULE without a start and an end, nor words for one."
            raise forms.ValidationError(message)
        return rule


class AspectField(forms.TypedChoiceField):
    """What a memory tells of; empty is None."""

    def __init__(self) -> None:
        super().__init__(
            label="Tells of",
            required=False,
            choices=[("", "not said"), *ASPECTS],
            coerce=Aspect,
            empty_value=None,
        )


def day_field(label: str, *, hint: str = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=label, required=False, help_text=hint, widget=widget, localize=False
    )


def instant_field(label: str, *, hint: str = "") -> forms.DateTimeField:
    """In the operator's time zone."""
    return forms.DateTimeField(
        label=label,
        required=False,
        help_text=hint,
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )


def add_refusal(form: forms.Form, error: InvalidRequest) -> None:
    """Each message beside its field; what is of no field above the form."""
    fields = error.fields or {}
    mine = {name: told for name, told in fields.items() if name in form.fields}
    for name, told in mine.items():
        form.add_error(name, list(told))
    if not mine:
        form.add_error(None, error.message)

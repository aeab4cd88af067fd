"""A form for each group of settings; only what differs is changed.

What a value may be is for ``services.configuration`` to say: these fields only read
what was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from memories.console.settings.knobs import (
    LOCALE,
    Group,
    Knob,
    Shape,
    is_default,
    platform_note,
)
from memplatform.lib.errors import InvalidRequest
from tenants.api.parsing import parse_json

CHARS_A_LINE = 90
LEAST_LINES, MOST_LINES = 2, 16


class Lines(forms.CharField):
    """One entry a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "\n".join(value or ())

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        """The service knows what may stand in it."""

    def run_validators(self, value: Any) -> None:
        """As above."""


class Categories(Lines):
    """``name: description`` a line, as a mapping."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return "\n".join(
                f"{name}: {about}".rstrip(": ") for name, about in value.items()
            )
        return value

    def to_python(self, value: Any) -> Any:
        found: dict[str, str] = {}
        for line in super().to_python(value):
            name, _, about = line.partition(":")
            if not name.strip():
                raise forms.ValidationError(f"{line!r} has no name before the colon.")
            found[name.strip()] = about.strip()
        return found


class Json(forms.CharField):
    """A JSON object, or nothing."""

    widget = forms.Textarea(attrs={"spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        if not (value or "").strip():
            return None
        try:
            return parse_json(value.encode("utf-8", "replace"))
        except InvalidRequest as exc:
            raise forms.ValidationError(f"This is not JSON: {exc.message}") from exc

    def validate(self, value: Any) -> None:
        """The service knows what may stand in it."""

    def run_validators(self, value: Any) -> None:
        """As above."""


class GroupForm(forms.Form):
    """The knobs of one group as they stand."""

    def __init__(
        self,
        group: Group,
        values: Mapping[str, Any],
        data: QueryDict | None = None,
    ) -> None:
        self.group, self.values = group, values
        initial = {knob.name: values[knob.name] for knob in group.knobs}
        super().__init__(data, initial=initial, prefix=group.slug)
        for knob in group.knobs:
            self.fields[knob.name] = _field(knob)
            _fit(self.fields[knob.name], values[knob.name])

    def changes(self) -> dict[str, Any]:
        """What differs from what stands, None for a default; after ``is_valid``."""
        changed: dict[str, Any] = {}
        for knob in self.group.knobs:
            value = _kept(knob, self.cleaned_data[knob.name])
            if not self._is_untouched(knob) and not _is_same(
                value, self.values[knob.name]
            ):
                is_left = is_default(knob.name, value) and knob.name not in LOCALE
                changed[knob.name] = None if is_left else value
        return changed

    def _is_untouched(self, knob: Knob) -> bool:
        """Whether it stands as it was shown: what is written in lines may be read in
        more than one way."""
        shown = self[knob.name].field.prepare_value(self.values[knob.name])
        written = self[knob.name].data
        return isinstance(written, str) and _plain(written) == _plain(shown or "")


def _plain(text: Any) -> str:
    return str(text).replace("\r\n", "\n").strip()


def _kept(knob: Knob, value: Any) -> Any:
    """Line ends as they are everywhere else; an emptied number is its default."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n")
    if value is None and knob.shape in (Shape.WHOLE, Shape.NUMBER):
        return knob.default
    if knob.shape is Shape.CATEGORIES and not value:
        return knob.default
    return value


def _is_same(value: Any, standing: Any) -> bool:
    if isinstance(standing, list | tuple):
        return list(value or ()) == list(standing)
    return bool(value == standing)


def _field(knob: Knob) -> forms.Field:
    common: dict[str, Any] = {
        "label": f"{knob.label} ({knob.unit})" if knob.unit else knob.label,
        "help_text": _help(knob),
        "required": False,
    }
    match knob.shape:
        case Shape.SWITCH:
            return forms.BooleanField(**common)
        case Shape.WHOLE:
            return forms.IntegerField(**common, widget=_number(knob, step="1"))
        case Shape.NUMBER:
            return forms.FloatField(**common, widget=_number(knob, step="any"))
        case Shape.CHOICE:
            return forms.ChoiceField(**common, choices=knob.choices)
        case Shape.WORD:
            return forms.CharField(**common)
        case Shape.TEXT:
            return forms.CharField(**common, strip=False, widget=forms.Textarea)
        case Shape.LINES:
            return Lines(**common)
        case Shape.CATEGORIES:
            return Categories(**common)
        case Shape.JSON:
            return Json(**common)


def _number(knob: Knob, step: str) -> forms.NumberInput:
    low, high = knob.range or (None, None)
    given = {"step": step, "min": low, "max": high}
    return forms.NumberInput(
        attrs={
            name: f"{v:g}" if isinstance(v, float) else v
            for name, v in given.items()
            if v is not None
        }
    )


def _fit(field: forms.Field, value: Any) -> None:
    """As many lines as there are to see, within reason."""
    if isinstance(field.widget, forms.Textarea):
        text = str(field.prepare_value(value) or "")
        lines = sum(1 + len(line) // CHARS_A_LINE for line in text.splitlines())
        field.widget.attrs["rows"] = min(max(lines, LEAST_LINES), MOST_LINES)


def _help(knob: Knob) -> str:
    note = platform_note(knob.name)
    default = knob.default_text + (f" ({note})" if note else "")
    limits = ""
    if knob.range:
        low, high = knob.range
        limits = f" From {low:g} to {high:g}."
    return f"{knob.help}{limits} Default: {default}."

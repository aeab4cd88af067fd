"""What an operator may say of a memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django import forms

from memories.console.fields import (
    AspectField,
    CategoriesField,
    MetadataField,
    RecurrenceField,
    day_field,
    instant_field,
    reason_field,
    text_field,
)
from memories.models import Memory
from memories.models.fields import SCOPE_ID_CHARS
from memories.selectors.conditions import scope_id_problem
from memories.services.by_hand import Written
from memories.services.edit import MemoryChanges
from memories.types import SCOPE_KEYS, Scope, ValidTime

CHANGED = "It was changed since you opened it; this is what you wrote. Look first."


class EditForm(forms.Form):
    """``number`` is the version that was on the page when the edit began."""

    text = text_field()
    categories = CategoriesField()
    metadata = MetadataField()
    valid_from = instant_field("True from")
    valid_to = instant_field("True until")
    recurs = RecurrenceField()
    aspect = AspectField()
    expires_on = day_field("Expires on", hint="After this day nobody recalls it.")
    reason = reason_field()
    number = forms.IntegerField(widget=forms.HiddenInput)

    @classmethod
    def of(cls, memory: Memory, auto_id: str) -> Self:
        return cls(
            auto_id=auto_id,
            initial={
                "text": memory.text,
                "categories": memory.categories,
                "metadata": memory.metadata,
                "valid_from": memory.valid_from,
                "valid_to": memory.valid_to,
                "recurs": memory.recurs,
                "aspect": memory.aspect,
                "expires_on": memory.expires_on,
                "number": memory.number,
            },
        )

    def is_of(self, memory: Memory) -> bool:
        """Whether it is about the memory as it is; else it says so."""
        is_same = bool(self.cleaned_data["number"] == memory.number)
        if not is_same:
            self.add_error(None, CHANGED)
            self.data = {**dict(self.data.items()), "number": memory.number}
        return is_same

    def changes(self, memory: Memory) -> MemoryChanges:
        """What nobody has looked for yet stays so, where the field is left empty."""
        given = self.cleaned_data
        is_unsorted = memory.categories is None and not given["categories"]
        return MemoryChanges(
            text=given["text"].replace("\r\n", "\n"),
            metadata=given["metadata"],
            categories=None if is_unsorted else given["categories"],
            expires_on=given["expires_on"],
            valid_from=_exactly(given["valid_from"], memory.valid_from),
            valid_to=_exactly(given["valid_to"], memory.valid_to),
            recurs=given["recurs"],
            aspect=given["aspect"],
        )


def _exactly(given: datetime | None, known: datetime | None) -> datetime | None:
    """The form shows minutes: what was left alone stays as exact as it is."""
    shown = known.replace(second=0, microsecond=0) if known else None
    return known if given == shown else given


class ReasonForm(forms.Form):
    """Why it is done."""

    reason = reason_field()


class SupersedeForm(forms.Form):
    """What is true instead of what a memory says."""

    text = text_field("What is true now")
    valid_from = instant_field(
        "True from", hint="The old one was true until then. Empty: until now."
    )
    recurs = RecurrenceField()
    aspect = AspectField()
    categories = CategoriesField()
    metadata = MetadataField()
    reason = reason_field()

    @classmethod
    def of(cls, memory: Memory) -> Self:
        return cls(
            initial={
                "text": memory.text,
                "categories": memory.categories,
                "metadata": memory.metadata,
            }
        )

    def written(self) -> Written:
        given = self.cleaned_data
        return Written(
            text=given["text"].replace("\r\n", "\n"),
            metadata=given["metadata"],
            categories=given["categories"] or None,
            valid=ValidTime(start=given["valid_from"], recurs=given["recurs"]),
            aspect=given["aspect"],
        )


class WriteForm(forms.Form):
    """A memory of a subject, written by hand; the other ids narrow whose it is."""

    text = text_field()
    categories = CategoriesField()
    metadata = MetadataField()
    valid_from = instant_field("True from")
    valid_to = instant_field("True until")
    recurs = RecurrenceField()
    aspect = AspectField()
    expires_on = day_field("Expires on", hint="After this day nobody recalls it.")
    reason = reason_field()

    def __init__(self, *args: Any, whose: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["categories"].help_text += " Empty: they are found for you."
        self._others = [key for key in SCOPE_KEYS if key != whose]
        for key in self._others:
            self.fields[key] = forms.CharField(
                label=f"{key.removesuffix('_id').title()} id",
                required=False,
                max_length=SCOPE_ID_CHARS,
                validators=[_is_scope_id],
            )

    @property
    def others(self) -> list[forms.BoundField]:
        return [self[key] for key in self._others]

    def scope(self, key: str, name: str) -> Scope:
        """Of the subject, and of whom else was named."""
        others = {other: self.cleaned_data[other] or None for other in self._others}
        return Scope(**{key: name, **others})

    def written(self) -> Written:
        given = self.cleaned_data
        return Written(
            text=given["text"].replace("\r\n", "\n"),
            metadata=given["metadata"],
            categories=given["categories"] or None,
            valid=ValidTime(
                start=given["valid_from"], end=given["valid_to"], recurs=given["recurs"]
            ),
            expires_on=given["expires_on"],
            aspect=given["aspect"],
        )


def _is_scope_id(name: str) -> None:
    if problem := scope_id_problem(name):
        raise forms.ValidationError(f"It {problem}")

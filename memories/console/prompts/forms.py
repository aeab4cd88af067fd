"""What is asked on the pages of a prompt; what may be is for services to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from memories.models.prompts import NOTE_CHARS
from memories.services.replays import MOST_ADDS
from memories.services.trials import MAX_PASTED_CHARS

Choices = Sequence[tuple[str, str]]


class DraftForm(forms.Form):
    """``seen_hash`` is that of the draft as it was opened."""

    text = forms.CharField(
        label="Text",
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "true"}),
    )
    note = forms.CharField(
        label="What it changes, for the others",
        required=False,
        max_length=NOTE_CHARS,
    )
    seen_hash = forms.CharField(required=False, widget=forms.HiddenInput)


class _VersionForm(forms.Form):
    """Which text: of a version, or the draft."""

    def __init__(self, choices: Choices, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"] = forms.ChoiceField(label="Text", choices=choices)
        self.order_fields(["version"])


class PasteForm(_VersionForm):
    said = forms.CharField(
        label="Conversation",
        help_text=(
            "Begin each turn with User: or Assistant:. Text without that is the"
            f" user's. {MAX_PASTED_CHARS:,} characters at most; it is kept nowhere."
        ),
        widget=forms.Textarea(attrs={"rows": 10}),
    )
    subject = forms.CharField(
        label="Whose memories to recall",
        help_text="The id of a user, or of an agent; blank: somebody new.",
        required=False,
        max_length=256,
    )


class RecordedForm(_VersionForm):
    """``add`` are the ids of recorded adds."""

    def __init__(
        self, choices: Choices, adds: Choices, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(choices, *args, **kwargs)
        self.fields["add"] = forms.MultipleChoiceField(
            label="Recorded adds",
            choices=adds,
            required=False,
            widget=forms.CheckboxSelectMultiple,
        )


class ReplayForm(_VersionForm):
    most = forms.IntegerField(
        label="Last adds to go over",
        help_text=f"1 to {MOST_ADDS}; each costs what it cost when it ran, about.",
        min_value=1,
        max_value=MOST_ADDS,
    )
    subject = forms.CharField(
        label="Only those of",
        help_text="The id of a user, or of an agent; blank: of everybody.",
        required=False,
        max_length=256,
    )


class PublishForm(forms.Form):
    """``share`` in per cent; whole without one."""

    HOW = (("whole", "For every add"), ("share", "For a share of adds first"))
    how = forms.ChoiceField(
        label="Let it speak", choices=HOW, widget=forms.RadioSelect, initial="whole"
    )
    share = forms.FloatField(
        label="Share, per cent",
        help_text=(
            "Which adds is drawn by their ids, so that one tried again hears the same."
        ),
        required=False,
        min_value=0.1,
        max_value=99.9,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    def __init__(self, *args: Any, is_of_adds: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_of_adds:
            del self.fields["how"], self.fields["share"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("how") == "share" and cleaned.get("share") is None:
            self.add_error("share", "Say which share.")
        return cleaned

    @property
    def share_0_1(self) -> float | None:
        """After ``is_valid``; None: whole."""
        if self.cleaned_data.get("how") != "share":
            return None
        return float(self.cleaned_data["share"]) / 100

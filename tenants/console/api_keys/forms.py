"""What may be said of an API key."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants import checks
from tenants.models import ApiKey


class KeyLimitsForm(forms.Form):
    """Until when a key serves, and how fast; both may change later."""

    last_day = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It serves until that day ends in your time zone. Blank: for ever.",
    )
    requests_per_minute = forms.IntegerField(
        label="Requests a minute",
        required=False,
        min_value=0,
        max_value=checks.MAX_RATE,
        help_text="Blank: the tenant's limit of each key. 0: any number.",
    )

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and day < timezone.localdate(clock.now()):
            raise forms.ValidationError("A key cannot expire in the past.")
        return day

    @property
    def expires_at(self) -> datetime | None:
        """The midnight after the last day."""
        day: date | None = self.cleaned_data["last_day"]
        if day is None:
            return None
        midnight = datetime.combine(day + timedelta(days=1), time.min)
        return timezone.make_aware(midnight)


class NewKeyForm(KeyLimitsForm):
    """``key_id`` is made with the form: sent twice, it makes one key."""

    key_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label="Name",
        max_length=checks.MAX_KEY_NAME_CHARS,
        help_text="What uses it: you will look for this when you revoke it.",
    )
    access = forms.ChoiceField(
        label="May",
        choices=[
            (ApiKey.Access.WRITE, "read and write"),
            (ApiKey.Access.READ, "only read"),
        ],
        initial=ApiKey.Access.WRITE,
    )
    only_user_id = forms.CharField(
        label="Only this user",
        required=False,
        max_length=checks.MAX_SUBJECT_CHARS,
        help_text="A user_id: the key reaches no memory of anybody else.",
    )
    only_agent_id = forms.CharField(
        label="Only this agent",
        required=False,
        max_length=checks.MAX_SUBJECT_CHARS,
        help_text="An agent_id, in the same way.",
    )

    field_order = ["key_id", "name", "access", "only_user_id", "only_agent_id"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key_id"].initial = new_id


def last_day_of(key: ApiKey) -> date | None:
    """The day after which a key ends, as the form shows it."""
    if key.expires_at is None:
        return None
    return timezone.localdate(key.expires_at - timedelta(microseconds=1))

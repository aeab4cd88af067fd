"""What a webhook is told of, and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings

from memories.models import Topic, Webhook
from memories.services.webhooks import NewWebhook, WebhookChanges
from memories.types import UNSET
from memories.webhooks.addresses import MAX_URL_CHARS, Allowed, url_problem
from memplatform.lib.ids import new_id

MAX_NAME_CHARS = 200
MEANINGS = {
    Topic.MEMORY_ADD: "a memory was added",
    Topic.MEMORY_UPDATE: "a memory was changed, superseded or restored",
    Topic.MEMORY_DELETE: "a memory was deleted or retired",
    Topic.MEMORY_CATEGORIZE: "a memory got its categories",
    Topic.JOB_COMPLETED: "an add was finished",
    Topic.JOB_PARTIALLY_COMPLETED: "an add was finished in part",
    Topic.JOB_FAILED: "an add failed",
    Topic.JOB_CANCELLED: "an add was cancelled",
}


class WebhookForm(forms.Form):
    name = forms.CharField(label="Name", max_length=MAX_NAME_CHARS)
    url = forms.CharField(
        label="URL",
        max_length=MAX_URL_CHARS,
        widget=forms.URLInput,
        help_text="Each change is sent there by POST, signed.",
    )
    event_types = forms.MultipleChoiceField(
        label="Tell it when",
        choices=[(topic.value, f"{MEANINGS[topic]} ({topic})") for topic in Topic],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if problem := url_problem(url, Allowed.of(settings.ALLOW_PRIVATE_WEBHOOKS)):
            raise forms.ValidationError(f"The URL {problem}")
        return url


class NewWebhookForm(WebhookForm):
    """``webhook_id`` is made with the form: sent twice, it makes one webhook."""

    webhook_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["webhook_id"].initial = new_id

    def webhook(self) -> NewWebhook:
        said = self.cleaned_data
        return NewWebhook(said["name"], said["url"], said["event_types"])


class ChangeWebhookForm(WebhookForm):
    is_active = forms.BooleanField(
        label="Active",
        required=False,
        help_text="Inactive, it is told nothing, and what is on its way is cancelled.",
    )

    def changes_of(self, webhook: Webhook) -> WebhookChanges:
        """Only what differs: the rest is not changed, and not audited."""
        said = self.cleaned_data
        return WebhookChanges(
            **{
                name: said[name] if said[name] != getattr(webhook, name) else UNSET
                for name in ("name", "url", "event_types", "is_active")
            }
        )


class RotateForm(forms.Form):
    """The webhook as it was seen, so that a reload does not rotate twice."""

    seen_at = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_seen_at(self) -> datetime:
        try:
            return datetime.fromisoformat(self.cleaned_data["seen_at"])
        except ValueError as exc:
            raise forms.ValidationError("Open the webhook again.") from exc


class SampleForm(forms.Form):
    """Which made-up event to send."""

    topic = forms.ChoiceField(label="Event", choices=())

    def __init__(self, *args: Any, topics: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(topic, topic) for topic in topics]
        self.fields["topic"] = forms.ChoiceField(label="Event", choices=choices)

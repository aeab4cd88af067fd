"""Webhooks and deliveries, in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    FloatField,
    IntegerField,
    ListField,
    Serializer,
    URLField,
    UUIDField,
)

from memories.api.components import AnyObject, maybe, nullable
from memories.api.describe import AT, PAGING, answered, asked, described, in_query, page
from memories.api.projects.describe import PROJECT_ID, Done
from memories.api.webhooks.requests import MAX_NAME_CHARS
from memories.models import Delivery as DeliveryModel
from memories.models import Topic
from memories.webhooks.addresses import MAX_URL_CHARS

WEBHOOK_ID = "019a3f0c-5e6d-7a13-9b52-6f5e4d3c2b1a"
DELIVERY_ID = "019a3f0c-5e6d-7a14-8c41-7a6b5c4d3e2f"
TOPICS = Topic.values
STATUSES = DeliveryModel.Status.values


class Webhook(Serializer):  # type: ignore[type-arg]
    webhook_id = UUIDField()
    name = CharField()
    url = URLField()
    event_types = ListField(child=ChoiceField(choices=TOPICS))
    owner = CharField(help_text="The e-mail of who made it.")
    is_active = BooleanField()
    project = CharField(help_text="The project's name.")
    project_id = UUIDField()
    created_at = DateTimeField()
    updated_at = DateTimeField()
    disabled_at = nullable(DateTimeField, help_text="When the platform gave it up.")
    disabled_reason = nullable(CharField)
    failing_since = nullable(DateTimeField)
    last_success_at = nullable(DateTimeField, help_text="To the minute.")
    previous_secret_until = nullable(
        DateTimeField, help_text="Until then the secret before this one signs too."
    )


class WebhookWithSecret(Webhook):
    secret = CharField(help_text="Shown this once: verify signatures with it.")


class NewWebhookBody(Serializer):  # type: ignore[type-arg]
    name = CharField(max_length=MAX_NAME_CHARS)
    url = URLField(max_length=MAX_URL_CHARS, help_text="http or https.")
    event_types = ListField(child=ChoiceField(choices=TOPICS), allow_empty=False)
    is_active = maybe(BooleanField, default=True)


class WebhookChangesBody(Serializer):  # type: ignore[type-arg]
    name = maybe(CharField, max_length=MAX_NAME_CHARS)
    url = maybe(URLField, max_length=MAX_URL_CHARS)
    event_types = maybe(ListField, child=ChoiceField(choices=TOPICS), allow_empty=False)
    is_active = maybe(BooleanField, help_text="True gives a disabled one a new start.")


class TestBody(Serializer):  # type: ignore[type-arg]
    event_type = maybe(ChoiceField, choices=TOPICS)


class Delivery(Serializer):  # type: ignore[type-arg]
    id = UUIDField(help_text="The webhook-id of its requests.")
    webhook_id = UUIDField()
    event_type = ChoiceField(choices=TOPICS)
    status = ChoiceField(choices=STATUSES)
    attempts = IntegerField()
    response_status = nullable(IntegerField)
    error = nullable(CharField)
    created_at = DateTimeField()
    delivered_at = nullable(DateTimeField)
    next_attempt_at = nullable(DateTimeField)


class SentRequest(Serializer):  # type: ignore[type-arg]
    """As it was sent the last time; nothing before the first."""

    url = nullable(CharField)
    headers = nullable(AnyObject)
    body = nullable(AnyObject, help_text="Null once what it told was erased.")


class ReceivedResponse(Serializer):  # type: ignore[type-arg]
    status = nullable(IntegerField)
    body = nullable(CharField, help_text="Its beginning.")


class AttemptEntry(Serializer):  # type: ignore[type-arg]
    at = DateTimeField()
    status = nullable(IntegerField)
    error = CharField(allow_blank=True)
    duration_ms = FloatField()


class DeliveryDetail(Delivery):
    request = SentRequest()
    response = ReceivedResponse()
    attempt_log = ListField(child=AttemptEntry())


class DeliveryPage(Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(URLField)
    previous = nullable(URLField)
    results = ListField(child=Delivery())


WEBHOOK_EXAMPLE = {
    "webhook_id": WEBHOOK_ID,
    "name": "log",
    "url": "https://example.com/h",
    "event_types": ["memory_add"],
    "owner": "ida@example.com",
    "is_active": True,
    "project": "Default project",
    "project_id": PROJECT_ID,
    "created_at": AT,
    "updated_at": AT,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "last_success_at": None,
    "previous_secret_until": None,
}
SECRET_EXAMPLE = {
    **WEBHOOK_EXAMPLE,
    "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}
DELIVERY_EXAMPLE = {
    "id": DELIVERY_ID,
    "webhook_id": WEBHOOK_ID,
    "event_type": "memory_add",
    "status": "delivered",
    "attempts": 1,
    "response_status": 200,
    "error": None,
    "created_at": AT,
    "delivered_at": AT,
    "next_attempt_at": None,
}
PENDING_EXAMPLE = {
    **DELIVERY_EXAMPLE,
    "status": "pending",
    "attempts": 0,
    "response_status": None,
    "delivered_at": None,
    "next_attempt_at": AT,
}
DETAIL_EXAMPLE = {
    **DELIVERY_EXAMPLE,
    "request": {
        "url": "https://example.com/h",
        "headers": {"content-type": "application/json", "webhook-id": DELIVERY_ID},
        "body": {
            "event_details": {
                "id": "0b0e5c1e-6f0a-4b55-9a51-5d1f6a0f2a11",
                "data": {"memory": "Keeps bees"},
                "event": "ADD",
            },
            "type": "memory_add",
        },
    },
    "response": {"status": 200, "body": "ok"},
    "attempt_log": [{"at": AT, "status": 200, "error": "", "duration_ms": 41.5}],
}


def _path(name: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH)


_WEBHOOK = [_path("webhook_id")]
_DELIVERY = [*_WEBHOOK, _path("delivery_id")]
_PROJECT = [_path("project_id")]
_TAG = "webhooks"


def _created(description: dict[str, Any]) -> dict[str, Any]:
    """The same, answered 201."""
    responses = dict(description["responses"])
    responses[201] = responses.pop(200)
    examples = [
        OpenApiExample(e.name, e.value, response_only=True, status_codes=["201"])
        if e.response_only
        else e
        for e in description["examples"]
    ]
    return {**description, "responses": responses, "examples": examples}


LIST = described(
    "list_webhooks",
    _TAG,
    Webhook(many=True),
    403,
    404,
    summary="The webhooks of a project, oldest first",
    parameters=_PROJECT,
    examples=[answered("A webhook", WEBHOOK_EXAMPLE)],
)
CREATE = _created(
    described(
        "create_webhook",
        _TAG,
        WebhookWithSecret,
        400,
        403,
        404,
        413,
        summary="Be told of what happens in a project",
        description="Requests are signed after Standard Webhooks with the secret.",
        parameters=_PROJECT,
        request=NewWebhookBody,
        examples=[
            asked(
                "New memories",
                {
                    "name": "log",
                    "url": "https://example.com/h",
                    "event_types": ["memory_add"],
                },
            ),
            answered("Made", SECRET_EXAMPLE),
        ],
    )
)
GET = described(
    "get_webhook",
    _TAG,
    Webhook,
    403,
    404,
    summary="A webhook and how it fares",
    parameters=_WEBHOOK,
    examples=[answered("A webhook", WEBHOOK_EXAMPLE)],
)
CHANGE = described(
    "change_webhook",
    _TAG,
    Done,
    400,
    403,
    404,
    413,
    summary="Change a webhook; what is absent stays",
    parameters=_WEBHOOK,
    request=WebhookChangesBody,
    examples=[
        asked("Another name", {"name": "audit"}),
        asked("A new start", {"is_active": True}),
        answered("Done", {"message": "Webhook updated successfully"}),
    ],
)
DELETE = described(
    "delete_webhook",
    _TAG,
    Done,
    403,
    404,
    summary="Delete a webhook and what it was sent",
    parameters=_WEBHOOK,
    request=None,
    examples=[answered("Done", {"message": "Webhook deleted successfully"})],
)
ROTATE = described(
    "rotate_webhook_secret",
    _TAG,
    WebhookWithSecret,
    403,
    404,
    summary="A new secret; the old one signs as well for a day",
    parameters=_WEBHOOK,
    request=None,
    examples=[answered("Rotated", {**SECRET_EXAMPLE, "previous_secret_until": AT})],
)
TEST = described(
    "test_webhook",
    _TAG,
    Delivery,
    400,
    403,
    404,
    413,
    summary="Send a made-up event, marked as a test, at once",
    parameters=_WEBHOOK,
    request=TestBody,
    examples=[
        asked("A delete", {"event_type": "memory_delete"}),
        answered("On its way", PENDING_EXAMPLE),
    ],
)
DELIVERIES = described(
    "list_webhook_deliveries",
    _TAG,
    DeliveryPage,
    400,
    403,
    404,
    summary="What a webhook was sent, newest first",
    parameters=[*_WEBHOOK, *PAGING, in_query("status", f"{', '.join(STATUSES)}.")],
    examples=[answered("A page", page(DELIVERY_EXAMPLE))],
)
DELIVERY = described(
    "get_webhook_delivery",
    _TAG,
    DeliveryDetail,
    403,
    404,
    summary="A delivery with its last request and response",
    parameters=_DELIVERY,
    examples=[answered("Delivered", DETAIL_EXAMPLE)],
)
REDELIVER = described(
    "redeliver_webhook_delivery",
    _TAG,
    Delivery,
    400,
    403,
    404,
    summary="Send a delivery once more, under the same id",
    parameters=_DELIVERY,
    request=None,
    examples=[answered("On its way", PENDING_EXAMPLE)],
)

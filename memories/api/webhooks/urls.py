"""The paths of webhooks and deliveries; ids are any text here."""

from __future__ import annotations

from django.urls import path

from memories.api.webhooks.views import (
    OneDelivery,
    OneWebhook,
    Redeliver,
    RotateSecret,
    TestWebhook,
    WebhookDeliveries,
    Webhooks,
)

ROOT = "api/v1/webhooks/"
WEBHOOK = f"{ROOT}<str:webhook_id>/"
DELIVERIES = f"{WEBHOOK}deliveries/"

urlpatterns = [
    path(f"{ROOT}projects/<str:project_id>/", Webhooks.as_view(), name="webhooks"),
    path(WEBHOOK, OneWebhook.as_view(), name="webhook"),
    path(f"{WEBHOOK}rotate-secret/", RotateSecret.as_view(), name="rotate-secret"),
    path(f"{WEBHOOK}test/", TestWebhook.as_view(), name="test-webhook"),
    path(DELIVERIES, WebhookDeliveries.as_view(), name="deliveries"),
    path(f"{DELIVERIES}<str:delivery_id>/", OneDelivery.as_view(), name="delivery"),
    path(
        f"{DELIVERIES}<str:delivery_id>/redeliver/",
        Redeliver.as_view(),
        name="redeliver",
    ),
]

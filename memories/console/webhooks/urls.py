"""``/console/<tenant>/<project>/webhooks/``"""

from __future__ import annotations

from django.urls import path

from memories.console.webhooks import views

urlpatterns = [
    path("", views.webhooks, name="webhooks"),
    path("new/", views.new_webhook, name="new-webhook"),
    path("<uuid:webhook_id>/", views.webhook, name="webhook"),
    path("<uuid:webhook_id>/edit/", views.edit_webhook, name="edit-webhook"),
    path(
        "<uuid:webhook_id>/rotate-secret/",
        views.rotate_webhook_secret,
        name="rotate-webhook-secret",
    ),
    path("<uuid:webhook_id>/test/", views.test_webhook, name="test-webhook"),
    path("<uuid:webhook_id>/delete/", views.delete_webhook, name="delete-webhook"),
    path(
        "<uuid:webhook_id>/deliveries/<uuid:delivery_id>/",
        views.delivery,
        name="delivery",
    ),
    path(
        "<uuid:webhook_id>/deliveries/<uuid:delivery_id>/redeliver/",
        views.redeliver,
        name="redeliver",
    ),
]

"""``/console/<tenant>/<project>/api-keys/``"""

from __future__ import annotations

from django.urls import path

from tenants.console.api_keys import views

urlpatterns = [
    path("", views.api_keys, name="api-keys"),
    path("new/", views.new_api_key, name="new-api-key"),
    path("<uuid:key_id>/", views.api_key, name="api-key"),
    path("<uuid:key_id>/revoke/", views.revoke_api_key, name="revoke-api-key"),
]

"""``/console/<tenant>/<project>/providers/``"""

from __future__ import annotations

from django.urls import path

from memories.console.providers import views

urlpatterns = [
    path("", views.providers, name="providers"),
    path("reembed/", views.reembed, name="reembed"),
    path(
        "reembed/back/", views.return_to_previous_space, name="return-to-previous-space"
    ),
    path("<slug:kind>/", views.save_provider, name="save-provider"),
    path("<slug:kind>/test/", views.test_provider, name="test-provider"),
    path("<slug:kind>/remove/", views.remove_provider, name="remove-provider"),
]

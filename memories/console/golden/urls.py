"""``/console/<tenant>/<project>/golden-sets/``"""

from __future__ import annotations

from django.urls import path

from memories.console.golden import views

urlpatterns = [
    path("", views.golden_sets, name="golden-sets"),
    path("evaluations/", views.evaluations, name="evaluations"),
    path("new/", views.new_golden_set, name="new-golden-set"),
    path("<uuid:golden_id>/", views.golden_set, name="golden-set"),
    path("<uuid:golden_id>/edit/", views.edit_golden_set, name="edit-golden-set"),
    path("<uuid:golden_id>/ask/", views.ask_golden_set, name="ask-golden-set"),
    path(
        "<uuid:golden_id>/runs/<uuid:run_id>/accept/",
        views.accept_golden_run,
        name="accept-golden-run",
    ),
    path("<uuid:golden_id>/delete/", views.delete_golden_set, name="delete-golden-set"),
]

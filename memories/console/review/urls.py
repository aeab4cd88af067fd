"""Under ``review/``."""

from __future__ import annotations

from django.urls import path

from memories.console.review import views

urlpatterns = [
    path("", views.review, name="review"),
    path("decide/", views.decide, name="review-decide"),
    path("<uuid:memory_id>/", views.review_memory, name="review-memory"),
]

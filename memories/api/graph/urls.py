"""The graph: what memories speak of, and how it hangs together."""

from __future__ import annotations

from django.urls import path

from memories.api.graph import views

urlpatterns = [
    path("v1/graph/entities/", views.ListEntities.as_view(), name="graph-entities"),
    path(
        "v1/graph/entities/<str:entity_id>/",
        views.OneEntity.as_view(),
        name="graph-entity",
    ),
    path(
        "v1/graph/entities/<str:entity_id>/neighbourhood/",
        views.AroundEntity.as_view(),
        name="graph-neighbourhood",
    ),
    path(
        "v1/graph/entities/<str:entity_id>/merge/",
        views.MergeEntities.as_view(),
        name="graph-merge",
    ),
    path(
        "v1/graph/merges/<str:merge_id>/undo/",
        views.UndoMerge.as_view(),
        name="graph-undo-merge",
    ),
    path("v1/graph/relations/", views.ListRelations.as_view(), name="graph-relations"),
    path(
        "v1/graph/relations/<str:relation_id>/",
        views.OneRelation.as_view(),
        name="graph-relation",
    ),
    path("v1/graph/path/", views.PathBetween.as_view(), name="graph-path"),
]

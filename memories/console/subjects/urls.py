"""Addresses of the pages about one subject."""

from __future__ import annotations

from django.urls import path

from memories.console.subjects import privacy
from memories.console.subjects.browse import add, subject
from memories.console.subjects.bulk import bulk
from memories.console.subjects.compare import (
    compare_page,
    restore_page,
    restored_page,
)
from memories.console.subjects.conversations import conversations
from memories.console.subjects.entities import entity, merge, undo_merge
from memories.console.subjects.graph import graph
from memories.console.subjects.history import history
from memories.console.subjects.picture import picture

urlpatterns = [
    path("", subject, name="subject"),
    path("memories/add/", add, name="add-memory"),
    path("memories/change/", bulk, name="bulk"),
    path("profile/", picture, name="picture"),
    path("graph/", graph, name="graph"),
    path("graph/<uuid:entity_id>/", entity, name="entity"),
    path("graph/<uuid:entity_id>/merge/", merge, name="merge-entity"),
    path(
        "graph/<uuid:entity_id>/merges/<uuid:merge_id>/undo/",
        undo_merge,
        name="undo-merge",
    ),
    path("history/", history, name="history"),
    path("compare/", compare_page, name="compare"),
    path("restore/", restore_page, name="restore-subject"),
    path("restores/<uuid:operation_id>/", restored_page, name="restored"),
    path("conversations/", conversations, name="conversations"),
    path("privacy/", privacy.privacy, name="privacy"),
    path("privacy/exports/", privacy.export, name="export-subject"),
    path("privacy/exports/<uuid:export_id>/", privacy.download, name="download"),
    path("privacy/erase/", privacy.erase_page, name="erase-subject"),
]

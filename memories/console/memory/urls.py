"""Addresses of one memory."""

from __future__ import annotations

from django.urls import path

from memories.console.memory import actions
from memories.console.memory.views import memory

urlpatterns = [
    path("", memory, name="memory"),
    path("edit/", actions.edit, name="edit-memory"),
    path("supersede/", actions.supersede, name="supersede-memory"),
    path("delete/", actions.delete, name="delete-memory"),
    path("wrong/", actions.wrong, name="wrong-memory"),
    path("confirm/", actions.confirm, name="confirm-memory"),
    path("doubt/", actions.doubt, name="doubt-memory"),
    path("restore/", actions.restore, name="restore-memory"),
]

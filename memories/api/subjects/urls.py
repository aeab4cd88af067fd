"""Paths of subjects, which the wire calls entities.

Their names are the caller's own and may hold anything, slashes too: include these last.
"""

from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from memories.api.subjects.views import (
    DeclareAgent,
    DeclareApp,
    DeclareRun,
    DeclareUser,
    ListSubjects,
    NumberedSubject,
    OneSubject,
    SubjectFilters,
    SubjectMemories,
)


class NameConverter(StringConverter):
    """Any text, line breaks and slashes included."""

    regex = r"(?s:.+)"


register_converter(NameConverter, "subject_name")

urlpatterns = [
    path("v1/entities/", ListSubjects.as_view(), name="subjects"),
    path("v1/entities/filters/", SubjectFilters.as_view(), name="subject-filters"),
    path(
        "v1/entities/<str:kind>/<str:number>/",
        NumberedSubject.as_view(),
        name="numbered-subject",
    ),
    path(
        "v1/memories/<str:kind>/<subject_name:name>/",
        SubjectMemories.as_view(),
        name="subject-memories",
    ),
    path("v1/users/", DeclareUser.as_view(), name="declare-user"),
    path("v1/agents/", DeclareAgent.as_view(), name="declare-agent"),
    path("v1/apps/", DeclareApp.as_view(), name="declare-app"),
    path("v1/runs/", DeclareRun.as_view(), name="declare-run"),
    path(
        "v2/entities/<str:kind>/<subject_name:name>/",
        OneSubject.as_view(),
        name="subject",
    ),
]

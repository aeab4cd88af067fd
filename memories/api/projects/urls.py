"""The paths of organizations, projects and members; ids are any text here."""

from __future__ import annotations

from django.urls import path

from memories.api.projects.views import (
    OneOrganization,
    OneProject,
    OrganizationMembers,
    Organizations,
    ProjectMembers,
    Projects,
)

ORGANIZATIONS = "api/v1/orgs/organizations/"
ORGANIZATION = f"{ORGANIZATIONS}<str:org_id>/"
PROJECT = f"{ORGANIZATION}projects/<str:project_id>/"

urlpatterns = [
    path(ORGANIZATIONS, Organizations.as_view(), name="organizations"),
    path(ORGANIZATION, OneOrganization.as_view(), name="organization"),
    path(
        f"{ORGANIZATION}members/",
        OrganizationMembers.as_view(),
        name="organization-members",
    ),
    path(f"{ORGANIZATION}projects/", Projects.as_view(), name="projects"),
    path(PROJECT, OneProject.as_view(), name="project"),
    path(f"{PROJECT}members/", ProjectMembers.as_view(), name="project-members"),
]

"""Profiles of users, their settings and jobs."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading
from memories.api.profiles import describe, requests, shapes
from memories.api.projects.standing import in_project
from memories.api.requests import hash_body, read_idempotency_key
from memories.api.subjects.requests import read_named, require_whole
from memories.api.subjects.views import OneSubject, SubjectApiView
from memories.api.views.base import MemoryApiView, spend_quota
from memories.selectors.profiles import get_job
from memories.services import profiles
from tenants.api.permissions import require_unnarrowed
from tenants.audit import Actor
from tenants.scopes import tenant_scope


class OneProfile(SubjectApiView):
    """GET /v2/entities/user/{name}/profile/"""

    operation = "profile"

    @extend_schema(**describe.PROFILE)
    def get(self, request: Request, name: str) -> Response:
        named = read_named("user", name)
        require_whole(self.access, named)
        profile = profiles.read_profile(self.access, named.name)
        return Response(shapes.profile_json(profile))

    @extend_schema(**describe.NO_PROFILE)
    def delete(self, request: Request, name: str) -> HttpResponseBase:
        """A user's own name may end like this path: profiles are not deleted."""
        delete = OneSubject.as_view()
        return delete(request._request, kind="user", name=f"{name}/profile")


class ProfileSettings(MemoryApiView):
    """GET, POST /v2/profiles/settings/"""

    operation = "profile_settings"

    @extend_schema(**describe.GET_SETTINGS)
    def get(self, request: Request) -> Response:
        setup = profiles.get_profile_settings(self.access)
        return Response(shapes.settings_json(setup))

    @extend_schema(**describe.CHANGE_SETTINGS)
    def post(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "change the settings of the project")
        in_project(access, str(access.tenant_id), str(access.project_id)).require()
        changes = requests.read_settings(request.data)
        actor = Actor.api_key(access, request.META.get("REMOTE_ADDR"))
        setup = profiles.change_profile_settings(access, changes, actor)
        return Response(shapes.settings_json(setup))


class StartJob(MemoryApiView):
    """POST /v2/profiles/jobs/"""

    operation = "profile_job"

    @extend_schema(**describe.START)
    def post(self, request: Request) -> Response:
        key = read_idempotency_key(request.headers.get("Idempotency-Key"))
        asked = requests.read_job(request.data, self.access)
        spend_quota(self.access, self.operation)
        asked = replace(
            asked, idempotency_key=key, body_hash=hash_body(request.data) if key else ""
        )
        job, is_replay = profiles.start_job(self.access, asked)
        return Response(shapes.started_json(job, is_replay=is_replay))


class OneJob(MemoryApiView):
    """GET /v2/profiles/jobs/{job_id}/"""

    operation = "profile_job_status"

    @extend_schema(**describe.JOB)
    def get(self, request: Request, job_id: str) -> Response:
        access, known_id = self.access, reading.uuid_of("job_id", job_id)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            job = get_job(known_id, only=access.only, asked_by=access.key_id)
        return Response(shapes.job_json(job))

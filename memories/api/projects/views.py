"""Organizations, projects and members: seen by a key, changed by its owner's leave."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.projects import describe, requests, shapes
from memories.api.projects.standing import (
    Standing,
    in_organization,
    in_project,
    in_projects,
    wire_role,
)
from memories.api.views.base import MemoryApiView
from memories.services import projects
from memplatform.lib.errors import Forbidden, InvalidRequest, NotFound
from tenants import selectors, services
from tenants.api.permissions import require_unnarrowed
from tenants.audit import Actor
from tenants.models import Membership, Project, Role, Tenant
from tenants.scopes import tenant_scope


class ProjectApiView(MemoryApiView):
    """Errors repeat their message under ``message``; narrowed keys stay outside."""

    error_key = "message"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_unnarrowed(self.access, "see organizations, projects or their members")

    @property
    def actor(self) -> Actor:
        return Actor.api_key(self.access, self.request.META.get("REMOTE_ADDR"))


class OrganizationApiView(ProjectApiView):
    def shape_error(self, body: dict[str, Any], status: int) -> dict[str, Any]:
        """Here the wire has the problems of a body under ``errors``."""
        return {**body, "errors": body["fields"]} if "fields" in body else body


class OneProject(ProjectApiView):
    """GET, PATCH, DELETE …/projects/{project_id}/"""

    @extend_schema(**describe.GET_PROJECT)
    def get(self, request: Request, org_id: str, project_id: str) -> Response:
        standing = in_project(self.access, org_id, project_id)
        shown = requests.read_shown(request.query_params)
        with tenant_scope(self.access.tenant_id):
            return Response(_project_json(_project_of(standing), standing, shown))

    @extend_schema(**describe.CHANGE_PROJECT)
    def patch(self, request: Request, org_id: str, project_id: str) -> Response:
        standing = in_project(self.access, org_id, project_id)
        standing.require()
        asked = requests.read_project_changes(request.data)
        with tenant_scope(self.access.tenant_id):
            projects.change_project(
                _project_of(standing),
                asked.names,
                asked.settings,
                locale=asked.locale,
                actor=self.actor,
            )
        return Response({"message": "Project updated successfully"})

    @extend_schema(**describe.DELETE_PROJECT)
    def delete(self, request: Request, org_id: str, project_id: str) -> Response:
        standing = in_project(self.access, org_id, project_id)
        standing.require()
        with tenant_scope(self.access.tenant_id):
            projects.delete_project(_project_of(standing), actor=self.actor)
        return Response({"message": "Project deleted successfully"})


class Projects(ProjectApiView):
    """GET, POST …/projects/"""

    @extend_schema(**describe.LIST_PROJECTS)
    def get(self, request: Request, org_id: str) -> Response:
        in_organization(self.access, org_id)
        with tenant_scope(self.access.tenant_id):
            known = {project.id: project for project in selectors.list_projects()}
        reached = in_projects(self.access, known)
        with tenant_scope(self.access.tenant_id):
            listed = [(known[s.project_id], s) for s in reached if s.project_id]
            return Response([_project_json(*row) for row in listed])

    @extend_schema(**describe.CREATE_PROJECT)
    def post(self, request: Request, org_id: str) -> Response:
        in_organization(self.access, org_id).require()
        asked = requests.read_named(request.data)
        with tenant_scope(self.access.tenant_id):
            project = services.create_project(
                asked.name, description=asked.description, actor=self.actor
            )
        message = "Project created successfully."
        return Response({"message": message, "project_id": str(project.id)})


class MembersView(ProjectApiView):
    """What members of an organization and of one project of it have in common."""

    created_status = 200

    def listed(self, standing: Standing) -> Response:
        with tenant_scope(self.access.tenant_id):
            _check_project(standing)
            members = selectors.list_reaching(standing.project_id)
            return Response({"members": [shapes.member_json(m) for m in members]})

    def admitted(self, standing: Standing, request: Request) -> Response:
        standing.require()
        asked = requests.read_member(request.data)
        with tenant_scope(self.access.tenant_id):
            token = services.admit_member(
                asked.email,
                standing.granted(asked.role),
                by=standing.owner,
                project=_check_project(standing),
                actor=self.actor,
            )
        body = shapes.admitted_json(asked.email, token)
        return Response(body, status=self.created_status)

    def changed(self, standing: Standing, request: Request) -> Response:
        standing.require()
        asked = requests.read_member(request.data)
        with tenant_scope(self.access.tenant_id):
            member = self._member(standing, asked.email)
            # What reads the same on the wire is not another role: admins stay admins.
            if wire_role(member.role) != asked.role:
                services.change_role(
                    member, standing.granted(asked.role), actor=self.actor
                )
        return Response({"message": f"{asked.email} is {asked.role} now."})

    def removed(self, standing: Standing, email: str) -> Response:
        with tenant_scope(self.access.tenant_id):
            services.remove_member(self._member(standing, email), actor=self.actor)
        return Response({"message": f"{email} is no member any more."})

    def _member(self, standing: Standing, email: str) -> Membership:
        member = _member_of(email, _check_project(standing))
        standing.require_power_over(member)
        return member


class ProjectMembers(MembersView):
    """GET, POST, PUT, DELETE …/projects/{project_id}/members/"""

    @extend_schema(**describe.LIST_PROJECT_MEMBERS)
    def get(self, request: Request, org_id: str, project_id: str) -> Response:
        return self.listed(in_project(self.access, org_id, project_id))

    @extend_schema(**describe.ADD_PROJECT_MEMBER)
    def post(self, request: Request, org_id: str, project_id: str) -> Response:
        return self.admitted(in_project(self.access, org_id, project_id), request)

    @extend_schema(**describe.CHANGE_PROJECT_MEMBER)
    def put(self, request: Request, org_id: str, project_id: str) -> Response:
        return self.changed(in_project(self.access, org_id, project_id), request)

    @extend_schema(**describe.REMOVE_PROJECT_MEMBER)
    def delete(self, request: Request, org_id: str, project_id: str) -> Response:
        standing = in_project(self.access, org_id, project_id)
        standing.require()
        return self.removed(standing, requests.read_email(request.query_params))


class Organizations(OrganizationApiView):
    """GET, POST /api/v1/orgs/organizations/"""

    @extend_schema(**describe.LIST_ORGANIZATIONS)
    def get(self, request: Request) -> Response:
        standing = in_organization(self.access, str(self.access.tenant_id))
        return Response([_organization_json(standing)])

    @extend_schema(**describe.CREATE_ORGANIZATION)
    def post(self, request: Request) -> Response:
        access = self.access
        standing = in_organization(access, str(access.tenant_id))
        standing.require(Role.OWNER)
        asked = requests.read_named(request.data)
        owner = standing.owner
        if access.limits and not owner.is_staff:
            # Else its quota would be worth nothing: there is always another tenant.
            raise Forbidden("An organization with limits cannot found another.")
        tenant = services.found_tenant(asked.name, owner, actor=self.actor)
        message = "Organization created successfully."
        return Response({"message": message, "org_id": str(tenant.id)}, status=201)


class OneOrganization(OrganizationApiView):
    """GET, DELETE /api/v1/orgs/organizations/{org_id}/"""

    @extend_schema(**describe.GET_ORGANIZATION)
    def get(self, request: Request, org_id: str) -> Response:
        return Response(_organization_json(in_organization(self.access, org_id)))

    @extend_schema(**describe.DELETE_ORGANIZATION)
    def delete(self, request: Request, org_id: str) -> Response:
        in_organization(self.access, org_id).require(Role.OWNER)
        with tenant_scope(self.access.tenant_id):
            tenant = Tenant.objects.get(id=self.access.tenant_id)
            projects.delete_tenant(tenant, actor=self.actor)
        return Response({"message": "Organization deleted successfully"})


class OrganizationMembers(OrganizationApiView, MembersView):
    """GET, POST, PUT, DELETE /api/v1/orgs/organizations/{org_id}/members/"""

    created_status = 201

    @extend_schema(**describe.LIST_ORGANIZATION_MEMBERS)
    def get(self, request: Request, org_id: str) -> Response:
        return self.listed(in_organization(self.access, org_id))

    @extend_schema(**describe.ADD_ORGANIZATION_MEMBER)
    def post(self, request: Request, org_id: str) -> Response:
        return self.admitted(in_organization(self.access, org_id), request)

    @extend_schema(**describe.CHANGE_ORGANIZATION_MEMBER)
    def put(self, request: Request, org_id: str) -> Response:
        return self.changed(in_organization(self.access, org_id), request)

    @extend_schema(**describe.REMOVE_ORGANIZATION_MEMBER)
    def delete(self, request: Request, org_id: str) -> Response:
        standing = in_organization(self.access, org_id)
        standing.require()
        body = request.data if isinstance(request.data, dict) else {}
        return self.removed(standing, requests.read_email(body, request.query_params))


def _member_of(email: str, project: Project | None) -> Membership:
    """Raises NotFound; InvalidRequest for who reaches the project by the tenant."""
    try:
        return selectors.get_member(email, project)
    except NotFound:
        if project is None:
            raise
        selectors.get_member(email)
        message = f"{email} is a member of the whole organization: change that."
        raise InvalidRequest(message, fields={"email": [message]}) from None


def _project_of(standing: Standing) -> Project:
    project = _check_project(standing)
    if project is None:  # a bug: the standing is in an organization
        raise TypeError("This needs a standing in a project.")
    return project


def _check_project(standing: Standing) -> Project | None:
    """The project, None for an organization; raises NotFound for one that is gone."""
    if standing.project_id is None:
        return None
    return selectors.get_project(standing.project_id)


def _project_json(
    project: Project, standing: Standing, shown: frozenset[str] | None = None
) -> dict[str, Any]:
    members = selectors.list_reaching(project.id)
    return shapes.project_json(project, members, standing, shown)


def _organization_json(standing: Standing) -> dict[str, Any]:
    with tenant_scope(standing.access.tenant_id):
        return shapes.organization_json(
            Tenant.objects.get(id=standing.access.tenant_id),
            selectors.list_reaching(),
            selectors.list_invitations(),
            standing,
        )

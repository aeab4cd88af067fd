"""Who is on a page of the console, and may they: the one place where roles decide.

Every view of the console is wrapped by :func:`project_page` or :func:`tenant_page`.
A stranger is sent to the sign-in; a tenant or project that is not the operator's is not
there (404); a role that is too small is refused (403). The wrapped view carries its
``read_role`` and ``write_role``, which the menu and a test of every route read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Protocol, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from memplatform.lib.errors import Forbidden, NotFound, PlatformError
from tenants import selectors
from tenants.audit import Actor
from tenants.console.rendering import refuse
from tenants.models import Operator, Project, Role
from tenants.scopes import OpenScope, tenant_scope
from tenants.selectors import RANK, Access, Standing

READING = ("GET", "HEAD")
TOO_SMALL = "Your role does not allow this. Ask an owner of the tenant."


class ConsoleRequest(HttpRequest):
    """A request of a signed-in operator."""

    htmx: HtmxDetails


@dataclass(frozen=True, slots=True)
class Visit:
    """An operator in one tenant, and on the pages of a project in that project.

    ``projects`` are those of the tenant that the operator reaches; ``standings`` are
    all of the operator's memberships, for the way to other tenants.
    """

    operator: Operator
    standing: Standing
    project: Project | None
    projects: tuple[Project, ...]
    standings: tuple[Standing, ...]
    address: str | None

    @property
    def tenant_id(self) -> UUID:
        return self.standing.tenant_id

    @property
    def tenant_slug(self) -> str:
        return self.standing.tenant_slug

    @property
    def project_id(self) -> UUID:
        """The project's id; a bug on a page of no project."""
        if self.project is None:
            raise TypeError("This page is of no project.")
        return self.project.id

    @property
    def role(self) -> Role:
        return self.standing.role

    @property
    def may_support(self) -> bool:
        return self.standing.may(Role.SUPPORT)

    @property
    def may_admin(self) -> bool:
        return self.standing.may(Role.ADMIN)

    @property
    def may_own(self) -> bool:
        return self.standing.may(Role.OWNER)

    @property
    def access(self) -> Access:
        """The operator as services of a project know who acts."""
        return Access(
            tenant_id=self.tenant_id,
            project_id=self.project_id,
            key_id=None,
            operator_id=self.operator.id,
            operator_email=self.operator.email,
            may_write=self.may_support,
            address=self.address,
        )

    @property
    def actor(self) -> Actor:
        """The operator as the audit names who acts."""
        return Actor.operator(self.operator, self.address)

    def scope(self) -> AbstractContextManager[OpenScope]:
        """The rows of this page's project, or of the tenant where it is of none."""
        project_id = self.project.id if self.project else self.standing.project_id
        return tenant_scope(self.tenant_id, project_id=project_id)


type View[**P] = Callable[Concatenate[ConsoleRequest, Visit, P], HttpResponseBase]


class Page(Protocol):
    """A wrapped view; who may read it, and who may write (None: nobody)."""

    read_role: Role
    write_role: Role | None

    def __call__(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase: ...


def project_page(
    *, read: Role, write: Role | None = None
) -> Callable[[View[...]], Page]:
    """A page under ``/console/<slug:tenant>/<uuid:project>/``."""
    return _page(read, write)


def tenant_page(
    *, read: Role, write: Role | None = None
) -> Callable[[View[...]], Page]:
    """A page under ``/console/<slug:tenant>/``, for members of the whole tenant."""
    return _page(read, write)


def _page(read: Role, write: Role | None) -> Callable[[View[...]], Page]:
    def wrap(view: View[...]) -> Page:
        @wraps(view)
        def page(
            request: HttpRequest,
            tenant: str,
            project: UUID | None = None,
            **kwargs: Any,
        ) -> HttpResponseBase:
            return _enter(
                view, cast("ConsoleRequest", request), wanted, (tenant, project), kwargs
            )

        wanted = (read, write)
        wrapped = cast("Page", page)
        wrapped.read_role, wrapped.write_role = read, write
        return wrapped

    return wrap


def _enter(
    view: View[...],
    request: ConsoleRequest,
    roles: tuple[Role, Role | None],
    place: tuple[str, UUID | None],
    kwargs: dict[str, Any],
) -> HttpResponseBase:
    """Find out who asks and whether they may, then run the view in their time zone."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    read, write = roles
    needed = read if request.method in READING else write
    if needed is None:
        return HttpResponseNotAllowed(READING)
    operator = request.user
    visit = None
    with timezone.override(ZoneInfo(operator.timezone)):
        try:
            visit = find_visit(request, operator, *place)
            if not visit.standing.may(needed):
                raise Forbidden(TOO_SMALL)
            return view(request, visit, **kwargs)
        except PlatformError as error:
            return refuse(request, visit, error)


def find_visit(
    request: HttpRequest, operator: Operator, slug: str, project_id: UUID | None
) -> Visit:
    """Where this operator is; raises NotFound for what is not theirs."""
    standings = selectors.list_standings(operator.id)
    standing = _widest(standings, slug, project_id)
    projects = selectors.list_visible_projects(standing)
    project = next((p for p in projects if p.id == project_id), None)
    if project_id is not None and project is None:
        raise NotFound
    return Visit(
        operator=operator,
        standing=standing,
        project=project,
        projects=tuple(projects),
        standings=tuple(standings),
        address=request.META.get("REMOTE_ADDR") or None,
    )


def _widest(
    standings: Sequence[Standing], slug: str, project_id: UUID | None
) -> Standing:
    reaching = [
        standing
        for standing in standings
        if standing.tenant_slug == slug and standing.project_id in (None, project_id)
    ]
    if not reaching:
        raise NotFound
    return max(reaching, key=lambda standing: RANK[standing.role])

"""The members of a tenant: invite, give a role, remove.

The link of an invitation is in the answer to the POST that makes it, and nowhere else
(docs/adr/0460).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from memplatform.lib.errors import InvalidRequest, NotFound
from tenants import checks, selectors, services
from tenants.console.account.invitations import invitation_link
from tenants.console.members.forms import InviteForm, RoleForm
from tenants.console.members.mail import send_invitation
from tenants.console.members.rules import (
    may_handle,
    require_power_over,
    roles_to_give,
)
from tenants.console.paging import page_of
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, tenant_page
from tenants.models import Invitation, Membership, Role


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member, and what the visitor may do to them."""

    member: Membership
    project_name: str | None
    may_remove: bool


@dataclass(frozen=True, slots=True)
class InvitationRow:
    invitation: Invitation
    project_name: str | None
    may_withdraw: bool


@tenant_page(read=Role.ADMIN)
def members(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Who reaches the tenant or one project of it, and who is invited to."""
    with visit.scope():
        page = page_of(selectors.list_members(), request.GET)
        waiting = list(selectors.list_invitations().select_related("invited_by"))
    context = {
        "page": page,
        "members": _member_rows(visit, page.items),
        "invitations": _invitation_rows(visit, waiting),
    }
    return show(request, visit, "tenants/members.html", context)


@tenant_page(read=Role.ADMIN, write=Role.ADMIN)
def invite_member(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = InviteForm(
        request.POST or None,
        roles=roles_to_give(visit.standing),
        projects=visit.projects,
    )
    if request.method == "POST" and form.is_valid():
        try:
            token = _invite(visit, form)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            return _invited(request, visit, form.cleaned_data["email"], token)
    status = 422 if request.method == "POST" else 200
    context = {"form": form}
    return show(request, visit, "tenants/invite_member.html", context, status=status)


@tenant_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def withdraw_invitation(
    request: ConsoleRequest, visit: Visit, invitation_id: UUID
) -> HttpResponse:
    with visit.scope():
        waiting = selectors.list_invitations().select_for_update()
        invitation = waiting.filter(id=invitation_id).first()
        if invitation is None:
            raise NotFound("There is no such invitation any more.")
        require_power_over(visit.standing, invitation.role)
        services.withdraw_invitation(invitation, actor=visit.actor)
    message = f"The invitation of {invitation.email} was withdrawn."
    return done(request, _list_url(visit), message)


@tenant_page(read=Role.OWNER, write=Role.OWNER)
def change_role(request: ConsoleRequest, visit: Visit, member_id: UUID) -> HttpResponse:
    with visit.scope():
        member = _member(member_id)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if request.method == "POST" and form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            with visit.scope():
                services.change_role(_locked(member_id), role, actor=visit.actor)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            message = f"{member.operator.email} is {role} now."
            return done(request, _url_after(visit, member), message)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "member": member}
    return show(request, visit, "tenants/change_role.html", context, status=status)


@tenant_page(read=Role.ADMIN, write=Role.ADMIN)
def remove_member(
    request: ConsoleRequest, visit: Visit, member_id: UUID
) -> HttpResponse:
    """Asks first; then whoever it is can see nothing of the tenant any more."""
    with visit.scope():
        member = _member(member_id)
    require_power_over(visit.standing, member.role)
    if request.method != "POST":
        context = {"member": member, "is_self": _is_self(visit, member)}
        return show(request, visit, "tenants/remove_member.html", context)
    with visit.scope():
        locked = _locked(member_id)
        require_power_over(visit.standing, locked.role)
        services.remove_member(locked, actor=visit.actor)
    message = f"{member.operator.email} is no member any more."
    return done(request, _url_after(visit, member), message)


@sensitive_variables("token")
def _invite(visit: Visit, form: InviteForm) -> str | None:
    """The token, None where they work here already and are a member at once."""
    email, project_id = form.cleaned_data["email"].lower(), form.project_id
    with visit.scope():
        invited = selectors.list_invitations().filter(email=email)
        if project_id in invited.values_list("project_id", flat=True):
            message = "They are invited already: withdraw that invitation first."
            raise checks.invalid("email", message)
        project = selectors.get_project(project_id) if project_id else None
        return services.admit_member(
            email,
            Role(form.cleaned_data["role"]),
            by=visit.operator,
            project=project,
            actor=visit.actor,
        )


@sensitive_variables("token", "link", "context")
def _invited(
    request: ConsoleRequest, visit: Visit, email: str, token: str | None
) -> HttpResponse:
    if token is None:
        return done(request, _list_url(visit), f"{email} is a member now.")
    link = invitation_link(request, token)
    is_mailed = send_invitation(
        email, link, by=visit.operator.email, tenant_name=visit.standing.tenant_name
    )
    context = {"email": email, "link": link, "is_mailed": is_mailed}
    response = show(request, visit, "tenants/invited.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _member(member_id: UUID) -> Membership:
    """Of the open tenant, with the operator; raises NotFound."""
    member = selectors.list_members().filter(id=member_id).first()
    if member is None:
        raise NotFound("There is no such member any more.")
    return member


def _locked(member_id: UUID) -> Membership:
    """The same, as it stays until the end of the transaction."""
    found = selectors.list_members().select_for_update(of=("self",))
    member = found.filter(id=member_id).first()
    if member is None:
        raise NotFound("There is no such member any more.")
    return member


def _member_rows(visit: Visit, found: Sequence[Membership]) -> list[MemberRow]:
    names = {project.id: project.name for project in visit.projects}
    return [
        MemberRow(
            member,
            names.get(member.project_id) if member.project_id else None,
            may_handle(visit.standing, member.role),
        )
        for member in found
    ]


def _invitation_rows(
    visit: Visit, waiting: Sequence[Invitation]
) -> list[InvitationRow]:
    names = {project.id: project.name for project in visit.projects}
    return [
        InvitationRow(
            invitation,
            names.get(invitation.project_id) if invitation.project_id else None,
            may_handle(visit.standing, invitation.role),
        )
        for invitation in waiting
    ]


def _is_self(visit: Visit, member: Membership) -> bool:
    return member.operator_id == visit.operator.id


def _list_url(visit: Visit) -> str:
    return reverse("tenants:members", args=[visit.tenant_slug])


def _url_after(visit: Visit, member: Membership) -> str:
    """Who changed their own membership may see less than they did."""
    return reverse("console:home") if _is_self(visit, member) else _list_url(visit)

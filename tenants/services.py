"""Every change of tenants, projects, members and keys; each one is audited.

Functions need an open tenant scope, except the four that say otherwise: a tenant or an
operator that is only now made, and a key or invitation that names its tenant itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.utils.text import slugify
from psycopg.errors import UniqueViolation

from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotAuthenticated
from memplatform.lib.ids import new_id
from tenants import checks, keys, purge, selectors
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.limits import PER_MONTH, SOFT, check_limits
from tenants.models import (
    ApiKey,
    ForgottenSubject,
    Invitation,
    Membership,
    Operator,
    Project,
    Role,
    SubjectUsage,
    Tenant,
    Usage,
)
from tenants.scopes import current_tenant_id, operator_scope, tenant_scope
from tenants.selectors import Access, KnownKey

LAST_USED_RESOLUTION = timedelta(minutes=1)
INVITATION_TTL = timedelta(days=7)
USAGE = (Usage, SubjectUsage, ForgottenSubject)
DEMO_SLUG = "demo"
DEMO_EMAIL = "demo@example.com"
DEMO_PROJECT = "Default project"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key at the one moment when its text is known."""

    key: ApiKey
    text: str


@dataclass(frozen=True, slots=True)
class Invited:
    """What an invitation offers; ``is_known`` says that its e-mail has an operator.

    ``project_name`` None is every project of the tenant.
    """

    email: str
    role: Role
    tenant_name: str
    project_name: str | None
    invited_by: str
    expires_at: datetime
    is_known: bool


# --- Tenants and projects ---------------------------------------------------


def create_tenant(
    slug: str,
    name: str = "",
    *,
    limits: Mapping[str, Any] | None = None,
    actor: Actor = SYSTEM,
) -> Tenant:
    """A new tenant, without projects or members. Opens its own scope.

    Raises InvalidRequest for a malformed or taken slug.
    """
    check_limits(limits or {})
    tenant = Tenant(
        slug=checks.require_slug(slug),
        name=checks.require_text("name", name or slug, checks.MAX_NAME_CHARS),
        limits=dict(limits or {}),
    )
    with tenant_scope(tenant.id):
        _insert(tenant, "slug", f"There already is a tenant {slug!r}.")
        record_audit("tenant.create", tenant, actor=actor)
    return tenant


def create_project(
    name: str,
    *,
    description: str = "",
    timezone: str = "UTC",
    languages: Iterable[str] = (),
    actor: Actor = SYSTEM,
) -> Project:
    """A new project of the open tenant; the tenant's first one is its default.

    Raises InvalidRequest for a blank or taken name or an unknown timezone.
    """
    project = Project(
        name=checks.require_text("name", name, checks.MAX_NAME_CHARS),
        description=checks.require_text(
            "description", description, checks.MAX_TEXT_CHARS, least=0
        ),
        timezone=checks.require_timezone(timezone),
        languages=list(languages),
        is_default=not selectors.list_projects().exists(),
    )
    _insert(project, "name", f"There already is a project {name!r}.")
    record_audit("project.create", project, actor=actor, changes={"name": [None, name]})
    return project


def found_tenant(name: str, owner: Operator, *, actor: Actor = SYSTEM) -> Tenant:
    """A new tenant with its owner and a first project; all or nothing.

    Its slug is made of the name. Opens its own scope. Raises InvalidRequest.
    """
    slug = f"{slugify(name)[:40].strip('-') or 'tenant'}-{secrets.token_hex(4)}"
    with operator_scope(owner.id):  # one transaction around both scopes
        tenant = create_tenant(slug, name, actor=actor)
        with tenant_scope(tenant.id):
            add_member(owner, Role.OWNER, actor=actor)
            create_project(DEMO_PROJECT, actor=actor)
    return tenant


def change_project(
    project: Project, changes: Mapping[str, str], *, actor: Actor = SYSTEM
) -> None:
    """Change ``name`` or ``description``; raises InvalidRequest."""
    most = {"name": checks.MAX_NAME_CHARS, "description": checks.MAX_TEXT_CHARS}
    for field, text in changes.items():
        least = 1 if field == "name" else 0
        checks.require_text(field, text, most[field], least=least)
    project = Project.objects.select_for_update().get(id=project.id)
    old = {field: getattr(project, field) for field in changes}
    for field, text in changes.items():
        setattr(project, field, text)
    project.updated_at = clock.after(project.updated_at)
    taken = f"There already is a project {project.name!r}."
    _write(project, "name", taken, update_fields=[*changes, "updated_at"])
    diff = {field: [old[field], text] for field, text in changes.items()}
    record_audit("project.change", project, actor=actor, changes=diff)


def delete_project(project: Project, *, actor: Actor = SYSTEM) -> None:
    """Take a project away from everyone at once; :func:`purge_project` does the rest.

    Its keys stop with it, and its name is free again.
    """
    changes = {"name": [project.name, None]}
    Project.objects.filter(id=project.id).update(
        name=f"deleted {project.id}",
        is_default=False,
        deleted_at=clock.now(),
        updated_at=clock.after(project.updated_at),
    )
    record_audit("project.delete", project, actor=actor, changes=changes)


def close_tenant(tenant: Tenant, *, actor: Actor = SYSTEM) -> None:
    """Shut the open tenant for everyone; :func:`purge_tenant` does the rest."""
    changes = {"status": [tenant.status, Tenant.Status.CLOSING]}
    Tenant.objects.filter(id=tenant.id).update(status=Tenant.Status.CLOSING)
    record_audit("tenant.close", tenant, actor=actor, changes=changes)


def purge_project(project: Project, *, actor: Actor = SYSTEM) -> None:
    """Delete a project and everything in it; only its audit remains."""
    purge.run_purges(current_tenant_id(), project.id)
    for model in (ApiKey, Membership, Invitation, *USAGE):
        model.objects.filter(project_id=project.id).delete()
    record_audit("project.purge", project, actor=actor)
    Project.objects.filter(id=project.id).delete()


def purge_tenant(tenant: Tenant, *, actor: Actor = SYSTEM) -> None:
    """Delete everything of the open tenant; its audit and a nameless row remain."""
    purge.run_purges(tenant.id, None)
    for model in (ApiKey, Membership, Invitation, *USAGE, Project):
        model.objects.all().delete()
    Tenant.objects.filter(id=tenant.id).update(
        slug=f"purged-{tenant.id}", name="", limits={}, status=Tenant.Status.PURGED
    )
    record_audit("tenant.purge", tenant, actor=actor)


def set_limits(
    owner: Tenant | Project, limits: Mapping[str, Any], *, actor: Actor = SYSTEM
) -> None:
    """Put a tenant, or a project of the open one, under these limits, and no others.

    They hold from the next request on. Raises InvalidRequest.
    """
    check_limits(limits)
    if isinstance(owner, Project) and not set(limits) <= {PER_MONTH, SOFT}:
        raise checks.invalid("limits", "Rates are limits of tenants and keys.")
    changes = {"limits": [owner.limits, dict(limits)]}
    type(owner).objects.filter(id=owner.id).update(limits=dict(limits))
    owner.limits = dict(limits)
    kind = "tenant" if isinstance(owner, Tenant) else "project"
    record_audit(f"{kind}.set_limits", owner, actor=actor, changes=changes)


# --- Operators and members --------------------------------------------------


def create_operator(
    email: str, password: str | None, *, name: str = "", is_staff: bool = False
) -> Operator:
    """A person who may sign in; member of nothing yet. Needs no scope.

    ``password`` None: cannot sign in by password. Raises InvalidRequest.
    """
    checks.require_email(email)
    checks.require_text("name", name, checks.MAX_NAME_CHARS, least=0)
    if password is not None:
        checks.require_good_password(password)
    try:
        with transaction.atomic():
            return Operator.objects.create_user(
                email, password, name=name, is_staff=is_staff
            )
    except IntegrityError as exc:
        message = f"There already is an operator {email!r}."
        raise checks.invalid("email", message) from exc


def add_member(
    operator: Operator,
    role: Role,
    *,
    project: Project | None = None,
    actor: Actor = SYSTEM,
) -> Membership:
    """Make an operator a member of the open tenant, or of one project of it."""
    member = Membership(operator=operator, project=project, role=role)
    _insert(member, "email", f"{operator.email} is already a member.")
    changes = {"operator": [None, operator.email], "role": [None, role]}
    record_audit("member.add", member, actor=actor, changes=changes)
    return member


def admit_member(
    email: str,
    role: Role,
    *,
    by: Operator,
    project: Project | None = None,
    actor: Actor = SYSTEM,
) -> str | None:
    """Make somebody a member, or invite who is nobody's colleague here yet.

    Who works elsewhere on the platform is invited too: they agree themselves, and
    nobody learns that they are known. Returns the invitation's token, None when the
    membership stands. Raises InvalidRequest.
    """
    colleague = selectors.find_colleague(email)
    if colleague is None:
        return invite_member(email, role, invited_by=by, project=project, actor=actor)
    add_member(colleague, role, project=project, actor=actor)
    return None


def change_role(member: Membership, role: Role, *, actor: Actor = SYSTEM) -> None:
    """Give a member another role. Raises InvalidRequest for the last owner."""
    if role != Role.OWNER:
        _require_another_owner(member)
    changes = {"role": [member.role, role]}
    member.role = role
    member.save(update_fields=["role"])
    record_audit("member.change_role", member, actor=actor, changes=changes)


def remove_member(member: Membership, *, actor: Actor = SYSTEM) -> None:
    """End a membership. Raises InvalidRequest for the last owner."""
    _require_another_owner(member)
    changes = {"role": [member.role, None], "operator": [str(member.operator_id), None]}
    record_audit("member.remove", member, actor=actor, changes=changes)
    Membership.objects.filter(id=member.id).delete()


def invite_member(
    email: str,
    role: Role,
    *,
    invited_by: Operator,
    project: Project | None = None,
    actor: Actor | None = None,
) -> str:
    """Invite somebody; returns the token for the link, which is not kept."""
    checks.require_email(email)
    token = keys.generate_key(current_tenant_id(), kind=keys.INVITATION)
    invitation = Invitation.objects.create(
        email=email.lower(),
        role=role,
        project=project,
        prefix=token.prefix,
        digest=token.digest,
        invited_by=invited_by,
        expires_at=clock.now() + INVITATION_TTL,
    )
    record_audit(
        "member.invite",
        invitation,
        actor=actor or Actor.operator(invited_by),
        changes={"email": [None, invitation.email], "role": [None, role]},
    )
    return token.text


def withdraw_invitation(invitation: Invitation, *, actor: Actor = SYSTEM) -> None:
    """Take an invitation back: its link serves nobody from now on."""
    record_audit(
        "member.withdraw",
        invitation,
        actor=actor,
        changes={"email": [invitation.email, None], "role": [invitation.role, None]},
    )
    Invitation.objects.filter(id=invitation.id).delete()


def read_invitation(token: str) -> Invited:
    """What the link of an invitation offers. Opens its own scope.

    Raises NotAuthenticated, with the reason, for a token that serves nobody any more.
    """
    parts = keys.parse_key(token, kind=keys.INVITATION)
    with tenant_scope(parts.tenant_id):
        invitation = _require_open_invitation(parts)
        known = Operator.objects.filter(email=invitation.email)
        return Invited(
            email=invitation.email,
            role=Role(invitation.role),
            tenant_name=invitation.tenant.name,
            project_name=invitation.project.name if invitation.project else None,
            invited_by=invitation.invited_by.email,
            expires_at=invitation.expires_at,
            is_known=known.exists(),
        )


def accept_invitation(token: str, *, password: str, name: str = "") -> Operator:
    """Make the invited person a member, and an operator if new. Opens its own scope.

    An operator who exists must give their own password. Raises NotAuthenticated for a
    token that is unknown, used or expired, and for a wrong password.
    """
    with _open_invitation(token) as invitation:
        operator = Operator.objects.filter(email=invitation.email).first()
        if operator is None:
            operator = create_operator(invitation.email, password, name=name)
        elif not operator.check_password(password):
            raise NotAuthenticated("Wrong password.")
        _join(invitation, operator)
    return operator


def accept_invitation_as(token: str, email: str, *, name: str = "") -> Operator:
    """The same for somebody whose e-mail is proven: signed in, or by a provider.

    A new operator has no password. Opens its own scope. Raises NotAuthenticated for a
    token that serves nobody, and for one that invites somebody else.
    """
    with _open_invitation(token) as invitation:
        if invitation.email != email.lower():
            raise NotAuthenticated(f"This invitation is for {invitation.email}.")
        operator = Operator.objects.filter(email=invitation.email).first()
        operator = operator or create_operator(invitation.email, None, name=name)
        _join(invitation, operator)
    return operator


@contextmanager
def _open_invitation(token: str) -> Iterator[Invitation]:
    parts = keys.parse_key(token, kind=keys.INVITATION)
    with tenant_scope(parts.tenant_id):
        yield _require_open_invitation(parts)


def _join(invitation: Invitation, operator: Operator) -> None:
    invitation.accepted_at = clock.now()
    invitation.save(update_fields=["accepted_at"])
    add_member(
        operator,
        Role(invitation.role),
        project=invitation.project,
        actor=Actor.operator(operator),
    )


def _require_open_invitation(parts: keys.KeyParts) -> Invitation:
    """The reasons are told apart: only who holds the link learns them."""
    found = Invitation.objects.select_for_update().filter(prefix=parts.prefix)
    invitation = found.first()
    if invitation is None or not parts.matches(invitation.digest):
        raise NotAuthenticated(
            "There is no such invitation: its link was changed, or it was taken back."
        )
    if invitation.accepted_at is not None:
        raise NotAuthenticated("This invitation was accepted already.")
    if clock.now() >= invitation.expires_at:
        raise NotAuthenticated("This invitation has expired. Ask for a new one.")
    if invitation.tenant.status != Tenant.Status.ACTIVE:
        raise NotAuthenticated("This tenant is closed.")
    return invitation


def _require_another_owner(member: Membership) -> None:
    """Owners are locked, so that two demotions at once cannot leave none."""
    if member.role != Role.OWNER or member.project_id is not None:
        return
    owners = Membership.objects.filter(role=Role.OWNER, project=None)
    if not set(owners.select_for_update().values_list("id", flat=True)) - {member.id}:
        raise checks.invalid("role", "A tenant needs at least one owner.")


# --- API keys ---------------------------------------------------------------


def issue_api_key(
    project: Project,
    owner: Operator,
    *,
    name: str = "API key",
    access: ApiKey.Access = ApiKey.Access.WRITE,
    only_user_id: str | None = None,
    only_agent_id: str | None = None,
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
    key_id: UUID | None = None,
    actor: Actor = SYSTEM,
) -> IssuedKey:
    """A new key of a project; its text is in the result and nowhere else.

    ``requests_per_minute`` None is the tenant's limit of each key, 0 any number. With a
    ``key_id`` of the caller's, asking twice makes one key: the second raises
    InvalidRequest.
    """
    checks.require_rate(requests_per_minute)
    if expires_at is not None and expires_at <= clock.now():
        raise checks.invalid("expires_at", "A key cannot expire in the past.")
    new = keys.generate_key(current_tenant_id())
    key = ApiKey(
        id=key_id or new_id(),
        project=project,
        owner=owner,
        name=checks.require_text("name", name, checks.MAX_KEY_NAME_CHARS),
        prefix=new.prefix,
        digest=new.digest,
        access=access,
        only_user_id=checks.require_subject("only_user_id", only_user_id),
        only_agent_id=checks.require_subject("only_agent_id", only_agent_id),
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
    )
    _insert(key, "key_id", "This key was made already; its text was shown once.")
    changes = {"prefix": [None, new.prefix], "access": [None, access]}
    record_audit("key.issue", key, actor=actor, changes=changes)
    return IssuedKey(key, new.text)


def revoke_api_key(key: ApiKey, *, actor: Actor = SYSTEM) -> None:
    """Refuse this key from the next request on; revoking twice changes nothing."""
    unrevoked = ApiKey.objects.filter(id=key.id, revoked_at=None)
    now = clock.now()
    if unrevoked.update(revoked_at=now):
        key.revoked_at = now
        changes = {"revoked_at": [None, now.isoformat()]}
        record_audit("key.revoke", key, actor=actor, changes=changes)


def set_key_rate(
    key: ApiKey, requests_per_minute: int | None, *, actor: Actor = SYSTEM
) -> None:
    """Give a key a rate of its own, or take it back (None)."""
    checks.require_rate(requests_per_minute)
    changes = {"requests_per_minute": [key.requests_per_minute, requests_per_minute]}
    key.requests_per_minute = requests_per_minute
    key.save(update_fields=["requests_per_minute"])
    record_audit("key.set_rate", key, actor=actor, changes=changes)


def set_key_expiry(
    key: ApiKey, expires_at: datetime | None, *, actor: Actor = SYSTEM
) -> None:
    """Let a key end at an instant to come, or never (None). Raises InvalidRequest."""
    if expires_at is not None and expires_at <= clock.now():
        raise checks.invalid("expires_at", "A key cannot expire in the past.")
    old = key.expires_at.isoformat() if key.expires_at else None
    new = expires_at.isoformat() if expires_at else None
    key.expires_at = expires_at
    key.save(update_fields=["expires_at"])
    changes = {"expires_at": [old, new]}
    record_audit("key.set_expiry", key, actor=actor, changes=changes)


def admit_key(text: str) -> Access:
    """What the bearer of this key may do. Opens its own scope.

    Raises NotAuthenticated, the same for every reason: malformed, unknown, wrong
    secret, expired, revoked, owner inactive, tenant suspended.
    """
    parts = keys.parse_key(text)
    now = clock.now()
    key = selectors.find_known_key(parts.tenant_id, parts.prefix)
    if key is None or not parts.matches(key.digest) or not _is_admitted(key, now):
        raise NotAuthenticated
    _note_use(key, now)
    return key.access


def _is_admitted(key: KnownKey, at: datetime) -> bool:
    is_expired = key.expires_at is not None and at >= key.expires_at
    return key.is_live and key.revoked_at is None and not is_expired


def _note_use(key: KnownKey, at: datetime) -> None:
    """One write a minute and key, whichever process sees it first."""
    if key.last_used_at and at - key.last_used_at < LAST_USED_RESOLUTION:
        return
    stale = models.Q(last_used_at=None) | models.Q(
        last_used_at__lte=at - LAST_USED_RESOLUTION
    )
    with tenant_scope(key.access.tenant_id):
        ApiKey.objects.filter(stale, id=key.id).update(last_used_at=at)


# --- The first start --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """How to get in; ``api_key_2`` belongs to the second, empty tenant."""

    api_key: str
    api_key_2: str
    email: str
    password: str


class AlreadySeeded(InvalidRequest):
    """The demo tenant exists already; its keys were shown when it was made."""

    code = "already_seeded"


def seed_demo() -> DemoAccess:
    """A demo tenant to try, and a second, empty one to try the walls; all or nothing.

    Raises AlreadySeeded when the demo is there. Opens its own scope.
    """
    if Tenant.objects.filter(slug=DEMO_SLUG).exists():
        raise AlreadySeeded
    password = secrets.token_urlsafe(12)
    with operator_scope(new_id()):  # sees nobody; makes both tenants one transaction
        return DemoAccess(
            api_key=_seed_tenant(DEMO_SLUG, DEMO_EMAIL, password),
            api_key_2=_seed_tenant("demo-neighbour", "neighbour@example.com", password),
            email=DEMO_EMAIL,
            password=password,
        )


def _seed_tenant(slug: str, email: str, password: str) -> str:
    owner = create_operator(email, password)
    tenant = create_tenant(slug, slug.replace("-", " ").capitalize())
    with tenant_scope(tenant.id):
        add_member(owner, Role.OWNER)
        project = create_project(DEMO_PROJECT)
        return issue_api_key(project, owner, name="First key").text


def _insert(row: models.Model, field: str, taken: str) -> None:
    _write(row, field, taken, force_insert=True)


def _write(row: models.Model, field: str, taken: str, **how: Any) -> None:
    """Save, or say that the field's value is taken; the transaction lives on."""
    try:
        with transaction.atomic():
            row.save(**how)
    except IntegrityError as exc:
        if not isinstance(exc.__cause__, UniqueViolation):
            raise
        raise checks.invalid(field, taken) from exc

"""Who is asking: tenants, projects, operators, memberships, keys, and the audit.

Every table with a tenant derives from :class:`TenantModel`; its walls are written by
``tenants.tables.TenantTable`` in the migrations.
"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants.guard import OwnMembershipsManager, ScopedManager
from tenants.scopes import current_tenant_id


class Tenant(models.Model):
    """The customer whose data is walled off (wire: organization)."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"
        CLOSING = "closing"
        PURGED = "purged"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.ACTIVE
    )
    limits = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.slug


class OperatorManager(BaseUserManager["Operator"]):
    """Operators are found by their e-mail, in any case."""

    def create_user(self, email: str, password: str | None, **fields: Any) -> Operator:
        operator = Operator(email=self.normalize_email(email).lower(), **fields)
        operator.set_password(password)
        operator.save()
        return operator

    def get_by_natural_key(self, username: str | None) -> Operator:
        return self.get(email=(username or "").lower())


class Operator(AbstractBaseUser):
    """A person signed in to the console; belongs to tenants by memberships."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="Platform staff.")
    created_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[OperatorManager] = OperatorManager()

    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email

    def has_perm(self, permission: str, obj: object = None) -> bool:
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


def reference(
    to: str | type[models.Model], **options: Any
) -> models.ForeignKey[Any, Any]:
    """A reference whose composite constraint TenantTable writes."""
    options.setdefault("related_name", "+")
    return models.ForeignKey(
        to,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        **options,
    )


class TenantKey(models.ForeignKey):  # type: ignore[type-arg]
    """A row belongs to the tenant whose scope is open when it is made."""

    def get_default(self) -> UUID:
        return current_tenant_id()

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", list(args), dict(kwargs)


class TenantModel(models.Model):
    """A row of one tenant; its database key is (tenant_id, id): tenants/tables.py."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = TenantKey(
        Tenant,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        editable=False,
        related_name="+",
    )

    objects = ScopedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    tenant_id: UUID


class Project(TenantModel):
    """One isolated memory space of a tenant.

    ``settings`` holds only what differs from the defaults; the application that owns a
    setting reads it through its own typed view. With ``deleted_at`` it is gone for
    everyone, and only waits for its data to be purged.
    """

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    settings = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(null=True, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    languages = ArrayField(
        models.CharField(max_length=16), default=list, blank=True, db_default=[]
    )
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="project_name_in_tenant"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProjectModel(TenantModel):
    """A row of one project of one tenant."""

    project = reference(Project)

    class Meta(TenantModel.Meta):
        abstract = True

    project_id: UUID


class Role(models.TextChoices):
    """What an operator may do in a tenant, widest first."""

    OWNER = "owner"
    ADMIN = "admin"
    SUPPORT = "support"
    VIEWER = "viewer"


class Membership(TenantModel):
    """Operator ↔ tenant (or one project of it), with a role."""

    operator = reference(Operator, related_name="memberships")
    project = reference(Project, null=True, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(default=clock.now)

    own = OwnMembershipsManager["Membership"]()

    class Meta(TenantModel.Meta):
        default_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "operator", "project"],
                nulls_distinct=False,
                name="one_membership",
            )
        ]
        indexes = [models.Index(fields=["operator"], name="membership_operator")]


class Invitation(TenantModel):
    """An operator-to-be; the token travels by link, only its digest is kept."""

    email = models.EmailField()
    role = models.CharField(max_length=16, choices=Role.choices)
    project = reference(Project, null=True, blank=True)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    invited_by = reference(Operator)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "prefix"], name="invitation_prefix"
            )
        ]


class ApiKey(ProjectModel):
    """A project's secret: a visible prefix and the SHA-256 of a 256-bit random."""

    class Access(models.TextChoices):
        WRITE = "write"
        READ = "read"

    name = models.CharField(max_length=100)
    owner = reference(Operator)
    prefix = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    access = models.CharField(
        max_length=8, choices=Access.choices, default=Access.WRITE
    )
    only_user_id = models.CharField(max_length=256, null=True, blank=True)
    only_agent_id = models.CharField(max_length=256, null=True, blank=True)
    requests_per_minute = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "prefix"], name="api_key_prefix")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        """What becomes of a request with it: ``valid``, ``expired``, ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and clock.now() >= self.expires_at
        return "expired" if is_over else "valid"


class AuditEntry(TenantModel):
    """Who did what to which object, from where, old → new. Append-only."""

    class ActorKind(models.TextChoices):
        OPERATOR = "operator"
        API_KEY = "api_key"
        SYSTEM = "system"

    # No reference: an entry outlives the project it speaks of.
    project_id = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=16, choices=ActorKind.choices)
    actor_id = models.UUIDField(null=True)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=256)
    changes = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "-at", "-id"], name="audit_newest")]


class Usage(ProjectModel):
    """Counters of one day, key and operation name; the names are opaque here."""

    day = models.DateField()
    api_key_id = models.UUIDField(null=True)
    operation = models.CharField(max_length=32)
    requests = models.BigIntegerField(default=0, db_default=0)
    prompt_tokens = models.BigIntegerField(default=0, db_default=0)
    completion_tokens = models.BigIntegerField(default=0, db_default=0)
    embedding_tokens = models.BigIntegerField(default=0, db_default=0)
    model_calls = models.BigIntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=0, db_default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "day", "api_key_id", "operation"],
                nulls_distinct=False,
                name="usage_counter",
            )
        ]


class SubjectUsage(ProjectModel):
    """Counters of one day, operation and subject, whichever keys asked.

    Apart from :class:`Usage`, so that what a quota sums up stays small. A request that
    names a user and an agent counts for both.
    """

    day = models.DateField()
    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=256)
    operation = models.CharField(max_length=32)
    requests = models.BigIntegerField(default=0, db_default=0)
    prompt_tokens = models.BigIntegerField(default=0, db_default=0)
    completion_tokens = models.BigIntegerField(default=0, db_default=0)
    embedding_tokens = models.BigIntegerField(default=0, db_default=0)
    model_calls = models.BigIntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=0, db_default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "day", "kind", "name", "operation"],
                name="subject_usage_counter",
            )
        ]


class ForgottenSubject(ProjectModel):
    """A subject that was erased: what was counted of it until then has no name.

    Holds a digest, never the name; ``pseudonym`` is what its counters are called.
    """

    digest = models.CharField(max_length=64)
    pseudonym = models.CharField(max_length=64)
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "project", "digest", "at"], name="forgotten_subject"
            )
        ]


class SignInFailures(models.Model):
    """Failed sign-ins since the last success, counted per e-mail and address.

    ``key`` is a digest of both, so that the table tells nobody's e-mail.
    """

    key = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "sign-in failures"

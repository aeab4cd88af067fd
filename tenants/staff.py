"""Django's admin, for platform staff: tenants and operators, and nothing of a tenant's.

Behind ENABLE_ADMIN, for operators with ``is_staff``. Tables of a tenant have no rows
outside its scope, so that they could not be shown here if they were registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, override

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenants import services
from tenants.audit import Actor, record_audit
from tenants.models import Operator, Tenant
from tenants.scopes import tenant_scope

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class StaffSite(admin.AdminSite):
    """Staff sign in like every operator, second factor included."""

    site_header = site_title = "Memplatform staff"
    index_title = "Tenants and operators; what tenants hold is not visible here"
    site_url = "/console/"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", "/admin/"))
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


class _Kept(_ModelAdmin):
    """Nothing is deleted here: purging a tenant takes more, and leaves an audit."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Without Django's transaction around it: our scopes open their own."""
        return self._changeform_view(  # type: ignore[attr-defined]
            request, *_changeform(*args, **kwargs)
        )


def _changeform(
    object_id: str | None = None,
    form_url: str = "",
    extra_context: dict[str, Any] | None = None,
) -> tuple[str | None, str, dict[str, Any] | None]:
    return object_id, form_url, extra_context


class TenantAdmin(_Kept):
    """Make one, rename it, suspend it."""

    list_display = ("slug", "name", "status", "created_at")
    search_fields = ("slug", "name")
    fields = ("slug", "name", "status")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Tenant | None = None
    ) -> tuple[str, ...]:
        return ("status",) if obj is None else ("slug",)

    def formfield_for_choice_field(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        kwargs["choices"] = [
            (status.value, status.label)
            for status in (Tenant.Status.ACTIVE, Tenant.Status.SUSPENDED)
        ]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @override
    def save_model(
        self, request: HttpRequest, obj: Tenant, form: ModelForm[Tenant], change: bool
    ) -> None:
        actor = Actor.operator(cast("Operator", request.user))
        if not change:
            made = services.create_tenant(obj.slug, obj.name, actor=actor)
            obj.pk = made.pk
            return
        changes = {
            field: [form.initial[field], form.cleaned_data[field]]
            for field in form.changed_data
        }
        with tenant_scope(obj.pk):
            obj.save(update_fields=list(changes))
            record_audit("tenant.change", obj, actor=actor, changes=changes)


class OperatorAdmin(_Kept):
    """Make one without a password (``manage.py reset_password`` gives a link), or
    switch one off, which ends every session at once.
    """

    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_staff", "last_login", "created_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Operator | None = None
    ) -> tuple[str, ...]:
        dates = ("last_login", "created_at")
        return dates if obj is None else ("email", *dates)

    @override
    def save_model(
        self,
        request: HttpRequest,
        obj: Operator,
        form: ModelForm[Operator],
        change: bool,
    ) -> None:
        if not change:
            obj.email = obj.email.lower()
            obj.set_unusable_password()
        obj.save()


site = StaffSite()
site.register(Tenant, TenantAdmin)
site.register(Operator, OperatorAdmin)

"""Django's admin: off unless asked for, for platform staff, about nobody's data."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tenants import staff
from tenants.models import AuditEntry, Operator, Tenant
from tenants.scopes import tenant_scope
from tests.tenants.console.signing_in import (
    SECOND,
    SIGN_IN,
    is_signed_in,
    signed_in,
    switch_on_app,
)


@pytest.fixture
def admin(settings, alice):
    """Alice is staff; her browser."""
    settings.ROOT_URLCONF = "tests.tenants.console.staff_urls"
    alice.is_staff = True
    alice.save()
    return signed_in(alice.email)


def test_it_is_not_there_by_default(client, db):
    assert client.get("/admin/").status_code == 404


@pytest.mark.parametrize(("word", "is_there"), [("1", True), ("", False)])
def test_a_setting_puts_it_there(word, is_there):
    check = (
        "import django; django.setup(); from django.urls import resolve; "
        "print(resolve('/admin/').view_name)"
    )
    environment = {
        **os.environ,
        "ENABLE_ADMIN": word,
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_database",
    }
    ran = subprocess.run(
        [sys.executable, "-c", check], env=environment, capture_output=True, text=True
    )
    assert (ran.stdout.strip() == "admin:index") is is_there, ran.stderr


def test_a_stranger_is_sent_to_the_consoles_sign_in(admin, client):
    for path in ("/admin/", "/admin/login/", "/admin/tenants/tenant/"):
        answer = client.get(path, follow=True)
        assert answer.redirect_chain[-1][0].startswith(SIGN_IN)


def test_other_operators_are_refused(admin, acme, bob):
    client = signed_in(bob.email)
    for path in ("/admin/", "/admin/tenants/tenant/", "/admin/tenants/operator/"):
        assert client.get(path, follow=True).status_code == 403


def test_staff_with_a_second_factor_need_it(admin, alice, client):
    switch_on_app(admin)
    sent = {"login": alice.email, "password": "correct horse battery"}
    assert client.post(f"{SIGN_IN}?next=/admin/", sent)["Location"].startswith(SECOND)
    assert client.get("/admin/").status_code == 302


def test_it_knows_tenants_and_operators_only(admin):
    assert set(staff.site._registry) == {Tenant, Operator}
    assert "not visible here" in admin.get("/admin/").content.decode()


def test_staff_make_a_tenant_and_the_audit_says_so(admin, alice):
    admin.post("/admin/tenants/tenant/add/", {"slug": "new-one", "name": "New One"})
    tenant = Tenant.objects.get(slug="new-one")
    with tenant_scope(tenant.id):
        entry = AuditEntry.objects.get(action="tenant.create")
        assert entry.actor_id == alice.id


def test_staff_suspend_a_tenant(admin, acme, alice):
    path = f"/admin/tenants/tenant/{acme.id}/change/"
    assert admin.get(path).status_code == 200
    answer = admin.post(path, {"name": "Acme", "status": "suspended"})
    assert answer.status_code == 302
    acme.tenant.refresh_from_db()
    assert (acme.tenant.slug, acme.tenant.status) == ("acme", "suspended")
    with tenant_scope(acme.id):
        entry = AuditEntry.objects.get(action="tenant.change")
    assert entry.changes == {"status": ["active", "suspended"]}
    assert entry.actor_id == alice.id


@pytest.mark.parametrize("status", ["purged", "closing"])
def test_staff_do_not_purge_by_a_form(admin, acme, status):
    path = f"/admin/tenants/tenant/{acme.id}/change/"
    assert admin.post(path, {"name": "Acme", "status": status}).status_code == 200
    acme.tenant.refresh_from_db()
    assert acme.tenant.status == "active"


def test_nothing_is_deleted(admin, acme):
    for path in (
        f"/admin/tenants/tenant/{acme.id}/delete/",
        f"/admin/tenants/operator/{acme.owner.id}/delete/",
    ):
        assert admin.post(path, {"post": "yes"}).status_code == 403


def test_staff_make_an_operator_without_a_password(admin):
    sent = {"email": "Eve@x.org", "name": "Eve", "is_active": "on"}
    assert admin.post("/admin/tenants/operator/add/", sent).status_code == 302
    eve = Operator.objects.get(email="eve@x.org")
    assert not eve.has_usable_password()


def test_staff_switch_an_operator_off(admin, bob):
    there = signed_in(bob.email)
    path = f"/admin/tenants/operator/{bob.id}/change/"
    assert admin.post(path, {"name": "Bob", "email": "x@x.org"}).status_code == 302
    assert not is_signed_in(there)
    assert Operator.objects.get(id=bob.id).email == bob.email


def test_passwords_are_changed_where_all_operators_change_theirs(admin):
    answer = admin.get("/admin/password_change/")
    assert answer["Location"] == "/console/account/password/"

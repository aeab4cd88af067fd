from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from tenants import selectors
from tenants.models import ApiKey, Membership, Operator, Project, Role, Tenant
from tenants.scopes import tenant_scope
from tenants.services import admit_key
from tests.conftest import PASSWORD


def run(*arguments, stdin=None, monkeypatch=None):
    out, err = io.StringIO(), io.StringIO()
    if stdin is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue().strip()


def test_it_creates_a_tenant_with_an_owner(alice):
    run("create_tenant", "acme", "Acme Inc.", "--owner", "Alice@Acme.example")
    (standing,) = selectors.list_standings(alice.id)
    assert (standing.tenant_name, standing.role) == ("Acme Inc.", Role.OWNER)


def test_it_creates_a_project(acme):
    run("create_project", "acme", "Bot", "--timezone", "Europe/Berlin")
    with tenant_scope(acme.id):
        assert Project.objects.get(name="Bot").timezone == "Europe/Berlin"


def test_it_creates_an_operator_from_stdin(acme, monkeypatch):
    arguments = [
        "create_operator",
        "dan@x.org",
        "--tenant",
        "acme",
        "--role",
        "support",
    ]
    run(*arguments, stdin=f"{PASSWORD}\n", monkeypatch=monkeypatch)
    dan = Operator.objects.get(email="dan@x.org")
    assert dan.check_password(PASSWORD)
    assert selectors.get_standing(dan.id, acme.id).role == Role.SUPPORT


def test_it_generates_a_password(db):
    said = run("create_operator", "dan@x.org", "--generate-password")
    password = said.splitlines()[0].removeprefix("Password: ")
    assert Operator.objects.get().check_password(password)


def test_it_creates_a_key_that_works(acme):
    assert admit_key(run("create_key", "acme")).project_id == acme.project.id


def test_it_creates_a_narrow_key(acme):
    text = run(
        "create_key",
        "acme",
        "--read-only",
        "--user",
        "ida",
        "--agent",
        "bee",
        "--expires-days",
        "7",
    )
    access = admit_key(text)
    assert (access.may_write, access.only) == (
        False,
        {"user_id": "ida", "agent_id": "bee"},
    )
    with tenant_scope(acme.id):
        lifetime = ApiKey.objects.get(id=access.key_id)
    assert (lifetime.expires_at - lifetime.created_at).days in (6, 7)


def test_a_key_belongs_to_the_named_owner_and_project(acme, bob):
    with tenant_scope(acme.id):
        Project.objects.create(name="Other")
    text = run("create_key", "acme", "--owner", bob.email, "--project", "Other")
    assert admit_key(text).operator_email == bob.email


def test_it_revokes_a_key(acme):
    prefix = acme.key.split("_")[2]
    run("revoke_key", "acme", prefix)
    with tenant_scope(acme.id):
        assert ApiKey.objects.get(prefix=prefix).revoked_at
    with pytest.raises(CommandError, match="already"):
        run("revoke_key", "acme", prefix)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create_tenant", "acme"], "already is a tenant 'acme'"),
        (["create_tenant", "Bad Slug"], "lower-case"),
        (
            ["create_tenant", "new", "--owner", "nobody@x.org"],
            "no operator 'nobody@x.org'",
        ),
        (["create_project", "nobody", "x"], "no tenant 'nobody'"),
        (["create_project", "acme", "acme project"], "already is a project"),
        (["create_project", "acme", "x", "--timezone", "Mars"], "no timezone 'Mars'"),
        (["create_operator", "nonsense", "--generate-password"], "not an e-mail"),
        (["create_operator", "alice@acme.example", "--generate-password"], "already"),
        (["create_operator", "x@x.org", "--role", "king"], "invalid choice"),
        (
            ["create_operator", "x@x.org", "--tenant", "nobody", "--generate-password"],
            "no tenant",
        ),
        (["create_key", "nobody"], "no tenant 'nobody'"),
        (["create_key", "acme", "--project", "None"], "'acme project'"),
        (["create_key", "acme", "--owner", "carol@globex.example"], "no member"),
        (["create_key", "acme", "--user", "*"], "is not '*'"),
        (["create_key", "acme", "--expires-days", "0"], "1 to 36500"),
        (["create_key", "acme", "--expires-days", "x"], "invalid int"),
        (["revoke_key", "acme", "nonsense"], "no key 'nonsense'"),
    ],
)
def test_bad_input_is_said_in_one_line(acme, globex, arguments, message):
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert message in str(refused.value)


def test_a_refused_command_leaves_nothing(acme):
    with pytest.raises(CommandError):
        run("create_tenant", "new", "--owner", "nobody@x.org")
    assert not Tenant.objects.filter(slug="new").exists()


def test_revoking_another_tenants_key_finds_nothing(acme, globex):
    with pytest.raises(CommandError, match="no key"):
        run("revoke_key", "acme", globex.key.split("_")[2])
    with tenant_scope(globex.id):
        assert Membership.objects.exists()

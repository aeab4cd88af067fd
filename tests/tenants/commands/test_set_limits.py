from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tenants import keys
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope
from tenants.services import admit_key


def set_limits(*arguments):
    out = io.StringIO()
    call_command("set_limits", "acme", *arguments, stdout=out)
    return json.loads(out.getvalue())


def test_it_shows_what_holds(acme):
    assert set_limits() == {}


def test_it_changes_what_is_named_and_keeps_the_rest(acme):
    set_limits("requests_per_minute=60", "per_month.add=5", "per_month.tokens=9")
    told = set_limits("per_month.add=7", "soft=tokens,add")
    assert told == admit_key(acme.key).limits
    assert told == {
        "requests_per_minute": 60,
        "per_month": {"add": 7, "tokens": 9},
        "soft": ["tokens", "add"],
    }


def test_it_takes_limits_away(acme):
    set_limits("requests_per_minute=60", "per_month.add=5", "soft=add")
    assert set_limits("requests_per_minute=", "per_month.add=none", "soft=") == {
        "per_month": {}
    }


def test_a_project_has_quotas_of_its_own(acme):
    told = set_limits("per_month.search=5", "--project", "acme project")
    access = admit_key(acme.key)
    assert (access.project_limits, access.limits) == (told, {})


def test_a_key_has_a_rate_of_its_own(acme):
    prefix = keys.parse_key(acme.key).prefix
    assert set_limits("requests_per_minute=3", "--key", prefix) == {
        "requests_per_minute": 3
    }
    assert admit_key(acme.key).requests_per_minute == 3
    set_limits("requests_per_minute=", "--key", prefix)
    assert admit_key(acme.key).requests_per_minute is None


def test_every_change_is_audited(acme):
    set_limits("requests_per_minute=60")
    with tenant_scope(acme.id):
        entry = AuditEntry.objects.get(action="tenant.set_limits")
    assert entry.changes == {"limits": [{}, {"requests_per_minute": 60}]}


def test_the_other_tenant_keeps_its_own(acme, globex):
    set_limits("requests_per_minute=60")
    assert admit_key(globex.key).limits == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ["requests_per_minute"],
        ["requests_per_minute=many"],
        ["requests_per_minute=-1"],
        ["per_month.deletes=5"],
        ["per_month=5"],
        ["colour=5"],
        ["soft=adds"],
        ["requests_per_minute=5", "--project", "acme project"],
        ["per_month.add=5", "--project", "no such project"],
        ["requests_per_minute=5", "--key", "nobody"],
        ["per_month.add=5", "--key", "nobody"],
    ],
)
def test_it_refuses_what_it_cannot_mean(acme, arguments):
    with pytest.raises(CommandError):
        set_limits(*arguments)
    assert admit_key(acme.key).limits == {}


def test_a_new_key_may_have_a_rate(acme):
    out = io.StringIO()
    call_command("create_key", "acme", "--rate", "7", stdout=out, stderr=io.StringIO())
    assert admit_key(out.getvalue().strip()).requests_per_minute == 7

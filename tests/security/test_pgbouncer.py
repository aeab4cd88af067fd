"""Behind a real PgBouncer in transaction mode, nobody sees the other tenant's rows.

Two server connections serve twelve threads of two tenants, so nearly every transaction
starts on a connection that another tenant has just used.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections

from tenants.models import ApiKey, Project
from tenants.scopes import operator_scope, tenant_scope
from tenants.services import admit_key, create_project
from tests.pgbouncer import POOL_SIZE, pgbouncer
from tests.security.test_walls import SETTINGS, rows

pytestmark = pytest.mark.processes

THREADS = 12
ROUNDS = 40


@pytest.fixture
def bouncer(committed_db, settings):
    """The ``default`` alias goes through PgBouncer to the test's database."""
    settings.DB_PREPARED_STATEMENTS = False  # as the README says of one this old
    with pgbouncer(committed_db.app_url) as url:
        direct = connections.settings["default"]["PORT"]
        connections["default"].close()
        connections.settings["default"]["PORT"] = str(urlsplit(url).port)
        yield
        connections["default"].close()
        connections.settings["default"]["PORT"] = direct


def test_interleaved_tenants_never_meet(bouncer, acme, globex):
    with ThreadPoolExecutor(THREADS) as pool:
        seeds = range(THREADS)
        results = [pool.submit(work, seed, acme, globex) for seed in seeds]
        served = [
            pid_and_tenant for done in results for pid_and_tenant in done.result()
        ]
    backends = {pid for pid, _ in served}
    assert len(backends) <= POOL_SIZE
    for pid in backends:  # or the test has proven nothing
        assert {tenant for served_by, tenant in served if served_by == pid} == {
            acme.id,
            globex.id,
        }


def work(seed, acme, globex):
    """Random visits of both tenants from one thread; raises on any foreign sight."""
    choose = random.Random(seed)
    served = []
    with closing(connections["default"]):
        for number in range(ROUNDS):
            mine, other = choose.sample([acme, globex], 2)
            visit = choose.choice(VISITS)
            served.append((visit(mine, other, f"{seed}-{number}"), mine.id))
    return served


def read(mine, other, _):
    with tenant_scope(mine.id):
        assert set(Project.objects.values_list("tenant_id", flat=True)) == {mine.id}
        assert rows("SELECT DISTINCT tenant_id FROM tenants_apikey") == [(mine.id,)]
        assert not ApiKey.objects.filter(project_id=other.project.id).exists()
        return backend()


def write(mine, other, name):
    with tenant_scope(mine.id):
        assert create_project(name).tenant_id == mine.id
        return backend()


def roll_back(mine, other, name):
    with pytest.raises(LookupError), tenant_scope(mine.id, project_id=mine.project.id):
        pid = backend()
        raise LookupError
    return pid


def nest(mine, other, name):
    with tenant_scope(mine.id):
        with tenant_scope(other.id, project_id=other.project.id):
            assert rows("SELECT id FROM tenants_project") == [(other.project.id,)]
        assert rows("SELECT DISTINCT tenant_id FROM tenants_project") == [(mine.id,)]
        return backend()


def authenticate(mine, other, name):
    assert admit_key(mine.key).tenant_id == mine.id
    return backend()


def sign_in(mine, other, name):
    with operator_scope(mine.owner.id):
        assert rows("SELECT tenant_id FROM tenants_membership") == [(mine.id,)]
        return backend()


def look_without_scope(mine, other, name):
    """Whatever the last transaction on this connection announced is gone."""
    assert set(rows(SETTINGS)[0]) <= {"", None}
    assert rows("SELECT 1 FROM tenants_project") == []
    return backend()


VISITS = (read, write, roll_back, nest, authenticate, sign_in, look_without_scope)


def backend():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

"""The embedded cluster's files, and the roles on the real test server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from memplatform.embedded import bootstrap, placement, ports, postgres
from memplatform.embedded.postgres import Cluster, ClusterUnusable
from memplatform.embedded.privileges import Account
from memplatform.embedded.valkey import Valkey


@pytest.fixture
def cluster(tmp_path) -> Cluster:
    """Made by another release; never started."""
    cluster = Cluster(tmp_path, 5432, "secret", installed=Path("/nowhere"))
    cluster.directory.mkdir()
    (cluster.directory / "PG_VERSION").write_text("18\n")
    return cluster


def pid_file(cluster: Cluster, *lines: object) -> Path:
    path = cluster.directory / "postmaster.pid"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_data_of_another_major_version_are_refused(cluster):
    (cluster.directory / "PG_VERSION").write_text("17\n")
    with pytest.raises(ClusterUnusable, match=r"PostgreSQL 17.*pg_dump"):
        cluster.prepare()


def test_memory_text_stays_out_of_the_log(cluster):
    cluster.prepare()
    written = (cluster.directory / postgres.CONFIG_FILE).read_text()
    assert "log_min_error_statement = 'panic'" in written
    assert "log_error_verbosity = 'terse'" in written
    assert "listen_addresses = '127.0.0.1'" in written


def test_a_malformed_size_is_named(cluster, monkeypatch):
    monkeypatch.setenv("EMBEDDED_SHARED_BUFFERS", "lots")
    with pytest.raises(ClusterUnusable, match="EMBEDDED_SHARED_BUFFERS='lots'"):
        cluster.prepare()


def test_a_stale_pid_file_is_removed(cluster):
    path = pid_file(cluster, os.getpid())
    assert cluster.postmaster() is None
    cluster.prepare()
    assert not path.exists()


def test_orphans_of_a_killed_server_are_seen_off(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "ORPHAN_GRACE_S", 0.0)
    shutil.copy(shutil.which("sleep"), tmp_path / "postgres")
    orphan = subprocess.Popen([tmp_path / "postgres", "60"], cwd=cluster.directory)
    bystander = subprocess.Popen(["sleep", "60"], cwd=cluster.directory)
    threading.Thread(target=orphan.wait).start()  # reaps it, as init would
    cluster.prepare()
    assert orphan.wait(5) == -signal.SIGKILL
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_ready_is_what_the_server_itself_says(cluster):
    pid_file(cluster, 77, "dir", 0, 6543, "", "127.0.0.1", "key", "starting")
    assert not cluster.is_ready(77)
    pid_file(cluster, 77, "dir", 0, 6543, "", "127.0.0.1", "key", "ready   ")
    assert cluster.is_ready(77)
    assert not cluster.is_ready(78)  # left by an earlier server
    assert cluster.running_port() == 6543


def test_valkey_takes_directories_with_spaces_and_quotes(tmp_path):
    valkey = Valkey(tmp_path / 'a "b" c', 1, "secret")
    valkey.prepare()
    config = valkey.directory / "valkey.conf"
    assert f'dir "{tmp_path}/a \\"b\\" c"' in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
    assert "secret" not in "".join(map(str, valkey.command))


def test_a_taken_port_leads_to_the_next():
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        assert ports.free_port(taken) != taken
        with ports.listen("127.0.0.1", taken) as listener:
            assert listener.getsockname()[1] > taken


class Locked(Account):
    """An account that reaches nothing of ours."""

    def can_run(self, command):
        return False


def test_what_the_account_cannot_reach_is_kept_outside(tmp_path, monkeypatch):
    wheel = tmp_path / "site" / "package" / "pginstall18"
    (wheel / "bin").mkdir(parents=True, mode=0o700)
    (wheel / "bin" / "postgres").touch(mode=0o700)
    (wheel.parent.with_name("package.libs")).mkdir()
    monkeypatch.setattr(placement, "OUTSIDE", tmp_path / "var")
    monkeypatch.setattr(postgres, "installation", lambda: wheel)
    monkeypatch.setattr(placement, "account_for", lambda home: Locked("nobody", 1, 1))
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    placed = placement.place(data_dir)
    assert placed.home.parent == placed.installed.parents[2] == tmp_path / "var"
    assert (placed.installed / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert len(placed.notes) == 2
    assert placement.place(data_dir) == placed
    assert data_dir.stat().st_mode & 0o777 == 0o700


# --- The roles, on the server of the tests ----------------------------------


def test_bootstrap_is_idempotent_and_grants_no_ddl_to_app(postgres):
    name = f"bootstrapped_{os.getpid()}"
    owner, app = (
        url.split(":")[2].split("@")[0]
        for url in (postgres.owner_url, postgres.app_url)
    )
    for _ in range(2):
        bootstrap.bootstrap(
            postgres.admin_url, database=name, owner_password=owner, app_password=app
        )
    try:
        with (
            psycopg.connect(postgres.at(name).app_url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("CREATE TABLE mine ()")
        with psycopg.connect(postgres.at(name).owner_url) as connection:
            connection.execute("CREATE TABLE vectors (embedding halfvec(3))")
    finally:
        with psycopg.connect(postgres.admin_url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("role", "can_login", "bypasses_rls"),
    [
        ("memplatform_owner", True, True),
        ("memplatform_app", True, False),
        ("memplatform_directory", False, True),
    ],
)
def test_roles_are_what_they_should_be(postgres, role, can_login, bypasses_rls):
    with psycopg.connect(postgres.admin_url) as server:
        found = server.execute(
            "SELECT rolcanlogin, rolbypassrls, rolsuper, rolcreaterole, rolconfig"
            " FROM pg_roles WHERE rolname = %s",
            [role],
        ).fetchone()
    assert found is not None
    assert found[:4] == (can_login, bypasses_rls, False, False)
    assert any(setting.lower() == "timezone=utc" for setting in found[4])


def test_urls_are_rewritten_with_quoting():
    url = "postgresql://admin:pw@host:5432/postgres?sslmode=require"
    assert bootstrap.at_database(url, "a b").endswith(":5432/a%20b?sslmode=require")
    assert "//me:p%40%2F@host" in bootstrap.as_role(url, "me", "p@/")

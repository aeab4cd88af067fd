"""What ``make run`` promises, on real processes that are really killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from memplatform.embedded.bootstrap import OWNER_ROLE, as_role, at_database, bootstrap
from tests.acceptance.installation import (
    DEADLINE_S,
    ROOT,
    Installation,
    installed,
    wait_for,
)
from tests.services import start_postgres, start_valkey

pytestmark = [
    pytest.mark.starts,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not Path("/proc/self").exists(), reason="finds processes in /proc"
    ),
]
PARTS = ("web", "beat", "worker", "valkey", "postgres")


@pytest.fixture(scope="module")
def shared() -> Iterator[Installation]:
    with installed() as installation:
        yield installation


@pytest.fixture
def up(shared: Installation) -> Installation:
    """Running, whatever the test before did to it."""
    shared.ensure_running()
    wait_for(shared.is_serving, "readiness")
    return shared


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def keep_a_row(up: Installation) -> None:
    with psycopg.connect(up.settings["MIGRATION_DATABASE_URL"]) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        owner.execute("INSERT INTO kept VALUES ('still here')")


def kept_rows(up: Installation) -> int:
    with psycopg.connect(up.settings["MIGRATION_DATABASE_URL"]) as owner:
        found = owner.execute("SELECT count(*) FROM kept").fetchone()
        owner.execute("DROP TABLE kept")
    return found[0] if found else 0


def test_it_says_where_and_as_whom(up):
    run = up.run
    assert up.get("/healthz").status_code == 200
    assert set(run["pids"]) == {"supervisor", *PARTS}
    for name in ("api_key", "api_key_2", "email", "password", "url"):
        assert run[name] in up.text
    assert up.text.index("starting postgres") < up.text.index("starting web")
    assert run["api_key"] != run["api_key_2"]


def test_the_demo_gets_its_history_while_all_is_served():
    with installed() as own:
        own.start(SEED_DEMO="true")
        assert own.is_serving()
        assert '"Tea & Co. support" is being filled' in own.text
        own.wait_for_history()
        headers = {"Authorization": f"Token {own.run['api_key']}"}
        project = own.get("/v1/ping/", headers=headers).json()["project_id"]
        listed = own.get("/v1/entities/", headers=headers).json()
        assert (bool(project), listed["count"]) == (True, 0)  # the newcomer's is empty
        own.stop()
        own.start()
        assert "is being filled" not in own.text


def test_only_the_owner_reads_what_it_writes(up):
    for name in ("run.json", "demo.json", "secrets.json", "settings.env"):
        assert mode(up.data / name) == 0o600, name
    for log in (up.data / "logs").iterdir():
        assert mode(log) == 0o600, log.name


def test_a_second_start_says_so(up):
    before = up.run
    second = up.command()
    assert second.wait(DEADLINE_S) == 1
    assert (
        f"Already running: {before['url']} (pid {before['pids']['supervisor']}"
        in up.text
    )
    assert up.run == before


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_restarted(up, part):
    killed = up.kill(part)
    wait_for(lambda: up.run["pids"].get(part, killed) != killed, f"a new {part}")
    assert f"{part} died, pid {killed}, killed by SIGKILL" in up.text
    assert f"{part} restarted, pid {up.run['pids'][part]}" in up.text
    wait_for(up.is_serving, "readiness")


def test_a_killed_supervisor_leaves_nothing_behind(up):
    keep_a_row(up)
    before = up.run
    up.kill("supervisor")
    up.wait_until_gone()
    up.start()
    assert up.run["api_key"] == before["api_key"]
    assert kept_rows(up) == 1


def test_it_starts_again_at_once_after_a_kill(up):
    up.kill("supervisor")
    up.process.wait()
    up.start()
    assert up.is_serving()


def test_it_survives_the_death_of_everything(up):
    keep_a_row(up)
    for pid in up.processes():
        os.kill(pid, signal.SIGKILL)
    up.start()
    assert kept_rows(up) == 1


def test_it_starts_over_stale_pid_files(up):
    up.stop()
    stranger = subprocess.Popen(["sleep", "900"], start_new_session=True)
    (up.data / "postgres" / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
    (up.data / "lock").write_text(f"{stranger.pid}\n")
    up.start()
    stranger.kill()
    assert stranger.wait() == -signal.SIGKILL  # it was left alone until now


def test_it_chooses_another_port_and_says_so(up):
    up.stop()
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        taken = squatter.getsockname()[1]
        up.start(PORT=str(taken))
        assert f"port {taken} is taken" in up.text
        assert up.run["url"] != f"http://127.0.0.1:{taken}"
        assert up.get("/healthz").status_code == 200
        up.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_in_order(up, number):
    up.process.send_signal(number)
    assert up.process.wait(DEADLINE_S) == 0
    stopped = [
        line.split()[1] for line in up.text.splitlines() if line.endswith(" stopped")
    ]
    assert stopped == list(PARTS)
    assert up.processes() == []
    assert not (up.data / "run.json").exists()


def test_lost_credentials_of_the_demo_are_renewed(up):
    before = up.run
    up.stop()
    (up.data / "demo.json").unlink()
    up.start()
    assert up.run["email"] == before["email"]
    for name in ("api_key", "api_key_2", "password"):
        assert up.run[name] not in (None, before[name])


def test_a_broken_secret_file_stops_the_start(up):
    up.stop()
    path = up.data / "secrets.json"
    whole = path.read_text()
    path.write_text(whole[:40])
    refused = up.command()
    assert refused.wait(DEADLINE_S) == 1
    assert "secrets.json is damaged" in up.text
    path.write_text(whole)


def rights_around(up: Installation) -> dict[Path, tuple[int, int, int]]:
    """Mode, owner and group of what a start could be tempted to open to others."""
    programs = [*Path(sys.prefix).rglob("pginstall18"), Path(sys.executable)]
    above = [p for path in [up.data, *programs] for p in path.parents]
    found = {path: path.stat() for path in [*above, *programs, *ROOT.iterdir()]}
    return {path: (s.st_mode, s.st_uid, s.st_gid) for path, s in found.items()}


def test_a_normal_user_starts_it_too_and_changes_no_rights():
    with installed() as own:
        own.become_a_normal_user()
        before = rights_around(own)
        own.start()
        assert rights_around(own) == before
        user = own.data.stat().st_uid
        assert user != 0
        for part, pid in own.run["pids"].items():
            assert Path(f"/proc/{pid}").stat().st_uid == user, part
        assert own.is_serving()


def test_root_lends_postgres_an_account_and_changes_no_rights(up):
    """Without root there is no account to lend, and all belongs to one."""
    up.stop()
    before = rights_around(up)
    up.start()
    assert rights_around(up) == before
    owners = {path.stat().st_uid for path in up.data.iterdir()}
    data_of_postgres = (up.data / "postgres").stat()
    assert 0 not in owners - {os.geteuid()}
    assert data_of_postgres.st_uid != 0
    assert data_of_postgres.st_mode & 0o777 == 0o700
    postgres = Path(f"/proc/{up.run['pids']['postgres']}").stat()
    assert postgres.st_uid == data_of_postgres.st_uid


def test_of_two_first_starts_at_once_one_runs_and_one_says_so():
    with installed() as own:
        starts = [own.command(), own.command()]
        wait_for(lambda: any(s.poll() is not None for s in starts), "one to yield")
        (refused,) = (s for s in starts if s.poll() is not None)
        (own.process,) = (s for s in starts if s is not refused)
        assert refused.wait() == 1
        assert f"Already running: still starting (pid {own.process.pid}" in own.text
        own.wait_until_up()
        assert own.is_serving()


@pytest.fixture
def external_database() -> Iterator[dict[str, str]]:
    """A bootstrapped database on another server, and its broker."""
    admin, owner, app = start_postgres()
    name = f"external_{os.getpid()}"
    passwords = {"owner_password": _password(owner), "app_password": _password(app)}
    bootstrap(admin, database=name, **passwords)
    url = at_database(admin, name)
    yield {
        "DATABASE_URL": at_database(app, name),
        "MIGRATION_DATABASE_URL": as_role(url, OWNER_ROLE, passwords["owner_password"]),
        "BROKER_URL": start_valkey().removesuffix("0") + "9",
    }
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_it_uses_the_services_it_is_given(external_database):
    with installed() as own:
        own.start(**external_database)
        assert set(own.run["pids"]) == {"supervisor", "web", "worker", "beat"}
        assert own.run["api_key"] is None
        assert "No demo credentials" in own.text
        assert own.is_serving()
        assert "DATABASE_URL" not in own.settings
        own.stop()


def _password(url: str) -> str:
    return url.split(":")[2].split("@")[0]

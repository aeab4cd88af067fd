"""The supervisor on small real processes: sleep, true and false."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from memplatform.embedded import processes, service
from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.processes import Identity, identify
from memplatform.embedded.service import Service
from memplatform.embedded.supervisor import CHILDREN, GaveUp, StopRequested, Supervisor


@pytest.fixture
def supervisor(tmp_path, monkeypatch) -> Iterator[Supervisor]:
    monkeypatch.setattr(service, "FIRST_PAUSE_S", 0.01)
    data = DataDirectory(tmp_path)
    data.make()
    supervisor = Supervisor(data)
    yield supervisor
    supervisor.stop()


def sleeper(tmp_path, name="sleeper", command=("sleep", "60"), **options) -> Service:
    return Service(
        name=name,
        command=command,
        environment={"PATH": os.environ["PATH"]},
        directory=tmp_path,
        **options,
    )


def tend_until(supervisor: Supervisor, condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        supervisor._tend()
        time.sleep(0.01)


def test_it_restarts_and_says_so(supervisor, tmp_path, caplog):
    told = []
    supervisor.on_restart = lambda: told.append(supervisor.pids)
    supervisor.start(sleeper(tmp_path))
    killed = supervisor.pids["sleeper"]
    with caplog.at_level(logging.INFO, "memplatform.embedded"):
        logging.getLogger("memplatform.embedded").propagate = True
        os.kill(killed, signal.SIGKILL)
        tend_until(supervisor, lambda: supervisor.pids.get("sleeper", killed) != killed)
    assert f"sleeper died, pid {killed}, killed by SIGKILL" in caplog.text
    assert "sleeper restarted" in caplog.text
    assert told == [supervisor.pids]


def test_it_gives_up_after_five_crashes_in_a_row(supervisor, tmp_path):
    broken = [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"]
    hopeless = sleeper(tmp_path, command=broken, is_ready=lambda pid: False)
    with pytest.raises(GaveUp, match="died 5 times in a row") as gave_up:
        supervisor.start(hopeless)
    assert "exit status 3" in str(gave_up.value)
    assert "no luck" in str(gave_up.value)


def test_a_stable_process_starts_a_new_row(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "STABLE_AFTER_S", -1.0)
    watched = service.Watched(sleeper(tmp_path), crashes=4)
    watched.count_crash()
    assert watched.crashes == 1


def test_it_backs_off(tmp_path):
    watched = service.Watched(sleeper(tmp_path), started_at=time.monotonic())
    assert [watched.count_crash() for _ in range(4)] == [0.5, 1.0, 2.0, 4.0]


def test_it_gives_up_on_what_is_never_ready(supervisor, tmp_path):
    dull = sleeper(tmp_path, is_ready=lambda pid: False, ready_timeout_s=0.2)
    with pytest.raises(GaveUp, match="sleeper is not ready"):
        supervisor.start(dull)


def test_it_stops_in_reverse_order(supervisor, tmp_path, caplog):
    for name in ("first", "second", "third"):
        supervisor.start(sleeper(tmp_path, name))
    logging.getLogger("memplatform.embedded").propagate = True
    with caplog.at_level(logging.INFO, "memplatform.embedded"):
        supervisor.stop()
    stopped = [r.getMessage() for r in caplog.records if "stopped" in r.getMessage()]
    assert stopped == ["third stopped", "second stopped", "first stopped"]
    assert supervisor.data.read(CHILDREN) is None


def test_a_signal_ends_the_watch(supervisor, tmp_path):
    supervisor.start(sleeper(tmp_path))
    supervisor._request_stop(signal.SIGTERM, None)
    with pytest.raises(StopRequested):
        supervisor.watch()


def test_it_reports_a_failed_command(supervisor):
    command = [sys.executable, "-c", "import sys; sys.exit('the reason')"]
    with pytest.raises(GaveUp, match="the reason"):
        supervisor.run("migrate", command, environment=os.environ)


def test_it_returns_what_a_command_prints(supervisor):
    command = [sys.executable, "-c", "print('{}')"]
    assert supervisor.run("seed", command, environment=os.environ) == "{}\n"


def test_leftovers_are_ended_but_strangers_are_not(supervisor, tmp_path):
    log = tmp_path / "log"
    options = {"environment": os.environ, "directory": tmp_path, "log": log}
    left, stranger, kept = (
        processes.spawn(["sleep", "60"], **options) for _ in range(3)
    )
    started = {child: identify(child.pid).started for child in (left, stranger, kept)}
    supervisor.data.write(
        CHILDREN,
        {
            "web": {"pid": left.pid, "started": started[left], "is_adoptable": False},
            "beat": {"pid": stranger.pid, "started": "0", "is_adoptable": False},
            "postgres": {
                "pid": kept.pid,
                "started": started[kept],
                "is_adoptable": True,
            },
        },
    )
    supervisor.end_leftovers()
    assert left.wait(5) == -signal.SIGTERM
    assert (stranger.poll(), kept.poll()) == (None, None)
    for child in (stranger, kept):
        child.kill()
        child.wait()


def test_it_adopts_what_runs(supervisor, tmp_path):
    options = {
        "environment": os.environ,
        "directory": tmp_path,
        "log": tmp_path / "log",
    }
    running = processes.spawn(["sleep", "60"], **options)
    service = sleeper(tmp_path, find_running=lambda: identify(running.pid))
    supervisor.start(service)
    assert supervisor.pids == {"sleeper": running.pid}
    supervisor.stop()
    assert running.wait(5) == -signal.SIGTERM


def test_a_zombie_is_not_alive(tmp_path):
    options = {
        "environment": os.environ,
        "directory": tmp_path,
        "log": tmp_path / "log",
    }
    child = processes.spawn(["sleep", "60"], **options)
    identity = identify(child.pid)
    assert identity.is_alive
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, not yet reaped
    assert not identity.is_alive
    assert not Identity(child.pid, identity.started).is_alive
    child.wait()


@pytest.mark.skipif(not processes.IS_LINUX, reason="the kernel's part, on Linux only")
def test_children_die_with_their_parent(tmp_path):
    program = f"""if True:
        import os, sys
        from pathlib import Path
        sys.path.insert(0, {str(processes.__file__).rpartition("/memplatform/")[0]!r})
        from memplatform.embedded import processes
        here = Path({str(tmp_path)!r})
        child = processes.spawn(["sleep", "60"], environment=os.environ, directory=here,
                                log=here / "log")
        (here / "pid").write_text(str(child.pid))
        os.kill(os.getpid(), 9)
    """
    parent = processes.spawn(
        [sys.executable, "-c", program],
        environment=os.environ,
        directory=tmp_path,
        log=tmp_path / "parent.log",
    )
    assert parent.wait(20) == -signal.SIGKILL, (tmp_path / "parent.log").read_text()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while identify(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)

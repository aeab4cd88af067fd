"""The data directory: one start at a time, secrets made once and kept private."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from cryptography.fernet import Fernet

from memplatform.embedded import data_directory
from memplatform.embedded.data_directory import (
    AlreadyRunning,
    DataDirectory,
    DataUnusable,
)


@pytest.fixture
def data(tmp_path) -> DataDirectory:
    data = DataDirectory(tmp_path / "with a space")
    data.make()
    return data


def test_one_start_at_a_time(data):
    with data.locked():
        data.write("run.json", {"url": "http://here"})
        with (
            pytest.raises(AlreadyRunning, match=r"http://here \(pid \d+"),
            data.locked(),
        ):
            pass
    with data.locked():
        pass


@pytest.mark.parametrize("left_there", ["", f"{2**22 + 1}\n"])
def test_who_has_just_taken_the_lock_is_waited_for_by_name(data, left_there):
    """Two starts at once: the lock is taken an instant before it says by whom."""
    (data.path / "lock").write_text(left_there)
    with (data.path / "lock").open("r+") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = pool.submit(_refusal, data)
        assert wait([refused], timeout=0.2).not_done
        lock.write(f"{os.getpid()}\n".ljust(len(left_there)))
        lock.flush()
        assert f"(pid {os.getpid()}," in refused.result()


def _refusal(data: DataDirectory) -> str:
    with pytest.raises(AlreadyRunning) as raised, data.locked():
        pass
    return str(raised.value)


def test_secrets_are_made_once(data):
    first = data.secrets()
    assert data.secrets() == first
    assert (data.path / "secrets.json").stat().st_mode & 0o777 == 0o600
    Fernet(first["ENCRYPTION_KEYS"])


def test_a_new_release_adds_its_secret(data):
    first = data.secrets()
    data.write("secrets.json", {k: v for k, v in first.items() if k != "valkey"})
    added = data.secrets()
    assert added["valkey"] != first["valkey"]
    assert added["SECRET_KEY"] == first["SECRET_KEY"]


def test_lost_secrets_are_not_made_anew(data):
    data.write_text("settings.env", "")
    with pytest.raises(DataUnusable, match="restore it"):
        data.secrets()


def test_a_damaged_file_is_named(data):
    data.write_text("secrets.json", '{"half')
    with pytest.raises(DataUnusable, match=r"secrets\.json is damaged"):
        data.secrets()


def test_a_replaced_file_keeps_its_mode(data):
    data.write("run.json", {"a": 1})
    data.write("run.json", {"a": 2})
    assert data.read("run.json") == {"a": 2}
    assert (data.path / "run.json").stat().st_mode & 0o777 == 0o600


def test_a_grown_log_is_put_aside(data, monkeypatch):
    monkeypatch.setattr(data_directory, "LOG_LIMIT_BYTES", 10)
    data.log("web").write_text("a long line indeed")
    data.rotate_log("web")
    assert data.log("web").read_text() == ""
    assert data.log("web").with_suffix(".log.1").read_text() == "a long line indeed"

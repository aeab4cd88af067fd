"""A run's own platform: the one before it may still be stopping."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from memories.evaluation.server import held, remove_server
from memplatform.embedded.data_directory import RUN, AlreadyRunning, DataDirectory


@pytest.fixture
def directory(tmp_path):
    """Of a platform that has written what a start writes."""
    data = DataDirectory(tmp_path / "server")
    data.make()
    data.write(RUN, {"url": "http://127.0.0.1:8001"})
    return data.path


@pytest.fixture
def stopping(directory):
    """Another holds the directory until ``stopping.set()``."""
    has_begun, may_end = Event(), Event()

    def hold() -> None:
        with DataDirectory(directory).locked():
            has_begun.set()
            may_end.wait(30)

    thread = Thread(target=hold)
    thread.start()
    has_begun.wait(30)
    yield may_end
    may_end.set()
    thread.join()


def test_the_one_before_is_waited_for_and_told_of(directory, stopping):
    """Killed right before: its platform takes some seconds to end."""
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        stopping.set()

    with held(directory, tell):
        assert len(told) == 1
        assert "still stopping" in told[0]


def test_one_that_goes_on_is_told_and_keeps_what_it_wrote(directory, stopping):
    with (
        pytest.raises(AlreadyRunning, match=r"127\.0\.0\.1:8001"),
        held(directory, lambda line: None, within_s=0.1),
    ):
        pass
    assert (directory / RUN).exists()


def test_nobody_there_is_no_wait(directory):
    with held(directory, pytest.fail):
        assert (directory / RUN).exists()


def test_what_is_to_be_forgotten_ends_first(directory, stopping):
    remove_server(directory, lambda line: stopping.set())
    assert not directory.exists()


def test_there_may_be_nothing_to_forget(tmp_path):
    remove_server(tmp_path / "none")

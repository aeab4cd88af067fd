"""Work side by side ends as soon as one part of it fails."""

from __future__ import annotations

from threading import Event

import pytest

from memories.evaluation.parallel import in_parallel


def test_everything_is_done():
    done = []
    in_parallel(done.append, range(20), 4)
    assert sorted(done) == list(range(20))


def test_a_failure_stops_what_has_begun_and_keeps_the_rest_from_it():
    stopped, begun = Event(), []

    def work(number):
        begun.append(number)
        if number == 0:
            raise ValueError("no")
        assert stopped.wait(10)  # as somebody who waits for a platform

    with pytest.raises(ValueError, match="no"):
        in_parallel(work, range(50), 2, stop=stopped.set)
    assert len(begun) < 50

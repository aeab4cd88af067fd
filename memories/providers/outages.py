"""Who did not answer lately, and is not asked again for a while.

Whoever waits for an endpoint that is down holds a thread of this process: after the
first has waited, the others go on without it, and one at a time looks whether it is
back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

MOST_REMEMBERED = 1_000


class Outages:
    """Of this process; thread-safe. Nobody tells it the end of a question that was
    killed: its place as the one who looks is free after another pause.
    """

    def __init__(
        self, pause_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause_s = pause_s
        self._now = now
        self._away_until: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def may_ask(self, whom: Hashable) -> bool:
        """Whether it is worth asking; after a pause, for the first who wonders."""
        with self._lock:
            away_until = self._away_until.get(whom)
            if away_until is None:
                return True
            if self._now() < away_until:
                return False
            self._away_until[whom] = self._now() + self._pause_s
            return True

    def note_failure(self, whom: Hashable) -> None:
        """It was away, or took too long."""
        with self._lock:
            if len(self._away_until) >= MOST_REMEMBERED:
                del self._away_until[next(iter(self._away_until))]
            self._away_until[whom] = self._now() + self._pause_s

    def note_answer(self, whom: Hashable) -> None:
        """It is there."""
        with self._lock:
            self._away_until.pop(whom, None)

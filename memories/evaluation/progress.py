"""One line on standard error that says how far a run is."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

WIDTH = 30
EVERY_S = 0.5
EVERY_S_IN_A_LOG = 15.0


class Bar:
    """Safe to advance from several threads; a log gets a line now and then."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self._title = title
        self._total = total
        self._done = done
        self._stream = sys.stderr
        self._is_live = self._stream.isatty()
        self._lock = threading.Lock()
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._show()
        if self._is_live:
            self._stream.write("\n")

    def advance(self, by: int) -> None:
        with self._lock:
            self._done += by
            pause = EVERY_S if self._is_live else EVERY_S_IN_A_LOG
            if time.monotonic() - self._shown_at > pause:
                self._show()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        filled = int(WIDTH * self._done / max(1, self._total))
        bar = "█" * filled + "·" * (WIDTH - filled)
        line = f"{self._title:<28} {bar} {self._done}/{self._total}"
        self._stream.write(f"\r{line}" if self._is_live else f"{line}\n")
        self._stream.flush()

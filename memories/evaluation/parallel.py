"""Several things at a time, that end when one of them fails or somebody stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


def do_nothing() -> None:
    """Nothing holds the work up."""


def in_parallel[Item](
    work: Callable[[Item], None],
    items: Iterable[Item],
    at_once: int,
    *,
    stop: Callable[[], None] = do_nothing,
) -> None:
    """All of it, or the first problem; what has not begun by then never does.

    ``stop`` ends what has begun and may take long. Ctrl-C is a problem like any other.
    """
    pool = ThreadPoolExecutor(at_once)
    try:
        for _ in pool.map(work, items):
            pass
    except BaseException:
        stop()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()

"""docs/errors.md names every code there is, with its status, and none besides."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import memories
import memplatform
import tenants
from memories.models.ingestion import CANCELLED, ERASED
from memories.services import imports, run
from memplatform.lib.errors import PlatformError, ProviderError
from memplatform.pages import InternalError

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (?:(\d{3}) \| (\S+) \| )?(\S.*) \|$", re.MULTILINE)
OF_THE_CLIENT = {
    # what the client makes of a status (contract §2)
    400: "ValidationError",
    401: "AuthenticationError",
    403: "AuthenticationError",
    404: "MemoryNotFoundError",
    409: "ValidationError",
    413: "MemoryQuotaExceededError",
    429: "RateLimitError",
    502: "NetworkError",
    503: "NetworkError",
}
NO_MODULES = re.compile(r"\.migrations\.|\.wsgi$")


def classes() -> Iterator[type[PlatformError]]:
    """Every error there is, after everything that could define one was imported."""
    for package in (memplatform, tenants, memories):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not NO_MODULES.search(module.name):
                import_module(module.name)
    waiting = [PlatformError]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting += found
        yield from (c for c in found if not c.__module__.startswith("tests."))


def answered() -> dict[str, set[int]]:
    """Statuses by code. What has 500 is told to nobody: it becomes internal_error."""
    told: dict[str, set[int]] = {InternalError.code: {InternalError.status}}
    for error in classes():
        if error.status != 500:
            told.setdefault(error.code, set()).add(error.status)
    return told


def documented() -> list[tuple[str, str, str, str]]:
    return ROW.findall((ROOT / "docs" / "errors.md").read_text())


def test_every_code_has_one_status():
    assert {code for code, statuses in answered().items() if len(statuses) > 1} == set()


def test_every_code_of_an_answer_is_documented_with_its_status():
    rows = {code: {int(status)} for code, status, *_ in documented() if status}
    assert rows == answered()


def test_no_code_is_documented_twice():
    codes = [code for code, status, *_ in documented() if status]
    assert len(codes) == len(set(codes))


def test_the_clients_exception_is_the_one_of_the_status():
    for code, status, exception, _ in documented():
        if status and exception != "–":
            assert exception == OF_THE_CLIENT.get(int(status), "MemoryError"), code


def test_every_code_of_a_failed_event_is_documented():
    rows = {code for code, status, *_ in documented() if not status}
    own = {run.GaveUp.code, run.InternalError.code, ERASED, CANCELLED, imports.GONE}
    assert rows == own
    assert {c.code for c in classes() if issubclass(c, ProviderError)} <= set(
        answered()
    )


def test_no_answer_makes_up_a_code_of_its_own():
    """All come from an error's class, so that the table can be complete."""
    made_up = re.compile(r"""["']code["']: ["']\w+["']""")
    sources = [
        path
        for package in ("memplatform", "tenants", "memories")
        for path in (ROOT / package).rglob("*.py")
        if path.name not in ("describe.py", "components.py")
    ]
    assert [path for path in sources if made_up.search(path.read_text())] == []

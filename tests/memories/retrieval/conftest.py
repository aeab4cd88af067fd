"""What is searched for here is searched for as ``make run`` has it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _prepared(prepared) -> None: ...

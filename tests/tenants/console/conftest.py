"""The operators and pages of the console, as tests of memories' pages have them."""

from __future__ import annotations

from tests.memories.console.conftest import ada, console, page, queries, sam

__all__ = ["ada", "console", "page", "queries", "sam"]

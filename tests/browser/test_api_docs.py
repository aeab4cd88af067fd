"""The browsable API document, under our own Content-Security-Policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation

pytestmark = pytest.mark.browser


def test_it_opens_by_itself_and_asks_nobody_else(
    page: Page, installation: Installation
):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/docs/")
    page.get_by_text("Remember what is worth it").click()
    expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    expect(page.get_by_text("I keep bees behind the barn.").first).to_be_visible()
    ours = (installation.run["url"], "data:", "blob:")
    assert [address for address in asked if not address.startswith(ours)] == []

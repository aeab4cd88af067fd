"""A real installation and a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.installation import Installation, installed

CHROMIUM = "/usr/bin/chromium"
# Its own network errands are refused here, many at a time; none is ours.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# How Chromium reports a form that comes back with what is wrong in it.
FORM_RETURNED = "the server responded with a status of 422"
SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    with installed() as installation:
        installation.start()
        yield installation


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(request, browser: Browser, installation: Installation) -> Iterator[Page]:
    """A fresh visitor; whatever the page says on its console is a fault."""
    context = browser.new_context(
        base_url=installation.run["url"],
        color_scheme=request.param,
        viewport={"width": 1280, "height": 800},
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    context.close()
    assert [line for line in said if FORM_RETURNED not in line] == []

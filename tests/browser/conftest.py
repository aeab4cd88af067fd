"""A real installation and a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.acceptance.installation import Installation, installed
from tests.browser.desk import Desk, add_crowd, base_of

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
# Nobody looks at those of CI, and three of each page take a minute.
TAKES_PICTURES = os.environ.get("MEMPLATFORM_PICTURES", "true") != "false"
# How long before something has gone wrong; two cores that do other things are slow.
expect.set_options(timeout=20_000)


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
    if TAKES_PICTURES:
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    context.close()
    assert [line for line in said if FORM_RETURNED not in line] == []


@pytest.fixture(scope="session")
def demo() -> Iterator[Installation]:
    """An installation whose demo project has its months of history, and a crowd."""
    with installed() as installation:
        installation.start(SEED_DEMO="true")
        installation.wait_for_history()
        add_crowd(installation)
        yield installation


@pytest.fixture(scope="session")
def signed_in(browser: Browser, demo: Installation) -> Any:
    """The cookies of the demo's owner."""
    context = browser.new_context(base_url=demo.run["url"])
    page = context.new_page()
    page.goto("/console/")
    page.get_by_label("E-mail").fill(demo.run["email"])
    page.get_by_label("Password").fill(demo.run["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def desk(browser: Browser, demo: Installation, signed_in: Any) -> Iterator[Desk]:
    """The demo's owner at work; whatever a page says on its console is a fault."""
    context = browser.new_context(
        base_url=demo.run["url"],
        storage_state=signed_in,
        viewport={"width": 1280, "height": 800},
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield Desk(page, demo, base_of(demo))
    context.close()
    assert said == []

"""The first visit: sign in, see the project, read how to send a memory, leave."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation

pytestmark = pytest.mark.browser


def sign_in(page: Page, installation: Installation, *, password: str | None = None):
    facts = installation.run
    page.goto("/")
    page.get_by_label("E-mail").fill(facts["email"])
    page.get_by_label("Password").fill(password or facts["password"])
    page.get_by_role("button", name="Sign in").click()


def serious_violations(page: Page) -> list[str]:
    results = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['help']}" for v in results]


def test_the_root_leads_a_stranger_to_the_sign_in(page: Page):
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert serious_violations(page) == []


def test_a_wrong_password_is_refused_in_words(page: Page, installation: Installation):
    sign_in(page, installation, password="not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious_violations(page) == []


def test_the_owner_sees_the_project_and_how_to_begin(
    page: Page, installation: Installation
):
    sign_in(page, installation)
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()
    expect(page.get_by_text("Default project").first).to_be_visible()
    assert installation.run["api_key"] not in page.content()
    assert serious_violations(page) == []


def test_it_fits_a_phone(page: Page, installation: Installation):
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, installation)
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()
    overflow = "document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(overflow) <= 0


def test_signing_out_ends_the_session(page: Page, installation: Installation):
    sign_in(page, installation)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/console/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_api_is_described_in_the_browser(page: Page):
    page.goto("/api/docs/")
    expect(page.get_by_text("/v3/memories/search/").first).to_be_visible()


def test_the_api_can_be_tried_there_with_the_key(
    page: Page, installation: Installation
):
    page.goto("/api/docs/")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(installation.run["api_key"])
    page.locator(".auth-btn-wrapper button[type=submit]").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    page.locator("[id^=operations-ping]").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table")
    expect(answer).to_contain_text(installation.run["email"])

"""Signing in with a device, an app or a link; each by an operator of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import (
    ROOT,
    SETTINGS_OF_OTHERS,
    Installation,
)
from tests.browser.test_console import serious_violations
from tests.tenants.console.signing_in import app_code

pytestmark = pytest.mark.browser

# A journey need not be walked twice; axe looks at its pages in one light each.
by_day = pytest.mark.parametrize("page", ["light"], indirect=True)
by_night = pytest.mark.parametrize("page", ["dark"], indirect=True)
PASSWORD = "correct horse battery"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def manage(installation: Installation, *arguments: str, stdin: str = "") -> str:
    kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "memplatform.settings",
        "MEMPLATFORM_DATA_DIR": str(installation.data),
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def operator(installation: Installation) -> str:
    """The e-mail of somebody new."""
    email = f"{uuid4().hex}@example.com"
    arguments = ("create_operator", email, "--tenant", "demo")
    manage(installation, *arguments, stdin=f"{PASSWORD}\n")
    return email


@pytest.fixture
def at_home(page: Page, installation: Installation) -> str:
    """The console under its host's name: passkeys know no addresses."""
    return f"http://localhost:{installation.port}"


def give_password(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    assert serious_violations(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


def sign_out(page: Page, at_home: str) -> None:
    page.goto(f"{at_home}/console/account/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def carry_a_device(page: Page) -> None:
    """A device with a fingerprint reader that always says yes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


@by_day
def test_a_passkey_signs_in_without_the_password(
    page: Page, at_home: str, operator: str
):
    carry_a_device(page)
    page.goto(f"{at_home}/console/account/passkeys/")
    give_password(page, operator)
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Name").fill("My notebook")
    assert serious_violations(page) == []
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_text("they are not shown again")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("link", name="Manage passkeys").click()
    expect(
        page.get_by_role("row", name=re.compile("My notebook.*never"))
    ).to_be_visible()
    assert serious_violations(page) == []

    sign_out(page, at_home)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()

    sign_out(page, at_home)  # and beside the password it is the second factor
    give_password(page, operator)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()

    page.goto(f"{at_home}/console/account/passkeys/")
    page.get_by_role("link", name="Remove My notebook").click()
    page.get_by_role("link", name="Use a passkey").click(trial=True)
    confirm(page)
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("No passkey yet")).to_be_visible()


@by_night
def test_without_the_device_the_page_says_so(page: Page, at_home: str):
    page.goto(f"{at_home}/console/sign-in/")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {**DEVICE, "isUserVerified": False}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("No passkey was given")).to_be_visible()


@by_day
def test_by_an_address_there_is_no_passkey_button(page: Page):
    page.goto("/console/sign-in/")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)


@by_night
def test_an_app_is_set_up_and_asked_for(page: Page, at_home: str, operator: str):
    page.goto(f"{at_home}/console/account/two-factor/")
    give_password(page, operator)
    expect(page.get_by_text("None is on.")).to_be_visible()
    assert serious_violations(page) == []
    page.get_by_role("link", name="Set up an app").click()
    confirm(page)
    secret = page.locator("[data-secret]").inner_text()
    assert serious_violations(page) == []
    page.get_by_label("Authenticator code").fill(app_code(secret))
    page.get_by_role("button", name="Switch it on").click()
    recovery_code = page.locator(".codes code").first.inner_text()
    assert serious_violations(page) == []

    sign_out(page, at_home)
    give_password(page, operator)
    assert serious_violations(page) == []
    page.get_by_label("Code").fill(recovery_code)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()
    page.goto(f"{at_home}/console/account/two-factor/")
    expect(page.get_by_text("9 left")).to_be_visible()


def test_an_account_is_looked_after(page: Page, at_home: str, operator: str):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{at_home}/console/account/")
    give_password(page, operator)
    page.get_by_label("Name").fill("Dora Dee")
    page.get_by_label("Time zone").select_option("Europe/Lisbon")
    page.get_by_role("button", name="Save the profile").click()
    expect(page.get_by_text("Profile saved.")).to_be_visible()
    for tab in ("Profile", "Password", "Two-factor", "Passkeys", "Sessions"):
        page.get_by_role("navigation", name="Account").get_by_text(tab).click()
        expect(page.get_by_role("heading", level=1, name=tab)).to_be_visible()
        assert serious_violations(page) == []
        overflow = "document.documentElement.scrollWidth - window.innerWidth"
        assert page.evaluate(overflow) <= 0
    expect(page.get_by_text("this one")).to_be_visible()


@by_day
def test_a_link_lets_choose_a_new_password(
    page: Page, at_home: str, operator: str, installation: Installation
):
    page.goto(f"{at_home}/console/sign-in/")
    page.get_by_role("link", name="Forgotten password").click()
    page.get_by_label("E-mail").fill(operator)
    assert serious_violations(page) == []
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("./manage.py reset_password")).to_be_visible()
    page.goto(manage(installation, "reset_password", operator, "--url", at_home))
    page.get_by_label("New password", exact=True).fill("seven white horses")
    page.get_by_label("New password confirmation").fill("seven white horses")
    assert serious_violations(page) == []
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Sign in with it")).to_be_visible()

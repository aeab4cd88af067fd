"""The screenshots of docs/guides: ``python -m tests.browser.take_screenshots [name …]``.

From fresh installations with the demo, in real Chromium: its memories as the rules made
them, its prompts with the stand-in model that tests use. Run it again whenever pages
change; names are those of files in docs/guides/images/.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from memories.management.demo import story
from tests.acceptance.installation import (
    ROOT,
    SETTINGS_OF_OTHERS,
    Installation,
    installed,
)
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.model_server import ModelServer

IMAGES = ROOT / "docs" / "guides" / "images"
SIZE: ViewportSize = {"width": 1180, "height": 760}
Shot = Callable[[Page], None]


def main() -> None:
    wanted = sys.argv[1:] or [*AUDIT, *PROMPTS]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if names := [name for name in wanted if name in AUDIT]:
            with installed() as installation:
                installation.start(SEED_DEMO="true")
                installation.wait_for_history()
                _take_all(browser, installation, AUDIT, names)
        if names := [name for name in wanted if name in PROMPTS]:
            with ModelServer() as model, installed() as installation:
                _tell_by_model(installation, model)
                _take_all(browser, installation, PROMPTS, names)
        browser.close()


def _tell_by_model(installation: Installation, model: ModelServer) -> None:
    """The story as the stand-in model understands it; asked again, it words anew."""
    variables = {
        "LLM_BASE_URL": model.base_url,
        "LLM_API_KEY": "none",
        "LLM_MODEL": "stand-in",
    }
    installation.start(**variables)
    kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
    ours = {
        "DJANGO_SETTINGS_MODULE": "memplatform.settings",
        "MEMPLATFORM_DATA_DIR": str(installation.data),
    }
    subprocess.run(
        [sys.executable, "manage.py", "seed_demo", "--engine", "single_pass"],
        cwd=ROOT,
        env={**kept, **variables, **ours},
        check=True,
    )
    model.configure(reword=True)


def _take_all(
    browser: Browser,
    installation: Installation,
    shots: Mapping[str, Shot],
    names: Sequence[str],
) -> None:
    context = browser.new_context(
        base_url=installation.run["url"], viewport=SIZE, color_scheme="light"
    )
    page = context.new_page()
    _sign_in(page, installation)
    for name in names:
        shots[name](page)
        _take(page, IMAGES / f"{name}.png")
    context.close()


def _take(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path, animations="disabled", caret="hide")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB")  # noqa: T201


def _sign_in(page: Page, installation: Installation) -> None:
    facts = installation.run
    page.goto("/")
    page.get_by_label("E-mail").fill(facts["email"])
    page.get_by_label("Password", exact=True).fill(facts["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name=story.PROJECT).first.click()


# --- the way to each ------------------------------------------------------------------


def _menu(page: Page, label: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role(
        "link", name=label, exact=True
    ).click()


def _subject(page: Page, name: str, tab: str = "") -> None:
    _menu(page, "Subjects")
    page.get_by_role("link", name=name).first.click()
    if tab:
        page.locator(".tabs").get_by_role("link", name=re.compile(f"^{tab}")).click()


def _find_subject(page: Page) -> None:
    _menu(page, "Subjects")
    page.get_by_label("Part of an id or a name").fill("jonas")
    page.get_by_role("button", name="Find").click()


def _memories(page: Page) -> None:
    _subject(page, story.AMELIE)


def _history(page: Page) -> None:
    _subject(page, story.JONAS, "History")
    page.get_by_label("Who did it").select_option(label="An operator")


def _compare(page: Page) -> None:
    _subject(page, story.AMELIE, "Compare")
    days = page.locator("#day")
    before_the_move = days.locator("option").nth(-3).get_attribute("value")
    days.select_option(before_the_move)
    page.wait_for_url(re.compile("then="))


def _restore(page: Page) -> None:
    _compare(page)
    page.get_by_role("link", name="Restore everything to then").click()


def _memory(page: Page) -> None:
    _subject(page, story.JONAS)
    page.get_by_role("link", name=re.compile("30 schoolchildren")).first.click()


def _conversations(page: Page) -> None:
    _subject(page, story.JONAS, "Conversations")


def _prompts(page: Page) -> None:
    _menu(page, "Prompts")


def _draft(page: Page) -> None:
    _menu(page, "Prompts")
    page.get_by_role("link", name="Remember and decide, about a user").first.click()
    page.get_by_role("link", name="Draft a new version").click()
    text = page.get_by_label("Text", exact=True)
    first, rest = text.input_value().split("\n\n", 1)
    text.fill(f"{first}\n\n{RULE}\n\n{rest}")
    page.get_by_label("What it changes, for the others").fill(
        "Single orders are noise."
    )
    page.get_by_role("button", name="Save the draft").click()
    _to_top(page, ".prompt-form .toolbar")


def _try(page: Page) -> None:
    _prompt(page, "Try")
    page.get_by_role("link", name="On recorded adds").click()
    page.get_by_label("Adds of the user").fill(story.AMELIE)
    page.get_by_role("button", name="Find").click()
    for box in page.get_by_role("checkbox").all()[4:7]:
        box.check()
    page.get_by_role("button", name="Try it").click()
    _to_top(page, "main h2:last-of-type")


def _replay(page: Page) -> None:
    _prompt(page, "Replay")
    page.get_by_label("Last adds to go over").fill("20")
    page.get_by_role("button", name="Start the replay").click()
    cancel = page.get_by_role("button", name="Cancel the replay")
    while cancel.count():
        page.wait_for_timeout(1_000)
        page.reload()
    page.locator("main details").first.click()


def _publish(page: Page) -> None:
    """The version that was replayed."""
    _prompt(page, "Replay")
    page.locator("main tbody th a").first.click()
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("For a share of adds first").check()
    page.get_by_label("Share, per cent").fill("10")


def _to_top(page: Page, selector: str) -> None:
    page.locator(selector).last.evaluate("element => element.scrollIntoView()")


def _prompt(page: Page, tab: str) -> None:
    _menu(page, "Prompts")
    page.get_by_role("link", name="Remember and decide, about a user").first.click()
    page.locator(".tabs").get_by_role("link", name=re.compile(f"^{tab}")).click()


RULE = (
    "Single orders are not worth remembering; what somebody orders again and again is."
)
AUDIT: Mapping[str, Shot] = {
    "find-subject": _find_subject,
    "subject-memories": _memories,
    "subject-history": _history,
    "subject-conversations": _conversations,
    "memory": _memory,
    "compare": _compare,
    "restore": _restore,
}
"""Of audit-a-persons-memory.md."""
PROMPTS: Mapping[str, Shot] = {
    "prompts": _prompts,
    "prompt-draft": _draft,
    "prompt-try": _try,
    "prompt-replay": _replay,
    "prompt-publish": _publish,
}
"""Of change-a-prompt-safely.md."""


if __name__ == "__main__":
    main()

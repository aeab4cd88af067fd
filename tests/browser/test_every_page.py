"""Every page of the console: as it looks, without a serious fault of accessibility.

Pages are enumerated from the URLconf: a new one must be told where to be seen. Each is
looked at light and dark, and at the width of a phone; the pictures are kept in an
ignored folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, get_resolver
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.installation import Installation
from tests.browser.conftest import SCREENSHOTS, TAKES_PICTURES
from tests.browser.desk import Desk, base_of, one

# Whoever is first waits for the demo, which gives way to all else on the machine.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
PHONE = {"width": 360, "height": 740}


def console_routes(patterns: list, prefix: str = "") -> Iterator[tuple[str, Callable]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            if route.startswith("console/<slug:tenant>/"):
                yield route, pattern.callback
        else:
            yield from console_routes(pattern.url_patterns, route)


ROUTES = dict(console_routes(get_resolver().url_patterns))

# What stands in the place of a parameter: a query on the rows of the demo, and on what
# ``furnished`` has made beside them.
_TEA = "project_id = (SELECT id FROM tenants_project WHERE name LIKE 'Tea%')"
IDS = {
    "project": "SELECT id FROM tenants_project WHERE name LIKE 'Tea%'",
    "subject_id": "SELECT id FROM memories_subject WHERE external_id = 'jonas.weber'",
    "entity_id": (
        "SELECT e.id FROM memories_entity e JOIN memories_mention n ON n.entity_id = e.id"
        " JOIN memories_memory m ON m.id = n.memory_id"
        " WHERE m.user_id = 'jonas.weber' AND m.state = 'active'"
        " GROUP BY e.id ORDER BY count(*) DESC, e.id"
    ),
    "merge_id": "SELECT id FROM memories_entitymerge WHERE decided_by = 'operator'",
    "memory_id": "SELECT id FROM memories_memory WHERE state = 'superseded'",
    "operation_id": "SELECT id FROM memories_operation WHERE status = 'FAILED'",
    "replay_id": "SELECT id FROM memories_operation WHERE kind = 'REPLAY'",
    "trace_id": (
        "SELECT id FROM memories_operation WHERE kind = 'SEARCH' AND payload ? 'trace'"
    ),
    "golden_id": "SELECT id FROM memories_goldenset",
    "webhook_id": "SELECT id FROM memories_webhook",
    "delivery_id": "SELECT id FROM memories_delivery",
    "key_id": f"SELECT id FROM tenants_apikey WHERE {_TEA}",
    "member_id": "SELECT id FROM tenants_membership WHERE role = 'support'",
}
OF_JONAS = (
    "SELECT id FROM memories_memory WHERE user_id = 'jonas.weber' AND state = 'active'"
)
WORDS = {"tenant": "demo", "purpose": "single_pass_user"}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_PROJECT = "console/<slug:tenant>/<uuid:project>/"
_SUBJECT = f"{_PROJECT}subjects/<uuid:subject_id>/"
_ENTITY = f"{_SUBJECT}graph/<uuid:entity_id>/"
_REPLAY = f"{_PROJECT}prompts/<slug:purpose>/replays/<uuid:replay_id>/"
_GOLDEN = f"{_PROJECT}golden-sets/<uuid:golden_id>/"
_WEBHOOK = f"{_PROJECT}webhooks/<uuid:webhook_id>/"
# Of a state or kind of its own.
OTHER_IDS = {
    (f"{_PROJECT}review/<uuid:memory_id>/", "memory_id"): (
        "SELECT id FROM memories_memory WHERE state = 'quarantined'"
    ),
    (f"{_ENTITY}merges/<uuid:merge_id>/undo/", "entity_id"): (
        "SELECT kept_id FROM memories_entitymerge WHERE decided_by = 'operator'"
    ),
    (f"{_SUBJECT}restores/<uuid:operation_id>/", "operation_id"): (
        "SELECT id FROM memories_operation WHERE kind = 'RESTORE'"
        " AND user_id = 'jonas.weber'"
    ),
    (f"{_PROJECT}erasures/<uuid:operation_id>/", "operation_id"): (
        "SELECT id FROM memories_operation WHERE kind = 'DELETE_USER'"
    ),
}
# What an address means by its query.
SEEN_WITH = {
    f"{_PROJECT}ingestions/retry/": "?error=document_unreadable",
    f"{_PROJECT}ingestions/reprocess/": "?error=document_unreadable",
    f"{_PROJECT}prompts/<slug:purpose>/publish/": "?version=1",
    f"{_PROJECT}memories/<uuid:memory_id>/restore/": "?version=1",
    f"{_SUBJECT}memories/change/": "?action=delete&memory={memory_id}",
    f"{_PROJECT}search-lab/traces/<uuid:trace_id>/": "?again=now",
    f"{_SUBJECT}restore/": "?to=2026-11-01T00:00:00%2B00:00",
}
# No page, or none in the demo; whatever else does not answer with one is a fault.
ELSEWHERE = {
    f"{_PROJECT}api-keys/<uuid:key_id>/revoke/": "an action",
    "console/<slug:tenant>/usage/download/": "a file",
    f"{_PROJECT}prompts/<slug:purpose>/draft/discard/": "an action",
    f"{_REPLAY}cancel/": "an action",
    f"{_REPLAY}continue/": "an action",
    f"{_PROJECT}providers/reembed/": "an action",
    f"{_PROJECT}providers/reembed/back/": "an action",
    f"{_PROJECT}review/decide/": "an action",
    f"{_PROJECT}search-lab/keep/": "an action",
    f"{_GOLDEN}ask/": "an action",
    f"{_GOLDEN}delete/": "an action",
    f"{_WEBHOOK}rotate-secret/": "an action",
    f"{_WEBHOOK}test/": "an action",
    f"{_WEBHOOK}delete/": "an action",
    f"{_WEBHOOK}deliveries/<uuid:delivery_id>/redeliver/": "an action",
}


@pytest.fixture(scope="session", autouse=True)
def furnished(browser: Browser, demo: Installation, signed_in: Any) -> None:
    """What has a page and is not in the demo, made as an owner makes it."""
    context = browser.new_context(base_url=demo.run["url"], storage_state=signed_in)
    desk = Desk(context.new_page(), demo, base_of(demo))
    _tell_a_webhook(desk)
    _keep_a_search(desk)
    _ask_a_golden_set(desk)
    _replay_a_prompt(desk)
    _restore_and_undo(desk)
    _merge_two_names(desk)
    _erase_somebody(desk)
    context.close()


def _tell_a_webhook(desk: Desk) -> None:
    page = desk.open("webhooks/new/")
    page.get_by_label("Name").fill("Order desk")
    page.get_by_label("URL").fill("https://hooks.tea.example/memories")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Add the webhook").click()
    desk.open(f"webhooks/{one(desk.demo, IDS['webhook_id'])}/")
    page.get_by_role("button", name="Send a test").click()


def _keep_a_search(desk: Desk) -> None:
    page = desk.open("search-lab/?query=tea&kind=user&subject=jonas.weber&threshold=0")
    page.get_by_role("button", name="Keep this search").click()
    expect(page.get_by_role("heading", name="Kept search")).to_be_visible()


def _ask_a_golden_set(desk: Desk) -> None:
    page = desk.open("golden-sets/new/")
    page.get_by_label("Name").fill("Regulars")
    line = {"question": "Which tea?", "user_id": "jonas.weber", "expects": ["tea"]}
    page.get_by_label("Questions").fill(json.dumps(line))
    page.get_by_role("button", name="Add the golden set").click()
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_text("are being asked")).to_be_visible()
    for _ in range(20):
        if page.get_by_text("as accepted").count():
            return
        page.wait_for_timeout(500)
        page.reload()


def _replay_a_prompt(desk: Desk) -> None:
    page = desk.open("prompts/single_pass_user/replays/")
    page.get_by_label("Last adds to go over").fill("5")
    page.get_by_role("button", name="Start the replay").click()
    expect(page.locator("#progress")).to_contain_text("5 of 5 adds")


def _restore_and_undo(desk: Desk) -> None:
    page = desk.open(f"{desk.subject('jonas.weber')}compare/")
    page.get_by_role("link", name="30 days ago").click()
    page.get_by_role("link", name="Restore everything to then").click()
    page.get_by_role("button", name=re.compile("^Restore")).click()
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name=re.compile("^Restore")).click()
    expect(page.locator("#progress")).to_contain_text("memories restored")


def _merge_two_names(desk: Desk) -> None:
    entity_id = one(desk.demo, IDS["entity_id"])
    page = desk.open(f"{desk.subject('jonas.weber')}graph/{entity_id}/merge/")
    page.locator("tr[data-row] a").last.click()
    page.get_by_role("button", name=re.compile("^They are one")).click()
    expect(page.get_by_role("link", name="Undo", exact=True)).to_be_visible()


def _erase_somebody(desk: Desk) -> None:
    page = desk.open(f"{desk.subject('customer-9999')}privacy/")
    page.get_by_label("Id of the subject").fill("customer-9999")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator("#receipt")).to_contain_text("Everything that was held is gone")


def is_page(route: str) -> bool:
    """Whether it has an address in the demo: no invitation, no export waits there."""
    return set(PARAMETER.findall(route)) <= IDS.keys() | WORDS.keys()


def path_of(desk: Desk, route: str) -> str:
    def value(match: re.Match[str]) -> str:
        asked = OTHER_IDS.get((route, match[1])) or IDS.get(match[1])
        return str(one(desk.demo, asked)) if asked else WORDS[match[1]]

    query = SEEN_WITH.get(route, "")
    if "{memory_id}" in query:
        query = query.format(memory_id=one(desk.demo, OF_JONAS))
    return "/" + PARAMETER.sub(value, route) + query


def name_of(route: str) -> str:
    return re.sub(r"[^a-z]+", "-", PARAMETER.sub("one", route)).strip("-")


@pytest.mark.parametrize("route", [route for route in ROUTES if is_page(route)])
def test_a_page_is_accessible_light_and_dark_and_fits_a_phone(desk: Desk, route: str):
    page, name = desk.page, name_of(route)
    answer = page.request.get(path_of(desk, route), max_redirects=0)
    if answer.status != 200 or "text/html" not in answer.headers["content-type"]:
        assert route in ELSEWHERE, (answer.status, route)
        return
    page.goto(path_of(desk, route))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        look_at(page, f"{name}-{scheme}", is_dark=scheme == "dark")
    page.set_viewport_size(PHONE)
    take_picture(page, f"{name}-phone")
    assert page.evaluate(OVERFLOW) <= 0


def take_picture(page: Page, name: str) -> None:
    if TAKES_PICTURES:
        page.screenshot(path=SCREENSHOTS / f"page-{name}.png", full_page=True)


def look_at(page: Page, name: str, *, is_dark: bool) -> None:
    """Dark differs from light by its colours alone."""
    take_picture(page, name)
    options = {"runOnly": ["color-contrast"]} if is_dark else None
    violations = Axe().run(page, options=options).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html']}" for v in violations] == []

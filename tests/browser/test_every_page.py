"""Every page of the console: as it looks, without a serious fault of accessibility.

Pages are enumerated from the URLconf: a new one must be told where to be seen. Each is
looked at light and dark, and at the width of a phone; the pictures are kept in an
ignored folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, get_resolver
from playwright.sync_api import Page

from tests.browser.conftest import SCREENSHOTS
from tests.browser.desk import Desk, one

pytestmark = pytest.mark.browser

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

# What stands in the place of a parameter: a query on the demo's own rows.
IDS = {
    "project": "SELECT id FROM tenants_project WHERE name LIKE 'Tea%'",
    "subject_id": "SELECT id FROM memories_subject WHERE external_id = 'jonas.weber'",
    "memory_id": "SELECT id FROM memories_memory WHERE state = 'superseded'",
    "operation_id": "SELECT id FROM memories_operation WHERE status = 'FAILED'",
    "key_id": "SELECT k.id FROM tenants_apikey k JOIN tenants_project p"
    " ON p.id = k.project_id WHERE p.name LIKE 'Tea%'",
    "member_id": "SELECT id FROM tenants_membership WHERE role = 'support'",
}
WORDS = {"tenant": "demo", "purpose": "single_pass_user"}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# No page by that address alone, and why; ``SEEN_WITH`` has those that need a query.
_PROJECT = "console/<slug:tenant>/<uuid:project>/"
_SUBJECT = f"{_PROJECT}subjects/<uuid:subject_id>/"
ELSEWHERE = {
    f"{_PROJECT}api-keys/<uuid:key_id>/revoke/": "an action",
    "console/<slug:tenant>/usage/download/": "a file",
    f"{_PROJECT}ingestions/retry/": "of one kind of failure: its link says which",
    f"{_PROJECT}prompts/<slug:purpose>/draft/discard/": "an action",
    f"{_PROJECT}prompts/<slug:purpose>/publish/": "of a version: its link says which",
    f"{_PROJECT}providers/reembed/": "an action",
    f"{_PROJECT}providers/reembed/back/": "an action",
    f"{_PROJECT}review/decide/": "an action",
    f"{_PROJECT}search-lab/keep/": "an action",
    f"{_PROJECT}search-lab/traces/<uuid:trace_id>/": "nothing is kept in the demo",
    f"{_PROJECT}review/<uuid:memory_id>/": "of what waits: the demo trusts everybody",
    f"{_PROJECT}memories/<uuid:memory_id>/restore/": "to a version",
    f"{_SUBJECT}memories/change/": "of chosen memories",
    f"{_SUBJECT}restore/": "to an instant",
    f"{_SUBJECT}restores/<uuid:operation_id>/": "nothing was restored",
    f"{_PROJECT}erasures/<uuid:operation_id>/": "nobody was erased",
}
SEEN_WITH = {
    f"{_PROJECT}prompts/<slug:purpose>/publish/": "?version=1",
    f"{_PROJECT}memories/<uuid:memory_id>/restore/": "?version=1",
    f"{_SUBJECT}restore/": "?to=2026-11-01T00:00:00%2B00:00",
}


def is_page(route: str) -> bool:
    """Whether it has an address in the demo."""
    return set(PARAMETER.findall(route)) <= IDS.keys() | WORDS.keys()


def path_of(desk: Desk, route: str) -> str:
    def value(match: re.Match[str]) -> str:
        return WORDS.get(match[1]) or str(one(desk.demo, IDS[match[1]]))

    return "/" + PARAMETER.sub(value, route) + SEEN_WITH.get(route, "")


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
    page.screenshot(path=SCREENSHOTS / f"page-{name}-phone.png", full_page=True)
    assert page.evaluate(OVERFLOW) <= 0


def look_at(page: Page, name: str, *, is_dark: bool) -> None:
    """Dark differs from light by its colours alone."""
    page.screenshot(path=SCREENSHOTS / f"page-{name}.png", full_page=True)
    options = {"runOnly": ["color-contrast"]} if is_dark else None
    violations = Axe().run(page, options=options).response["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html']}" for v in violations] == []

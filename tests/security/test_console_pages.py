"""What every page of the console has, and what none may have."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.security.conftest import ROUTES

WANTS_MORE = {
    "memories:bulk",
    "memories:download",
    "memories:erasure",
    "memories:prompt-publish",
    "memories:prompt-replay",
    "memories:restore-memory",
    "memories:restore-subject",
    "memories:restored",
    "memories:reprocess-ingestions",
    "memories:retry-ingestions",
    "memories:review-memory",
}
"""Pages that these rows, without a query, do not open: there is no draft, no replay."""
TEMPLATE_CODE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
TEMPLATES = sorted(
    path
    for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    if path.relative_to(settings.BASE_DIR / "templates").parts[0] != "docs"
)


class Markup(HTMLParser):
    """What a page is made of, as far as these tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title = ""
        self.headings: list[int] = []
        self.problems: list[str] = []
        self._inside: list[str] = []
        self._tables_without_caption = 0
        self.feed(text)
        if self._tables_without_caption:
            self.problems.append("a table without a caption")

    def handle_starttag(self, tag, attributes) -> None:
        given = dict(attributes)
        self._inside.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag == "style" or "style" in given:
            self.problems.append(f"an inline style on {tag}")
        is_data = given.get("type") == "application/json"
        if tag == "script" and "src" not in given and not is_data:
            self.problems.append("an inline script")
        self.problems += [f"{name} on {tag}" for name in given if name.startswith("on")]
        self._tables_without_caption += (tag == "table") - (tag == "caption")

    def handle_data(self, data) -> None:
        if self._inside and self._inside[-1] == "title" and not self.title:
            self.title = data.strip()

    @property
    def skipped(self) -> bool:
        """Whether a heading is more than one level below the one before."""
        pairs = zip(self.headings, self.headings[1:], strict=False)
        return any(below - above > 1 for above, below in pairs)


def complaints(text: str) -> list[str]:
    page = Markup(text)
    return [
        *page.problems,
        *(["not one h1"] if page.headings.count(1) != 1 else []),
        *(["a heading level is skipped"] if page.skipped else []),
        *(["no title of its own"] if page.title in ("", "· Memplatform") else []),
    ]


def test_every_page_is_well_made(alice, address, ids):
    client, wrong = Client(), []
    client.force_login(alice)
    for name in ROUTES:
        answer = client.get(address(name, ids))
        if answer.status_code not in (200, 302, 405) and name not in WANTS_MORE:
            wrong.append(f"{name}: {answer.status_code}")
        is_page = answer.get("Content-Type", "").startswith("text/html")
        if is_page and answer.status_code not in (302, 405):
            told = complaints(answer.content.decode())
            wrong += [f"{name}: {problem}" for problem in told]
    assert not wrong, "\n".join(sorted(wrong))


def test_home_and_a_refusal_are_well_made(alice, bob, address):
    client = Client()
    client.force_login(alice)
    assert complaints(client.get("/console/").content.decode()) == []
    client.force_login(bob)
    refused = client.get(address("tenants:members"))
    assert refused.status_code == 403
    assert complaints(refused.content.decode()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_inline_style_or_script(path):
    """Those too that no page above shows; our CSP would refuse them silently."""
    markup = Markup(TEMPLATE_CODE.sub("", path.read_text()))
    in_two_files = {"a table without a caption"}
    assert set(markup.problems) <= in_two_files

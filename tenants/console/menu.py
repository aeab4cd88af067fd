"""The menu: which pages there are, and which of them a role may read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from django.urls import resolve, reverse

from tenants.console.visits import Page, Visit

OF_PROJECT = (
    (
        "Memory",
        (
            ("Overview", "memories:overview"),
            ("Subjects", "memories:subjects"),
            ("Search lab", "memories:search-lab"),
            ("Ingestions", "memories:ingestions"),
            ("Review", "memories:review"),
            ("Golden sets", "memories:golden-sets"),
        ),
    ),
    (
        "Project",
        (
            ("Prompts", "memories:prompts"),
            ("Settings", "memories:settings"),
            ("Providers", "memories:providers"),
            ("API keys", "tenants:api-keys"),
            ("Webhooks", "memories:webhooks"),
        ),
    ),
)
OF_TENANT = (
    (
        "Tenant",
        (
            ("Usage", "tenants:usage"),
            ("Members", "tenants:members"),
            ("Audit", "tenants:audit"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the menu; ``is_here`` on its own page and on those below it."""

    label: str
    name: str
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Section:
    label: str
    items: Sequence[Item]


def menu(visit: Visit, path: str) -> list[Section]:
    """What this operator may open from here."""
    project = [visit.tenant_slug, visit.project.id] if visit.project else None
    sections = [
        *(_sections(visit, OF_PROJECT, project, path) if project else ()),
        *_sections(visit, OF_TENANT, [visit.tenant_slug], path),
    ]
    return [section for section in sections if section.items]


def _sections(
    visit: Visit,
    sections: Sequence[tuple[str, Sequence[tuple[str, str]]]],
    place: Sequence[object],
    path: str,
) -> Iterator[Section]:
    for label, pages in sections:
        items = []
        for page, name in pages:
            url = reverse(name, args=place)
            page_view = cast("Page", resolve(url).func)
            if visit.standing.may(page_view.read_role):
                items.append(Item(page, name, url, _is_here(url, name, path)))
        yield Section(label, items)


def _is_here(url: str, name: str, path: str) -> bool:
    return path == url if name.endswith(":overview") else path.startswith(url)

"""What the benchmark of the console's pages seeds is a project that every page shows."""

from __future__ import annotations

import psycopg
import pytest
from django.test import Client

from bench import console, console_seed, seed
from memories.models import Memory, MemoryEvent, MemoryVersion, Subject
from tenants.scopes import tenant_scope

MAIN_PAGES = {
    *("memories:overview", "memories:subjects", "memories:subject"),
    *("memories:history", "memories:compare", "memories:memory", "tenants:usage"),
}
SIZE = console_seed.Size(memories=200, users=20, huge=60, searches=30)


@pytest.fixture
def seeded(committed_db):
    """(place, cookie, what addresses may hold)"""
    place, cookie = console.found_console()
    with psycopg.connect(committed_db.admin_url, autocommit=True) as admin:
        console_seed.seed_console(admin, place, SIZE)
        known = console.get_known(admin, place)
    return place, cookie, known


def test_every_page_is_opened_by_who_is_signed_in(seeded):
    _, cookie, known = seeded
    browser = Client(headers={"Cookie": cookie})
    pages = [page for page in console.get_pages() if page.needs <= known.keys()]
    answers = {p.name: browser.get(console.address_of(p, known)) for p in pages}
    shown = {name for name, answer in answers.items() if answer.status_code == 200}
    assert shown >= MAIN_PAGES
    assert len(shown) > len(pages) / 2
    # The others want a form, are an action, or of what was not seeded.
    assert {a.status_code for a in answers.values()} <= {200, 302, 400, 404, 405}


def test_it_is_as_large_as_it_says_and_of_one_piece(seeded):
    place, _, known = seeded
    with tenant_scope(place.tenant_id, project_id=place.project_id):
        assert Memory.objects.count() == SIZE.memories
        assert Memory.objects.filter(user_id=seed.HUGE).count() == SIZE.huge
        assert Subject.objects.filter(kind="user").count() == SIZE.users
        changed = MemoryVersion.objects.filter(number=2).count()
        assert 0 < changed < SIZE.memories / 2
        assert MemoryEvent.objects.count() == SIZE.memories + changed
        assert Memory.objects.get(id=known["memory_id"]).number == 2

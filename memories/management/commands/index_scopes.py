"""``manage.py index_scopes``: what beat does for huge scopes, at once and shown."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from memories.services.huge_scopes import MOST, index_huge_scopes
from memories.store import scope_indexes


class Command(BaseCommand):
    help = (
        "Build the indexes of scopes with HUGE_SCOPE_VECTORS or more, drop those of"
        " scopes that are no more, and list what there is. Needs the owner's"
        " connection (MIGRATION_DATABASE_URL)."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = index_huge_scopes()
        if outcome is None:
            self.stdout.write(
                "Nothing done: another process builds, or MIGRATION_DATABASE_URL does"
                " not lead to the owner of the tables."
            )
            return
        self.stdout.write(
            f"{outcome.built} built, {outcome.dropped} dropped,"
            f" {outcome.failed} failed."
        )
        if outcome.waiting:
            scopes = "scope is" if outcome.waiting == 1 else "scopes are"
            self.stdout.write(
                f"{outcome.waiting} {scopes} left without, and read for every search:"
                f" there are {MOST} indexes at most, for all tenants together."
            )
        for each in scope_indexes.list_known():
            self.stdout.write(
                f"{each.of} of anchor {each.anchor_id} of tenant {each.tenant_id}:"
                f" {each.vectors} vectors, {each.state}"
            )

"""docs/guides/move-to-memplatform.md: its commands print what it says, word for word."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.installation import ROOT, Installation, installed, wait_for
from tests.acceptance.test_readme import BLOCK, Block, paste

pytestmark = [pytest.mark.starts, pytest.mark.timeout(600)]

GUIDE = (ROOT / "docs" / "guides" / "move-to-memplatform.md").read_text()


@pytest.fixture(scope="module")
def up() -> Iterator[Installation]:
    with installed() as installation:
        installation.start()
        yield installation


def blocks(heading: str) -> list[Block]:
    section = GUIDE.split(f" {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [Block(*found) for found in BLOCK.findall(section)]


@pytest.fixture
def newcomer(up: Installation, tmp_path: Path) -> Path:
    """A directory in which the commands of the guide find what they name."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    manage = tmp_path / "manage.py"
    settings = "DJANGO_SETTINGS_MODULE=memplatform.settings"
    ours = f'{settings} MEMPLATFORM_DATA_DIR="{up.data}"'
    manage.write_text(f'#!/bin/sh\n{ours} {sys.executable} {ROOT}/manage.py "$@"\n')
    manage.chmod(0o755)
    return tmp_path


def run(block: Block, up: Installation, directory: Path) -> str:
    given = f"export URL={up.run['url']} KEY={up.run['api_key']}\n"
    return paste(given + block.text, directory)


def test_the_guide_prints_what_it_says(up, newcomer):
    for heading in ("Then import", "Away again"):
        asked, told = blocks(heading)[::2], blocks(heading)[1::2]
        for block, promised in zip(asked, told, strict=True):
            assert run(block, up, newcomer) == promised.text
            all_come_in(up)


def all_come_in(up: Installation) -> None:
    headers = {"Authorization": f"Token {up.run['api_key']}"}
    with httpx2.Client(base_url=up.run["url"], headers=headers) as client:
        query = {"event_type": "IMPORT", "status": "PENDING"}
        wait_for(
            lambda: not client.get("/v1/events/", params=query).json()["count"],
            "the import",
        )

"""Guides whose commands print what they say, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import ROOT, Installation, installed
from tests.acceptance.test_readme import BLOCK, Block, paste

pytestmark = [pytest.mark.starts, pytest.mark.timeout(600)]

GUIDES = ROOT / "docs" / "guides"


@pytest.fixture(scope="module")
def up() -> Iterator[Installation]:
    with installed() as up:
        up.start()
        yield up


@pytest.mark.parametrize("guide", ["time-travel.md", "the-graph.md"])
def test_the_guide_prints_what_it_says(tmp_path: Path, up: Installation, guide: str):
    text = (GUIDES / guide).read_text()
    blocks = [Block(*found) for found in BLOCK.findall(text)]
    asked, told = blocks[::2], blocks[1::2]
    assert asked
    given = f"export URL={up.run['url']} KEY={up.run['api_key']}\n"
    for block, promised in zip(asked, told, strict=True):
        assert paste(given + block.text, tmp_path) == promised.text

"""docs/guides/time-travel.md: its commands print what it says, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.installation import ROOT, installed
from tests.acceptance.test_readme import BLOCK, Block, paste

pytestmark = [pytest.mark.starts, pytest.mark.timeout(600)]

GUIDE = (ROOT / "docs" / "guides" / "time-travel.md").read_text()


def test_the_guide_prints_what_it_says(tmp_path: Path):
    blocks = [Block(*found) for found in BLOCK.findall(GUIDE)]
    asked, told = blocks[::2], blocks[1::2]
    with installed() as up:
        up.start()
        given = f"export URL={up.run['url']} KEY={up.run['api_key']}\n"
        for block, promised in zip(asked, told, strict=True):
            assert paste(given + block.text, tmp_path) == promised.text

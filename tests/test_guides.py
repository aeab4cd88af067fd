"""The guides show what there is: pictures are taken, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.take_screenshots import AUDIT, IMAGES, PROMPTS

GUIDES = Path(__file__).resolve().parent.parent / "docs" / "guides"
LINK = re.compile(r"(?<!`)\]\(([^)#\s]+)(?:#[^)]*)?\)")
MOST_BYTES = 250_000


def guides() -> list[Path]:
    return sorted(GUIDES.glob("*.md"))


def linked(guide: Path) -> set[Path]:
    """The files of this repository that a guide names."""
    names = LINK.findall(guide.read_text())
    return {(guide.parent / n).resolve() for n in names if "://" not in n}


@pytest.mark.parametrize("guide", guides(), ids=lambda path: path.name)
def test_its_links_lead_somewhere(guide):
    assert [path for path in linked(guide) if not path.exists()] == []


def test_every_picture_is_shown_and_can_be_taken_again():
    shown = {path for guide in guides() for path in linked(guide)}
    pictures = set(IMAGES.glob("*.png"))
    assert pictures <= shown
    assert {path.stem for path in pictures} == {*AUDIT, *PROMPTS}


def test_pictures_are_small():
    assert all(path.stat().st_size < MOST_BYTES for path in IMAGES.glob("*.png"))

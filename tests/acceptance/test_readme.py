"""What README and the start tell a newcomer to paste does what they say, word for word.

Blocks are run as they stand, each ``text`` block is what they print; only dates, ids
and scores may differ.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.acceptance.installation import (
    ROOT,
    SETTINGS_OF_OTHERS,
    Installation,
    installed,
    wait_for,
)
from tests.acceptance.sdks import npm_modules, python_with

pytestmark = [pytest.mark.starts, pytest.mark.timeout(600)]

README = (ROOT / "README.md").read_text()
SDK_RELEASE = "mem0ai==2.2.1"
TOUR = ("Five minutes", "Switch a client")
BLOCK = re.compile(
    r"^```(sh|python|typescript|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
VARIES = re.compile(r"\b\d{1,2} [A-Z][a-z]+ \d{4}\b|\b[01]\.\d\d\b")
TIMEOUT_S = 180


class Block(NamedTuple):
    language: str
    text: str


def section(heading: str) -> str:
    return README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def tour() -> list[Block]:
    text = "".join(section(heading) for heading in TOUR)
    return [Block(*found) for found in BLOCK.findall(text)]


def masked(text: str) -> str:
    """Dates and scores move; everything else is promised."""
    return VARIES.sub("…", text)


@pytest.fixture(scope="module")
def up() -> Iterator[Installation]:
    with installed() as installation:
        installation.start()
        yield installation


@pytest.fixture
def newcomer(up: Installation, tmp_path: Path) -> Path:
    """A directory in which ``make run`` runs, as far as its visitor can see."""
    (tmp_path / ".memplatform").symlink_to(up.data)
    return tmp_path


@pytest.fixture(scope="module")
def sdk() -> Path:
    """Where a Python with the SDK is."""
    return python_with("sdk", SDK_RELEASE)


def paste(text: str, directory: Path, *paths: Path) -> str:
    """What bash prints when the text is put into it."""
    kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
    path = os.pathsep.join([*map(str, paths), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-s"],
        input=text,
        cwd=directory,
        env={**kept, "PATH": path, "HOME": str(directory), "MEM0_TELEMETRY": "false"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_shell(block: Block) -> str:
    if block.language == "python":
        return f"python3 - <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n"
    if block.language == "typescript":  # without type annotations: JavaScript, too
        node = "node --input-type=module"
        return f"{node} - <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK\n"
    return block.text


def test_the_tour_prints_what_it_says(newcomer, sdk):
    (newcomer / "node_modules").symlink_to(npm_modules())
    blocks = tour()
    pasted = [as_shell(block) for block in blocks if block.language != "text"]
    promised = "".join(block.text for block in blocks if block.language == "text")
    assert len(pasted) == 6
    printed = paste("".join(pasted), newcomer, sdk)
    assert masked(printed) == masked(promised)


def test_the_tour_shows_memories_and_a_wall():
    """Else the test above would be content with little."""
    promised = [block.text for block in tour() if block.language == "text"]
    assert "moved to Berlin" in promised[0]
    assert "SUPERSEDE" in promised[1]
    assert promised[2] == '{"results":[]}\n'
    assert promised[3:] == ["User is allergic to peanuts\n"] * 3


@pytest.mark.parametrize("start", ["curl", "python3"])
def test_what_a_start_prints_gives_memories_back(up, newcomer, start):
    printed = up.text[up.text.index(f"\n{start} ") :]
    example = printed.split("\n\n", 1)[0].replace('"max"', f'"max-{start}"')
    assert "User moved to Lisbon" in paste(f"{example}\n", newcomer)


def rows_of_the_conversation() -> list[list[str]]:
    heading = "What the rules engine makes of a conversation"
    table = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]


def test_the_conversation_of_the_readme_is_what_the_engine_makes_of_it(up):
    rows = rows_of_the_conversation()
    url, headers = up.run["url"], {"Authorization": f"Token {up.run['api_key']}"}
    messages = [{"role": role, "content": said} for role, said, _, _ in rows]
    with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
        add = {"user_id": "sam", "timestamp": 1772452800, "messages": messages}
        event = f"/v1/event/{client.post('/v3/memories/add/', json=add).json()['event_id']}/"
        wait_for(lambda: client.get(event).json()["status"] == "SUCCEEDED", "the add")
        outcomes = client.get(event).json()["ledger"]["messages"]
        query = {"filters": {"user_id": "sam"}}
        stored = client.post("/v3/memories/", json=query).json()["results"]
    assert {m["memory"]: ", ".join(m["categories"]) for m in stored} == {
        kept: categories for _, _, kept, categories in rows if kept != "–"
    }
    assert [outcome["reason"] for outcome in outcomes] == [
        why if kept == "–" else "" for _, _, kept, why in rows
    ]

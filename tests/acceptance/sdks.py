"""The client SDKs as their users install them; made once and kept between runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.installation import ROOT

PLACE = ROOT / ".memplatform-test"
NPM_RELEASE = "mem0ai@3.3.1"


def python_with(name: str, *what: str) -> Path:
    """The ``bin`` of an environment with what ``uv pip install`` is told."""
    place, wanted = PLACE / name, "\n".join(what)
    stamp = place / "installed.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        uv = str(ROOT / ".ci" / "uv")
        venv = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, place]
        install = [uv, "pip", "install", "--quiet", "--python", place, *what]
        for command in (venv, install):
            subprocess.run(command, check=True)
        stamp.write_text(wanted)
    return place / "bin"


def npm_modules() -> Path:
    """A ``node_modules`` with the npm SDK; its peers, vector stores, are not needed."""
    place = PLACE / "npm"
    stamp = place / "installed.txt"
    if not stamp.exists() or stamp.read_text() != NPM_RELEASE:
        quiet = ["--no-fund", "--no-audit", "--legacy-peer-deps"]
        command = ["npm", "install", "--prefix", str(place), *quiet, NPM_RELEASE]
        subprocess.run(command, check=True, capture_output=True)
        stamp.write_text(NPM_RELEASE)
    return place / "node_modules"

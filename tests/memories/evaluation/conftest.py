"""Small files in the form in which benchmarks publish theirs; everything is made up."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def write(tmp_path):
    """Write content as JSON, or lines as they are; the path."""

    def write_file(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write_file

"""The environment of every process: what the user gave, and what a start generated.

Django's settings have already taken over the last start's ``settings.env`` when this
runs, so a value equal to the file's is the file's, and only others were given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from memplatform.embedded.data_directory import SETTINGS, DataDirectory


@dataclass(frozen=True, slots=True)
class Environment:
    """Given values win over generated ones."""

    given: Mapping[str, str]
    generated: dict[str, str] = field(default_factory=dict)

    def is_given(self, name: str) -> bool:
        return bool(self.given.get(name, "").strip())

    def generate(self, **values: str) -> None:
        """Add values for the names the user has left open."""
        self.generated.update(
            {name: value for name, value in values.items() if not self.is_given(name)}
        )

    def as_mapping(self) -> dict[str, str]:
        return {**self.given, **self.generated}

    def save(self, data: DataDirectory) -> None:
        """For ``./manage.py`` in another shell; given values are not kept."""
        lines = [f"{name}={value}\n" for name, value in self.generated.items()]
        data.write_text(SETTINGS, "".join(lines))


def read_environment(data: DataDirectory) -> Environment:
    saved = _saved(data)
    given = {
        name: value
        for name, value in os.environ.items()
        if name not in saved or saved[name] != value
    }
    given["MEMPLATFORM_DATA_DIR"] = str(data.path)
    return Environment(given)


def _saved(data: DataDirectory) -> dict[str, str]:
    path = data.path / SETTINGS
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, separator, value in pairs if separator}

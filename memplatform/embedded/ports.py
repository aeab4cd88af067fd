"""TCP ports on this machine: is one free, which one is."""

from __future__ import annotations

import errno
import socket

LOOPBACK = "127.0.0.1"
PORTS_TRIED = 100


class NoFreePort(Exception):
    """Every port that was tried is taken."""


def free_port(preferred: int = 0) -> int:
    """``preferred`` if nobody has it on loopback, else one the kernel chooses."""
    for port in (preferred, 0):
        try:
            with socket.create_server((LOOPBACK, port)) as server:
                return int(server.getsockname()[1])
        except OSError:
            continue
    raise NoFreePort("This machine has no free TCP port.")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on ``port``, or on the next free one.

    Held by the supervisor and inherited by the web server: no other process can take
    the port between the check and the use, and while a killed web server is restarted
    clients wait instead of being refused.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return socket.create_server((host, candidate), family=family, backlog=1024)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
    raise NoFreePort(f"No free port from {port} on for {host}; choose one with PORT.")

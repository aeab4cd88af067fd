"""Whom PostgreSQL runs as: it refuses to run as root, so root lends it an account.

Only PostgreSQL drops privileges, and nobody's permissions are changed but those of
directories made here (decision 27).
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memplatform import env

CANDIDATES = ("memplatform", "postgres", "nobody")
"""Accounts tried in this order; the last one exists on every Unix."""


class NoAccount(Exception):
    """Started as root, and no other account can run PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account that processes are started as."""

    name: str
    uid: int
    gid: int

    def process_options(self) -> dict[str, Any]:
        """Keyword arguments of ``subprocess.Popen`` that become this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def take_over(self, path: Path) -> None:
        """Give ``path``, made by us, to the account."""
        os.chown(path, self.uid, self.gid)

    def can_run(self, command: Sequence[str | Path]) -> bool:
        """Whether the kernel lets the account run ``command`` to success."""
        try:
            done = subprocess.run(
                command, capture_output=True, cwd="/", **self.process_options()
            )
        except PermissionError:
            return False
        return done.returncode == 0

    def can_traverse(self, directory: Path) -> bool:
        return self.can_run(["test", "-x", directory])


def account_for(directory: Path) -> Account | None:
    """Who runs PostgreSQL on ``directory``; None: the current user, who is not root.

    The owner of data that are already there goes on owning them.
    """
    if os.geteuid() != 0:
        return None
    owner = directory.stat().st_uid if directory.exists() else 0
    if owner != 0:
        return _account(pwd.getpwuid(owner))
    wanted = env.envstr("EMBEDDED_USER")
    for name in [wanted] if wanted else CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return _account(found)
    raise NoAccount(
        "PostgreSQL does not run as root, and no account "
        f"{wanted or ' or '.join(CANDIDATES)} exists; name one in EMBEDDED_USER."
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)

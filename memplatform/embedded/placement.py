"""Where PostgreSQL's programs and data stand, so that its account can reach them.

Usually in the environment and in the data directory. Started as root from below a
closed directory (a checkout in /root), the account reaches neither: then the programs
are copied and the data kept under /var/lib/memplatform, and the start says so. Opening
the closed directory instead would change permissions that are not ours (decision 27).
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from memplatform.embedded import postgres
from memplatform.embedded.privileges import Account, account_for

OUTSIDE = Path("/var/lib/memplatform")
POINTER = "postgres.location"


@dataclass(frozen=True, slots=True)
class Placement:
    """The places of one cluster; ``notes`` are worth telling whoever starts it."""

    home: Path
    installed: Path
    account: Account | None
    notes: tuple[str, ...] = ()


def place(data_dir: Path) -> Placement:
    """Decide, and make what is missing; the same answer at every start."""
    home = _known_home(data_dir)
    account = account_for(home or data_dir / "postgres")
    installed = postgres.installation()
    if account is None:
        return Placement(home or data_dir / "postgres", installed, None)
    notes = []
    if not account.can_run([installed / "bin" / "postgres", "--version"]):
        installed = _copy_programs(installed)
        notes.append(f"{account.name} cannot reach the programs: copied to {installed}")
    if home is None:
        home = _choose_home(data_dir, account)
    if not home.is_relative_to(data_dir):
        notes.append(
            f"{account.name} cannot reach {data_dir}: PostgreSQL's data are in {home}"
        )
    return Placement(home, installed, account, tuple(notes))


def _known_home(data_dir: Path) -> Path | None:
    """Where earlier starts put the cluster; the data directory may have moved since."""
    pointer = data_dir / POINTER
    if pointer.exists():
        return Path(pointer.read_text().strip())
    inside = data_dir / "postgres"
    return inside if inside.exists() else None


def _choose_home(data_dir: Path, account: Account) -> Path:
    if account.can_traverse(data_dir):
        return data_dir / "postgres"
    OUTSIDE.mkdir(mode=0o755, exist_ok=True)
    # A random name: data left by a deleted data directory are never taken for ours.
    home = OUTSIDE / secrets.token_hex(6)
    (data_dir / POINTER).write_text(f"{home}\n")
    return home


def _copy_programs(installed: Path) -> Path:
    """Copy the installation and the wheel's libraries, which it finds beside it."""
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = OUTSIDE / f"{package.name}-{version(postgres.WHEEL)}"
    if not target.exists():
        OUTSIDE.mkdir(mode=0o755, exist_ok=True)
        unfinished = OUTSIDE / f"unfinished-{secrets.token_hex(6)}"
        shutil.copytree(
            installed, unfinished / package.name / installed.name, symlinks=True
        )
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _let_everyone_read(unfinished)
        unfinished.rename(target)
    return target / package.name / installed.name


def _let_everyone_read(directory: Path) -> None:
    """Undo a strict umask in our own copy: readable, and executable where it was."""
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink():
            is_executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if is_executable else 0o644)

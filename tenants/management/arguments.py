"""What the management commands share: finding by name, saying what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import CommandError

from memplatform.lib.errors import NotFound, PlatformError
from tenants import selectors
from tenants.models import Project


@contextmanager
def clear_errors(subject: object = "") -> Iterator[None]:
    """Our errors become one line on stderr and exit status 1, without a traceback.

    ``subject`` says what it is about, where the message alone does not.
    """
    try:
        yield
    except PlatformError as exc:
        about = f"{subject}: " if subject else ""
        raise CommandError(about + exc.message) from exc


def find_project(name: str | None) -> Project:
    """A project of the open scope by its name; None means the default one."""
    projects = list(selectors.list_projects())
    for project in projects:
        if project.name == name or (name is None and project.is_default):
            return project
    known = ", ".join(repr(project.name) for project in projects) or "none yet"
    wanted = "default project" if name is None else f"project {name!r}"
    raise NotFound(f"The tenant has no {wanted}; its projects: {known}.")

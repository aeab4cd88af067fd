"""What a key may do, and the one subject it may be narrowed to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from memplatform.lib.errors import Forbidden, NotAuthenticated, NotFound
from tenants.selectors import Access

if TYPE_CHECKING:  # DRF's views import this module while they are loaded
    from rest_framework.views import APIView


class KeyMayDoThis(BasePermission):
    """A read-only key may read; a POST that only reads says so.

    A view declares ``is_read = True``, or ``read_methods = {"POST"}`` when only some of
    its methods read. GET, HEAD and OPTIONS always do.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        access = request.auth
        if not isinstance(access, Access):
            raise NotAuthenticated
        if not access.may_write and not _only_reads(request, view):
            raise Forbidden("This API key is read-only.")
        return True


def _only_reads(request: Request, view: APIView) -> bool:
    return (
        request.method in SAFE_METHODS
        or getattr(view, "is_read", False)
        or request.method in getattr(view, "read_methods", ())
    )


class HasSubjects(Protocol):
    """A frozen dataclass with the ids a key can be narrowed to."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def user_id(self) -> str | None: ...
    @property
    def agent_id(self) -> str | None: ...


def narrow[Subjects: HasSubjects](access: Access, scope: Subjects) -> Subjects:
    """The scope with the ids that the key is narrowed to filled in.

    Raises NotFound for a foreign id: somebody else's and absent are the same.
    """
    for name, only in access.only.items():
        if getattr(scope, name) not in (None, only):
            raise NotFound
    return replace(scope, **access.only) if access.only else scope


def require_unnarrowed(access: Access, what: str) -> None:
    """Raise Forbidden when the key is narrowed to one subject; ``what`` names it."""
    if access.only:
        only = " and ".join(f"{name}={value}" for name, value in access.only.items())
        raise Forbidden(f"This API key is narrowed to {only} and may not {what}.")

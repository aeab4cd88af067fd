"""Every page of the console, of a project with much in it, as its owner sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from bench import console_seed, seed
from bench.figures import Figure, Measuring, step
from bench.load import ask_once, run_load

PAGE = "console"
"""What names of figures begin with."""
SKIPPED = "pages that show nothing by themselves"
"""And how they answer: theirs was not seeded (0, 404), or they want a form."""


LATER = (
    ("what is held, counted", "memories:privacy", {"counted": 1}),
    ("what a restore would do", "memories:restore-subject", {"worked_out": 1}),
)
"""What pages ask for once they are there: as pages, for whoever has no script."""


@dataclass(frozen=True, slots=True)
class Route:
    """A page: its name, and the names of what its address holds."""

    name: str
    needs: frozenset[str]


class Console:
    """Pages as an owner sees them, one request at a time."""

    def __init__(
        self, measuring: Measuring, admin: psycopg.Connection, size: console_seed.Size
    ) -> None:
        self._on = measuring
        self._admin = admin
        self._size = size

    def run(self) -> None:
        place, cookie = found_console()
        console_seed.seed_console(self._admin, place, self._size)
        known = get_known(self._admin, place)
        skipped: dict[str, int] = {}
        for route in get_pages():
            status = 0
            if route.needs <= known.keys():
                path = address_of(route, known)
                status = ask_once(self._on.stack.url, path, cookie)
            if status == 200:
                self._page(route, path, cookie)
            else:
                skipped[route.name] = status
        for name, route_name, query in LATER:
            page = next(route for route in get_pages() if route.name == route_name)
            own = known["queries"].get(route_name, {})
            asked = {**known, "queries": {route_name: {**own, **query}}}
            self._page(Route(name, page.needs), address_of(page, asked), cookie)
        self._on.keep(Figure(SKIPPED, more=skipped))

    def _page(self, route: Route, path: str, cookie: str) -> None:
        stack = self._on.stack
        job = [[step("GET", path)]]
        figure = Figure(f"{PAGE} {route.name}", store=self._size.memories)
        run_load(stack.url, "", job, seconds=0.3, cookie=cookie)
        samples = self._on.measure(
            figure,
            lambda: run_load(
                stack.url, "", job, seconds=self._on.plan.page_s, cookie=cookie
            ),
        )
        figure.take_times(samples)
        self._on.keep(figure)


TENANT, PURPOSE = "bench-console", "single_pass_user"
ERROR = "provider_timeout"
"""What the adds failed for that failed (``console_seed``)."""
_KNOWN = """
SELECT (SELECT id FROM memories_subject s
         WHERE tenant_id = %(tenant)s AND project_id = %(project)s
           AND kind = 'user' AND external_id = 'huge'),
       m.id, md5('add' || m.id)::uuid, t.id, v.id, m.accepted_at
  FROM memories_memory m, memories_prompttemplate t, memories_promptversion v
 WHERE m.tenant_id = %(tenant)s AND m.project_id = %(project)s
   AND m.user_id = 'huge' AND m.number = 2
   AND t.tenant_id = m.tenant_id AND t.project_id = m.project_id
   AND t.purpose = 'single_pass_user'
   AND v.tenant_id = t.tenant_id AND v.template_id = t.id
 ORDER BY m.created_at DESC LIMIT 1
"""


def get_known(admin: psycopg.Connection, place: seed.Place) -> Mapping[str, Any]:
    """What addresses may hold: the huge user, and what belongs to them."""
    found = admin.execute(_KNOWN, seed.vars_of(place)).fetchone()
    if found is None:
        raise AssertionError("the project was just filled")
    names = ("subject_id", "memory_id", "operation_id", "template_id", "version_id")
    *of_it, newest = found
    ids = dict(zip(names, of_it, strict=True))
    middle = newest - timedelta(days=60)  # of the project's 112 days
    queries = {
        "memories:bulk": {"action": "delete", "memory": ids["memory_id"]},
        "memories:compare": {"then": middle.isoformat()},
        "memories:prompt-publish": {"version": 1},
        "memories:reprocess-ingestions": {"error": ERROR},
        "memories:restore-memory": {"version": 1},
        "memories:restore-subject": {"to": middle.isoformat()},
        "memories:retry-ingestions": {"error": ERROR},
    }
    return {
        "tenant": TENANT,
        "project": place.project_id,
        **ids,
        "purpose": PURPOSE,
        "queries": queries,
    }


def found_console() -> tuple[seed.Place, str]:
    """A tenant with a project that is ready, and the cookie of its owner's browser."""
    from memories.services.setup import ready_setup
    from tenants import services
    from tenants.models import Role
    from tenants.scopes import tenant_scope

    owner = services.create_operator("console@example.com", None)
    tenant = services.create_tenant(TENANT)
    with tenant_scope(tenant.id):
        services.add_member(owner, Role.OWNER)
        project = services.create_project("Much")
        services.issue_api_key(project, owner)
    space = ready_setup(tenant.id, project.id).active_space
    if space is None:
        raise AssertionError("a ready project has an active space")
    return seed.Place(tenant.id, project.id, space.id), sign_in(owner)


def sign_in(owner: Any) -> str:
    """A session as the sign-in makes one, without its password."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def get_pages() -> list[Route]:
    """Every page of a tenant or project that can be asked for with GET."""
    from django.urls import get_resolver

    found = _flat(get_resolver().url_patterns, "", frozenset())
    pages = {
        route.name: route
        for route in found
        if "tenant" in route.needs and not route.name.endswith("download")
    }
    return sorted(pages.values(), key=lambda route: route.name)


def _flat(patterns: Any, space: str, needs: frozenset[str]) -> Iterator[Route]:
    for pattern in patterns:
        names = needs | frozenset(pattern.pattern.converters)
        if hasattr(pattern, "url_patterns"):
            inner = pattern.namespace or ""
            yield from _flat(pattern.url_patterns, inner or space, names)
        elif pattern.name and getattr(pattern.callback, "read_role", None):
            yield Route(f"{space}:{pattern.name}", names)


def address_of(route: Route, known: Mapping[str, Any]) -> str:
    from django.urls import reverse

    kwargs = {name: known[name] for name in route.needs}
    return reverse(route.name, kwargs=kwargs, query=known["queries"].get(route.name))

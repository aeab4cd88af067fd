"""Pages of acme's project: ``console(alice).get(page("memories:overview"))``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from tenants import services
from tenants.models import Operator, Role
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD


@pytest.fixture
def page(acme) -> Callable[..., str]:
    """The address of a page of acme's project, or of acme."""

    def page(name: str, *args: object, **query: object) -> str:
        try:
            place = ["acme", acme.project.id, *args]
            return reverse(name, args=place, query=query or None)
        except NoReverseMatch:
            return reverse(name, args=["acme", *args], query=query or None)

    return page


@pytest.fixture
def console() -> Callable[[Operator], Client]:
    """A browser in which this operator is signed in."""

    def console(operator: Operator) -> Client:
        client = Client()
        client.force_login(operator)
        return client

    return console


@pytest.fixture
def queries() -> Callable[[Client, str], int]:
    """How many queries a page costs, once it was opened before."""

    def queries(browser: Client, address: str) -> int:
        assert browser.get(address).status_code == 200
        with CaptureQueriesContext(connection) as captured:
            browser.get(address)
        return len(captured)

    return queries


@pytest.fixture
def sam(acme) -> Operator:
    """Support of acme."""
    return _member(acme, "sam", Role.SUPPORT)


@pytest.fixture
def ada(acme) -> Operator:
    """Admin of acme."""
    return _member(acme, "ada", Role.ADMIN)


def _member(company, name: str, role: Role) -> Operator:
    member = services.create_operator(
        f"{name}@{company.tenant.slug}.example", PASSWORD, name=name.title()
    )
    with tenant_scope(company.id):
        services.add_member(member, role)
    return member

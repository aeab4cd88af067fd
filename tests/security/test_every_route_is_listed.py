"""Every path of the platform, and who may ask it: a key unless listed here."""

from __future__ import annotations

import re

import pytest
from django.urls import URLPattern, get_resolver

from tenants.api.authentication import ApiKeyAuthentication
from tenants.api.permissions import KeyMayDoThis

PUBLIC = {
    "": "sends the browser to the console",
    "healthz": "is the process up",
    "readyz": "could it serve",
    "api/schema/": "the OpenAPI document holds no data",
    "api/docs/": "its browsable page",
    "console/sign-in/": "where an operator becomes known",
    "console/sign-out/": "ends a session, by POST",
    "console/sign-in/second-factor/": "only after the password, else to the sign-in",
    "console/sign-in/passkey/": "where a passkey signs in",
    "console/sign-in/with/<slug:provider_id>/": "off to the OpenID provider, if any",
    "console/sign-in/with/<slug:provider_id>/callback/": "and back from it",
    "console/sign-in/forgotten/": "asks for a link; tells nothing of the e-mail",
    "console/sign-in/new-password/": "only with the key of a link",
    "console/invitation/": "only with the token of an invitation",
}
SESSION_PREFIX = "console/"
SAMPLES = {
    "uuid": "00000000-0000-7000-8000-000000000000",
    "int": "1",
    "str": "x",
    "slug": "x",
    "path": "x",
}


def routes(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield pytest.param(route, pattern.callback, id=route or "/")
        else:
            yield from routes(pattern.url_patterns, route)


ROUTES = list(routes(get_resolver().url_patterns))
API_ROUTES = [
    param
    for param in ROUTES
    if param.values[0] not in PUBLIC and not param.values[0].startswith(SESSION_PREFIX)
]
SESSION_ROUTES = [
    param
    for param in ROUTES
    if param.values[0] not in PUBLIC and param.values[0].startswith(SESSION_PREFIX)
]


def path_of(route):
    """The route with samples in the place of its parameters."""
    return "/" + re.sub(
        r"<(?:(\w+):)?\w+>", lambda match: SAMPLES.get(match[1] or "str", "x"), route
    )


def test_every_public_path_exists():
    assert set(PUBLIC) <= {param.values[0] for param in ROUTES}


@pytest.mark.parametrize(("route", "view"), API_ROUTES)
def test_an_api_route_wants_a_key(route, view):
    view_class = getattr(view, "view_class", None) or view.cls
    assert view_class.authentication_classes == [ApiKeyAuthentication]
    assert KeyMayDoThis in view_class.permission_classes


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize(("route", "view"), API_ROUTES)
def test_an_api_route_refuses_strangers(api, route, view, method):
    answer = getattr(api(), method)(path_of(route))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Token")
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(("route", "view"), SESSION_ROUTES)
def test_a_console_route_sends_strangers_to_the_sign_in(db, client, route, view):
    answer = client.get(path_of(route))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/console/sign-in/?next=")

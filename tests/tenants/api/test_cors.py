"""Pages of other sites may call the API where a setting lists them, and never else."""

from __future__ import annotations

import pytest

PAGE = "https://app.example.com"
SENT_BY_CLIENTS = (
    "authorization, content-type, idempotency-key, mem0-user-id, x-application, "
    "x-mem0-caller-type, x-mem0-client, x-mem0-client-language, "
    "x-mem0-client-version, x-mem0-source"
)
PING = "/v1/ping/"


@pytest.fixture
def listed(settings):
    settings.CORS_ALLOWED_ORIGINS = [PAGE]


@pytest.fixture
def everyone(settings):
    settings.CORS_ALLOW_ALL_ORIGINS = True


def preflight(client, path=PING, origin=PAGE):
    return client.options(
        PING,
        PATH_INFO=path,
        HTTP_ORIGIN=origin,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="DELETE",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS=SENT_BY_CLIENTS,
    )


def names(header):
    return {name.strip().lower() for name in header.split(",")}


def told(answer):
    return {name for name, _ in answer.items() if name.startswith("access-control")}


def test_by_default_no_page_may(api, acme):
    assert told(preflight(api())) == set()
    answer = api(acme.key).get(PING, HTTP_ORIGIN=PAGE)
    assert answer.status_code == 200
    assert told(answer) == set()


@pytest.mark.parametrize(
    "path", [PING, "/v3/memories/search/", "/api/v1/orgs/organizations/", "//v1/ping/"]
)
def test_a_listed_page_may_send_what_clients_send(api, listed, path):
    answer = preflight(api(), path)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == PAGE
    assert names(SENT_BY_CLIENTS) <= names(answer["Access-Control-Allow-Headers"])
    assert "delete" in names(answer["Access-Control-Allow-Methods"])
    assert "Access-Control-Allow-Credentials" not in answer


def test_another_page_may_not(api, listed):
    answer = preflight(api(), origin="https://app.example.com.evil.example")
    assert "Access-Control-Allow-Origin" not in answer


def test_the_page_reads_limits_and_warnings(api, acme, listed):
    answer = api(acme.key).get(PING, HTTP_ORIGIN=PAGE)
    assert names(answer["Access-Control-Expose-Headers"]) >= {
        "retry-after",
        "x-memplatform-warning",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-request-id",
    }


def test_the_page_reads_errors_too(api, listed):
    answer = api("wrong").get(PING, HTTP_ORIGIN=PAGE)
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == PAGE


def test_everyone_may_but_never_with_credentials(api, everyone):
    answer = preflight(api())
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer


def test_the_console_is_nobody_elses(client, db, everyone):
    answer = client.get("/console/sign-in/", HTTP_ORIGIN=PAGE)
    assert "Access-Control-Allow-Origin" not in answer

"""Whatever is asked, and however: JSON with a detail and a code, and never a 5xx."""

from __future__ import annotations

import json

import pytest

PING = "/v1/ping/"
ADD = "/v3/memories/add/"
JSON = "application/json"
PATHS = [
    "/v1/ping",  # a client never follows a redirect
    "/v1/ping/x/",
    "/v1/",
    "/v4/memories/",
    "/api/",
    "/api/v1/auth/email_code/",
    "/favicon.ico",
    "/.env",
    "/admin/",
    "/static/nothing.js",
    "/v1/memories/\0/",
    "/v1/memories/\ud800/",
    "/v1/memories/%ff/",
    "/v1/memories/../../etc/passwd/",
    "/v2/entities/user/\0/",
    "/v1/entities/user/" + "9" * 400 + "/",
    "/" + "x" * 5000,
]
QUERIES = [
    "page=%00",
    "user_id=%00",
    "user_id=%ff%fe",
    "user_id=%ED%A0%80",
    "page=" + "9" * 5000,
    "page=1e9&page_size=-1",
    "&&==&",
    "user_id[]=x&user_id[$ne]=y",
]
BODIES = [
    (b"\xff\xfe\x00", JSON),
    (b'{"a": "\xed\xa0\x80"}', JSON),
    (b'{"user_id": "\\ud800", "messages": "x"}', JSON),
    (b'{"user_id": "\\u0000", "messages": "x"}', JSON),
    (b"[" * 100_000, JSON),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, JSON),
    (b'{"a": NaN}', JSON),
    (b"1" * 5_000, JSON),
    (b"null", JSON),
    (b'"text"', JSON),
    (b"<xml/>", "application/xml"),
    (b"a=b", "application/x-www-form-urlencoded"),
    (b"--x--", "multipart/form-data; boundary=x"),
    (b"--x--", "multipart/form-data"),
    (b"{}", "nonsense"),
    (b"{}", "application/json; charset=klingon"),
    (b"\x1f\x8b\x08\x00", "application/gzip"),
]


def assert_told(answer):
    body = json.loads(answer.content)
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == JSON
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert isinstance(body["code"], str)
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize("accept", ["text/html,*/*", "application/xml", "*/*"])
@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_a_path_that_is_not_there(api, acme, path, accept):
    raw = path.encode("utf-8", "surrogatepass").decode("latin-1")
    answer = api(acme.key).get("/", PATH_INFO=raw, HTTP_ACCEPT=accept)
    assert_told(answer)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "path", ["/v1/memories/", "/v1/events/", "/v1/entities/", "/v1/usage/"]
)
def test_a_query_that_makes_no_sense(api, acme, path, query):
    answer = api(acme.key).get(path, QUERY_STRING=query)
    assert answer.status_code < 500
    assert answer["Content-Type"] == JSON
    if answer.status_code >= 400:
        assert_told(answer)


@pytest.mark.parametrize(("body", "kind"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", [ADD, "/v3/memories/search/", "/v1/feedback/"])
def test_a_body_that_is_none(api, acme, path, body, kind):
    assert_told(api(acme.key).generic("POST", path, body, kind))


@pytest.mark.parametrize("method", ["PATCH", "POST", "DELETE", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_there(api, acme, method):
    answer = api(acme.key).generic(method, PING)
    assert_told(answer)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert "GET" in answer["Allow"]


def test_options_without_an_origin_wants_a_key(api, acme):
    assert_told(api().options(PING))
    assert api(acme.key).options(PING).status_code == 200


def test_a_head_has_no_body(api, acme):
    answer = api(acme.key).head(PING)
    assert answer.status_code == 200
    assert answer.content == b""


def test_no_link_leads_to_a_host_that_is_not_ours(api, acme, settings):
    settings.ALLOWED_HOSTS = ["memory.example.com"]
    second = {"page": 2}  # with a link to the first
    assert_told(api(acme.key).get("/v1/events/", second, HTTP_HOST="evil.example"))


@pytest.mark.parametrize("length", ["-1", "many", "99999999999999999999"])
def test_a_length_that_is_none(api, acme, length):
    answer = api(acme.key).generic("POST", ADD, b"{}", JSON, CONTENT_LENGTH=length)
    assert_told(answer)


@pytest.mark.parametrize(
    "header",
    ["Token", "Token ", "Basic dXNlcjpwdw==", "Token a b", "Token \xff", "x" * 9000],
)
def test_a_key_that_is_none(api, header):
    answer = api().get(PING, HTTP_AUTHORIZATION=header)
    assert_told(answer)
    assert answer.status_code == 401
